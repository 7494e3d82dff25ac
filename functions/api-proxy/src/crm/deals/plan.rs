//! Deals: made and changed. <https://www.zoho.com/crm/developer/docs/api/v8/insert-records.html>

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::problem::{Code, Problem};
use shared::zoho::crm;
use shared::zoho::crm::coql;
use shared::zoho::http::Method;
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::Object;

use crate::app::App;
use crate::writes::plan::Done;
use crate::writes::recovery::{made_since, only};
use crate::zoho::{Outgoing, Place, Question, Target, WriteFailure};

pub(crate) const CREATE_NEEDS: (Product, &str) = (Product::Crm, crm::scope::CREATE_DEALS);
pub(crate) const UPDATE_NEEDS: (Product, &str) = (Product::Crm, crm::scope::UPDATE_DEALS);

/// A new deal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Create {
    /// By CRM's names, lookups as `{"id": …}`.
    pub(crate) fields: Object,
}

impl Create {
    pub(crate) async fn send(&self, app: &App, target: &Target<'_>) -> Result<Done, WriteFailure> {
        let id = app
            .write(
                target,
                |place| Outgoing {
                    method: Method::POST,
                    url: crm::module_url(place.api, "Deals"),
                    body: Some(json!({ "data": [self.fields] }).to_string().into()),
                    if_unmodified_since: None,
                },
                response::crm_written,
            )
            .await?;
        Ok(read_back(app, target, 201, &id, &self.fields).await)
    }

    /// The one deal that was made at that time with these very values.
    pub(crate) async fn find(
        &self,
        app: &App,
        target: &Target<'_>,
        at: Timestamp,
        taken: &[String],
    ) -> Result<Option<Done>, Problem> {
        let target = target.with(crm::scope::DEALS);
        let mut names: Vec<&str> = self.fields.keys().map(String::as_str).take(crm::MAX_FIELDS - 1).collect();
        names.push("Created_Time");
        let fields = names.join(",");
        let answer =
            app.read(&target, |place| crm::newest_url(place.api, "Deals", &fields), response::crm).await?;
        let rows = crm::rows(answer);
        let mine = |row: &Object| {
            let id = shared::zoho::value::id(row, "id").unwrap_or_default();
            made_since(row, "Created_Time", at)
                && holds(row, &self.fields)
                && !taken.contains(&format!("deal/{id}"))
        };
        let Some(found) = only(rows.into_iter().filter(mine).collect()) else { return Ok(None) };
        let id = shared::zoho::value::id(&found, "id").unwrap_or_default();
        Ok(Some(read_back(app, &target, 201, &id, &self.fields).await))
    }
}

/// A change of a deal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) id: String,
    pub(crate) fields: Object,
    /// In CRM's form.
    pub(crate) if_unmodified_since: Option<String>,
}

impl Update {
    pub(crate) async fn send(&self, app: &App, target: &Target<'_>) -> Result<Done, WriteFailure> {
        let id = app
            .write(
                target,
                |place| Outgoing {
                    method: Method::PUT,
                    url: crm::record_url(place.api, "Deals", &self.id),
                    body: Some(json!({ "data": [self.fields] }).to_string().into()),
                    if_unmodified_since: self.if_unmodified_since.clone(),
                },
                response::crm_written,
            )
            .await?;
        Ok(read_back(app, target, 200, &id, &self.fields).await)
    }

    pub(crate) async fn find(&self, app: &App, target: &Target<'_>) -> Result<Option<Done>, Problem> {
        let found = one(app, &target.with(crm::scope::DEALS), &self.id).await?;
        let changed = found.filter(|deal| holds(deal, &self.fields));
        Ok(changed.map(|deal| done(200, &self.id, deal)))
    }
}

/// A deal that is made or, where one has the same value in a field that is unique, changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upsert {
    pub(crate) fields: Object,
    pub(crate) by: String,
    /// The deal that has the value.
    pub(crate) found: Option<String>,
    /// Whether that was looked up just now, and not for a preview.
    #[serde(skip)]
    pub(crate) fresh: bool,
}

impl Upsert {
    pub(crate) async fn send(&self, app: &App, target: &Target<'_>) -> Result<Done, WriteFailure> {
        if !self.fresh && existing(app, target, &self.fields, &self.by).await? != self.found {
            let detail = "Since the preview, another deal has got this value, or lost it. Preview it again.";
            return Err(Problem::new(Code::RecordModified, detail).into());
        }
        let body = json!({ "data": [self.fields], "duplicate_check_fields": [self.by] }).to_string();
        let (id, made) = app
            .write(
                target,
                |place| Outgoing {
                    method: Method::POST,
                    url: crm::upsert_url(place.api, "Deals"),
                    body: Some(body.clone().into()),
                    if_unmodified_since: None,
                },
                |answer| Ok((response::crm_written(answer)?, response::crm_inserted(answer))),
            )
            .await?;
        Ok(read_back(app, target, if made { 201 } else { 200 }, &id, &self.fields).await)
    }

    pub(crate) async fn find(&self, app: &App, target: &Target<'_>) -> Result<Option<Done>, Problem> {
        let target = target.with(crm::scope::DEALS);
        let Some(id) = existing(app, &target, &self.fields, &self.by).await? else { return Ok(None) };
        let status = if self.found.is_none() { 201 } else { 200 };
        let found = one(app, &target, &id).await?;
        Ok(found.filter(|deal| holds(deal, &self.fields)).map(|deal| done(status, &id, deal)))
    }
}

/// The id of the deal that has the value of these in that field.
pub(crate) async fn existing(
    app: &App,
    target: &Target<'_>,
    fields: &Object,
    by: &str,
) -> Result<Option<String>, Problem> {
    let Some(value) = fields.get(by).and_then(Value::as_str) else { return Ok(None) };
    let query = coql::having("Deals", by, by, value);
    let ask = |place: &Place<'_>| Question::coql(place, &query);
    let rows = crm::rows(app.read(&target.with(coql::SCOPE), ask, response::crm).await?);
    Ok(only(rows).and_then(|row| shared::zoho::value::id(&row, "id")))
}

/// One deal, as CRM has it.
pub(crate) async fn one(app: &App, target: &Target<'_>, id: &str) -> Result<Option<Object>, Problem> {
    let answer =
        app.read(target, |place| crm::record_url(place.api, "Deals", id), response::crm_record).await?;
    Ok(crm::rows(answer).into_iter().next())
}

/// CRM answers a write with the id only. A read that fails does not undo the write: then what was sent is shown.
async fn read_back(app: &App, target: &Target<'_>, status: u16, id: &str, sent: &Object) -> Done {
    match one(app, &target.with(crm::scope::DEALS), id).await {
        Ok(Some(deal)) => done(status, id, deal),
        _ => {
            let mut deal = sent.clone();
            deal.insert("id".to_owned(), id.into());
            done(status, id, deal)
        }
    }
}

fn done(status: u16, id: &str, deal: Object) -> Done {
    Done { status, subject: format!("deal/{id}"), body: crm::record(deal).into(), exact: None }
}

/// Whether a record has these values. A lookup is the same where its id is.
fn holds(record: &Object, wanted: &Object) -> bool {
    wanted.iter().all(|(field, wanted)| {
        let has = record.get(field).unwrap_or(&Value::Null);
        match (has, wanted) {
            (Value::Object(has), Value::Object(wanted)) if wanted.contains_key("id") => {
                has.get("id") == wanted.get("id")
            }
            (Value::Number(has), Value::Number(wanted)) => has.as_f64() == wanted.as_f64(),
            (has, wanted) => has == wanted,
        }
    })
}
