//! The state of records at Zoho, as event-delivery looked it up. The ledger itself never calls Zoho.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::core::events::ledger::Entry;

/// Of the entries of a step, by their ids. What is not among them did not have to be looked up.
pub type Known = HashMap<String, Lookup>;

/// Where an event says that its record is gone and nobody could look.
pub const UNCONFIRMED: &str = "unconfirmed";

/// What Zoho said of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// It is there, and was changed last at that time.
    There(Option<Timestamp>),
    /// It is gone.
    Gone,
    /// It could not be looked up, or not in time.
    Unknown,
}

impl Lookup {
    /// Writes into an entry what whoever works on it should know.
    pub(super) fn note(self, entry: &mut Entry) {
        let (field, value) = match self {
            Self::There(Some(at)) => ("modified_time", Some(json!(at.to_string()))),
            Self::Gone if entry.is_deletion() => (UNCONFIRMED, None),
            Self::Unknown if entry.is_deletion() => (UNCONFIRMED, Some(Value::Bool(true))),
            _ => return,
        };
        if !entry.data.is_object() {
            entry.data = json!({});
        }
        let Some(data) = entry.data.as_object_mut() else { return };
        match value {
            Some(value) => drop(data.insert(field.to_owned(), value)),
            None => drop(data.shift_remove(field)),
        }
    }
}
