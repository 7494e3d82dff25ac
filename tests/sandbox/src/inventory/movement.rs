//! The stock that a document moves, and the old figures that item reads may still show for a while.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::amount::Amount;
use super::list::text;
use super::{change, stock};
use crate::clock::{earlier, inventory_time};
use crate::object::Object;
use crate::state::State;

/// One movement of an item's stock.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) item: String,
    pub(crate) place: String,
    pub(crate) delta: Amount,
    pub(crate) kind: Kind,
}

/// Which stock is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OnHand,
    InTransit,
}

impl Move {
    pub(crate) fn on_hand(item: &str, place: &str, delta: Amount) -> Self {
        Self { item: item.to_owned(), place: place.to_owned(), delta, kind: Kind::OnHand }
    }

    pub(crate) fn in_transit(item: &str, place: &str, delta: Amount) -> Self {
        Self { kind: Kind::InTransit, ..Self::on_hand(item, place, delta) }
    }

    pub(crate) fn back(&self) -> Self {
        Self { delta: -self.delta, ..self.clone() }
    }
}

/// Moves stock. It is not known whether Zoho then counts the items as changed. Items that are gone are passed over.
pub(crate) fn perform(state: &mut State, moves: &[Move]) {
    let now = inventory_time(state.now());
    let mut moved = Vec::new();
    let mut seen = HashSet::new();
    for one in moves {
        if seen.insert(one.item.as_str()) {
            remember(state, &one.item);
            moved.push(one.item.as_str());
        }
        let Some(item) = state.items.by_id_mut(&one.item) else { continue };
        match one.kind {
            Kind::OnHand => stock::on_hand(item, Some(&one.place), one.delta),
            Kind::InTransit => stock::in_transit(item, &one.place, one.delta),
        };
    }
    if moved.is_empty() || !state.switches.stock_moves_item_time() {
        return;
    }
    for id in moved {
        let Some(place) = state.items.position(id) else { continue };
        if let Some(item) = state.items.get_mut(place) {
            item.insert("last_modified_time".to_owned(), now.as_str().into());
        }
        change::announce(state, place);
    }
}

/// The first item and place whose stock these movements would take below zero.
pub(crate) fn short<'a>(state: &State, moves: &'a [Move]) -> Option<&'a Move> {
    let mut left = HashMap::new();
    moves.iter().filter(|one| one.kind == Kind::OnHand).find(|one| {
        let held = left.entry((one.item.as_str(), one.place.as_str())).or_insert_with(|| {
            state.items.by_id(&one.item).map(|item| stock::held(item, Some(&one.place))).unwrap_or_default()
        });
        *held += one.delta;
        one.delta.is_negative() && held.is_negative()
    })
}

/// Keeps an item's figures before a change for as long as reads may still show them.
pub(crate) fn remember(state: &mut State, id: &str) {
    if state.switches.stock_lag.is_zero() {
        return;
    }
    let now = state.now();
    if let Some(item) = state.items.by_id(id) {
        state.shop.past.entry(id.to_owned()).or_default().push((now, item.clone()));
    }
}

/// An item as reads show it: as it was, where the last change is too recent.
pub(crate) fn seen<'a>(state: &'a State, item: &'a Object) -> &'a Object {
    let lag = state.switches.stock_lag;
    if lag.is_zero() {
        return item;
    }
    let since: Timestamp = earlier(state.now(), lag);
    let mut past = state.shop.past.get(text(item, "item_id")).into_iter().flatten();
    past.find(|(changed, _)| *changed > since).map_or(item, |(_, old)| old)
}
