//! A transfer order as Zoho shows it: alone with its lines, in a list without them.

use serde_json::Value;

use super::document::{Stage, Transfer};
use crate::inventory::places;
use crate::object::Object;
use crate::state::State;

/// Keys that a list row does not have.
#[rustfmt::skip]
const DETAIL_ONLY: [&str; 6] = [
    "line_items", "approvers_list", "show_convert_to_receive", "tracking_statuses", "created_by_id",
    "is_advanced_tracking_missing",
];

/// A document alone.
pub(crate) fn detail(state: &State, one: &Transfer) -> Value {
    let mut shown = one.shown.clone();
    received(&mut shown, one.stage);
    let lines = shown.get_mut("line_items").and_then(Value::as_array_mut).into_iter().flatten();
    for line in lines.filter_map(Value::as_object_mut) {
        received(line, one.stage);
    }
    places::shown(state, &mut shown);
    shown.into()
}

/// A row of the list.
pub(crate) fn row(state: &State, one: &Transfer) -> Value {
    let kept = one.shown.iter().filter(|(key, _)| !DETAIL_ONLY.contains(&key.as_str()));
    let mut row: Object = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    received(&mut row, one.stage);
    places::shown(state, &mut row);
    row.into()
}

/// What has arrived is all of it, or nothing: no call receives a part.
fn received(object: &mut Object, stage: Stage) {
    if stage == Stage::Transferred
        && let Some(all) = object.get("quantity_transfer").cloned()
    {
        object.insert("quantity_transferred".to_owned(), all);
    }
}
