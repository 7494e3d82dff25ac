//! Writing deals: `POST /v1/crm/deals`, `PATCH /v1/crm/deals/{id}` and `POST /v1/crm/deals/upsert?by=`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_UNMODIFIED_SINCE;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::crm;
use shared::zoho::crm::coql;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{self, Object, timestamp};

use crate::app::App;
use crate::crm::deals::fetch;
use crate::crm::deals::plan::{CreateDeal, UpdateDeal, UpsertDeal};
use crate::crm::deals::read::{EXAMPLE, ONE, PATH, documented, target};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, id, named, text, time};
use crate::request::body::Body;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{Params, invalid, record_id};
use crate::writes::plan::Draft;
use crate::writes::request::{WriteParams, WriteRequest};

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Post, PATH, create, || {
        Operation::write(Product::Crm, Access::Write, "createDeal", "Makes a deal")
            .about(
                "By the names that a read gives; a lookup by `<Field>_id`. Values of picklists are checked before anything is \
                 sent.",
            )
            .takes(
                named("NewDeal", writable("A new deal.", &["Deal_Name", "Stage"], 2)),
                json!({ "Deal_Name": "Shelves for the showroom", "Stage": "Qualification", "Amount": 1250.50 }),
            )
            .answers(201, "The deal.", documented())
            .fails(&[Code::ValueNotAllowed])
    });
    to.on(Verb::Patch, ONE, update, || {
        Operation::write(Product::Crm, Access::Write, "updateDeal", "Changes fields of a deal")
            .about("Only the fields in the body are changed; null empties one.")
            .id("id", EXAMPLE)
            .header(
                "If-Unmodified-Since",
                "The deal's `Modified_Time`, as a read gave it: refuses to overwrite a later change.",
                time(),
                Value::Null,
            )
            .takes(
                named("DealChange", writable("What is to be changed.", &[], 1)),
                json!({ "Next_Step": "Call on Monday" }),
            )
            .answers(200, "The deal.", documented())
            .fails(&[Code::ValueNotAllowed, Code::RecordModified])
    });
    to.on(Verb::Post, "/v1/crm/deals/upsert", upsert, || {
        Operation::write(Product::Crm, Access::Write, "upsertDeal", "Makes a deal, or changes the one with the same value")
            .about(
                "Which deal is meant tells the value of the field that `by` names. It must be unique in CRM (`GET /v1/crm/fields`), \
                 so that no other deal of the same name is changed.",
            )
            .required("by", "The API name of a field that is unique.", text(), "External_Order_ID")
            .takes(
                named("DealUpsert", writable("All of a new deal; of one that is there, what is to be changed.", &[], 1)),
                json!({ "Deal_Name": "Web order", "Stage": "Qualification", "External_Order_ID": "W-1001" }),
            )
            .answers(200, "The deal, changed.", documented())
            .answers(201, "The deal, made.", documented())
            .fails(&[Code::ValueNotAllowed, Code::RecordModified])
    });
}

/// What can be written, by the same names; Zoho has more, and organisations have fields of their own.
fn writable(about: &str, required: &[&str], fewest: usize) -> Value {
    let or_null = |kind: &str| json!({ "type": [kind, "null"] });
    json!({
        "type": "object",
        "description": about,
        "required": required,
        "minProperties": fewest,
        "propertyNames": { "pattern": "^[A-Za-z0-9_]+$", "not": { "enum": ["id", "untrusted"] } },
        "properties": {
            "Deal_Name": described(text(), "Its name."),
            "Stage": described(text(), "One of the stages of this CRM, to the letter."),
            "Amount": described(or_null("number"), "What it is worth."),
            "Closing_Date": { "type": ["string", "null"], "format": "date", "description": "When it should be won." },
            "Next_Step": described(or_null("string"), "What comes next."),
            "Description": described(or_null("string"), "What people say of it."),
        },
        "additionalProperties": true,
        "patternProperties": { "._id$": described(id(), "The id of a lookup: `Account_Name_id` sets `Account_Name`.") },
    })
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let fields = for_crm(&body)?;
    for needed in ["Deal_Name", "Stage"] {
        if value::text(&fields, needed).is_none() {
            return Err(Problem::new(Code::BodyInvalid, format!("A deal must have `{needed}`.")));
        }
    }
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let request =
        WriteRequest::new(&app.zoho, &caller, &connection, "POST /v1/crm/deals", &body, &params, &headers)
            .await?;
    let prepare = async {
        app.zoho.check_picklists(&target(&caller, &connection), &fields).await?;
        let plan = CreateDeal { fields: fields.clone() };
        Ok(Draft { plan, preview: json!({ "deal": body }), before: Value::Null, modified: None })
    };
    app.writes.perform(&request, prepare).await
}

async fn update(
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
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let about = json!({ "id": id, "fields": body, "since": since });
    let request = WriteRequest::new(
        &app.zoho,
        &caller,
        &connection,
        "PATCH /v1/crm/deals/{id}",
        &about,
        &params,
        &headers,
    )
    .await?;
    let prepare = async {
        let target = target(&caller, &connection);
        app.zoho.check_picklists(&target, &fields).await?;
        let found = fetch::one(&app.zoho, &target, &id).await?;
        let before =
            found.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;
        let before = crm::record(before);
        let mut changed = before.clone();
        changed.retain(|field, _| body.get(field).is_some());
        let preview = json!({ "deal": id, "before": changed, "after": body });
        // What a preview showed must still be so when it is performed.
        let modified = before.get("Modified_Time").and_then(Value::as_str).map(str::to_owned);
        let since = since.clone().or(modified.clone().filter(|_| request.dry_run));
        let plan = UpdateDeal { id: id.clone(), fields: fields.clone(), if_unmodified_since: since.clone() };
        Ok(Draft { plan, preview, before: changed.into(), modified })
    };
    app.writes.perform(&request, prepare).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpsertParams {
    /// The field whose value tells which deal is meant.
    by: String,
    #[serde(default)]
    dry_run: bool,
}

async fn upsert(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(UpsertParams { by, dry_run }): Params<UpsertParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let fields = for_crm(&body)?;
    if value::text(&fields, &by).is_none_or(|by| !coql::is_plain(by)) {
        let detail = format!("The body must have a text in `{by}`, the field that `by` names.");
        return Err(Problem::new(Code::BodyInvalid, detail));
    }
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let about = json!({ "by": by, "fields": body });
    let params = WriteParams { dry_run };
    let request = WriteRequest::new(
        &app.zoho,
        &caller,
        &connection,
        "POST /v1/crm/deals/upsert",
        &about,
        &params,
        &headers,
    )
    .await?;
    let prepare = async {
        let target = target(&caller, &connection);
        app.zoho.check_picklists(&target, &fields).await?;
        app.zoho.demand_unique(&target, &by).await?;
        // An upsert needs both scopes, whichever it does in the end.
        app.zoho.demand_scope(&target.with(crm::scope::CREATE_DEALS)).await?;
        let found = fetch::existing(&app.zoho, &target, &fields, &by).await?;
        let plan = UpsertDeal { fields: fields.clone(), by, found, fresh: true };
        let mut modified = None;
        let before = match &plan.found {
            None => Value::Null,
            Some(id) => fetch::one(&app.zoho, &target, id).await?.map_or(Value::Null, |deal| {
                let mut deal = crm::record(deal);
                modified = value::text(&deal, "Modified_Time").map(str::to_owned);
                deal.retain(|field, _| field == "id" || body.get(field).is_some());
                deal.into()
            }),
        };
        let action = if before.is_null() { "create" } else { "change" };
        let preview = json!({ "action": action, "before": before, "after": body });
        Ok(Draft { plan, preview, before, modified })
    };
    app.writes.perform(&request, prepare).await
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
