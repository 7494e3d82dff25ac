//! What came of a reconciliation, as JSON by pages, as a table, and as one page for people.

pub(super) mod csv;
pub(super) mod html;
pub(super) mod json;
mod words;

use std::cmp::Reverse;
use std::collections::HashMap;

use rust_decimal::Decimal;
use shared::base::id::ConnectionName;

use super::head::Head;
use super::parts::{Ended, Part, by_line};
use super::row::Row;

/// All that a report is made of.
pub(super) struct Report<'a> {
    connection: &'a ConnectionName,
    head: &'a Head,
    rows: &'a [Row],
    ended: HashMap<u32, (&'a Ended, Option<&'a str>)>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        connection: &'a ConnectionName,
        head: &'a Head,
        rows: &'a [Row],
        parts: &'a [Part],
    ) -> Self {
        Self { connection, head, rows, ended: by_line(parts) }
    }

    /// Rows of a kind: what is worth most first, then what is most, then by line.
    fn sorted(&self, wanted: impl Fn(&Row) -> bool) -> Vec<&'a Row> {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| wanted(row)).collect();
        let size = |amount: Option<Decimal>| amount.unwrap_or_default().abs();
        rows.sort_by_cached_key(|row| {
            (Reverse(size(row.value())), Reverse(size(row.difference())), row.line)
        });
        rows
    }
}

/// An amount of money, as people read it.
fn money(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}
