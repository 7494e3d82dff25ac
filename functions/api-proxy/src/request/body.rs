//! Bodies of requests: one JSON object, of limited size.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::base::problem::{Code, Problem};

/// A JSON object.
pub(crate) struct Body(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| unreadable(&rejection, "128 KiB"))?;
        match serde_json::from_slice(&bytes) {
            Ok(body @ Value::Object(_)) => Ok(Self(body)),
            Ok(_) => Err(Problem::new(Code::BodyInvalid, "The body is not a JSON object.")),
            Err(error) => Err(Problem::new(Code::BodyInvalid, format!("The body is no JSON: {error}."))),
        }
    }
}

/// Why a body could not be read, where it may have so much.
pub(crate) fn unreadable(rejection: &BytesRejection, most: &str) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::BodyTooLarge, format!("The body has more than the {most} that this route takes."))
    } else {
        Problem::new(Code::BodyInvalid, "The body could not be read to its end.")
    }
}

/// The body as what the route takes; unknown fields are refused, because a field that is ignored is not written.
pub(crate) fn read<T: DeserializeOwned>(body: &Value) -> Result<T, Problem> {
    T::deserialize(body).map_err(|error| Problem::new(Code::BodyInvalid, format!("The body has {error}.")))
}
