//! Previews: what a write would do, kept for a quarter of an hour. The same request with the preview's id performs it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use crate::base::secret::random_hex;
use crate::store::{Condition, Key, Put, StoreError, Table};

const PARTITION: &str = "preview";

/// How long a preview can be performed.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// What its id begins with, so that it is not taken for a key of the caller's own.
const PREFIX: &str = "zcp_";

#[derive(Serialize, Deserialize)]
struct Record {
    /// Whose: the service key.
    owner: String,
    /// The digest of the request.
    request: String,
    plan: Value,
}

/// A preview that was stored.
pub struct Preview {
    /// The `Idempotency-Key` that performs it.
    pub id: String,
    /// Until when it can be performed.
    pub until: Timestamp,
}

/// What a key is the id of.
pub enum Found {
    /// A preview of this very request: its plan.
    Same(Value),
    /// A preview of this caller's that was of another request.
    Differs,
    /// No preview of this caller's, or one whose time is over.
    None,
}

/// The previews of an installation.
pub struct Previews {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl Previews {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Whether a key is the id of a preview, and not of the caller's own making.
    pub fn is_id(key: &str) -> bool {
        key.starts_with(PREFIX)
    }

    /// Keeps one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keep(&self, owner: &str, request: &str, plan: Value) -> Result<Preview, StoreError> {
        let id = format!("{PREFIX}{}", random_hex::<12>());
        let until = later(self.clock.now(), LIFETIME);
        let record = Record { owner: owner.to_owned(), request: request.to_owned(), plan };
        self.state
            .put(Put::record(Key::new(PARTITION, &id), &record, Condition::Absent)?.until(until))
            .await?;
        Ok(Preview { id, until })
    }

    /// The preview whose id a key is.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn find(&self, owner: &str, key: &str, request: &str) -> Result<Found, StoreError> {
        if !Self::is_id(key) {
            return Ok(Found::None);
        }
        let Some(row) = self.state.get(&Key::new(PARTITION, key)).await? else { return Ok(Found::None) };
        let record: Record = row.read()?;
        Ok(match record.owner == owner {
            true if record.request == request => Found::Same(record.plan),
            true => Found::Differs,
            false => Found::None,
        })
    }
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::base::clock::TokioClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test(start_paused = true)]
    async fn a_preview_is_found_by_its_owner_and_request_for_a_quarter_of_an_hour() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let previews = Previews::new(stores.state, clock);
        let kept = previews.keep("k", "r", json!("plan")).await.unwrap();
        assert!(Previews::is_id(&kept.id) && !Previews::is_id("my-own-key"));
        assert_eq!(kept.until.to_string(), "2026-11-22T10:15:00Z");
        let find = async |owner, key: &str, request| previews.find(owner, key, request).await.unwrap();
        assert!(matches!(find("k", &kept.id, "r").await, Found::Same(plan) if plan == "plan"));
        assert!(matches!(find("k", &kept.id, "other").await, Found::Differs));
        assert!(matches!(find("l", &kept.id, "r").await, Found::None), "another's");
        assert!(matches!(find("k", "zcp_0", "r").await, Found::None));
        assert!(matches!(find("k", "my-own-key", "r").await, Found::None));
        tokio::time::advance(Duration::from_secs(15 * 60 - 1)).await;
        assert!(matches!(find("k", &kept.id, "r").await, Found::Same(_)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(matches!(find("k", &kept.id, "r").await, Found::None));
    }
}
