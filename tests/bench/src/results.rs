//! All figures of a run, by contender.

use crate::contenders::Contender;
use crate::figures::{Figures, percentile};
use crate::instructions::Counts;

/// A contender and what was measured of it.
pub(crate) struct Row {
    pub(crate) contender: Contender,
    pub(crate) figures: Figures,
    /// What valgrind counted, if that was asked for.
    pub(crate) counts: Option<Counts>,
}

/// A direct call and what was measured of it, in microseconds.
pub(crate) struct DirectRow {
    pub(crate) contender: Contender,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl DirectRow {
    pub(crate) fn of(contender: Contender, taken: Vec<f64>) -> Self {
        Self { contender, p50: percentile(taken.clone(), 50), p99: percentile(taken, 99) }
    }
}

/// All rows.
pub(crate) struct Results {
    pub(crate) rounds: usize,
    pub(crate) events: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) direct: Vec<DirectRow>,
}

impl Results {
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.contender.id == id)
    }

    /// The figures of the floor, which is the first contender.
    pub(crate) fn floor(&self) -> &Figures {
        &self.rows[0].figures
    }

    pub(crate) fn direct_p50(&self, id: &str) -> Option<f64> {
        self.direct.iter().find(|row| row.contender.id == id).map(|row| row.p50)
    }

    /// What cannot be avoided of a warm event: an empty function, and the call that it makes, in microseconds.
    pub(crate) fn unavoidable(&self, contender: &Contender) -> f64 {
        let call = contender.direct.and_then(|id| self.direct_p50(id)).unwrap_or(0.0);
        self.floor().p50 + call
    }
}

impl Row {
    /// The binary that is deployed, in MB of 1,000,000 bytes, as the limit of the project counts.
    pub(crate) fn binary_mb(&self) -> Option<f64> {
        let bytes = std::fs::metadata(self.contender.binary.as_ref()?).unwrap().len();
        Some(crate::figures::count(bytes) / 1e6)
    }
}
