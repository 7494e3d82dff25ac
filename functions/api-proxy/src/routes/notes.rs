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
use shared::zoho::answer;
use shared::zoho::crm;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::Object;

use crate::App;
use crate::body::{self, Body};
use crate::caller::Caller;
use crate::params::{List, Params, record_id};
use crate::writes::{Asked, Plan, Prepared, WriteParams, note};
use crate::zoho_call::Target;

/// CRM's own limits.
const LONGEST_TITLE: usize = 120;
const LONGEST_CONTENT: usize = 32_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    #[serde(rename = "Note_Title")]
    title: Option<String>,
    #[serde(rename = "Note_Content")]
    content: String,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<List<Object>>, Problem> {
    let id = record_id(&id)?;
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, crm::scope::NOTES);
    let answer =
        app.read(&target, |place| crm::notes_url(place.api, id, Some(note::FIELDS)), answer::crm).await?;
    let notes = crm::rows(answer);
    Ok(Json(List { data: notes.into_iter().map(crm::record).collect(), next: None }))
}

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let deal = record_id(&id)?.to_owned();
    let written: Note = body::read(&body)?;
    let length = |text: &str| text.chars().count();
    if written.content.trim().is_empty()
        || length(&written.content) > LONGEST_CONTENT
        || written.title.as_deref().is_some_and(|title| length(title) > LONGEST_TITLE)
    {
        return Err(Problem::new(
            Code::BodyInvalid,
            format!(
                "`Note_Content` must have 1 to {LONGEST_CONTENT} characters, `Note_Title` at most {LONGEST_TITLE}."
            ),
        ));
    }
    let connection = app.choose(&caller, Product::Crm, Access::Write).await?;
    let about = json!({ "deal": deal, "note": body });
    let asked =
        Asked::new(&app, &caller, &connection, "POST /v1/crm/deals/{id}/notes", &about, &params, &headers)
            .await?;
    let prepare = async {
        let shown = json!({ "deal": deal, "note": body });
        let plan = Plan::CreateNote(note::Create {
            deal: deal.clone(),
            title: written.title,
            content: written.content,
        });
        Ok(Prepared { plan, shown, before: Value::Null })
    };
    app.perform(&asked, prepare).await
}
