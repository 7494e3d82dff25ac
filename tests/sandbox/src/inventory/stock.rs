//! Moves of stock: on hand by edits and adjustments, committed by sales orders.

use serde_json::{Number, Value};

use crate::object::Object;

/// The keys of the stock on hand and of the stock that can still be sold.
#[rustfmt::skip]
const ON_HAND: [&str; 5] = [
    "stock_on_hand", "available_stock", "actual_available_stock", "available_for_sale_stock",
    "actual_available_for_sale_stock",
];
const COMMITTED: [&str; 2] = ["committed_stock", "actual_committed_stock"];
const FOR_SALE: [&str; 2] = ["available_for_sale_stock", "actual_available_for_sale_stock"];

/// Moves the stock on hand, at one location or the primary one. It may fall below zero. `None` = not tracked.
pub(crate) fn on_hand(item: &mut Object, location: Option<&str>, delta: f64) -> Option<()> {
    change(item, location, &[(&ON_HAND, delta)])
}

/// Commits stock to an order, or frees it again if `delta` is negative. `None` = not tracked.
pub(crate) fn commit(item: &mut Object, location: Option<&str>, delta: f64) -> Option<()> {
    change(item, location, &[(&COMMITTED, delta), (&FOR_SALE, -delta)])
}

fn change(item: &mut Object, location: Option<&str>, moves: &[(&[&str], f64)]) -> Option<()> {
    item.get("stock_on_hand")?;
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

fn add(object: &mut Object, key: &str, delta: f64) {
    let sum = object.get(key).and_then(Value::as_f64).and_then(|old| Number::from_f64(old + delta));
    if let Some(sum) = sum {
        object.insert(key.to_owned(), sum.into());
    }
}
