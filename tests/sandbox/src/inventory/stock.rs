//! Moves of stock: on hand by edits, adjustments and transfers, committed by sales orders. An item's figures are the sums of its
//! places' figures, as far as it has places.

use serde_json::Value;

use super::amount::Amount;
use super::list::text;
use crate::object::Object;

/// The keys of the stock on hand and of the stock that can still be sold. A movement changes both bases: what invoices and bills
/// move, and what shipments and receipts move (`actual`).
#[rustfmt::skip]
const ON_HAND: [&str; 5] = [
    "stock_on_hand", "available_stock", "actual_available_stock", "available_for_sale_stock",
    "actual_available_for_sale_stock",
];
const COMMITTED: [&str; 2] = ["committed_stock", "actual_committed_stock"];
const FOR_SALE: [&str; 2] = ["available_for_sale_stock", "actual_available_for_sale_stock"];
const IN_TRANSIT: [&str; 1] = ["quantity_in_transit"];

/// Whether Zoho keeps stock of an item at all.
pub(crate) fn tracked(item: &Object) -> bool {
    item.get("track_inventory") != Some(&Value::Bool(false)) && item.contains_key("stock_on_hand")
}

/// Moves the stock on hand, at one location or the primary one. It may fall below zero. `None` = not tracked.
pub(crate) fn on_hand(item: &mut Object, location: Option<&str>, delta: Amount) -> Option<()> {
    change(item, location, &[(&ON_HAND, delta)])
}

/// Commits stock to an order, or frees it again if `delta` is negative. `None` = not tracked.
pub(crate) fn commit(item: &mut Object, location: Option<&str>, delta: Amount) -> Option<()> {
    change(item, location, &[(&COMMITTED, delta), (&FOR_SALE, -delta)])
}

/// Moves what is on its way to a location.
pub(crate) fn in_transit(item: &mut Object, location: &str, delta: Amount) -> Option<()> {
    change(item, Some(location), &[(&IN_TRANSIT, delta)])
}

/// The stock on hand at a place, or in all of an item where it has no places.
pub(crate) fn held(item: &Object, location: Option<&str>) -> Amount {
    let places = item.get("locations").and_then(Value::as_array);
    let figure = match (location, places) {
        (Some(id), Some(places)) => {
            let place =
                places.iter().filter_map(Value::as_object).find(|place| text(place, "location_id") == id);
            place.and_then(|place| place.get("location_stock_on_hand"))
        }
        _ => item.get("stock_on_hand"),
    };
    figure.and_then(Amount::of).unwrap_or_default()
}

fn change(item: &mut Object, location: Option<&str>, moves: &[(&[&str], Amount)]) -> Option<()> {
    if !tracked(item) {
        return None;
    }
    for (keys, delta) in moves {
        keys.iter().for_each(|key| add(item, key, *delta));
    }
    let mut places = item.get_mut("locations").and_then(Value::as_array_mut).into_iter().flatten();
    let place = places.find(|place| match location {
        Some(id) => place.get("location_id").and_then(Value::as_str) == Some(id),
        None => place.get("is_primary") == Some(&true.into()),
    });
    if let Some(place) = place.and_then(Value::as_object_mut) {
        for (keys, delta) in moves {
            keys.iter().for_each(|key| add(place, &format!("location_{key}"), *delta));
        }
    }
    Some(())
}

fn add(object: &mut Object, key: &str, delta: Amount) {
    if let Some(old) = object.get(key).and_then(Amount::of) {
        object.insert(key.to_owned(), (old + delta).number());
    }
}
