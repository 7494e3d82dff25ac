//! A delivery that is to become an event, and how it ended.

use serde::Serialize;
use serde_json::Value;

use crate::base::id::ConnectionName;

/// A delivery that was found genuine.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// For which connection.
    pub connection: ConnectionName,
    /// From which source: `inventory`.
    pub source: &'static str,
    /// The digest of what was signed.
    pub digest: String,
    /// Its type: `zoho.inventory.item.updated`.
    pub kind: String,
    /// What it is about: `item/33…`.
    pub subject: Option<String>,
    /// When it happened, where the body says so.
    pub time: Option<String>,
    /// Ids, and what else is needed to look the record up.
    pub data: Value,
    /// The body's JSON document, as it came.
    pub body: String,
}

impl Delivery {
    /// An event of the connector's own, which nobody sent: `connector.exhausted`.
    pub fn own(connection: ConnectionName, kind: impl Into<String>, digest: String, data: Value) -> Self {
        Self {
            connection,
            source: "connector",
            digest,
            kind: kind.into(),
            subject: None,
            time: None,
            data,
            body: Value::Null.to_string(),
        }
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The event that stands for it.
    pub event_id: String,
    /// Whether that event was there already.
    pub duplicate: bool,
}
