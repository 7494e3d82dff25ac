//! What an item needs besides a quantity: serial numbers, batches, a place where it is kept.

use serde_json::Value;

use super::amount::Amount;
use super::list::text;
use crate::object::Object;

/// A kit has no stock of its own; an assembly has.
pub(crate) fn is_kit(item: &Object) -> bool {
    item.get("is_combo_product") == Some(&Value::Bool(true))
        && ["combo_type", "assembly_type"].iter().any(|key| text(item, key) == "kit")
}

/// Whether the item is kept at a place: it may be limited to some.
pub(crate) fn kept_at(item: &Object, place: &str) -> bool {
    let places = item.get("locations").and_then(Value::as_array);
    places.is_none_or(|places| {
        places.iter().any(|kept| kept.get("location_id").and_then(Value::as_str) == Some(place))
    })
}

/// Whether the serial numbers or batches of a tracked item are missing, or are not as many as the quantity.
pub(crate) fn bare(item: &Object, line: &Object, quantity: Amount) -> bool {
    let flag = |key: &str| item.get(key) == Some(&Value::Bool(true));
    let list = |of: &Object, key: &str| of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    if flag("track_serial_number") {
        let storages = list(line, "storages");
        let in_bins =
            storages.iter().filter_map(Value::as_object).map(|bin| list(bin, "serial_numbers").len());
        let count = list(line, "serial_numbers").len() + in_bins.sum::<usize>();
        return Amount::read(&count.to_string()) != Some(quantity);
    }
    if flag("track_batch_number") {
        let batches = list(line, "batches");
        let sum: Amount = batches
            .iter()
            .filter_map(|batch| {
                ["in_quantity", "out_quantity"].iter().find_map(|key| batch.get(*key)).and_then(Amount::of)
            })
            .sum();
        return sum != quantity;
    }
    false
}
