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

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        later(SystemClock.now(), SignedDuration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}
