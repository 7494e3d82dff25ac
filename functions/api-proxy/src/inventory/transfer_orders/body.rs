//! A transfer as callers write it.

use serde::Deserialize;
use serde_json::Value;

use crate::inventory::quantity::Quantity;

/// More would not fit into one look at the items.
pub(super) const MAX_LINES: usize = 100;

/// The transfer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Transfer {
    /// The id or the exact name of the location that the goods leave.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) from: String,
    /// The id or the exact name of the location that they go to.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) to: String,
    /// What is moved.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_LINES)))]
    pub(super) lines: Vec<Line>,
    /// Whether the goods are on their way until the transfer is received. Without it they arrive at once.
    #[serde(default)]
    pub(super) in_transit: bool,
    /// The day; today in the organisation, if nothing is said.
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    pub(super) date: Option<String>,
    /// Words for people; Zoho's pages call it the reason.
    #[cfg_attr(test, schemars(length(max = 500)))]
    pub(super) description: Option<String>,
    /// Its number, which nothing else may have; one is made where there is none.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) transfer_order_number: Option<String>,
}

/// A line: an item, and how many of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Line {
    /// The item's exact SKU, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) sku: Option<String>,
    /// The item's id.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) item_id: Option<String>,
    /// Another system's id of the item, where a mapping knows it.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) product_id: Option<String>,
    /// How many.
    pub(super) quantity: Quantity,
    /// The numbers of an item that has serial numbers.
    pub(super) serial_numbers: Option<Vec<String>>,
    /// The batches of an item that has batches, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) batches: Option<Value>,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Transfer>("NewTransferOrder");
    }
}
