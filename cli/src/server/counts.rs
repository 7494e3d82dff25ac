//! The counts of calls of this process, stored beside the requests: each minute, and at the end. A process that is killed loses
//! those of its last minute.

use std::time::Duration;

use shared::base::call_counts::CallCounts;
use shared::base::clock::SharedClock;
use shared::base::secret::random_hex;
use shared::core::call_history::CallHistory;
use shared::core::services::Services;

const STORE_INTERVAL: Duration = Duration::from_secs(60);

/// The counts, and where they are stored.
pub(crate) struct StoredCounts {
    counts: CallCounts,
    history: CallHistory,
    process: String,
    clock: SharedClock,
}

impl StoredCounts {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            counts: CallCounts::new(services.clock.clone()),
            history: CallHistory::new(services.stores.state.clone()),
            process: random_hex::<4>(),
            clock: services.clock.clone(),
        }
    }

    /// What requests carry.
    pub(crate) fn counts(&self) -> CallCounts {
        self.counts.clone()
    }

    /// Stores them each minute, until it is dropped.
    pub(crate) async fn run(&self) {
        loop {
            self.clock.sleep(STORE_INTERVAL).await;
            self.store().await;
        }
    }

    /// Stores what is not stored yet. What fails is stored the next time.
    pub(crate) async fn store(&self) {
        for hour in self.counts.unstored() {
            match self.history.put(&self.process, hour.hour, hour.counted).await {
                Ok(()) => self.counts.stored(hour.hour, hour.calls),
                Err(error) => tracing::warn!(%error, "the counts of calls could not be stored"),
            }
        }
    }
}
