//! A movement of stock, as documents keep it. It knows nothing of the state, because the documents are part of that.

use super::amount::Amount;

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
