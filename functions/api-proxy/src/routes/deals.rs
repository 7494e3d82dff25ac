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
use shared::zoho::crm::{self, DEAL_FIELDS};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, records, timestamp};

use super::Routes;
use crate::App;
use crate::body::Body;
use crate::caller::Caller;
use crate::openapi::shape::{Field, Holds, Shape, described, id, list_of, named, record, text, time};
use crate::operation::{Operation, Verb};
use crate::params::{
    List, OneParams, Params, crm_fields, invalid, next, page_token, per_page, pick, record_id,
};
use crate::writes::{Asked, Plan, Prepared, WriteParams, deal};
use crate::zoho_call::Target;

const PATH: &str = "/v1/crm/deals";
const ONE: &str = "/v1/crm/deals/{id}";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::read(Product::Crm, "listDeals", "Deals, by page")
            .fields("Deal_Name,Stage,Amount")
            .pages()
            .answers(200, "A page.", list_of(documented()))
    });
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
    to.on(Verb::Get, ONE, one, || {
        Operation::read(Product::Crm, "getDeal", "One deal")
            .id("id", EXAMPLE)
            .fields("Deal_Name,Stage,Amount")
            .answers(200, "The deal.", documented())
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
}

/// In the stand-in Zoho.
const EXAMPLE: &str = "6100000000451001";

const FIELDS: [Field; 16] = [
    ("id", Holds::Id, "Its id."),
    ("Deal_Name", Holds::Text, "Its name."),
    ("Stage", Holds::Text, "How far it is: one of the stages of this CRM."),
    ("Amount", Holds::Number, "What it is worth."),
    ("Probability", Holds::Number, "How likely it is, in percent."),
    ("Closing_Date", Holds::Date, "When it should be won."),
    ("Account_Name", Holds::Text, "The account that it is with."),
    ("Account_Name_id", Holds::OtherId, "Its id."),
    ("Contact_Name", Holds::Text, "The person that it is with."),
    ("Contact_Name_id", Holds::OtherId, "Their id."),
    ("Owner", Holds::Text, "Who of us looks after it."),
    ("Owner_id", Holds::OtherId, "Their id."),
    ("Next_Step", Holds::Text, "What comes next."),
    ("Description", Holds::Text, "What people say of it."),
    ("Created_Time", Holds::Time, "When it was made."),
    ("Modified_Time", Holds::Time, "When it was changed."),
];

fn documented() -> Shape {
    let deal = record(&FIELDS, &[]);
    named("Deal", described(deal, "A deal of Zoho CRM, with all other fields that Zoho gives."))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    fields: Option<String>,
    per_page: Option<u32>,
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Object>>, Problem> {
    let rows = per_page(params.per_page)?;
    let token = page_token(params.cursor.as_deref())?;
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let wanted = fields.clone().unwrap_or_else(|| DEAL_FIELDS.join(","));
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let answer = app
        .read(
            &target(&caller, &connection),
            |place| crm::list_url(place.api, "Deals", &wanted, rows, token),
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

async fn one(
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

async fn create(
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
        "patternProperties": { "._id$": described(id(), "The id of a lookup: `Account_Name_id` sets `Account_Name`.") },
    })
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
