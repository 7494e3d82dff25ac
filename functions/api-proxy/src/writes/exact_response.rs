//! Zoho's answer on its way to the caller: status, type and bytes as they are.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;
use shared::base::problem::Problem;
use shared::core::writes::idempotency::{Exact, StoredAnswer};
use shared::zoho::http::Answer;

/// Larger answers are not kept for a repetition: a row of the store holds 400 KB, and base64 adds a third.
const LARGEST_KEPT: usize = 200_000;

/// An answer without the headers that concern only Zoho and the connector.
pub(crate) fn exact(answer: Answer) -> Exact {
    let text = |value: Option<HeaderValue>| value.and_then(|value| value.to_str().ok().map(str::to_owned));
    Exact {
        content_type: text(answer.content_type),
        content_disposition: text(answer.content_disposition),
        body: answer.body,
    }
}

/// The answer as it is stored for a repetition. One that is too large is replaced by a notice.
pub(crate) fn kept(status: u16, exact: Exact) -> StoredAnswer {
    if exact.body.len() <= LARGEST_KEPT {
        return StoredAnswer { status, body: json!(null), exact: Some(exact) };
    }
    let notice = format!(
        "This call was performed before, and was not repeated. Its answer had {} bytes, which is too large to keep. Read the record.",
        exact.body.len()
    );
    let body = json!({ "notice": notice, "content_type": exact.content_type });
    StoredAnswer { status, body, exact: None }
}

/// The answer as the caller gets it.
pub(crate) fn response(status: u16, exact: Exact) -> Result<Response, Problem> {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, text: Option<String>| {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, exact.content_type);
    set(CONTENT_DISPOSITION, exact.content_disposition);
    let mut response = Response::new(Body::from(exact.body));
    *response.status_mut() =
        StatusCode::from_u16(status).map_err(|error| Problem::internal(error.to_string()))?;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    #[test]
    fn an_answer_that_is_too_large_to_keep_leaves_a_notice() {
        let exact = |bytes: usize| Exact {
            content_type: Some("text/plain".to_owned()),
            content_disposition: None,
            body: Bytes::from(vec![b'x'; bytes]),
        };
        let whole = kept(201, exact(LARGEST_KEPT));
        assert_eq!((whole.status, whole.exact.map(|exact| exact.body.len())), (201, Some(LARGEST_KEPT)));
        let cut = kept(201, exact(LARGEST_KEPT + 1));
        assert!(cut.status == 201 && cut.exact.is_none());
        assert_eq!(cut.body["content_type"], "text/plain");
        let notice = cut.body["notice"].as_str().unwrap();
        assert!(notice.contains("was not repeated. Its answer had 200001 bytes"), "{notice}");
    }
}
