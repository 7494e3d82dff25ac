//! The answer for a missing record.

use super::body;
use super::error::error;
use crate::http::Answer;
use crate::state::State;

/// The answer where no record has the id, or the id is invalid.
pub(crate) fn missing(state: &State, name: &str, id: &str) -> Answer {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return body::invalid(name);
    }
    error(if state.switches.missing_is_400() { 400 } else { 404 }, 1002, "Resource does not exist.")
}
