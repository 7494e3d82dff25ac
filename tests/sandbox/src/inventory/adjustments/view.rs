//! An adjustment as Zoho shows it: alone with its lines, in a list without them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::document::Adjustment;
use crate::clock::earlier;
use crate::inventory::amount::Amount;
use crate::inventory::places;
use crate::object::Object;
use crate::state::State;

/// How long Zoho values a document after it is made; it was seen to be unfinished right after the write.
const VALUATION: Duration = Duration::from_secs(3);

/// The keys of a list row that are the document's.
#[rustfmt::skip]
const ROW: [&str; 19] = [
    "inventory_adjustment_id", "status", "adjustment_type", "date", "reason", "description", "total", "created_time",
    "last_modified_time", "custom_fields", "custom_field_hash", "reference_number", "created_by_id",
    "created_by_name", "last_modified_by_id", "last_modified_by_name", "location_id", "location_name", "tags",
];

/// A document alone.
pub(crate) fn detail(state: &State, one: &Adjustment) -> Value {
    let mut shown = one.shown.clone();
    if pending(state, one) {
        shown.insert("is_inventory_valuation_pending".to_owned(), true.into());
        shown.insert("total".to_owned(), Amount::ZERO.formatted(2));
    }
    let lines = shown.get_mut("line_items").and_then(Value::as_array_mut).into_iter().flatten();
    for line in lines.filter_map(Value::as_object_mut) {
        if pending(state, one) {
            line.insert("item_total".to_owned(), Amount::ZERO.formatted(2));
        }
        places::shown(state, line);
    }
    places::shown(state, &mut shown);
    shown.into()
}

/// The rows of a document in the list.
pub(crate) fn rows(state: &State, one: &Adjustment) -> Vec<Value> {
    let lines: Vec<&Object> = lines(&one.shown).collect();
    let several = match lines.as_slice() {
        [] | [_] => false,
        _ => !state.switches.adjustment_row_per_line(),
    };
    if several || lines.is_empty() {
        return vec![row(state, one, None)];
    }
    lines.into_iter().map(|line| row(state, one, Some(line))).collect()
}

/// The lines of a document.
pub(crate) fn lines(shown: &Object) -> impl Iterator<Item = &Object> {
    shown.get("line_items").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn row(state: &State, one: &Adjustment, line: Option<&Object>) -> Value {
    let mut row: Object = one
        .shown
        .iter()
        .filter(|(key, _)| ROW.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let of_line = |key: &str| line.and_then(|line| line.get(key)).cloned().unwrap_or_else(|| "".into());
    for (key, value) in [
        ("item_id", of_line("item_id")),
        ("name", of_line("name")),
        ("quantity_adjusted", of_line("quantity_adjusted")),
        ("value_adjusted", "".into()),
        ("tags", Value::Array(Vec::new())),
    ] {
        row.insert(key.to_owned(), value);
    }
    if pending(state, one) {
        row.insert("total".to_owned(), Amount::ZERO.formatted(2));
    }
    places::shown(state, &mut row);
    row.into()
}

fn pending(state: &State, one: &Adjustment) -> bool {
    let since: Timestamp = earlier(state.now(), VALUATION);
    one.moved && one.made > since
}
