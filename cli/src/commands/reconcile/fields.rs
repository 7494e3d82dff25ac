//! The fields of the API's documents, as the command reads them.

use serde_json::Value;

/// A text of a document, or nothing.
pub(super) fn word<'a>(document: &'a Value, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number of a document, or 0.
pub(super) fn count(document: &Value, name: &str) -> u64 {
    document.get(name).and_then(Value::as_u64).unwrap_or_default()
}
