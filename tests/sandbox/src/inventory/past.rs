//! The old figures that item reads may still show for a while. Reads need them as well as what moves stock, so they stand below
//! both.

use jiff::Timestamp;

use super::list::text;
use crate::clock::earlier;
use crate::object::Object;
use crate::state::State;

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
