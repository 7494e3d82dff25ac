//! CRM's errors.

use serde_json::{Value, json};

use crate::http::Answer;
use crate::object::Object;

/// A CRM error.
pub(crate) fn error(status: u16, code: &str, details: Value, message: &str) -> Answer {
    let body = [
        ("code", code.into()),
        ("details", details),
        ("message", message.into()),
        ("status", "error".into()),
    ];
    let body: Object = body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Answer::json(status, &body.into())
}

/// The refusal of an unknown method.
pub(crate) fn wrong_method() -> Answer {
    error(400, "INVALID_REQUEST_METHOD", json!({}), "The http request method type is not a valid one")
}
