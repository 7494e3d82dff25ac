//! An adjustment, as the shop keeps it. It stands apart from the calls, which need the shop.

use jiff::Timestamp;

use crate::inventory::moves::Move;
use crate::object::Object;

/// A document, and the stock that it moves.
#[derive(Debug, Clone)]
pub(crate) struct Adjustment {
    pub(crate) shown: Object,
    pub(crate) moves: Vec<Move>,
    /// Whether it has moved its stock.
    pub(crate) moved: bool,
    pub(crate) made: Timestamp,
}
