//! The machine's time, moved ahead at will.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shared::base::clock::{Clock, SignedDuration, SystemClock, Timestamp, later};

/// A clock that runs as the machine's does, ahead of it by as much as it was told.
#[derive(Debug, Default)]
pub struct AheadClock(AtomicI64);

impl AheadClock {
    /// Moves it further ahead.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(
            i64::try_from(by.as_millis()).expect("a test advances by less than an age"),
            Ordering::SeqCst,
        );
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        later(SystemClock.now(), SignedDuration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}
