//! Performs what documents move, and says whether there is enough for it.

use std::collections::{HashMap, HashSet};

use super::moves::{Kind, Move};
use super::{change, past, stock};
use crate::clock::inventory_time;
use crate::state::State;

/// Moves stock. It is not known whether Zoho then counts the items as changed. Items that are gone are passed over.
pub(crate) fn perform(state: &mut State, moves: &[Move]) {
    let now = inventory_time(state.now());
    let mut moved = Vec::new();
    let mut seen = HashSet::new();
    for one in moves {
        if seen.insert(one.item.as_str()) {
            past::remember(state, &one.item);
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
