//! Documents that people make in Zoho's own pages, and the true stock.

use serde_json::Value;

use super::adjustments::document::Adjustment;
use super::adjustments::{self, build, line};
use super::amount::Amount;
use super::list::text;
use super::moves::Move;
use super::salesorders::{self, status};
use super::{data, figures, places, stock};
use crate::api::PlaceStock;
use crate::clock;
use crate::object::Object;
use crate::state::State;

/// Somebody who is not the connector's user.
const SOMEBODY: (&str, &str) = ("3300000000000907", "Ole Brandt");

/// Moves stock by an adjustment that somebody makes. No lock, place or approval stops a person in a test.
pub(crate) fn adjust(
    state: &mut State,
    (item, place, delta): (&str, &str, Amount),
    keys: &Object,
) -> Option<String> {
    let place = places::find(state, place)?;
    let found = state.items.by_id(item).filter(|item| stock::tracked(item))?.clone();
    let line_id = state.shop.id();
    let line = line::shown(state, &found, &Object::new(), (line_id, 0, delta, false), &place);
    let mut shown = build::document(state, vec![line], &place, SOMEBODY);
    shown.insert("reason".to_owned(), "Damaged goods".into());
    shown.extend(keys.clone());
    let reason = text(&shown, "reason").to_owned();
    shown.insert("reason_id".to_owned(), state.shop.reason_id(&reason).into());
    let made = clock::parse(text(&shown, "created_time")).unwrap_or_else(|| state.now());
    let moves = vec![Move::on_hand(item, &place.0, delta)];
    Some(adjustments::add(state, Adjustment { shown, moves, moved: false, made }, false))
}

/// A sales order, confirmed unless it is to be a draft.
pub(crate) fn order(state: &mut State, wanted: &Object) -> Option<String> {
    let order = salesorders::draft(state, wanted, None, true).ok()?;
    let id = text(&order, "salesorder_id").to_owned();
    salesorders::keep(state, &order);
    if text(wanted, "status") != "draft" {
        status::apply(state, &id, "confirmed").ok()?;
    }
    Some(id)
}

/// Confirms or voids an order.
pub(crate) fn set_order_status(state: &mut State, id: &str, wanted: &str) -> bool {
    salesorders::position(state, id).is_some()
        && ["confirmed", "void"].contains(&wanted)
        && status::apply(state, id, wanted).is_ok()
}

/// A new place; every item has nothing there.
pub(crate) fn add_location(state: &mut State, name: &str) -> String {
    let id = state.shop.id();
    let primary = state.shop.locations.first().map(|place| text(place, "location_id").to_owned());
    let primary = primary.unwrap_or_default();
    let location = data::location([&id, name, "line_item_only", &primary, "Bremen", "Weser 1"]);
    for item in state.items.iter_mut().filter(|item| stock::tracked(item)) {
        if let Some(places) = item.get_mut("locations").and_then(Value::as_array_mut) {
            places.push(figures::nothing_at(&location));
        }
    }
    state.shop.locations.push(location);
    id
}

/// The true stock of an item, place by place.
pub(crate) fn figures(state: &State, id: &str) -> Vec<PlaceStock> {
    let places = state.items.by_id(id).and_then(|item| item.get("locations")).and_then(Value::as_array);
    let places = places.into_iter().flatten().filter_map(Value::as_object);
    places
        .map(|place| {
            let figure = |key: &str| {
                place.get(&format!("location_{key}")).and_then(Amount::of).unwrap_or_default().text()
            };
            PlaceStock {
                location_id: text(place, "location_id").to_owned(),
                location_name: text(place, "location_name").to_owned(),
                on_hand: figure("stock_on_hand"),
                accounting: figure("available_stock"),
                physical: figure("actual_available_stock"),
                committed: figure("committed_stock"),
                in_transit: figure("quantity_in_transit"),
            }
        })
        .collect()
}
