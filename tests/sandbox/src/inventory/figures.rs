//! The stock figures of an item that a test makes: what it leaves out follows from what it gives.

use serde_json::{Value, json};

use super::amount::Amount;
use super::list::text;
use crate::object::{Object, object};

/// The figures that are summed over the places.
#[rustfmt::skip]
const SUMMED: [&str; 7] = [
    "stock_on_hand", "available_stock", "actual_available_stock", "committed_stock", "actual_committed_stock",
    "available_for_sale_stock", "actual_available_for_sale_stock",
];
/// The other keys that an item without stock does not have.
#[rustfmt::skip]
const TRACKED_ONLY: [&str; 7] = [
    "locations", "reorder_level", "initial_stock", "initial_stock_rate", "asset_value", "inventory_account_id",
    "inventory_account_name",
];

/// Completes the figures of an item and of its places. Without places, all of the stock is at the primary location.
pub(crate) fn complete(item: &mut Object, given: &Object, locations: &[Object]) {
    if given.get("track_inventory") == Some(&Value::Bool(false)) {
        item.retain(|key, _| !SUMMED.contains(&key.as_str()) && !TRACKED_ONLY.contains(&key.as_str()));
        if let Some(places) = given.get("locations") {
            item.insert("locations".to_owned(), places.clone());
        }
        return;
    }
    let places: Vec<Object> = match given.get("locations") {
        Some(Value::Array(places)) => {
            let known = places.iter().filter_map(Value::as_object);
            known.map(|place| at(place, locations.iter().find(|one| same(one, place)))).collect()
        }
        Some(odd) => {
            item.insert("locations".to_owned(), odd.clone());
            return;
        }
        None => {
            let own = locations.iter().map(|one| {
                let figures = if one.get("is_primary") == Some(&Value::Bool(true)) {
                    prefixed(given)
                } else {
                    Object::new()
                };
                at(&figures, Some(one))
            });
            own.collect()
        }
    };
    for key in SUMMED {
        let figures = places.iter().filter_map(|place| place.get(&format!("location_{key}")));
        let sum: Amount = figures.filter_map(Amount::of).sum();
        item.insert(key.to_owned(), sum.number());
    }
    item.insert("locations".to_owned(), places.into_iter().map(Value::Object).collect());
}

/// A place of an item where there is nothing yet.
pub(crate) fn nothing_at(location: &Object) -> Value {
    at(&Object::new(), Some(location)).into()
}

fn same(location: &Object, place: &Object) -> bool {
    text(location, "location_id") == text(place, "location_id")
}

fn prefixed(given: &Object) -> Object {
    let figures = SUMMED.iter().filter_map(|key| Some((format!("location_{key}"), given.get(*key)?.clone())));
    figures.collect()
}

/// A place with all its figures. Unless both bases are given, they are the same.
fn at(given: &Object, location: Option<&Object>) -> Object {
    let figure = |key: &str| given.get(&format!("location_{key}")).and_then(Amount::of);
    let on_hand =
        ["stock_on_hand", "available_stock", "actual_available_stock"].iter().find_map(|key| figure(key));
    let on_hand = on_hand.unwrap_or_default();
    let available = figure("available_stock").unwrap_or(on_hand);
    let actual = figure("actual_available_stock").unwrap_or(on_hand);
    let committed =
        figure("committed_stock").or_else(|| figure("actual_committed_stock")).unwrap_or_default();
    let actual_committed = figure("actual_committed_stock").unwrap_or(committed);
    let name = |key: &str| location.map(|location| text(location, key)).unwrap_or_default().to_owned();
    let mut place = object(json!({
        "location_id": name("location_id"),
        "location_name": name("location_name"),
        "status": "active",
        "is_primary": location.is_some_and(|one| one.get("is_primary") == Some(&Value::Bool(true))),
        "location_stock_on_hand": on_hand.number(),
        "location_available_stock": available.number(),
        "location_actual_available_stock": actual.number(),
        "location_committed_stock": committed.number(),
        "location_actual_committed_stock": actual_committed.number(),
        "location_available_for_sale_stock": (available - committed).number(),
        "location_actual_available_for_sale_stock": (actual - actual_committed).number(),
        "location_quantity_in_transit": Amount::ZERO.number(),
    }));
    place.extend(given.clone());
    place
}
