//! Deliveries that are refused. The sender gets an error, the operator gets a metric and a line in the log, and nothing is stored: a
//! stranger must not be able to write rows or to wake an agent.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use shared::base::problem::{Code, Problem};
use shared::base::telemetry;

/// The largest body that is accepted: Zoho's are smaller, and a row holds 400 KB.
pub(crate) const BODY_LIMIT: usize = 256 * 1024;

/// How many bytes of header names are logged.
const MAX_HEADER_NAMES: usize = 1000;

/// The whole body, as it came.
pub(crate) fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            too_large()
        } else {
            Problem::new(Code::WebhookUnreadable, "The body could not be read to its end.")
        }
    })
}

pub(crate) fn too_large() -> Problem {
    Problem::new(Code::BodyTooLarge, "A webhook's body may have 256 KiB.")
}

/// Refuses a body that is declared to be too large, and does not wait for it.
pub(crate) async fn refuse_large(request: Request, next: Next) -> Response {
    match usize::try_from(request.body().size_hint().lower()) {
        Ok(declared) if declared <= BODY_LIMIT => next.run(request).await,
        _ => too_large().into_response(),
    }
}

/// The problem of a delivery that is not genuine. The log gets the names of its headers and no values, which could be the sender's secrets.
pub(crate) fn not_genuine(code: Code, detail: &'static str, headers: &HeaderMap, body: &[u8]) -> Problem {
    let mut names = String::new();
    for name in headers.keys().take_while(|name| name.as_str().len() < MAX_HEADER_NAMES) {
        if names.len() + name.as_str().len() >= MAX_HEADER_NAMES {
            break;
        }
        names.push(' ');
        names.push_str(name.as_str());
    }
    Problem::new(code, detail).because(format!("{} bytes with the headers{names}", body.len()))
}

/// Counts what was refused, by status.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if matches!(status.as_u16(), 400 | 401 | 404 | 413) {
        telemetry::count("webhooks_refused", status.as_str(), 1);
    }
    response
}
