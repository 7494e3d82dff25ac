//! A transfer, as it is stored until it is performed.

use serde::{Deserialize, Serialize};
use shared::core::mappings::Mapping;
use shared::zoho::value::Object;

use crate::inventory::quantity::Quantity;

/// A transfer, its items by their ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TransferStock {
    pub(super) number: String,
    /// Whether the number is one that we made up: then nothing else has it.
    pub(super) own_number: bool,
    pub(super) from: String,
    pub(super) to: String,
    /// Other systems' names of the locations, where mappings led to their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to_name: Option<String>,
    pub(super) in_transit: bool,
    pub(super) date: Option<String>,
    pub(super) description: Option<String>,
    pub(super) lines: Vec<Line>,
    /// The items as they are right before it is sent.
    #[serde(skip)]
    pub(super) seen: Vec<Object>,
}

/// A line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(super) item_id: String,
    /// The mapping that led to the item: what Zoho has of it is held against this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mapping: Option<Mapping>,
    pub(super) quantity: Quantity,
    /// Serial numbers, batches, as Zoho takes them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub(super) tracking: Object,
}

impl Line {
    /// Which arrays it brings along: serial numbers, batches.
    pub(super) fn brings(&self) -> (bool, bool) {
        (self.tracking.contains_key("serial_numbers"), self.tracking.contains_key("batches"))
    }
}
