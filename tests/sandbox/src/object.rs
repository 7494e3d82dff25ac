//! The JSON object of a record.

use serde_json::{Map, Value};

/// A record or row as Zoho writes it.
pub(crate) type Object = Map<String, Value>;

/// The object of a JSON literal.
pub(crate) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
