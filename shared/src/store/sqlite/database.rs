//! One open database: its two connections, and when what has ended was removed last.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::worker::Worker;
use crate::base::clock::SharedClock;

/// Milliseconds between two removals of rows that have ended: nobody sees them meanwhile.
const REMOVAL_INTERVAL: i64 = 1000;

#[derive(Clone)]
pub(super) struct Database {
    pub(super) writer: Worker,
    pub(super) reader: Worker,
    pub(super) clock: SharedClock,
    /// When rows that have ended were removed last, in milliseconds.
    removed_at: Arc<AtomicI64>,
}

impl Database {
    pub(super) fn new(writer: Worker, reader: Worker, clock: SharedClock) -> Self {
        Self { writer, reader, clock, removed_at: Arc::default() }
    }

    /// Whether this write also removes what has ended.
    pub(super) fn is_time_to_remove(&self, now: i64) -> bool {
        let last = self.removed_at.load(Ordering::Relaxed);
        // A clock that was set back removes again, too.
        let due = now.abs_diff(last) >= REMOVAL_INTERVAL.unsigned_abs();
        due && self.removed_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
