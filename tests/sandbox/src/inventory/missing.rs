//! A record that is not there.

use super::body;
use super::error::error;
use crate::http::Answer;
use crate::state::State;

/// What is asked for by an id that nothing has, or that is none.
pub(crate) fn missing(state: &State, name: &str, id: &str) -> Answer {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return body::invalid(name);
    }
    error(if state.switches.missing_is_400 { 400 } else { 404 }, 1002, "Resource does not exist.")
}
