//! The state of records at Zoho, as event-delivery looked it up. The ledger itself never calls Zoho.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::core::events::ledger::Entry;

/// The state of each record that was looked up, by the id of its entry. Entries that need no lookup are absent.
pub type RecordStates = HashMap<String, RecordState>;

/// Marks an event of a deletion that could not be checked at Zoho.
pub const UNCONFIRMED: &str = "unconfirmed";

/// The state of a record at Zoho.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// It exists, and was changed last at this time, where Zoho says so.
    There(Option<Timestamp>),
    /// It does not exist.
    Gone,
    /// The lookup failed or came too late.
    Unknown,
}

impl RecordState {
    /// Adds the state to the entry's data, where its worker needs it.
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
