//! The head of a reconciliation: what it is about, how far it is, and its sums.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared::base::clock::{SignedDuration, Timestamp, later};

use super::counts::About;
use super::row::{Outcome, Row, Spot, digits};
use crate::inventory::stock::Basis;

/// The version of what is stored.
pub(super) const VERSION: u32 = 1;

/// How long the comparison can be applied.
const VALID: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The most lines of an adjustment.
pub(super) const MAX_LINES: usize = 100;

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// More counts follow.
    Uploading,
    /// Names become items: with the mappings.
    Mapping,
    /// With a call for each SKU.
    LookingUp,
    /// With all items of the organisation; this page is the next.
    Paging(u32),
    /// Items are read with their figures.
    Comparing,
    /// What drifted is known.
    Compared,
    /// Parts of it are adjusted.
    Applying,
    /// All that was asked for was tried.
    Applied,
}

impl State {
    /// As callers see it.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Mapping | Self::LookingUp | Self::Paging(_) => "resolving",
            Self::Comparing => "comparing",
            Self::Compared => "compared",
            Self::Applying => "applying",
            Self::Applied => "applied",
        }
    }

    /// Whether it is known what drifted.
    pub(super) const fn is_compared(&self) -> bool {
        matches!(self, Self::Compared | Self::Applying | Self::Applied)
    }
}

/// The head.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// The key that made it, and what the operator calls that.
    pub(super) key: String,
    pub(super) key_label: String,
    /// The account whose items it is about, and no other's.
    pub(super) account: String,
    /// The organisation's name and currency, for the report.
    pub(super) organization: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) state: State,
    pub(super) created: Timestamp,
    pub(super) valid_until: Timestamp,
    /// When the comparison was complete.
    pub(super) compared: Option<Timestamp>,
    pub(super) basis: Option<Basis>,
    pub(super) reason: Option<String>,
    pub(super) counted_at: Option<Timestamp>,
    /// The location of the counts that do not say one, as it was written.
    pub(super) location: Option<String>,
    /// The organisation's locations, once they are read; none where it lists none.
    #[serde(rename = "places")]
    pub(super) locations: Option<Vec<Spot>>,
    /// A digest of the request that made it, where that had a key of its own.
    #[serde(default)]
    pub(super) request: Option<String>,
    /// Digests of the parts that were uploaded: one that comes again changes nothing.
    pub(super) uploads: Vec<String>,
    pub(super) rows: usize,
    /// The highest line so far.
    pub(super) last_line: u32,
    /// Rows whose item is known, and rows that are done with.
    pub(super) found: usize,
    pub(super) ended: usize,
    pub(super) summary: Summary,
    /// Calls to Zoho so far, and whether somebody agreed to as many as it takes.
    pub(super) calls: u32,
    pub(super) calls_agreed: bool,
    pub(super) apply: Applying,
    /// Until when somebody works on it.
    pub(super) lease: Option<Timestamp>,
}

/// What is known of applying it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Applying {
    /// Which rows were asked for: a digest of the lines.
    pub(super) asked: Option<String>,
    /// How many parts there are, and how many of them are done with.
    pub(super) parts: usize,
    pub(super) done: usize,
    /// How many rows they have, and how many of these are done with.
    pub(super) rows: usize,
    pub(super) rows_done: usize,
    /// How many parts were tried in halves after a refusal.
    pub(super) halved: usize,
    /// The most lines that Zoho takes, where it refused more.
    pub(super) most_lines: Option<usize>,
}

impl Head {
    /// A new one.
    pub(super) fn new(id: String, about: About, created: Timestamp) -> Self {
        Self {
            version: VERSION,
            id,
            name: about.name,
            key: String::new(),
            key_label: String::new(),
            account: String::new(),
            organization: None,
            currency: None,
            state: State::Uploading,
            created,
            valid_until: later(created, VALID),
            compared: None,
            basis: about.basis,
            reason: about.reason,
            counted_at: about.counted_at,
            location: about.location,
            locations: None,
            request: None,
            uploads: Vec::new(),
            rows: 0,
            last_line: 0,
            found: 0,
            ended: 0,
            summary: Summary::default(),
            calls: 0,
            calls_agreed: false,
            apply: Applying::default(),
            lease: None,
        }
    }

    /// How many rows are done, of how many: until it is compared, a row whose item is known is half done.
    pub(super) fn progress(&self) -> (usize, usize) {
        match self.state {
            State::Applying | State::Applied => (self.apply.rows_done, self.apply.rows),
            _ => (usize::midpoint(self.found, self.ended), self.rows),
        }
    }
}

/// The sums of it all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) matched: usize,
    pub(super) drifted: usize,
    pub(super) unknown: usize,
    pub(super) ambiguous: usize,
    pub(super) unfit: usize,
    pub(super) in_transit: usize,
    pub(super) changed: usize,
    /// What is there beyond what Zoho says, and what is missing.
    #[serde(with = "digits")]
    pub(super) surplus: Decimal,
    #[serde(with = "digits")]
    pub(super) shortage: Decimal,
    /// What the differences are worth, as far as that is known, and of how many rows it is not.
    #[serde(with = "digits")]
    pub(super) value: Decimal,
    pub(super) value_unknown: usize,
    /// How the rows ended that were applied.
    #[serde(default)]
    pub(super) applied: AppliedSums,
}

/// How many rows ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AppliedSums {
    pub(super) adjusted: usize,
    pub(super) pending: usize,
    pub(super) changed: usize,
    pub(super) refused: usize,
    pub(super) uncertain: usize,
}

impl Summary {
    /// Of rows that are all compared.
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut sums = Self::default();
        for row in rows {
            match row.outcome {
                Some(Outcome::Matched) => sums.matched += 1,
                Some(Outcome::Drifted) => sums.drift(row),
                Some(Outcome::Unknown) => sums.unknown += 1,
                Some(Outcome::Ambiguous) => sums.ambiguous += 1,
                Some(Outcome::Unfit) => sums.unfit += 1,
                None => {}
            }
            sums.in_transit += usize::from(row.is_in_transit());
            sums.changed += usize::from(row.changed);
        }
        sums
    }

    fn drift(&mut self, row: &Row) {
        self.drifted += 1;
        let add = |sum: &mut Decimal, more: Decimal| *sum = sum.checked_add(more).unwrap_or(*sum);
        let difference = row.difference().unwrap_or_default();
        if difference.is_sign_negative() {
            add(&mut self.shortage, -difference);
        } else {
            add(&mut self.surplus, difference);
        }
        match row.value() {
            Some(value) => add(&mut self.value, value),
            None => self.value_unknown += 1,
        }
    }
}
