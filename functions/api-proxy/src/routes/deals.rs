//! `GET /v1/crm/deals` and `GET /v1/crm/deals/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::answer;
use shared::zoho::crm::{self, DEAL_FIELDS, MAX_FIELDS};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, records};

use crate::App;
use crate::caller::Caller;
use crate::params::{List, OneParams, Params, invalid, invalid_cursor, next, per_page, pick, record_id};
use crate::zoho_call::Target;

const PATH: &str = "/v1/crm/deals";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    fields: Option<String>,
    per_page: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Object>>, Problem> {
    let rows = per_page(params.per_page)?;
    let page_token = page_token(params.cursor.as_deref())?;
    let fields = params.fields.as_deref().map(checked_fields).transpose()?;
    let wanted = fields.clone().unwrap_or_else(|| DEAL_FIELDS.join(","));
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let answer = app
        .read(
            &target(&caller, &connection),
            |place| crm::deals_url(place.api, &wanted, rows, page_token),
            answer::crm,
        )
        .await?;
    // Nothing under 204 is an empty list.
    let Some(mut answer) = answer else { return Ok(Json(List { data: Vec::new(), next: None })) };
    if !answer.contains_key("data") {
        return Err(Problem::new(Code::ZohoUnreadable, "Zoho's answer has no `data`."));
    }
    let cursor = crm::next_page_token(&answer).map(|token| format!("t{token}"));
    let rows = rows.to_string();
    let next = cursor.map(|cursor| {
        next(PATH, &[("per_page", Some(&rows)), ("fields", fields.as_deref()), ("cursor", Some(&cursor))])
    });
    Ok(Json(List { data: records(&mut answer, "data").into_iter().map(crm::record).collect(), next }))
}

pub(crate) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let fields = params.fields.as_deref().map(checked_fields).transpose()?;
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let answer = app
        .read(&target(&caller, &connection), |place| crm::deal_url(place.api, id), answer::crm_record)
        .await?;
    let deal = answer.and_then(|mut answer| records(&mut answer, "data").into_iter().next());
    let deal = deal.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;
    let mut deal = crm::record(deal);
    // A lookup that is asked for comes with its id, as in a list.
    let fields = fields.map(|fields| {
        fields
            .split(',')
            .flat_map(|field| [field.to_owned(), format!("{field}_id")])
            .collect::<Vec<_>>()
            .join(",")
    });
    pick(&mut deal, fields.as_deref(), &["id", "untrusted"]);
    Ok(Json(deal))
}

fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName) -> Target<'a> {
    Target { caller, connection, product: Product::Crm, scope: crm::scope::DEALS }
}

/// Names of fields, up to as many as CRM takes. The `_id` beside a lookup is ours, not CRM's.
fn checked_fields(text: &str) -> Result<String, Problem> {
    let names: Vec<&str> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "id").collect();
    let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if names.len() > MAX_FIELDS || !names.iter().all(plain) {
        return Err(invalid(format!(
            "`fields` takes up to {MAX_FIELDS} API names of fields, separated by commas."
        )));
    }
    Ok(if names.is_empty() { "id".to_owned() } else { names.join(",") })
}

fn page_token(cursor: Option<&str>) -> Result<Option<&str>, Problem> {
    match cursor.map(|cursor| cursor.strip_prefix('t')) {
        None => Ok(None),
        Some(Some(token)) if !token.is_empty() => Ok(Some(token)),
        Some(_) => Err(invalid_cursor()),
    }
}
