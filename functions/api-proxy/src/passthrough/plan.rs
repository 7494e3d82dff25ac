//! Writes that go through as the caller made them. The connector does not know what they change: it can show what will be
//! sent, send it once and write it down, but not look for it afterwards.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::zoho::api_path::{ApiPath, Verb};
use shared::zoho::scope::Product;
use shared::zoho::value::{self, Object};
use shared::zoho::{crm, json as zoho_json, passthrough};

use super::body;
use super::call::Passed;
use crate::writes::exact_response;
use crate::writes::plan::{Done, Plan, Sent};
use crate::writes::request::WriteRequest;
use crate::zoho::{Outgoing, Scope, Target, WriteFailure, Zoho};

/// The largest document that the audit shows, in bytes; of a larger one it has the digest only.
const MAX_SHOWN: usize = 32 * 1024;

/// A call, without the bytes of its body: those would not fit into a row, and whoever performs a preview sends them again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PassedCall {
    verb: Verb,
    product: Product,
    path: ApiPath,
    query: Vec<(String, String)>,
    if_unmodified_since: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external: Option<String>,
    about: Value,
}

/// What makes the call another one, in a form for people and for the audit.
pub(crate) fn about(call: &Passed) -> Value {
    let body = call.body.as_ref().map(|body| {
        let (content_type, bytes, sha256) = body::same(body);
        let mut told = json!({ "content_type": content_type, "bytes": bytes, "sha256": sha256 });
        let small = Some(&body.bytes).filter(|bytes| bytes.len() <= MAX_SHOWN);
        if let Some(json) = small.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
            && let Some(told) = told.as_object_mut()
        {
            told.insert("json".to_owned(), json);
        }
        told
    });
    let query: Vec<Value> =
        call.query.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut about = json!({
        "method": call.verb,
        "path": format!("{}/{}", call.product, call.path),
        "query": query,
        "if_unmodified_since": call.if_unmodified_since,
        "body": body,
    });
    if let (Some(about), Some(external)) = (about.as_object_mut(), &call.external) {
        about.insert("x_external".to_owned(), external.as_str().into());
    }
    about
}

impl PassedCall {
    /// `about` is what [`about`] tells of it.
    pub(crate) fn new(call: Passed, about: Value) -> Self {
        let Passed { verb, product, path, query, if_unmodified_since, external, .. } = call;
        Self { verb, product, path, query, if_unmodified_since, external, about }
    }

    /// In words, as a problem names it.
    fn call(&self) -> String {
        format!("{} {}/{}", self.verb, self.product, self.path)
    }

    /// The record that was made, by the name that our own writes give it, so that none of these takes it for its own; else
    /// the path. Beside it, when Zoho says that it was changed.
    fn written(&self, answer: &[u8]) -> (String, Option<(&'static str, Value)>) {
        let time = |record: &Object, field| Some((field, record.get(field)?.clone()));
        let made = Some(answer).filter(|answer| answer.len() <= 10 * MAX_SHOWN).and_then(|answer| {
            let answer: Value = zoho_json::read(answer).ok()?;
            match self.product {
                Product::Inventory => answer.as_object()?.iter().find_map(|(kind, record)| {
                    let kind = kind.replace('_', "");
                    let record = record.as_object()?;
                    let id = value::id(record, &format!("{kind}_id"))?;
                    Some((format!("{kind}/{id}"), time(record, "last_modified_time")))
                }),
                Product::Crm => {
                    let [only] = answer.get("data")?.as_array()?.as_slice() else { return None };
                    let details = only.get("details")?.as_object()?;
                    let id = value::id(details, "id")?;
                    let subject = format!("{}/{id}", crm::modules::record_word(self.module()?));
                    Some((subject, time(details, "Modified_Time")))
                }
            }
        });
        made.unwrap_or_else(|| (format!("{}/{}", self.product, self.path), None))
    }

    /// Whose records CRM answers with: of `Deals/61…/Notes` notes, of `Deals/61…/actions/…` deals.
    fn module(&self) -> Option<&str> {
        let mut segments = self.path.segments();
        let (module, id, related) = (segments.next()?, segments.next(), segments.next());
        let of_record = id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        Some(related.filter(|related| of_record && *related != "actions").unwrap_or(module))
    }
}

#[async_trait]
impl Plan for PassedCall {
    fn name() -> &'static str {
        "pass_through"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (self.product, Scope::OfCall(self.call()))
    }

    fn shown(&self) -> Value {
        self.about.clone()
    }

    /// Of these, a write of ours that looks at stock first must know.
    fn moves_stock(&self) -> bool {
        let room = self.path.segments().next();
        self.product == Product::Inventory && matches!(room, Some("inventoryadjustments" | "transferorders"))
    }

    fn subject(&self) -> &'static str {
        "what the call changes"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = Target { external: self.external.as_deref(), ..request.target(self.needs()) };
        let sent = zoho
            .write(
                &target,
                |endpoint| Outgoing {
                    method: self.verb.method(),
                    url: self.path.url(self.product, endpoint.api, endpoint.organization, &self.query),
                    body: request.body.clone(),
                    if_unmodified_since: self.if_unmodified_since.clone(),
                },
                |answer| passthrough::judge(self.product, self.verb, answer).map(|()| answer.clone()),
            )
            .await?;
        let mut after = self.shown();
        if let Some(after) = after.as_object_mut() {
            let answered = json!({ "status": sent.status, "bytes": sent.body.len() });
            after.insert("answered".to_owned(), answered);
        }
        let (subject, changed) = self.written(&sent.body);
        if let (Some(after), Some((field, time))) = (after.as_object_mut(), changed) {
            // By it, the write is known as ours when Zoho tells of it.
            after.insert(field.to_owned(), time);
        }
        let done = Done::new(sent.status, subject, after);
        Ok(Done { exact: Some(exact_response::exact(sent)), ..done })
    }

    /// Nobody but the caller knows what the call changes.
    async fn find(&self, _: &Zoho, _: &WriteRequest<'_>, _: &Sent<'_>) -> Result<Option<Done>, Problem> {
        Ok(None)
    }

    fn call_if_lost(&self) -> Option<String> {
        Some(self.call())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_stays_readable() {
        crate::writes::plan::assert_stored::<PassedCall>(
            r#"{"version":1,"write":"pass_through","plan":{"verb":"POST","product":"crm","path":"Leads","query":[["trigger","workflow"]],"if_unmodified_since":null,"about":{"method":"POST","path":"crm/Leads"}},"before":null,"modified":null}"#,
        );
    }

    #[test]
    fn a_record_has_the_name_that_our_own_writes_give_it() {
        let crm = r#"{"data":[{"code":"SUCCESS","details":{"id":"7"}}]}"#;
        for (product, path, answer, subject) in [
            (Product::Crm, "Deals", crm, "deal/7"),
            (Product::Crm, "Deals/upsert", crm, "deal/7"),
            (Product::Crm, "Deals/61", crm, "deal/7"),
            (Product::Crm, "Deals/61/Notes", crm, "note/7"),
            (Product::Crm, "Deals/61/Products/9", crm, "product/7"),
            (Product::Crm, "Deals/61/actions/add_tags", crm, "deal/7"),
            (Product::Crm, "Deals/actions/mass_update", crm, "deal/7"),
            (Product::Crm, "Deals/61/Notes", "{}", "crm/Deals/61/Notes"),
            (
                Product::Inventory,
                "salesorders",
                r#"{"code":0,"salesorder":{"salesorder_id":"3"}}"#,
                "salesorder/3",
            ),
        ] {
            let (verb, path) = (Verb::Post, path.parse().unwrap());
            let call = PassedCall {
                verb,
                product,
                path,
                query: Vec::new(),
                if_unmodified_since: None,
                external: None,
                about: Value::Null,
            };
            assert_eq!(call.written(answer.as_bytes()).0, subject);
        }
    }
}
