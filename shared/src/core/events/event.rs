//! Events in the form of CloudEvents, and what marks a test of the operator's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::Timestamp;

/// By this note in its body, a test of the operator's is known.
pub const TEST_NOTE: &str = "a test of the webhook, sent by its operator";

/// The field of an event's data that marks such a test.
pub const TEST: &str = "test";

/// An event, as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The version of CloudEvents.
    pub specversion: String,
    /// Its id, which sorts by the time of arrival.
    pub id: String,
    /// Where it came from: `/connections/default/inventory`.
    pub source: String,
    /// What it is: `zoho.inventory.item.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about: `item/3300000000070001`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened, as far as Zoho says; else when it arrived.
    pub time: String,
    /// When it arrived.
    pub receivedtime: Timestamp,
    /// Ids, and what else is needed to look the thing up.
    pub data: Value,
}

impl Event {
    /// Whether the operator sent it as a test, which nobody is told of.
    pub fn is_test(&self) -> bool {
        is_test(&self.data)
    }
}

/// Whether data are those of a test of the operator's.
pub(super) fn is_test(data: &Value) -> bool {
    data.get(TEST) == Some(&Value::Bool(true))
}
