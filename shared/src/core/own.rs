//! Our own writes, as Zoho's events tell them back: a record and the time at which our write changed it. An agent that was
//! woken by what it did itself would never rest.

use std::sync::Arc;

use serde_json::Value;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Put, StoreError, Table};
use crate::zoho::value::timestamp;

/// Zoho tells of a change within minutes; what it did not tell is found within an hour, or once Zoho is reached again.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

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
    ) -> Result<(), StoreError> {
        let named =
            ["last_modified_time", "Modified_Time"].iter().find_map(|name| record.get(name)?.as_str());
        let Some(at) = named.and_then(timestamp) else { return Ok(()) };
        let put = Put::record(key(connection, subject, at), &(), Condition::Any)?;
        self.state.put(put.until(later(self.clock.now(), KEPT))).await.map(drop)
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
        Ok(self.state.get(&key(connection, subject, at)).await?.is_some())
    }
}

/// Zoho's times have seconds.
fn key(connection: &ConnectionName, subject: &str, at: Timestamp) -> Key {
    Key::new(format!("own#{connection}"), format!("{subject}#{}", at.as_second()))
}
