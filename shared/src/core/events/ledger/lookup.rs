//! The state of records at Zoho, as event-delivery looked it up. The ledger itself never calls Zoho.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::core::events::ledger::Entry;

/// Lookups of a step's entries, by their ids. Entries without one needed none.
pub type Known = HashMap<String, RecordState>;

/// Marks an event of a deletion that could not be checked at Zoho.
pub const UNCONFIRMED: &str = "unconfirmed";

/// What Zoho said of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// It is there, and was changed last at that time.
    There(Option<Timestamp>),
    /// It is gone.
    Gone,
    /// It could not be looked up, or not in time.
    Unknown,
}

impl RecordState {
    /// Adds to an entry what its worker should know.
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
