//! Writing deals: `POST /v1/crm/deals`, `PATCH /v1/crm/deals/{id}` and `POST /v1/crm/deals/upsert?by=`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_UNMODIFIED_SINCE;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::nearest::nearest;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::crm;
use shared::zoho::crm::coql;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{self, Object, timestamp};

use crate::app::App;
use crate::crm::deals::prepare;
use crate::crm::deals::read::{EXAMPLE, ONE, PATH, documented};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{Shape, described, named, text, time};
use crate::request::body::Body;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{Params, invalid, record_id};
use crate::writes::request::{WriteParams, WriteRequest};

pub(crate) fn routes(to: &mut impl Routes) {
    let write = |id, summary| {
        Operation::write(Product::Crm, Access::Write, id, summary).with_fields("Deal_Name,Stage,Amount")
    };
    to.on(Verb::Post, PATH, create, || {
        write("createDeal", "Makes a deal")
            .scopes(&[crm::scope::CREATE_DEALS])
            .about(
                "By the names that a read gives; a lookup by `<Field>_id`. Names, types, lengths and values of picklists are \
                 checked by the fields of this CRM (`GET /v1/crm/fields`) before anything is sent, and what the deal then \
                 shows is compared with what was sent.",
            )
            .takes(
                named("NewDeal", writable("A new deal.", &["Deal_Name", "Stage"], 2)),
                json!({ "Deal_Name": "Shelves for the showroom", "Stage": "Qualification", "Amount": 1250.50 }),
            )
            .answers(201, "The deal.", written())
            .fails(&[Code::ValueNotAllowed])
    });
    to.on(Verb::Patch, ONE, update, || {
        write("updateDeal", "Changes fields of a deal")
            .scopes(&[crm::scope::UPDATE_DEALS])
            .about(
                "Only the fields in the body are changed; null empties one. The rows of a subform are all replaced: a change \
                 that leaves rows out needs a preview, which shows them.",
            )
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
            .answers(200, "The deal.", written())
            .fails(&[Code::ValueNotAllowed, Code::RecordModified])
    });
    to.on(Verb::Post, "/v1/crm/deals/upsert", upsert, || {
        write("upsertDeal", "Makes a deal, or changes the one with the same value")
            .scopes(&[crm::scope::UPDATE_DEALS])
            .about(
                "Which deal is meant tells the value of the field that `by` names. It must be unique in CRM (`GET /v1/crm/fields`), \
                 so that no other deal of the same name is changed.",
            )
            .query("by", "The API name of a field that is unique.", text(), "External_Order_ID")
            .required()
            .takes(
                named("DealUpsert", writable("All of a new deal; of one that is there, what is to be changed.", &[], 1)),
                json!({ "Deal_Name": "Web order", "Stage": "Qualification", "External_Order_ID": "W-1001" }),
            )
            .answers(200, "The deal, changed.", written())
            .answers(201, "The deal, made.", written())
            .fails(&[Code::ValueNotAllowed, Code::RecordModified])
    });
}

/// The deal, and what it does not show of what was sent.
fn written() -> Shape {
    let names = json!({
        "type": "array",
        "items": { "type": "string" },
        "description": "The fields that do not show what was sent for them; only where there are any. The values here are what CRM has now.",
    });
    let notice = described(text(), "What else is to be known of this write.");
    let deal = documented();
    let schema = json!({
        "allOf": [deal.schema],
        "properties": { "not_applied": names, "notice": notice },
    });
    named("WrittenDeal", schema).with([deal])
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
        "patternProperties": { "._id$": {
            "type": ["string", "null"],
            "description": "The id of a lookup: `Account_Name_id` sets `Account_Name`. A field of this very name is itself.",
        } },
    })
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let fields = plain(&body)?;
    for needed in ["Deal_Name", "Stage"] {
        if value::text(fields, needed).is_none() {
            let near = nearest(needed, fields.keys().map(String::as_str)).filter(|near| *near != needed);
            let detail = match near {
                Some(near) => {
                    format!("A deal must have `{needed}`, and has `{near}`: did you mean `{needed}`?")
                }
                None => format!("A deal must have `{needed}`."),
            };
            return Err(Problem::new(Code::BodyInvalid, detail));
        }
    }
    let request =
        WriteRequest::new(&app.zoho, &caller, &connection, "POST /v1/crm/deals", &body, &params, &headers)
            .await?;
    app.writes.perform(&request, prepare::create(&app, &request, fields)).await
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
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let fields = plain(&body)?;
    if fields.is_empty() {
        return Err(Problem::new(Code::BodyInvalid, "The body names no field to change."));
    }
    let since = headers.get(IF_UNMODIFIED_SINCE).map(|value| value.to_str().unwrap_or_default().to_owned());
    if since.as_deref().is_some_and(|moment| timestamp(moment).is_none()) {
        return Err(invalid("`If-Unmodified-Since` must be a deal's `Modified_Time`, as a read gave it."));
    }
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
    app.writes.perform(&request, prepare::update(&app, &request, id, fields, since)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpsertParams {
    /// The field whose value tells which deal is meant.
    by: String,
    #[serde(default)]
    dry_run: bool,
    fields: Option<String>,
}

async fn upsert(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(UpsertParams { by, dry_run, fields: shown }): Params<UpsertParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let fields = plain(&body)?;
    if value::text(fields, &by).is_none_or(|by| !coql::is_plain(by)) {
        let detail = format!("The body must have a text in `{by}`, the field that `by` names.");
        return Err(Problem::new(Code::BodyInvalid, detail));
    }
    let about = json!({ "by": by, "fields": body });
    let params = WriteParams { dry_run, fields: shown };
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
    app.writes.perform(&request, prepare::upsert(&app, &request, by, fields)).await
}

/// A deal as callers write it. Which names CRM has is judged later, by its fields.
fn plain(body: &Value) -> Result<&Object, Problem> {
    let unwritable =
        |field: &str| Problem::new(Code::BodyInvalid, format!("`{field}` is no field that can be written."));
    let body = body.as_object().ok_or_else(|| unwritable("body"))?;
    for field in body.keys() {
        let plain = !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || field == "id" || field == "untrusted" {
            return Err(unwritable(field));
        }
    }
    Ok(body)
}
