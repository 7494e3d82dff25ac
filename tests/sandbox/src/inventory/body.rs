//! The two forms of a body, and the loose types that Zoho takes in it.

use serde_json::{Number, Value};

use super::error::error;
use crate::http::{Answer, Call};
use crate::object::Object;

/// Reads a body: JSON, or the older form field `JSONString`.
pub(crate) fn read(call: &Call) -> Result<Object, Answer> {
    let text = call.field("JSONString").unwrap_or_else(|| String::from_utf8_lossy(&call.body).into_owned());
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(error(400, 4, "Invalid value passed for JSONString")),
    }
}

/// An id, as text or as a number; empty if there is none.
pub(crate) fn id(body: &Object, key: &str) -> String {
    match body.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// A number, or a number written as text, digits kept.
pub(crate) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A refusal of one parameter.
pub(crate) fn invalid(name: &str) -> Answer {
    error(400, 2, &format!("Invalid value passed for {name}"))
}
