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
    /// What performs it.
    pub id: String,
    /// Until when.
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
    /// In this table.
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
