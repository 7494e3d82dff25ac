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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_time_of_its_record_and_whether_a_deletion_is_in_doubt() {
        let at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let (there, gone, unknown) = (RecordState::There(Some(at)), RecordState::Gone, RecordState::Unknown);
        let (updated, deleted) = ("zoho.crm.deal.updated", "zoho.crm.deal.deleted");
        let (ids, timed) = (json!({ "ids": ["61"] }), "2026-11-22T10:00:00Z");
        let in_doubt = json!({ "ids": ["61"], "unconfirmed": true });
        for (state, kind, before, after) in [
            (there, updated, &ids, json!({ "ids": ["61"], "modified_time": timed })),
            (there, updated, &Value::Null, json!({ "modified_time": timed })),
            (RecordState::There(None), updated, &ids, ids.clone()),
            (unknown, deleted, &ids, in_doubt.clone()),
            (gone, deleted, &in_doubt, ids.clone()),
            (gone, deleted, &ids, ids.clone()),
            // What tells of no deletion has none to confirm.
            (unknown, updated, &ids, ids.clone()),
            (gone, updated, &in_doubt, in_doubt.clone()),
            (gone, updated, &Value::Null, Value::Null),
        ] {
            let mut entry = Entry::new("1".to_owned(), kind, None, at, before.clone());
            state.note(&mut entry);
            assert_eq!(entry.data, after, "{state:?} {kind} {before}");
        }
    }
}
