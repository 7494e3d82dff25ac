//! Inventory's errors.

use serde_json::json;

use crate::http::Answer;

/// An Inventory error.
pub(crate) fn error(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": code, "message": message }))
}

/// The refusal of a write that names something that does not exist.
pub(crate) fn not_there(message: &str) -> Answer {
    error(404, 1002, message)
}
