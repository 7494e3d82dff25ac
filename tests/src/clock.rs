//! Time that a test moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shared::base::clock::{Clock, Timestamp};

/// A clock that stands still until it is moved: nothing depends on how long a machine takes.
#[derive(Debug)]
pub struct StandingClock(AtomicI64);

/// When it all begins: after what the stand-in Zoho holds, and not at the start of a second, as hardly anything is.
const START: &str = "2026-12-01T10:00:00.25Z";

impl Default for StandingClock {
    fn default() -> Self {
        Self::at(START.parse().expect("it is a time"))
    }
}

impl StandingClock {
    /// One that shows this moment, in milliseconds.
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millisecond()))
    }

    /// Moves it ahead.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("a test advances by less than an age");
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).expect("a test lives within our era")
    }
}

/// Lets so much time pass for the timers of a runtime of one thread: every wait of this test's own process that is shorter ends.
pub async fn pass(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

/// Waits until something is so. What never comes fails the test after two minutes, which is no promise about time.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waiting).await.unwrap_or_else(|_| panic!("never {what}"));
}
