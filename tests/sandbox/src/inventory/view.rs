//! One item as Zoho shows it in a list, alone, or in a webhook.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::past;
use super::success::success;
use crate::http::Answer;
use crate::object::Object;
use crate::state::State;
use crate::switches::Switches;

/// Keys that a list row does not have.
#[rustfmt::skip]
const DETAIL_ONLY: [&str; 23] = [
    "unit_id", "account_id", "account_name", "purchase_account_id", "purchase_account_name", "pricebook_rate",
    "sales_rate", "item_code", "is_fulfillable", "documents", "lock_details", "custom_fields", "custom_field_hash",
    "package_details", "inventory_account_id", "inventory_account_name", "initial_stock", "initial_stock_rate",
    "asset_value", "committed_stock", "actual_committed_stock", "available_for_sale_stock",
    "actual_available_for_sale_stock",
];
const STOCK: [&str; 3] = ["stock_on_hand", "available_stock", "actual_available_stock"];
/// Keys of a location that only the live service has.
#[rustfmt::skip]
const LIVE_LOCATION: [&str; 5] = [
    "location_committed_stock", "location_actual_committed_stock", "location_available_for_sale_stock",
    "location_actual_available_for_sale_stock", "location_quantity_in_transit",
];

/// An item alone: with `locations[]`, or with `warehouses[]` in an older organisation.
pub(crate) fn detail(item: &Object, switches: &Switches) -> Value {
    let mut item = item.clone();
    if switches.without_locations {
        item.shift_remove("locations");
    }
    if let Some(locations) = item.get_mut("locations").and_then(Value::as_array_mut) {
        if switches.location_stock_as_text() {
            locations.iter_mut().for_each(stock_as_text);
        }
        if switches.legacy_warehouses {
            let warehouses: Vec<Value> = locations.iter().map(as_warehouse).collect();
            item.shift_remove("locations");
            item.insert("warehouses".to_owned(), warehouses.into());
        }
    }
    item.into()
}

/// The same as text, without a copy where nothing is shown in another way.
pub(crate) fn written(state: &State, place: usize) -> Option<Cow<'_, str>> {
    let item = state.items.get(place)?;
    let seen = past::seen(state, item);
    let switches = &state.switches;
    let as_it_is = std::ptr::eq(item, seen) && !switches.without_locations && !switches.legacy_warehouses;
    if as_it_is && !switches.location_stock_as_text() {
        return state.items.text(place).map(Cow::Borrowed);
    }
    Some(detail(seen, switches).to_string().into())
}

/// The answer with one item.
pub(crate) fn one(state: &State, place: usize, message: &str) -> Answer {
    let item = state.items.get(place).map(|item| detail(past::seen(state, item), &state.switches));
    success(200, message, "item", item.unwrap_or_default())
}

/// An item in a list: with stock numbers as live, or with `locations[]` as in the official file.
pub(crate) fn row(item: &Object, switches: &Switches) -> Value {
    let Value::Object(full) = detail(item, switches) else { return Value::Null };
    let custom = full.get("custom_field_hash").and_then(Value::as_object).cloned().unwrap_or_default();
    // In lists, custom fields are flat.
    let mut row: Object =
        full.into_iter().filter(|(key, _)| !DETAIL_ONLY.contains(&key.as_str())).chain(custom).collect();
    if switches.stock_in_list_locations() {
        row.retain(|key, _| !STOCK.contains(&key.as_str()));
        let locations = row.get_mut("locations").and_then(Value::as_array_mut);
        for location in locations.into_iter().flatten().filter_map(Value::as_object_mut) {
            location.retain(|key, _| !LIVE_LOCATION.contains(&key.as_str()));
        }
    } else {
        row.shift_remove("locations");
        row.shift_remove("warehouses");
    }
    row.into()
}

/// A deleted item in a webhook.
pub(crate) fn deleted(item: &Value) -> Value {
    json!({ "item_id": item.get("item_id") })
}

fn stock_as_text(location: &mut Value) {
    for (_, value) in location.as_object_mut().into_iter().flatten() {
        if let Value::Number(number) = value {
            *value = Value::String(number.to_string());
        }
    }
}

fn as_warehouse(location: &Value) -> Value {
    let keys = location.as_object().into_iter().flatten();
    keys.map(|(key, value)| (key.replacen("location_", "warehouse_", 1), value.clone()))
        .collect::<Object>()
        .into()
}
