//! Inventory's success: the envelope around what was asked for.

use serde_json::Value;

use crate::http::Answer;
use crate::object::Object;

/// The envelope with one value. The value is moved into it: a copy of a long one takes longer than all the rest.
pub(crate) fn success(status: u16, message: &str, key: &str, value: Value) -> Answer {
    let pairs = [("code", 0.into()), ("message", message.into()), (key, value)];
    let body: Object = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Answer::json(status, &body.into())
}
