//! `GET` and `POST /v1/crm/deals/{id}/notes`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::crm;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::Object;

use crate::app::App;
use crate::crm::deals::fetch;
use crate::crm::notes::plan::CreateNote;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{Holds, Shape, described, list_of, named, record, text};
use crate::request::body;
use crate::request::body::Body;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Params, next, page_of, per_page, record_id};
use crate::writes::plan::Draft;
use crate::writes::request::{WriteParams, WriteRequest};
use crate::zoho::Target;

/// CRM's own limits, in characters.
const MAX_TITLE: usize = 120;
const MAX_CONTENT: usize = 32_000;

const PATH: &str = "/v1/crm/deals/{id}/notes";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::read(Product::Crm, "listNotes", "The notes of a deal")
            .scopes(&[crm::scope::NOTES])
            .about("In the order of CRM, which is oldest first unless the user has set it otherwise.")
            .id("id", "6100000000451001")
            .pages()
            .answers(200, "A page.", list_of(documented()))
    });
    to.on(Verb::Post, PATH, create, || {
        let operation = Operation::write(Product::Crm, Access::Write, "createNote", "Adds a note to a deal")
            .scopes(&[crm::scope::CREATE_NOTES]);
        operation.with_fields("Note_Title,Created_Time")
            .about("Notes have nothing that tells one from another: without an `Idempotency-Key`, the same note sent twice is two.")
            .id("id", "6100000000451001")
            .takes(body!("NewNote"), json!({ "Note_Title": "Call", "Note_Content": "Wants oak, not pine." }))
            .answers(201, "The note.", written())
    });
}

pub(crate) fn documented() -> Shape {
    let note = record(
        &[
            ("id", Holds::Id, "Its id."),
            ("Note_Title", Holds::Text, "Its title."),
            ("Note_Content", Holds::Text, "What it says."),
            ("Owner", Holds::Text, "Who wrote it."),
            ("Owner_id", Holds::OtherId, "Their id."),
            ("Created_Time", Holds::Time, "When."),
            ("Modified_Time", Holds::Time, "When it was changed."),
        ],
        &[],
    );
    named("Note", note)
}

fn written() -> Shape {
    let note = documented();
    let names = json!({ "type": "array", "items": { "type": "string" } });
    let properties = json!({
        "not_applied": described(names, "The fields that do not show what was sent for them; only where there are any."),
        "notice": described(text(), "What else is to be known of this write: another note with the same words, for example."),
    });
    named("WrittenNote", json!({ "allOf": [note.schema], "properties": properties })).with([note])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    per_page: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Note {
    /// Its title.
    #[serde(rename = "Note_Title")]
    #[cfg_attr(test, schemars(length(max = MAX_TITLE)))]
    title: Option<String>,
    /// What it says.
    #[serde(rename = "Note_Content")]
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_CONTENT)))]
    content: String,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Object>>, Problem> {
    let id = record_id(&id)?;
    let (rows, page) = (per_page(params.per_page)?, page_of(params.cursor.as_deref())?);
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, crm::scope::NOTES);
    let answer = app
        .zoho
        .read(&target, |endpoint| crm::notes_page_url(endpoint.api, id, page, rows), response::crm)
        .await?;
    let more = answer.as_ref().is_some_and(crm::more_records);
    let (rows, cursor) = (rows.to_string(), format!("p{}", page + 1));
    let path = format!("/v1/crm/deals/{id}/notes");
    let next = more.then(|| next(&path, &[("per_page", Some(&rows)), ("cursor", Some(&cursor))]));
    Ok(Json(List::new(crm::rows(answer)?.into_iter().map(crm::record).collect(), next)))
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let deal = record_id(&id)?.to_owned();
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Write).await?;
    let written: Note = body::read(&body)?;
    let length = |text: &str| text.chars().count();
    if written.content.trim().is_empty()
        || length(&written.content) > MAX_CONTENT
        || written.title.as_deref().is_some_and(|title| length(title) > MAX_TITLE)
    {
        return Err(Problem::new(
            Code::BodyInvalid,
            format!(
                "`Note_Content` must have 1 to {MAX_CONTENT} characters, `Note_Title` at most {MAX_TITLE}."
            ),
        ));
    }
    let about = json!({ "deal": deal, "note": body });
    let request = WriteRequest::new(
        &app.zoho,
        &caller,
        &connection,
        "POST /v1/crm/deals/{id}/notes",
        &about,
        &params,
        &headers,
    )
    .await?;
    let prepare = async {
        if request.dry_run {
            // What performing it would refuse. Without the scope, CRM tells when it is done.
            let target = Target::new(&caller, &connection, Product::Crm, crm::scope::DEALS);
            if let Ok(None) = fetch::one(&app.zoho, &target, &deal).await {
                return Err(Problem::new(Code::RecordNotFound, format!("There is no deal {deal}.")));
            }
        }
        let preview = json!({ "deal": deal, "note": body, "untrusted": ["note"] });
        let plan = CreateNote { deal: deal.clone(), title: written.title, content: written.content };
        Ok(Draft { plan, preview, before: Value::Null, modified: None })
    };
    app.writes.perform(&request, prepare).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Note>("NewNote");
    }
}
