//! The credits of CRM. Zoho names the rest of the day's credits only once half of them are used. It is stored for all processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::store_call::STORE_TIMEOUT;
use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_younger, later};
use crate::store::{Condition, Key, Put, StoreError, Table};
use crate::zoho::data_centre::DataCentre;

/// How often a process stores the rest, and how long it is shown: Zoho counts the last 24 hours.
const WRITE_INTERVAL: SignedDuration = SignedDuration::from_secs(60);
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// The rest of CRM's credits, by organisation.
pub struct Credits {
    state: Arc<dyn Table>,
    clock: SharedClock,
    written: Mutex<HashMap<String, Timestamp>>,
}

/// The rest of the credits, as Zoho named it last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remaining {
    /// The credits that are left of those for 24 hours.
    pub credits_remaining: u64,
    /// When Zoho named it.
    pub as_of: Timestamp,
}

impl Credits {
    pub(super) fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock, written: Mutex::default() }
    }

    /// Stores the rest that an answer names, at most once a minute.
    pub async fn learn(&self, data_centre: DataCentre, organization: &str, left: u64) {
        let (key, now) = (key(data_centre, organization), self.clock.now());
        {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            if written.get(&key.partition).is_some_and(|at| is_younger(*at, now, WRITE_INTERVAL)) {
                return;
            }
            written.insert(key.partition.clone(), now);
        }
        let record = Remaining { credits_remaining: left, as_of: now };
        let write = async {
            let put = Put::record(key, &record, Condition::Any)?.until(later(now, RETENTION));
            self.state.put(put).await
        };
        if !matches!(timeout(STORE_TIMEOUT, write).await, Ok(Ok(_))) {
            tracing::warn!("what is left of CRM's credits could not be written down");
        }
    }

    /// The rest that Zoho named last, if it did within 24 hours.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn stored(
        &self,
        data_centre: DataCentre,
        organization: &str,
    ) -> Result<Option<Remaining>, StoreError> {
        self.state.get(&key(data_centre, organization)).await?.map(|row| row.read()).transpose()
    }
}

fn key(data_centre: DataCentre, organization: &str) -> Key {
    Key::new(format!("quota#{data_centre}/{organization}"), "crm")
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::base::clock::Clock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    /// Milliseconds. Not tokio's paused time: that would run on to the timeout of each call of the store.
    struct Standing(AtomicI64);

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    #[tokio::test]
    async fn the_rest_is_stored_once_a_minute_and_shown_for_a_day() {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let clock = Arc::new(Standing(AtomicI64::new(start.as_millisecond())));
        let advance = |by: i64| clock.0.fetch_add(by, Ordering::SeqCst);
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let credits = Credits::new(stores.state, clock.clone());
        let rest = async |organization: &str| {
            let found = credits.stored(DataCentre::Eu, organization).await.unwrap();
            found.map(|found| found.credits_remaining)
        };
        assert_eq!(rest("1").await, None);
        credits.learn(DataCentre::Eu, "1", 40).await;
        credits.learn(DataCentre::Eu, "2", 7).await;
        advance(59_999);
        credits.learn(DataCentre::Eu, "1", 39).await;
        assert_eq!((rest("1").await, rest("2").await), (Some(40), Some(7)));
        advance(1);
        credits.learn(DataCentre::Eu, "1", 38).await;
        assert_eq!(rest("1").await, Some(38));
        let as_of = credits.stored(DataCentre::Eu, "1").await.unwrap().unwrap().as_of;
        assert_eq!(as_of.to_string(), "2026-11-22T10:01:00Z");
        assert!(credits.stored(DataCentre::Us, "1").await.unwrap().is_none());
        advance(24 * 3_600_000 - 1);
        assert_eq!((rest("1").await, rest("2").await), (Some(38), None));
        advance(1);
        assert_eq!(rest("1").await, None);
        // A clock that is set back keeps nothing from being stored.
        credits.learn(DataCentre::Eu, "1", 37).await;
        advance(-3_600_000);
        credits.learn(DataCentre::Eu, "1", 36).await;
        assert_eq!(rest("1").await, Some(36));
    }
}
