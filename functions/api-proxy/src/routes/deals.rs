//! `/v1/crm/deals` and `/v1/crm/deals/{id}`: reading, making, changing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_UNMODIFIED_SINCE;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::answer;
use shared::zoho::coql;
use shared::zoho::crm::{self, DEAL_FIELDS};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, timestamp};

use crate::App;
use crate::body::Body;
use crate::caller::Caller;
use crate::crm_page::Wanted;
use crate::params::{List, OneParams, Params, crm_fields, invalid, next, per_page, pick, record_id};
use crate::writes::{Asked, Plan, Prepared, WriteParams, deal};
use crate::zoho_call::Target;

const PATH: &str = "/v1/crm/deals";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    /// A stage, to the letter.
    stage: Option<String>,
    /// A part of the name.
    search: Option<String>,
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
    let (stage, search) = (params.stage.as_deref(), params.search.as_deref());
    for (name, value) in [("stage", stage), ("search", search)] {
        if value.is_some_and(|value| value.trim().is_empty() || !coql::is_plain(value)) {
            return Err(invalid(format!("`{name}` must be a text without line breaks and backslashes.")));
        }
    }
    let conditions: Vec<String> = [
        stage.map(|stage| coql::equals("Stage", stage)),
        search.map(|part| coql::contains("Deal_Name", part)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let target = target(&caller, &connection);
    let page = app
        .crm_page(
            &target,
            &Wanted {
                module: "Deals",
                fields: fields.as_deref().unwrap_or(DEAL_FIELDS),
                conditions: &conditions,
                rows,
                cursor: params.cursor.as_deref(),
            },
        )
        .await?;
    // An empty list of a stage that there is not would be a wrong answer.
    if let (Some(stage), None, true) = (stage, &params.cursor, page.rows.is_empty()) {
        let stage = Object::from_iter([("Stage".to_owned(), stage.into())]);
        app.check_picklists(&target, &stage).await?;
    }
    let rows = rows.to_string();
    let next = page.cursor.map(|cursor| {
        let params = [
            ("per_page", Some(rows.as_str())),
            ("fields", fields.as_deref()),
            ("stage", stage),
            ("search", search),
            ("cursor", Some(&cursor)),
        ];
        next(PATH, &params)
    });
    Ok(Json(List { data: page.rows.into_iter().map(crm::record).collect(), next }))
}

pub(crate) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let answer = app
        .read(
            &target(&caller, &connection),
            |place| crm::record_url(place.api, "Deals", id),
            answer::crm_record,
        )
        .await?;
    let deal = crm::rows(answer).into_iter().next();
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
    Target::new(caller, connection, Product::Crm, crm::scope::DEALS)
}

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let fields = for_crm(&body)?;
    for needed in ["Deal_Name", "Stage"] {
        if shared::zoho::value::text(&fields, needed).is_none() {
            return Err(Problem::new(Code::BodyInvalid, format!("A deal must have `{needed}`.")));
        }
    }
    let connection = app.choose(&caller, Product::Crm, Access::Write).await?;
    let asked =
        Asked::new(&app, &caller, &connection, "POST /v1/crm/deals", &body, &params, &headers).await?;
    let prepare = async {
        app.check_picklists(&target(&caller, &connection), &fields).await?;
        let plan = Plan::CreateDeal(deal::Create { fields: fields.clone() });
        Ok(Prepared { plan, shown: json!({ "deal": body }), before: Value::Null })
    };
    app.perform(&asked, prepare).await
}

pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let id = record_id(&id)?.to_owned();
    let fields = for_crm(&body)?;
    if fields.is_empty() {
        return Err(Problem::new(Code::BodyInvalid, "The body names no field to change."));
    }
    let since = headers.get(IF_UNMODIFIED_SINCE).map(|value| value.to_str().unwrap_or_default().to_owned());
    if since.as_deref().is_some_and(|moment| timestamp(moment).is_none()) {
        return Err(invalid("`If-Unmodified-Since` must be a deal's `Modified_Time`, as a read gave it."));
    }
    let connection = app.choose(&caller, Product::Crm, Access::Write).await?;
    let about = json!({ "id": id, "fields": body, "since": since });
    let asked =
        Asked::new(&app, &caller, &connection, "PATCH /v1/crm/deals/{id}", &about, &params, &headers).await?;
    let prepare = async {
        let target = target(&caller, &connection);
        app.check_picklists(&target, &fields).await?;
        let found = deal::one(&app, &target, &id).await?;
        let before =
            found.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;
        let before = crm::record(before);
        let mut changed = before.clone();
        changed.retain(|field, _| body.get(field).is_some());
        let shown = json!({ "deal": id, "before": changed, "after": body });
        // What a preview showed must still be so when it is performed.
        let shown_since = before.get("Modified_Time").and_then(Value::as_str).map(str::to_owned);
        let since = since.clone().or(shown_since.filter(|_| asked.dry_run));
        let plan = Plan::UpdateDeal(deal::Update {
            id: id.clone(),
            fields: fields.clone(),
            if_unmodified_since: since.clone(),
        });
        Ok(Prepared { plan, shown, before: changed.into() })
    };
    app.perform(&asked, prepare).await
}

/// A deal as callers write it, which is as they read it: `Account_Name_id` is CRM's `Account_Name` with that id.
fn for_crm(body: &Value) -> Result<Object, Problem> {
    let mut fields = Object::new();
    for (field, value) in body.as_object().into_iter().flatten() {
        let plain = !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || field == "id" || field == "untrusted" {
            return Err(Problem::new(
                Code::BodyInvalid,
                format!("`{field}` is no field that can be written."),
            ));
        }
        // A deal as it was read has both: the id counts.
        if body.get(format!("{field}_id")).is_some() {
            continue;
        }
        match (field.strip_suffix("_id"), value) {
            (Some(lookup), Value::String(id)) if shared::base::id::is_zoho_id(id) => {
                fields.insert(lookup.to_owned(), json!({ "id": id }));
            }
            (Some(_), _) => {
                return Err(Problem::new(
                    Code::BodyInvalid,
                    format!("`{field}` must be an id: a string of digits."),
                ));
            }
            (None, value) => {
                fields.insert(field.clone(), value.clone());
            }
        }
    }
    Ok(fields)
}
