//! A transfer order, as the shop keeps it. It stands apart from the calls, which need the shop.

use crate::inventory::amount::Amount;
use crate::inventory::moves::Move;
use crate::object::Object;

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Draft,
    InTransit,
    Transferred,
}

impl Stage {
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InTransit => "in_transit",
            Self::Transferred => "transferred",
        }
    }
}

/// A document, and what it takes from one place to another.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) shown: Object,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) lines: Vec<(String, Amount)>,
    pub(crate) stage: Stage,
}

impl Transfer {
    /// The movements from one stage to a later one.
    pub(crate) fn moves(&self, was: Stage, becomes: Stage) -> Vec<Move> {
        if self.from == self.to {
            return Vec::new();
        }
        let mut moves = Vec::new();
        for (item, quantity) in &self.lines {
            if was == Stage::Draft && becomes != Stage::Draft {
                moves.push(Move::on_hand(item, &self.from, -*quantity));
            }
            match (was, becomes) {
                (Stage::Draft, Stage::InTransit) => moves.push(Move::in_transit(item, &self.to, *quantity)),
                (Stage::Draft, Stage::Transferred) => moves.push(Move::on_hand(item, &self.to, *quantity)),
                (Stage::InTransit, Stage::Transferred) => {
                    moves.push(Move::in_transit(item, &self.to, -*quantity));
                    moves.push(Move::on_hand(item, &self.to, *quantity));
                }
                _ => {}
            }
        }
        moves
    }
}
