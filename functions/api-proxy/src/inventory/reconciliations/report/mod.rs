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
        let rows: Vec<&Row> = self.rows.iter().filter(|row| wanted(row)).collect();
        by_size(&rows)
    }
}

/// Each size is worked out once. The standard library's own way to do that would be compiled for each width of an index.
fn by_size<'a>(rows: &[&'a Row]) -> Vec<&'a Row> {
    let size = |amount: Option<Decimal>| Reverse(amount.unwrap_or_default().abs());
    let sized = |row: &Row| (size(row.value()), size(row.difference()), row.line);
    let mut order: Vec<_> = rows.iter().enumerate().map(|(place, row)| (sized(row), place)).collect();
    order.sort_unstable();
    order.into_iter().filter_map(|(_, place)| rows.get(place).copied()).collect()
}

/// An amount of money, as people read it.
fn money(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}
