//! What drifted is adjusted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::scope::{Access, Product};

use super::compare::GoParams;
use crate::app::App;
use crate::inventory::reconciliations::head::State;
use crate::inventory::reconciliations::parts::Asked;
use crate::inventory::reconciliations::report::json::shown;
use crate::inventory::reconciliations::work::Work;
use crate::inventory::reconciliations::{apply, upload};
use crate::request::body::demand_object;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::incoming_body::Received;
use crate::request::params::Params;
use crate::request::upload::read as read_json;

/// Which rows are applied.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ApplyBody {
    /// `all` that drifted, or the lines of some.
    #[cfg_attr(test, schemars(extend("anyOf" = [
        { "const": "all" },
        { "type": "array", "items": { "type": "integer", "minimum": 1 }, "minItems": 1 },
        { "type": "null" },
    ])))]
    rows: Option<Value>,
}

impl ApplyBody {
    fn asked(self) -> Result<Option<Asked>, Problem> {
        let wrong = || {
            let detail = "`rows` is `\"all\"`, or a list of the lines of rows that drifted, like `[2, 17]`.";
            Problem::new(Code::BodyInvalid, detail)
        };
        match self.rows {
            None => Ok(None),
            Some(Value::String(word)) if word == "all" => Ok(Some(Asked::All)),
            Some(Value::Array(lines)) => {
                let line = |line: &Value| line.as_u64().and_then(|line| u32::try_from(line).ok());
                let lines: Option<Vec<u32>> = lines.iter().map(line).collect();
                let lines = lines.filter(|lines| !lines.is_empty()).ok_or_else(wrong)?;
                Ok(Some(Asked::Lines(lines)))
            }
            Some(_) => Err(wrong()),
        }
    }
}

pub(in super::super) async fn apply(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<GoParams>,
    Received(bytes): Received,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let agreed = upload::agreed(params.calls.as_deref())?;
    let bytes = bytes?;
    let asked = if bytes.is_empty() {
        None
    } else {
        demand_object(&bytes, caller.key.redact_contacts)?;
        read_json::<ApplyBody>(&bytes)?.asked()?
    };
    let work = Work::take(&app, &caller, &connection, &id).await?;
    let (head, wait, notice) = apply::apply(&app, &caller, work, asked, agreed).await?;
    let status = if head.state == State::Applying { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(shown(&head).going_on(&head, wait).saying(notice))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<ApplyBody>("Apply");
    }
}
