//! Inventory's settings for webhooks and for the workflow rules that trigger them. Zoho documents these addresses only for Books,
//! which has the same ones. So an answer of another shape counts as a refusal.
//! <https://www.zoho.com/books/api/v3/webhooks/>, <https://www.zoho.com/books/api/v3/workflows/>

use serde_json::{Value, json};

use crate::base::secret::Secret;
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::http::Answer;
use crate::zoho::inventory::has_more;
use crate::zoho::inventory::record_kinds::RecordKind;
use crate::zoho::response::{inventory, records};
use crate::zoho::value::{Object, id, query_of, record, text};

/// The scopes to list and delete webhooks and rules.
pub const SCOPES_TO_DELETE: &[&str] = &["ZohoInventory.settings.READ", "ZohoInventory.settings.DELETE"];

/// The scopes to make webhooks and rules, and to delete them after a partial failure.
pub const SCOPES_TO_CREATE: &[&str] =
    &["ZohoInventory.settings.READ", "ZohoInventory.settings.CREATE", "ZohoInventory.settings.DELETE"];

/// The longest name, in characters. Zoho refuses a longer one.
pub const MAX_NAME_LENGTH: usize = 50;

/// The two settings that a rule consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The webhook: the address and the body.
    Webhook,
    /// The workflow rule: the changes that trigger the webhook.
    Workflow,
}

impl Setting {
    const fn one(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Workflow => "workflow",
        }
    }

    /// The list, and the address to which new ones are posted.
    pub fn url(self, api: &str, organization: &str, page: u32) -> String {
        let mut query = query_of(format!("{api}/inventory/v1/settings/{}s", self.one()));
        query.append_pair("organization_id", organization);
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        query.finish()
    }

    /// A single one.
    pub fn one_url(self, api: &str, organization: &str, id: &str) -> String {
        format!("{api}/inventory/v1/settings/{}s/{id}?organization_id={organization}", self.one())
    }
}

/// The address to switch a workflow on.
pub fn activate_url(api: &str, organization: &str, id: &str) -> String {
    format!("{api}/inventory/v1/settings/workflows/{id}/active?organization_id={organization}")
}

/// A wanted webhook with its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The name of both.
    pub name: String,
    /// The kind of records.
    pub kind: &'static RecordKind,
    /// Whether it reports deleted records, rather than new and changed ones.
    pub deleted: bool,
    /// The address to which Zoho posts.
    pub url: String,
}

impl Rule {
    /// The body that makes the webhook. The webhook posts the record in Zoho's default form.
    pub fn webhook(&self, secret: &Secret) -> String {
        json!({
            "webhook_name": self.name,
            "entity": self.kind.word,
            "method": "POST",
            "url": self.url,
            "headers": [],
            "query_parameters": [],
            "body_type": "application/json",
            "raw_data": "${JSONString}",
            "form_data": [],
            "secret": secret.expose(),
        })
        .to_string()
    }

    /// The body that makes the rule. Without `apply_rule_always`, Zoho would report only the first change of a record.
    pub fn workflow(&self, webhook_id: &str) -> String {
        json!({
            "workflow_name": self.name,
            "entity": self.kind.word,
            "rule_type": if self.deleted { "delete" } else { "add_edit" },
            "apply_rule_always": true,
            "instant_actions": [{ "action_type": "webhook", "action_id": webhook_id }],
        })
        .to_string()
    }

    /// Whether a listed webhook is this one: by its address, or by its name where the list shows no addresses.
    pub fn is_webhook(&self, entry: &Entry) -> bool {
        entry.url.as_ref().map_or(entry.name == self.name, |url| *url == self.url)
    }

    /// Whether a listed workflow triggers the webhook with this id: by its actions, or by its name where the list shows no
    /// actions.
    pub fn is_workflow(&self, entry: &Entry, webhook_id: &str) -> bool {
        let by_action =
            entry.actions.as_ref().map(|actions| actions.iter().any(|action| action == webhook_id));
        by_action.unwrap_or(entry.name == self.name)
    }
}

/// A webhook or a workflow in a list of Zoho's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The address of a webhook, where the list shows it.
    pub url: Option<String>,
    /// The ids of a workflow's actions, where the list shows them.
    pub actions: Option<Vec<String>>,
    /// Whether it is switched off.
    pub is_off: bool,
}

/// Judges a page of a list, and says whether another one follows.
///
/// # Errors
/// Everything but a list.
pub fn listed(answer: &Answer, setting: Setting) -> Result<(Vec<Entry>, bool), Failure> {
    let mut object = inventory(answer)?;
    let field = format!("{}s", setting.one());
    let more = has_more(&object);
    let entries = records(&mut object, &field)?.iter().map(|record| entry(record, setting)).collect();
    let entries: Option<Vec<_>> = entries;
    Ok((entries.ok_or_else(|| Failure::of(FailureKind::Unreadable))?, more))
}

/// Judges the answer to a creation, and gives the new id.
///
/// # Errors
/// Every answer without a new id.
pub fn made(answer: &Answer, setting: Setting) -> Result<String, Failure> {
    let made = record(&mut inventory(answer)?, setting.one());
    let id = made.and_then(|made| id(&made, &format!("{}_id", setting.one())));
    id.ok_or_else(|| Failure::of(FailureKind::Unreadable))
}

/// Judges the answer to a call that returns no data.
///
/// # Errors
/// Everything but a success.
pub fn done(answer: &Answer) -> Result<(), Failure> {
    inventory(answer).map(drop)
}

/// Judges the answer to a deletion.
///
/// # Errors
/// Every answer after which it may still exist.
pub fn deleted(answer: &Answer) -> Result<(), Failure> {
    match done(answer) {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
        judged => judged,
    }
}

fn entry(record: &Object, setting: Setting) -> Option<Entry> {
    let own = setting.one();
    let actions = record
        .get("instant_actions")
        .and_then(Value::as_array)
        .map(|actions| actions.iter().filter_map(|action| id(action.as_object()?, "action_id")).collect());
    Some(Entry {
        id: id(record, &format!("{own}_id"))?,
        name: text(record, &format!("{own}_name")).unwrap_or_default().to_owned(),
        url: text(record, "url").map(str::to_owned),
        actions,
        is_off: text(record, "status") == Some("inactive"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, body: body.to_string().into(), ..Answer::default() }
    }

    fn rule() -> Rule {
        Rule {
            name: "item.updated to connector default".to_owned(),
            kind: RecordKind::ITEM,
            deleted: false,
            url: "https://x.example/webhooks/default/inventory/item.updated".to_owned(),
        }
    }

    #[test]
    fn ours_are_known_by_address_and_action_or_else_by_name() {
        let rule = rule();
        let list = json!({ "code": 0, "webhooks": [
            { "webhook_id": "1", "webhook_name": rule.name, "url": "https://y.example/" },
            { "webhook_id": 2, "webhook_name": "mine", "url": rule.url },
            { "webhook_id": "3", "webhook_name": rule.name },
        ], "page_context": { "has_more_page": true } });
        let (webhooks, more) = listed(&answer(200, &list), Setting::Webhook).unwrap();
        assert!(more);
        assert_eq!(
            webhooks.iter().map(|entry| rule.is_webhook(entry)).collect::<Vec<_>>(),
            [false, true, true]
        );
        let list = json!({ "code": 0, "workflows": [
            { "workflow_id": "7", "workflow_name": "mine", "instant_actions": [{ "action_id": "2" }] },
            { "workflow_id": "8", "workflow_name": rule.name, "instant_actions": [{ "action_id": "1" }],
              "status": "inactive" },
            { "workflow_id": "9", "workflow_name": rule.name },
        ] });
        let (workflows, more) = listed(&answer(200, &list), Setting::Workflow).unwrap();
        assert!(!more);
        assert_eq!(workflows.iter().map(|entry| entry.is_off).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(
            workflows.iter().map(|entry| rule.is_workflow(entry, "2")).collect::<Vec<_>>(),
            [true, false, true]
        );
    }

    #[test]
    fn whatever_is_no_plain_success_is_a_refusal() {
        for odd in [
            json!({ "code": 0 }),
            json!({ "code": 0, "webhooks": {} }),
            json!({ "code": 0, "webhooks": [{ "name": "x" }] }),
            json!({ "code": 5, "message": "Invalid URL Passed" }),
        ] {
            assert!(listed(&answer(200, &odd), Setting::Webhook).is_err(), "{odd}");
        }
        let created = json!({ "code": 0, "webhook": { "webhook_id": "12" } });
        assert_eq!(made(&answer(201, &created), Setting::Webhook).unwrap(), "12");
        assert!(made(&answer(201, &created), Setting::Workflow).is_err());
        assert!(made(&answer(200, &json!({ "code": 57, "message": "no" })), Setting::Webhook).is_err());
        assert!(deleted(&answer(404, &json!({ "code": 1002, "message": "gone" }))).is_ok());
        assert!(deleted(&answer(400, &json!({ "code": 9, "message": "in use" }))).is_err());
    }

    #[test]
    fn a_rule_is_applied_to_every_change() {
        let workflow: Value = serde_json::from_str(&rule().workflow("12")).unwrap();
        assert_eq!(
            (&workflow["rule_type"], &workflow["apply_rule_always"]),
            (&json!("add_edit"), &json!(true))
        );
        assert_eq!(workflow["instant_actions"][0]["action_id"], "12");
        let deleted = Rule { deleted: true, ..rule() };
        let workflow: Value = serde_json::from_str(&deleted.workflow("12")).unwrap();
        assert_eq!(workflow["rule_type"], "delete");
        let webhook: Value = serde_json::from_str(&deleted.webhook(&Secret::new("s3cret"))).unwrap();
        assert_eq!((&webhook["secret"], &webhook["raw_data"]), (&json!("s3cret"), &json!("${JSONString}")));
    }
}
