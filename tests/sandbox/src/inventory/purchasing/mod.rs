//! Purchase orders: reading only.

pub(crate) mod data;

use serde_json::json;

use super::list::{List, text};
use super::missing::missing;
use crate::http::{Answer, Call};
use crate::state::State;

/// The keys of a list row.
#[rustfmt::skip]
const ROW: [&str; 17] = [
    "purchaseorder_id", "vendor_id", "vendor_name", "status", "purchaseorder_number", "reference_number", "date",
    "delivery_date", "currency_id", "currency_code", "price_precision", "total", "custom_fields", "created_time",
    "last_modified_time", "is_drop_shipment", "is_backorder",
];

/// `GET /purchaseorders`. No filter is documented, so none works.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let orders = state.shop.purchaseorders.iter().filter(|_| has_data);
    let rows = orders
        .map(|order| {
            let mut row = order.clone();
            row.retain(|key, _| ROW.contains(&key.as_str()));
            row.into()
        })
        .collect();
    let sortable = ["created_time", "date", "purchaseorder_number", "total", "last_modified_time"];
    List {
        key: "purchaseorders",
        report: "Purchase Orders",
        sortable: &sortable,
        descending: true,
        fixed: false,
    }
    .answer(call, &state.switches, rows)
}

/// `GET /purchaseorders/{id}`, under the key that live clients read, or under that of the official file.
pub(crate) fn one(state: &State, id: &str, has_data: bool) -> Answer {
    let mut orders = state.shop.purchaseorders.iter().filter(|_| has_data);
    let key = if state.switches.official_file_keys() { "purchase_order" } else { "purchaseorder" };
    match orders.find(|order| text(order, "purchaseorder_id") == id) {
        Some(order) => Answer::json(200, &json!({ "code": 0, "message": "success", key: order })),
        None => missing(state, "purchaseorder_id", id),
    }
}
