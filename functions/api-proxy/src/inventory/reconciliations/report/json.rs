//! The answers of a reconciliation.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;

use super::{Report, words};
use crate::inventory::decimals::{json as number, json_or_null};
use crate::inventory::reconciliations::head::{Head, State};
use crate::inventory::reconciliations::row::{Named, Outcome, Row};
use crate::inventory::stock::Basis;

/// Where reconciliations are.
pub(in super::super) const PATH: &str = "/v1/inventory/reconciliations";

/// The names of what people wrote.
const UNTRUSTED: &[&str] = &["name", "reason", "data"];

/// A reconciliation.
#[derive(Serialize)]
pub(in super::super) struct Shown<'a> {
    id: &'a str,
    name: Option<&'a str>,
    state: &'static str,
    created: Timestamp,
    compared: Option<Timestamp>,
    valid_until: Timestamp,
    counted_at: Option<Timestamp>,
    reason: Option<&'a str>,
    basis: Basis,
    /// Of `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    done: usize,
    total: usize,
    /// Calls to Zoho so far.
    calls: u32,
    summary: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<RowShown<'a>>>,
    next: Option<String>,
    /// After how many seconds that makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    untrusted: &'static [&'static str],
}

/// Shows a head.
pub(in super::super) fn shown(head: &Head) -> Shown<'_> {
    let (done, total) = head.progress();
    Shown {
        id: &head.id,
        name: head.name.as_deref(),
        state: head.state.as_str(),
        created: head.created,
        compared: head.compared,
        valid_until: head.valid_until,
        counted_at: head.counted_at,
        reason: head.reason.as_deref(),
        basis: head.basis.unwrap_or_default(),
        currency: head.currency.as_deref(),
        done,
        total,
        calls: head.calls,
        summary: summary(head),
        data: None,
        next: None,
        retry_after: None,
        notice: None,
        untrusted: UNTRUSTED,
    }
}

impl<'a> Shown<'a> {
    /// With where to go on, where something is left to do.
    pub(in super::super) fn going_on(mut self, head: &Head, retry_after: Option<u64>) -> Self {
        let step = match head.state {
            State::Uploading => Some("counts"),
            State::Applying => Some("apply"),
            State::Compared | State::Applied => None,
            _ => Some("compare"),
        };
        self.next = step.map(|step| format!("{PATH}/{}/{step}", head.id));
        self.retry_after = retry_after;
        self
    }

    /// With rows, and where their next page is.
    pub(in super::super) fn with(mut self, rows: Vec<RowShown<'a>>, next: Option<String>) -> Self {
        (self.data, self.next) = (Some(rows), next);
        self
    }

    /// With a word about it.
    pub(in super::super) fn saying(mut self, notice: Option<String>) -> Self {
        self.notice = notice;
        self
    }
}

/// Counts that are 0 are left out but for those that everybody looks for.
fn summary(head: &Head) -> Value {
    let sums = &head.summary;
    let some = |count: usize| (count > 0).then_some(count);
    let applied = (head.apply.parts > 0).then(|| {
        let of = &sums.applied;
        said(json!({
            "adjusted": of.adjusted,
            "pending": some(of.pending),
            "changed": some(of.changed),
            "refused": some(of.refused),
            "uncertain": of.uncertain,
        }))
    });
    said(json!({
        "rows": head.rows,
        "matched": sums.matched,
        "drifted": sums.drifted,
        "unknown": some(sums.unknown),
        "ambiguous": some(sums.ambiguous),
        "unfit": some(sums.unfit),
        "in_transit": some(sums.in_transit),
        "changed_while_counting": some(sums.changed),
        "surplus": number(sums.surplus),
        "shortage": number(sums.shortage),
        "value": number(sums.value),
        "value_unknown": some(sums.value_unknown),
        "applied": applied,
    }))
}

/// An object without what is null.
fn said(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A row. What says nothing is left out.
#[derive(Serialize)]
pub(in super::super) struct RowShown<'a> {
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    counted: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    zoho: Option<Value>,
    #[serde(skip_serializing_if = "Value::is_null")]
    difference: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    changed_while_counting: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adjustment: Option<Value>,
}

/// Which rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Show {
    All,
    Of(Outcome),
    /// Those whose items were changed while they were counted.
    Changed,
}

impl Show {
    /// The words for it.
    pub(in super::super) const WORDS: [&'static str; 7] =
        ["all", "drifted", "matched", "unknown", "ambiguous", "unfit", "changed"];

    pub(in super::super) fn of(word: Option<&str>) -> Option<Self> {
        Some(match word.unwrap_or("all") {
            "all" => Self::All,
            "drifted" => Self::Of(Outcome::Drifted),
            "matched" => Self::Of(Outcome::Matched),
            "unknown" => Self::Of(Outcome::Unknown),
            "ambiguous" => Self::Of(Outcome::Ambiguous),
            "unfit" => Self::Of(Outcome::Unfit),
            "changed" => Self::Changed,
            _ => return None,
        })
    }

    fn takes(self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Of(outcome) => row.outcome == Some(outcome),
            Self::Changed => row.changed,
        }
    }
}

impl<'a> Report<'a> {
    /// A page of rows from this number on, and the number of the next one.
    pub(in super::super) fn page(
        &self,
        show: Show,
        from: usize,
        limit: usize,
    ) -> (Vec<RowShown<'a>>, Option<usize>) {
        let mut page = Vec::new();
        for (index, row) in self.rows.iter().enumerate().skip(from) {
            if !show.takes(row) {
                continue;
            }
            if page.len() == limit {
                return (page, Some(index));
            }
            page.push(self.row(row));
        }
        (page, None)
    }

    fn row(&self, row: &'a Row) -> RowShown<'a> {
        let named = |wanted: fn(&Named) -> Option<&str>| wanted(&row.named);
        let item = row.item.as_ref();
        let product = named(|named| if let Named::Product(id) = named { Some(id) } else { None });
        let basis = self.head.basis.unwrap_or_default();
        let figures = row.zoho.as_ref().map(|of| {
            // A second count that is the same as the first, and was not counted against, says nothing more.
            let other = |own: Basis| of.by(own).filter(|_| own == basis || of.by(own) != of.on_hand);
            said(json!({
                "on_hand": json_or_null(of.on_hand),
                "physical": json_or_null(other(Basis::Physical)),
                "accounting": json_or_null(other(Basis::Accounting)),
                "available": json_or_null(of.available),
                "committed": json_or_null(of.committed),
                "in_transit": json_or_null(of.in_transit.filter(|quantity| !quantity.is_zero())),
            }))
        });
        let adjustment = self.ended.get(&row.line).map(|(ended, id)| {
            said(json!({
                "id": id,
                "outcome": ended.ending.as_str(),
                "before": json_or_null(ended.before),
                "after": json_or_null(ended.after),
                "why": ended.why,
            }))
        });
        let amount = |amount: Option<Decimal>| json_or_null(amount);
        RowShown {
            line: row.line,
            sku: item.and_then(|item| item.sku.as_deref()).or(row.sku()),
            item_id: item.map(|item| item.id.as_str()),
            product_id: product,
            name: item.and_then(|item| item.name.as_deref()),
            unit: item.and_then(|item| item.unit.as_deref()),
            location_id: row.spot().map(|spot| spot.id.as_str()),
            location: location(row),
            counted: number(row.counted),
            zoho: figures,
            difference: amount(row.difference()),
            value: amount(row.value()),
            outcome: row.outcome.map(Outcome::as_str),
            changed_while_counting: row.changed,
            why: words::why(row),
            adjustment,
        }
    }
}

/// What people call the location of a row.
pub(super) fn location(row: &Row) -> Option<&str> {
    use crate::inventory::reconciliations::row::Where;
    match &row.location {
        Where::Only => None,
        Where::Called(name) => Some(name),
        Where::At(spot) | Where::Mapped(spot) => spot.name.as_deref(),
    }
}
