//! A transfer as callers write it.

use serde::Deserialize;
use serde_json::Value;
use shared::base::problem::Problem;
use shared::zoho::value::Object;

use crate::inventory::dates::demand_date;
use crate::inventory::lookup::named::ItemName;
use crate::inventory::named_lines::tracking;
use crate::inventory::quantity::Quantity;
use crate::request::body::invalid;

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

impl Transfer {
    /// Refuses what can be no transfer, before anything is looked up.
    pub(super) fn demand_possible(&self) -> Result<(), Problem> {
        if self.lines.is_empty() || self.lines.len() > MAX_LINES {
            return Err(invalid(format!("`lines` must have 1 to {MAX_LINES} lines.")));
        }
        for (field, location) in [("from", &self.from), ("to", &self.to)] {
            if location.is_empty() {
                return Err(invalid(format!("`{field}` is empty.")));
            }
        }
        if self.from == self.to {
            return Err(invalid("`from` and `to` are one location: nothing would move."));
        }
        if let Some(date) = &self.date {
            demand_date("date", date)?;
        }
        if self.transfer_order_number.as_deref().is_some_and(|number| number.trim().is_empty()) {
            return Err(invalid("`transfer_order_number` is empty."));
        }
        Ok(())
    }
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

impl Line {
    /// The names of its item.
    pub(super) fn item(&self) -> ItemName<'_> {
        ItemName::of(self.item_id.as_ref(), self.sku.as_ref(), self.product_id.as_ref())
    }

    /// How many, where that can be moved.
    pub(super) fn checked_quantity(&self, index: usize) -> Result<Quantity, Problem> {
        let quantity = self.quantity;
        if quantity.0.is_sign_negative() || quantity.0.is_zero() {
            return Err(invalid(format!(
                "`lines[{index}].quantity` is {}, but must be more than 0.",
                quantity.0
            )));
        }
        Ok(quantity)
    }

    /// What it says of single pieces.
    pub(super) fn tracking(&self) -> Object {
        tracking(self.serial_numbers.as_deref(), self.batches.as_ref(), None)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Transfer>("NewTransferOrder");
    }
}
