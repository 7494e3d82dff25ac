//! Hides addresses, numbers and birthdays of people from a *redacted key*, one that was made with `--redact contacts`. They are hidden in the
//! finished answer, so that no route can forget it (`answer`). A redacted key may not send any either (`refusals`): if a search by a number
//! finds a record, the key knows the number.

mod answer;
pub(crate) mod columns;
mod names;
pub(crate) mod refusals;
mod text;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::json as zoho_json;

pub(crate) use self::names::is_personal;
pub(crate) use self::text::shows;
use crate::request::response_headers::ResponseHeaders;
use crate::request::response_headers::Written;

/// How many more pages are looked through for the first row that a redacted key searches. After that, it is told where to go on.
const MORE_PAGES: u32 = 4;

/// The pages that are looked through, beside the first: none unless the connector searches in Zoho's place.
pub(crate) fn pages(searches: bool) -> std::ops::Range<u32> {
    0..if searches { MORE_PAGES } else { 0 }
}

/// The hint, in place of that of a missing permission.
const WITHOUT_CONTACTS: &str = "Leave out what `detail` names, and find the record by another field; or ask the operator for a key without \
     `--redact contacts`. Trying again as it is cannot help.";

/// The problem of a redacted key that asks for what is hidden from it.
pub(crate) fn hidden(detail: impl AsRef<str>) -> Problem {
    let detail = format!("This key sees no data of contacts (`--redact contacts`): {}", detail.as_ref());
    Problem::new(Code::KeyNotAllowed, detail).hint(WITHOUT_CONTACTS)
}

/// A document as a redacted key sees it, for an answer that depends on the document.
pub(crate) fn as_seen(mut document: Value) -> Value {
    answer::redact(&mut document);
    document
}

/// Marks an answer that the connector wrote itself and that is no JSON: a table, or a page. It has no field of a person, so only addresses
/// within its words are hidden.
#[derive(Clone)]
pub(crate) struct OwnText;

/// Hides data of people in the answers to redacted keys.
pub(crate) async fn hide(headers: &ResponseHeaders, mut response: Response) -> Response {
    if !headers.is_redacted() {
        return response;
    }
    // Zoho's words can name another record, and so can ours.
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        problem.hide_words_of_zoho();
        problem.reword(text::without_addresses);
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal("an answer could not be read to be redacted").into_response();
    };
    // Also in the answer to a HEAD request: the length would tell how long the hidden data is.
    parts.headers.remove(CONTENT_LENGTH);
    if bytes.is_empty() {
        return Response::from_parts(parts, Body::empty());
    }
    if let Ok(mut value) = zoho_json::read(&bytes) {
        answer::redact(&mut value);
        return Response::from_parts(parts, Body::from(value.to_string()));
    }
    if let (Some(OwnText), Ok(words)) = (parts.extensions.get(), std::str::from_utf8(&bytes)) {
        return Response::from_parts(parts, Body::from(text::without_addresses(words)));
    }
    let is_written = parts.extensions.get::<Written>().is_some();
    // It is no file, and would be read if it held less.
    if zoho_json::skim::<IgnoredAny>(&bytes).is_ok() {
        let detail = if is_written {
            "Zoho has done this, so do not send it again; but its answer holds more than is looked through for what this key may not see."
        } else {
            "The answer holds more than is looked through for what this key may not see."
        };
        return Problem::new(Code::ResponseTooLarge, detail).into_response();
    }
    if is_written {
        let notice =
            "Zoho has done this: do not send it again. Its answer is a file, which this key may not see.";
        return Json(json!({ "notice": notice })).into_response();
    }
    hidden("in a file nothing can be hidden.").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(body: String, is_written: bool) -> Option<Code> {
        let headers = ResponseHeaders::default();
        headers.redacted();
        let mut response = Response::new(Body::from(body));
        if is_written {
            response.extensions_mut().insert(Written);
        }
        hide(&headers, response).await.extensions().get::<Problem>().map(Problem::code)
    }

    #[tokio::test]
    async fn json_that_holds_too_much_is_no_file() {
        let much = format!("[{}0]", "{},".repeat(100_001));
        assert_eq!(code(much.clone(), false).await, Some(Code::ResponseTooLarge));
        assert_eq!(code(much.clone(), true).await, Some(Code::ResponseTooLarge));
        assert_eq!(code(much.replacen("{},", "", 1), false).await, None, "it is looked through");
        assert_eq!(code("%PDF".to_owned(), false).await, Some(Code::KeyNotAllowed));
        assert_eq!(code("%PDF".to_owned(), true).await, None, "what was done is said");
    }
}
