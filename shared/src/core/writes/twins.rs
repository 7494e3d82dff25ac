//! Requests that were performed without an `Idempotency-Key` within the last minutes. If the same request comes again, it may be meant, or
//! be a repetition by mistake.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use crate::base::secret::sha256_hex;
use crate::store::{Condition, Key, Outcome, Put, StoreError, Table};

/// The partition of the callers' keys, too, because the function has rights for this part of the table.
const PARTITION: &str = "idempotency";

/// How long a request is remembered: a repetition by mistake comes within this time.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// An earlier request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// When it was performed.
    pub at: Timestamp,
    /// What it made: `note/61…`.
    pub subject: String,
}

/// The requests of an installation.
pub struct Twins {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl Twins {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Notes what a request made, and gives the last one that was the same. `owner` is the service key, `request` a digest of all
    /// that makes the request what it is.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn note(&self, owner: &str, request: &str, subject: &str) -> Result<Option<Twin>, StoreError> {
        let now = self.clock.now();
        // The line break keeps it apart from the keys of callers, which have none.
        let key = Key::new(PARTITION, sha256_hex(format!("{owner}\n{request}").as_bytes()));
        let twin = Twin { at: now, subject: subject.to_owned() };
        let put = |condition| -> Result<Put, StoreError> {
            Ok(Put::record(key.clone(), &twin, condition)?.until(later(now, WINDOW)))
        };
        // A second write is needed only if there is a twin.
        match self.state.put(put(Condition::Absent)?).await? {
            Outcome::Done(_) => Ok(None),
            Outcome::Refused { current, .. } => {
                self.state.put(put(Condition::Any)?).await?;
                current.map(|row| row.read()).transpose()
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::TokioClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test(start_paused = true)]
    async fn a_request_has_a_twin_for_ten_minutes() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let twins = Twins::new(stores.state, clock);
        assert_eq!(twins.note("k", "r", "note/1").await.unwrap(), None);
        for (owner, request) in [("k", "other"), ("other", "r")] {
            assert_eq!(twins.note(owner, request, "note/9").await.unwrap(), None);
        }
        tokio::time::advance(Duration::from_secs(540)).await;
        let twin = twins.note("k", "r", "note/2").await.unwrap().unwrap();
        assert_eq!((twin.subject.as_str(), twin.at.to_string().as_str()), ("note/1", "2026-11-22T10:00:00Z"));
        tokio::time::advance(Duration::from_secs(540)).await;
        assert_eq!(twins.note("k", "r", "note/3").await.unwrap().unwrap().subject, "note/2");
        tokio::time::advance(Duration::from_secs(601)).await;
        assert_eq!(twins.note("k", "r", "note/4").await.unwrap(), None);
    }
}
