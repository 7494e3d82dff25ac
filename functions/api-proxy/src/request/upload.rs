//! Uploads: JSON, or a table, of up to 4 MB.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use shared::base::problem::{Code, Problem};

use crate::request::body;
use crate::request::incoming_body::Received;
use crate::request::redact::refusals;
use crate::request::response_headers::ResponseHeaders;

/// The media type of tables.
pub(crate) const CSV: &str = "text/csv";

/// What was uploaded, as it came. Its route takes more than others: `Extension(MostBytes(LARGEST))`.
#[derive(Clone)]
pub(crate) enum Upload {
    /// One JSON object.
    Json(Bytes),
    /// A table.
    Csv(Bytes),
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_redacted =
            request.extensions().get::<ResponseHeaders>().is_some_and(ResponseHeaders::is_redacted);
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_csv = is_csv(kind);
        let Ok(Received(bytes)) = Received::from_request(request, state).await;
        let bytes = bytes?;
        if is_csv {
            if is_redacted {
                refusals::refuse_pair("table", &String::from_utf8_lossy(&bytes))?;
            }
            return Ok(Self::Csv(bytes));
        }
        if bytes.is_empty() {
            return Err(Problem::new(
                Code::BodyInvalid,
                "The body is empty. This route takes a JSON object, or a table with `Content-Type: text/csv`.",
            ));
        }
        if begins_as_a_table(&bytes) {
            return Err(body::invalid(
                "The body is not a JSON object. If it is a table, say so with `Content-Type: text/csv`.",
            ));
        }
        body::demand_object(&bytes, is_redacted)?;
        Ok(Self::Json(bytes))
    }
}

/// Whether it may be a table whose sender left out its type, as curl does.
fn begins_as_a_table(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'"')
}

/// JSON as what the route takes.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| body::mistaken(&error))
}

/// Whether a caller wants a table for an answer.
pub(crate) fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(is_csv)
}

fn is_csv(kind: &str) -> bool {
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(CSV)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn a_table_without_its_type_is_told_what_it_lacks() {
        let detail = async |body: &'static str| {
            let read = Upload::from_request(Request::new(Body::from(body)), &()).await;
            read.err().map(|problem| problem.detail().to_owned())
        };
        for table in ["sku,quantity\nA,1\n", "\"sku\";quantity\nA;1\n"] {
            assert!(detail(table).await.unwrap().contains("`Content-Type: text/csv`"), "{table}");
        }
        assert_eq!(detail("[1]").await.unwrap(), "The body is not a JSON object.");
        assert_eq!(detail("{}").await, None);
    }
}
