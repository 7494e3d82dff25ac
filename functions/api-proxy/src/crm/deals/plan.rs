//! Deals: made, changed, and made or changed. <https://www.zoho.com/crm/developer/docs/api/v8/insert-records.html>

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::exactly_one::exactly_one;
use shared::base::problem::{Code, Problem};
use shared::zoho::crm;
use shared::zoho::crm::applied::{holds, not_applied};
use shared::zoho::http::Method;
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::{self, Object};

use super::{fetch, foresee};
use crate::writes::plan::{Done, Plan, Sent};
use crate::writes::recovery::made_since;
use crate::writes::request::WriteRequest;
use crate::zoho::{Outgoing, Scope, Target, WriteFailure, Zoho};

/// A new deal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CreateDeal {
    /// By CRM's names, lookups as `{"id": …}`.
    pub(crate) fields: Object,
    /// Other words for the same values, as a record may show them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub(crate) kept: Object,
}

#[async_trait]
impl Plan for CreateDeal {
    fn name() -> &'static str {
        "create_deal"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Crm, Scope::Known(crm::scope::CREATE_DEALS))
    }

    fn shown(&self) -> Value {
        self.fields.clone().into()
    }

    fn subject(&self) -> &'static str {
        "the deal"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let id = zoho
            .write(
                &target,
                |endpoint| {
                    let body = json!({ "data": [self.fields] }).to_string();
                    Outgoing::post(crm::module_url(endpoint.api, "Deals"), Some(body.into()))
                },
                response::crm_written,
            )
            .await?;
        Ok(read_back(zoho, &target, 201, &id, (&self.fields, &self.kept)).await)
    }

    /// The one deal that was made at that time with these very values.
    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Crm, Scope::Known(crm::scope::DEALS)));
        let mut names: Vec<&str> = self.fields.keys().map(String::as_str).take(crm::MAX_FIELDS - 1).collect();
        names.push("Created_Time");
        let fields = names.join(",");
        let answer = zoho
            .read(&target, |endpoint| crm::newest_url(endpoint.api, "Deals", &fields), response::crm)
            .await?;
        let mine = |row: &Object| {
            let id = value::id(row, "id").unwrap_or_default();
            made_since(row, "Created_Time", sent.at)
                && holds(row, &self.fields, &self.kept)
                && sent.is_free(&format!("deal/{id}"))
        };
        let found = crm::rows(answer)?.into_iter().filter(mine).collect();
        let Some(found) = exactly_one(found).one() else { return Ok(None) };
        let id = value::id(&found, "id").unwrap_or_default();
        Ok(Some(read_back(zoho, &target, 201, &id, (&self.fields, &self.kept)).await))
    }
}

/// A change of a deal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UpdateDeal {
    pub(crate) id: String,
    pub(crate) fields: Object,
    /// Other words for the same values, as a record may show them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub(crate) kept: Object,
    /// In CRM's form.
    pub(crate) if_unmodified_since: Option<String>,
    /// Whether the deal was read just now, and not for a preview.
    #[serde(skip)]
    pub(crate) fresh: bool,
}

#[async_trait]
impl Plan for UpdateDeal {
    fn name() -> &'static str {
        "update_deal"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Crm, Scope::Known(crm::scope::UPDATE_DEALS))
    }

    fn shown(&self) -> Value {
        self.fields.clone().into()
    }

    fn subject(&self) -> &'static str {
        "the change of the deal"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let since = self.if_unmodified_since.as_deref();
        // No official file of CRM has the condition, so the connector does not rely on it alone.
        if !self.fresh && since.is_some() {
            let deal = fetch::one(zoho, &target.with_scope(crm::scope::DEALS), &self.id).await?;
            foresee::modified(&deal.unwrap_or_default(), since)?;
        }
        let id = zoho
            .write(
                &target,
                |endpoint| Outgoing {
                    method: Method::PUT,
                    url: crm::record_url(endpoint.api, "Deals", &self.id),
                    body: Some(json!({ "data": [self.fields] }).to_string().into()),
                    if_unmodified_since: self.if_unmodified_since.clone(),
                },
                response::crm_written,
            )
            .await?;
        Ok(read_back(zoho, &target, 200, &id, (&self.fields, &self.kept)).await)
    }

    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        _: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Crm, Scope::Known(crm::scope::DEALS)));
        if_applied(zoho, &target, 200, &self.id, (&self.fields, &self.kept)).await
    }
}

/// A deal that is made or, where one has the same value in a field that is unique, changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UpsertDeal {
    pub(crate) fields: Object,
    /// Other words for the same values, as a record may show them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub(crate) kept: Object,
    pub(crate) by: String,
    /// The deal that has the value.
    pub(crate) found: Option<String>,
    /// Whether that was looked up just now, and not for a preview.
    #[serde(skip)]
    pub(crate) fresh: bool,
}

#[async_trait]
impl Plan for UpsertDeal {
    fn name() -> &'static str {
        "upsert_deal"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Crm, Scope::Known(crm::scope::UPDATE_DEALS))
    }

    fn shown(&self) -> Value {
        self.fields.clone().into()
    }

    fn subject(&self) -> &'static str {
        "the deal with these values"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        if !self.fresh && fetch::existing(zoho, &target, &self.fields, &self.by).await? != self.found {
            let detail = "Since the preview, another deal has got this value, or lost it. Preview it again.";
            return Err(Problem::new(Code::RecordModified, detail).into());
        }
        let body = json!({ "data": [self.fields], "duplicate_check_fields": [self.by] }).to_string();
        let (id, made) = zoho
            .write(
                &target,
                |endpoint| Outgoing::post(crm::upsert_url(endpoint.api, "Deals"), Some(body.clone().into())),
                |answer| Ok((response::crm_written(answer)?, response::crm_inserted(answer))),
            )
            .await?;
        Ok(read_back(zoho, &target, if made { 201 } else { 200 }, &id, (&self.fields, &self.kept)).await)
    }

    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        _: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Crm, Scope::Known(crm::scope::DEALS)));
        let Some(id) = fetch::existing(zoho, &target, &self.fields, &self.by).await? else {
            return Ok(None);
        };
        let status = if self.found.is_none() { 201 } else { 200 };
        if_applied(zoho, &target, status, &id, (&self.fields, &self.kept)).await
    }
}

/// What was sent, and other words for the same values.
type SentFields<'a> = (&'a Object, &'a Object);

/// CRM answers a write with the id only. A read that fails does not undo the write: then what was sent is shown.
async fn read_back(zoho: &Zoho, target: &Target<'_>, status: u16, id: &str, sent: SentFields<'_>) -> Done {
    match fetch::one(zoho, &target.with_scope(crm::scope::DEALS), id).await {
        Ok(Some(deal)) => done(status, id, deal, sent),
        _ => {
            let mut deal = sent.0.clone();
            deal.insert("id".to_owned(), id.into());
            let mut body = crm::record(deal);
            body.insert("notice".to_owned(), UNREAD.into());
            Done::new(status, format!("deal/{id}"), body)
        }
    }
}

/// The deal as it is, if it shows what was sent.
async fn if_applied(
    zoho: &Zoho,
    target: &Target<'_>,
    status: u16,
    id: &str,
    sent: SentFields<'_>,
) -> Result<Option<Done>, Problem> {
    let (fields, kept) = sent;
    let deal = fetch::one(zoho, target, id).await?.filter(|deal| holds(deal, fields, kept));
    Ok(deal.map(|deal| done(status, id, deal, sent)))
}

const UNREAD: &str = "CRM has written the deal, and it could not be read back: these are the values that were sent. Do not send them again; read the deal.";

/// The record, and what it does not show of what was sent: CRM answers with success, whatever it made of the values.
fn done(status: u16, id: &str, deal: Object, (sent, kept): SentFields<'_>) -> Done {
    let missing = not_applied(&deal, sent, kept);
    let mut body = crm::record(deal);
    if !missing.is_empty() {
        let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let notice = format!(
            "CRM answered with success, but the deal does not show what was sent for {names}: the name may be wrong, the field \
             hidden from the user who connected, or CRM has changed the value by a rule of its own."
        );
        body.insert("not_applied".to_owned(), missing.into());
        body.insert("notice".to_owned(), notice.into());
    }
    Done::new(status, format!("deal/{id}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_stays_readable() {
        use crate::writes::plan::assert_stored;

        assert_stored::<CreateDeal>(
            r#"{"version":1,"write":"create_deal","plan":{"fields":{"Deal_Name":"Oak","Amount":12.50,"Account_Name":{"id":"61"}}},"before":null,"modified":null}"#,
        );
        assert_stored::<UpdateDeal>(
            r#"{"version":1,"write":"update_deal","plan":{"id":"61","fields":{"Stage":"Closed Won"},"if_unmodified_since":"2026-11-21T10:00:00+01:00"},"before":{"Stage":"Qualification"},"modified":"2026-11-21T10:00:00+01:00"}"#,
        );
        assert_stored::<UpsertDeal>(
            r#"{"version":1,"write":"upsert_deal","plan":{"fields":{"External_Order_ID":"W-1"},"by":"External_Order_ID","found":null},"before":null,"modified":null}"#,
        );
    }
}
