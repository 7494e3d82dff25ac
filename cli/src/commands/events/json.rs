//! A JSON document for people.

use serde_json::Value;

use crate::commands::failure::Failure;

pub(super) fn pretty(document: &Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map_err(|error| Failure::Other(error.to_string()))
}
