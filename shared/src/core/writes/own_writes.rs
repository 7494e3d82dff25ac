//! Our own writes, as Zoho's events tell them back: a record and the time at which our write changed it. An agent that was
//! woken by what it did itself would never rest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Put, StoreError, Table};
use crate::zoho::value::timestamp;

/// Zoho sends a change within minutes; polling finds the others within an hour, or when Zoho answers again.
const RETENTION: SignedDuration = SignedDuration::from_hours(48);

/// The longest chain of own writes that is followed back. A longer one may hide a change of somebody else.
const MAX_CHAIN: usize = 50;

/// When a record had been changed last before a write of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// Never: the write made it.
    New,
    /// Then.
    At(Timestamp),
    /// The writer did not know.
    Unknown,
}

/// The marks of an installation.
#[derive(Clone)]
pub struct OwnWrites {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl OwnWrites {
    /// In this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Remembers a write by what it was answered. An answer without a time leaves no mark.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn mark(
        &self,
        connection: &ConnectionName,
        subject: &str,
        record: &Value,
        before: Before,
    ) -> Result<(), StoreError> {
        let named =
            ["last_modified_time", "Modified_Time"].iter().find_map(|name| record.get(name)?.as_str());
        let Some(at) = named.and_then(timestamp) else { return Ok(()) };
        let within = matches!(before, Before::At(before) if before.as_second() == at.as_second());
        if within && self.is_own(connection, subject, at).await? {
            // Another write of ours in the same second: what was before that one counts.
            return Ok(());
        }
        let put = Put::record(key(connection, subject, at), &before, Condition::Any)?;
        self.state.put(put.until(later(self.clock.now(), RETENTION))).await.map(drop)
    }

    /// Whether the record was changed at that time by a write of ours.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn is_own(
        &self,
        connection: &ConnectionName,
        subject: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.read(connection, subject, at).await?.is_some())
    }

    /// When somebody else changed the record right before our writes that end with the one of that time, unless that change is
    /// known: the record's own time, which is ours now, hides it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn hidden(
        &self,
        connection: &ConnectionName,
        subject: &str,
        mut at: Timestamp,
        is_known: impl Fn(Timestamp) -> bool,
    ) -> Result<Option<Timestamp>, StoreError> {
        for _ in 0..MAX_CHAIN {
            match self.read(connection, subject, at).await? {
                Some(Before::New | Before::Unknown) => return Ok(None),
                Some(Before::At(before)) if is_known(before) => return Ok(None),
                Some(Before::At(before)) if before.as_second() < at.as_second() => at = before,
                Some(Before::At(_)) | None => break,
            }
        }
        Ok(Some(at))
    }

    async fn read(
        &self,
        connection: &ConnectionName,
        subject: &str,
        at: Timestamp,
    ) -> Result<Option<Before>, StoreError> {
        let row = self.state.get(&key(connection, subject, at)).await?;
        // Older marks are empty.
        row.map(|row| Ok(row.read::<Option<Before>>()?.unwrap_or(Before::Unknown))).transpose()
    }
}

/// Zoho's times have seconds.
fn key(connection: &ConnectionName, subject: &str, at: Timestamp) -> Key {
    Key::new(format!("own#{connection}"), format!("{subject}#{}", at.as_second()))
}
