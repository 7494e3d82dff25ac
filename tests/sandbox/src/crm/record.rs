//! Reads values of a record.

use serde_json::Value;

use crate::clock;
use crate::object::Object;

/// When a record last changed.
pub(super) fn changed(record: &Object) -> Option<jiff::Timestamp> {
    clock::parse(text(record, "Modified_Time"))
}

/// A field's text; empty if it has none.
pub(super) fn text<'a>(record: &'a Object, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}
