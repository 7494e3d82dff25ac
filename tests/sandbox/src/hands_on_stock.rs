//! What people do with stock in Zoho's own pages while a test runs, and the true figures.

use serde_json::Value;

use crate::api::PlaceStock;
use crate::inventory::amount::Amount;
use crate::inventory::{adjustments, by_hand};
use crate::sandbox::Sandbox;

impl Sandbox {
    /// Moves an item's stock at a place, by somebody else's adjustment; gives the document's id. `None` if there is no such item
    /// or place, the item has no stock, or `delta` is no decimal number.
    pub fn adjust_stock(&self, item_id: &str, location_id: &str, delta: &str) -> Option<String> {
        self.adjust_stock_with(item_id, location_id, delta, Value::Null)
    }

    /// The same, with keys of the document: `date`, `created_time`, `reason`, `reference_number`, `description`,
    /// `status` (a `draft` moves nothing).
    #[expect(clippy::needless_pass_by_value, reason = "it is called with literals")]
    pub fn adjust_stock_with(
        &self,
        item_id: &str,
        location_id: &str,
        delta: &str,
        document: Value,
    ) -> Option<String> {
        let delta = Amount::read(delta)?;
        let keys = document.as_object().cloned().unwrap_or_default();
        self.changing(|state| by_hand::adjust(state, (item_id, location_id, delta), &keys))
    }

    /// Approves an adjustment, or turns a draft into one: its stock moves. `false` if it has already moved, or there is none.
    pub fn approve_adjustment(&self, id: &str) -> bool {
        self.changing(|state| adjustments::set_status(state, id, "adjusted", false).is_some())
    }

    /// Makes a sales order like a call of the API, and confirms it unless `status` is `draft`; gives its id. `None` if Zoho
    /// refuses it.
    #[expect(clippy::needless_pass_by_value, reason = "it is called with literals")]
    pub fn make_order(&self, order: Value) -> Option<String> {
        let wanted = order.as_object().cloned()?;
        self.changing(|state| by_hand::order(state, &wanted))
    }

    /// Confirms or voids an order. `false` if there is none, or its status cannot become that.
    pub fn set_order_status(&self, id: &str, status: &str) -> bool {
        self.changing(|state| by_hand::set_order_status(state, id, status))
    }

    /// A new place, where no item has stock yet; gives its id.
    pub fn add_location(&self, name: &str) -> String {
        self.with(|state| by_hand::add_location(state, name))
    }

    /// The true stock of an item at each of its places. Empty if there is no such item, or it has no stock.
    pub fn stock(&self, item_id: &str) -> Vec<PlaceStock> {
        self.with(|state| by_hand::figures(state, item_id))
    }

    /// The true stock on hand of an item at a place, as decimal text.
    pub fn stock_at(&self, item_id: &str, location_id: &str) -> Option<String> {
        let places = self.stock(item_id);
        places.into_iter().find(|place| place.location_id == location_id).map(|place| place.on_hand)
    }

    /// All adjustments, in full, in the order in which they were written.
    pub fn adjustments(&self) -> Vec<Value> {
        self.with(|state| state.shop.adjustments.iter().map(|one| one.shown.clone().into()).collect())
    }

    /// All transfer orders, in full, in the order in which they were written.
    pub fn transfer_orders(&self) -> Vec<Value> {
        self.with(|state| state.shop.transfers.iter().map(|one| one.shown.clone().into()).collect())
    }
}
