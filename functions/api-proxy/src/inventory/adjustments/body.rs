//! An adjustment as callers write it: one item, or several lines.

use serde::Deserialize;
use serde_json::Value;

use crate::inventory::quantity::Quantity;
use crate::inventory::stock::Basis;

/// More would not fit into one look at the items.
pub(super) const MAX_LINES: usize = 100;

/// The adjustment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Adjustment {
    /// The item's exact SKU, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) sku: Option<String>,
    /// The item's id.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) item_id: Option<String>,
    /// Another system's id of the item, where a mapping knows it, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) product_id: Option<String>,
    /// By how much the stock changes: `-2` takes two away.
    pub(super) delta: Option<Quantity>,
    /// What the stock shall be, in place of `delta`; it goes with `expected`.
    pub(super) target: Option<Quantity>,
    /// What the stock is before, as you read it: where it is another, nothing is written.
    pub(super) expected: Option<Quantity>,
    /// The numbers of an item that has serial numbers.
    pub(super) serial_numbers: Option<Vec<String>>,
    /// The batches of an item that has batches, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) batches: Option<Value>,
    /// The bins of an item that is kept in bins, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) storages: Option<Value>,
    /// Several items, in place of the fields above. All are adjusted at one location.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_LINES)))]
    pub(super) lines: Option<Vec<Line>>,
    /// The id or the exact name of the location; needed where there are several.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) location: Option<String>,
    /// The id of the location, in place of `location`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) location_id: Option<String>,
    /// The older name of `location_id`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) warehouse_id: Option<String>,
    /// Why. Zoho keeps a list of reasons and adds those that it does not know, so that the same words should be used again.
    #[cfg_attr(test, schemars(length(min = 1, max = 100)))]
    pub(super) reason: String,
    /// The day; today in the organisation, if nothing is said.
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    pub(super) date: Option<String>,
    /// More words, for people.
    pub(super) description: Option<String>,
    /// Your own reference; one is made where there is none.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) reference_number: Option<String>,
    /// The count that `target` and `expected` mean, where Zoho keeps two that differ.
    pub(super) basis: Option<Basis>,
}

/// A line: an item, and what becomes of its stock.
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
    /// By how much the stock changes.
    pub(super) delta: Option<Quantity>,
    /// What the stock shall be.
    pub(super) target: Option<Quantity>,
    /// What it is before.
    pub(super) expected: Option<Quantity>,
    /// As above.
    pub(super) serial_numbers: Option<Vec<String>>,
    /// As above.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) batches: Option<Value>,
    /// As above.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) storages: Option<Value>,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Adjustment>("NewAdjustment");
    }
}
