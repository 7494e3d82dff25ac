//! The answers of writes: the record with the fields that were asked for, a repeated answer, and what a caller is told of a write that
//! was not done or is uncertain.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use shared::base::problem::{Code, Problem, ZohoSaid};
use shared::core::writes::idempotency::StoredAnswer;
use shared::core::writes::preview::Found;
use shared::core::writes::twins::Twin;

use super::exact_response;
use super::plan::Plan;
use crate::request::params::pick;
use crate::request::response_headers::Written;

/// The header of an answer that repeats the one of an earlier request with the same key.
const REPLAYED: &str = "idempotency-replayed";

/// The fields that `fields=` cannot leave out: which record it is, and what did not go as requested.
const ALWAYS: &[&str] = &[
    "id",
    "salesorder_id",
    "inventory_adjustment_id",
    "transfer_order_id",
    "lines",
    "not_applied",
    "notice",
    "untrusted",
];

/// The largest record that is kept whole, in bytes: before and after must fit into one row of 400 KB.
const MAX_KEPT: usize = 150_000;

/// Leaves out the nested parts of a record that is too large, and adds a notice.
pub(super) fn small(body: Value) -> Value {
    if body.to_string().len() < MAX_KEPT {
        return body;
    }
    let Value::Object(mut record) = body else { return Value::Null };
    record.retain(|_, value| !value.is_array() && !value.is_object());
    record.insert(
        "notice".to_owned(),
        "The parts of this record are left out here. Read it for all of it.".into(),
    );
    record.into()
}

/// Adds a notice that the same request was done a moment ago.
pub(super) fn say_twice(body: &mut Value, twin: &Twin, subject: &str) {
    let Some(body) = body.as_object_mut() else { return };
    let said = format!(
        "The very same request made {} at {}, and this one made {subject} beside it. If it was to be done once, one of them is too \
         many. Send an `Idempotency-Key` with every write: then a repetition gives the first answer again.",
        twin.subject, twin.at
    );
    let notice = match body.get("notice").and_then(Value::as_str) {
        Some(other) => format!("{said} {other}"),
        None => said,
    };
    body.insert("notice".to_owned(), notice.into());
}

/// The answer that was kept. A record has only the fields that were asked for.
pub(super) fn response(mut kept: StoredAnswer, fields: Option<&str>) -> Result<Response, Problem> {
    match kept.exact {
        Some(exact) => exact_response::response(kept.status, exact),
        None => {
            if let Some(record) = kept.body.as_object_mut() {
                pick(record, fields, ALWAYS);
            }
            let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
            Ok((status, Json(kept.body)).into_response())
        }
    }
}

/// The response that repeats a stored answer.
pub(super) fn replay(kept: StoredAnswer, fields: Option<&str>) -> Result<Response, Problem> {
    let mut response = response(kept, fields)?;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response.extensions_mut().insert(Written);
    Ok(response)
}

pub(super) fn running(seconds: u64) -> Problem {
    Problem::new(
        Code::IdempotencyInProgress,
        "The first request with this `Idempotency-Key` is still at work.",
    )
    .retry_after(seconds)
}

/// The problem of a write without its preview. `is_id`: the `Idempotency-Key` looks like the id of a preview.
pub(super) fn preview_required(found: &Found, is_id: bool) -> Problem {
    let detail = match found {
        Found::Differs => {
            "This request differs from the one that was previewed: body, path or connection are not the same. Nothing was done."
        }
        Found::None if is_id => {
            "No preview of this key has this id, or its 15 minutes are over. Nothing was done."
        }
        Found::None | Found::Same(_) => "This write needs a preview of the very same request.",
    };
    Problem::new(Code::PreviewRequired, detail)
}

/// The problem of a write that may have been done. `said` is Zoho's answer, which does not tell.
pub(super) fn uncertain(
    plan: &dyn Plan,
    has_key: bool,
    was_looked: bool,
    said: Option<&ZohoSaid>,
) -> Problem {
    let problem = not_known(plan, has_key, was_looked);
    match said {
        Some(said) => problem.zoho(said.clone()),
        None => problem,
    }
}

/// The problem of a write that may have been done and could not be looked for. `refused` is the failure of the look.
pub(super) fn not_looked_for(plan: &dyn Plan, refused: &Problem) -> Problem {
    let detail = format!(
        "Zoho gave no proper answer, and {} could not be looked for now: {} Sending the same request with the same \
         `Idempotency-Key` looks for it again and writes nothing.",
        plan.subject(),
        refused.detail()
    );
    let problem = Problem::new(Code::WriteUncertain, detail);
    match refused.said() {
        Some(said) => problem.zoho(said.clone()),
        None => problem,
    }
}

fn not_known(plan: &dyn Plan, has_key: bool, was_looked: bool) -> Problem {
    if let Some(call) = plan.call_if_lost() {
        let detail = format!(
            "Zoho gave no proper answer to {call}. The connector does not know what this call changes and cannot look for it: \
             read the record yourself before anything else."
        );
        return Problem::new(Code::WriteUncertain, detail);
    }
    let again = if has_key {
        "Sending the same request with the same `Idempotency-Key` looks for it again and writes nothing."
    } else {
        "Without an `Idempotency-Key` it cannot be looked for again."
    };
    Problem::new(
        Code::WriteUncertain,
        if was_looked {
            format!(
                "Zoho gave no proper answer, and {} was not found there afterwards. {again}",
                plan.subject()
            )
        } else {
            format!("Zoho gave no proper answer, and {} could not be looked for yet. {again}", plan.subject())
        },
    )
}

#[cfg(test)]
mod tests {
    use axum::body::{Bytes, to_bytes};
    use serde_json::json;
    use shared::core::writes::idempotency::Exact;

    use super::*;

    async fn bytes(response: Response) -> Bytes {
        to_bytes(response.into_body(), MAX_KEPT).await.unwrap()
    }

    #[tokio::test]
    async fn a_repetition_gets_the_kept_answer_and_is_told_so() {
        let body = json!({ "id": "61", "title": "Call", "content": "Back", "notice": "Twice." });
        let kept = StoredAnswer { status: 201, body, exact: None };
        let again = replay(kept.clone(), Some("title")).unwrap();
        assert_eq!(
            (again.status(), &again.headers()[REPLAYED]),
            (StatusCode::CREATED, &HeaderValue::from_static("true"))
        );
        assert!(again.extensions().get::<Written>().is_some());
        let shown: Value = serde_json::from_slice(&bytes(again).await).unwrap();
        assert_eq!(shown, json!({ "id": "61", "title": "Call", "notice": "Twice." }));

        let first = response(kept.clone(), None).unwrap();
        assert_eq!(first.status(), StatusCode::CREATED);
        assert!(!first.headers().contains_key(REPLAYED), "it repeats nothing");
        let shown: Value = serde_json::from_slice(&bytes(first).await).unwrap();
        assert_eq!(shown, kept.body);
    }

    #[tokio::test]
    async fn zohos_own_answer_is_repeated_byte_for_byte() {
        let exact = Exact {
            content_type: Some("text/plain".to_owned()),
            content_disposition: None,
            body: Bytes::from_static(b"as it came"),
        };
        let kept = StoredAnswer { status: 202, body: Value::Null, exact: Some(exact) };
        let again = replay(kept, Some("title")).unwrap();
        assert_eq!(again.status(), StatusCode::ACCEPTED);
        assert_eq!(again.headers()["content-type"], "text/plain");
        assert_eq!(again.headers()[REPLAYED], "true");
        assert!(again.extensions().get::<Written>().is_some());
        assert_eq!(bytes(again).await, Bytes::from_static(b"as it came"));
    }

    #[test]
    fn a_caller_is_told_which_preview_is_missing() {
        for (found, is_id, said) in [
            (Found::None, false, "This write needs a preview of the very same request."),
            (Found::None, true, "No preview of this key has this id, or its 15 minutes are over."),
            (Found::Differs, true, "This request differs from the one that was previewed"),
        ] {
            let problem = preview_required(&found, is_id);
            assert_eq!(problem.code(), Code::PreviewRequired);
            assert!(problem.detail().starts_with(said), "{}", problem.detail());
        }
    }

    #[test]
    fn a_record_that_is_too_large_is_kept_without_its_parts() {
        let record = |text: usize| json!({ "id": "61", "text": "x".repeat(text), "lines": [1], "owner": {} });
        let fits = MAX_KEPT - 1 - record(0).to_string().len();
        assert_eq!(small(record(fits)), record(fits));
        let cut = small(record(fits + 1));
        let fields: Vec<_> = cut.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["id", "text", "notice"]);
        assert_eq!(small(json!("x".repeat(MAX_KEPT))), Value::Null);
    }

    #[test]
    fn that_something_was_made_twice_is_said_before_anything_else() {
        let twin = Twin { at: "2026-11-22T10:00:00Z".parse().unwrap(), subject: "note/61".to_owned() };
        let notice = |mut body: Value| {
            say_twice(&mut body, &twin, "note/62");
            body["notice"].as_str().map(str::to_owned)
        };
        let only = notice(json!({})).unwrap();
        assert!(only.contains("made note/61 at 2026-11-22T10:00:00Z, and this one made note/62"), "{only}");
        assert_eq!(notice(json!({ "notice": "Cut." })).unwrap(), format!("{only} Cut."));
        let mut list = json!([1]);
        say_twice(&mut list, &twin, "note/62");
        assert_eq!(list, json!([1]), "it has no place for a notice");
    }
}
