//! What was written to Zoho in an agent's name: when, by which key, before and after. Kept for 13 months, where nothing else is set.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use crate::base::id::{ConnectionName, time_ordered};
use crate::base::settings::Retention;
use crate::core::access::key::ServiceKey;
use crate::store::{self, Condition, Key, Order, Put, Query, Row, StoreError, Table};

/// One write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its id, which sorts by time.
    pub id: String,
    /// When it was sent.
    pub at: Timestamp,
    /// By which key.
    pub key: String,
    /// What the operator calls that key.
    pub key_label: String,
    /// With which connection.
    pub connection: ConnectionName,
    /// The request: `POST /v1/inventory/salesorders`.
    pub action: String,
    /// The record, where it is known: `salesorder/33…`.
    pub subject: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What the record was before, where there was one.
    pub before: Value,
    /// What was asked for, or what the record is after.
    pub after: Value,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was sent. If this stays the last word, the process died before the end.
    Sent,
    /// Zoho did it.
    Done,
    /// Zoho refused it, or it never left.
    Refused,
    /// Nobody knows: Zoho was silent.
    Uncertain,
}

/// The entries of an installation.
pub struct Audit {
    state: Arc<dyn Table>,
    clock: SharedClock,
    retention: SignedDuration,
}

impl Audit {
    /// In this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock, retention: Retention::default().audit }
    }

    /// The same, with entries that are kept so long.
    #[must_use]
    pub fn kept_for(self, retention: SignedDuration) -> Self {
        Self { retention, ..self }
    }

    /// A new entry, of what is about to be sent.
    pub fn entry(
        &self,
        key: &ServiceKey,
        connection: &ConnectionName,
        action: &str,
        before: Value,
        after: Value,
    ) -> Entry {
        let at = self.clock.now();
        Entry {
            id: time_ordered(at),
            at,
            key: key.id.clone(),
            key_label: key.label.clone(),
            connection: connection.clone(),
            action: action.to_owned(),
            subject: None,
            outcome: Outcome::Sent,
            before,
            after,
        }
    }

    /// Writes down what is about to be sent. It never takes the place of another entry.
    ///
    /// # Errors
    /// Where the store fails: then nothing may be sent.
    pub async fn begin(&self, entry: &Entry) -> Result<(), StoreError> {
        match self.put(entry, Condition::Absent).await?.is_done() {
            true => Ok(()),
            false => Err(StoreError::Unavailable(format!("the audit has an entry {} already", entry.id))),
        }
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn end(&self, entry: &Entry) -> Result<(), StoreError> {
        self.put(entry, Condition::Any).await.map(drop)
    }

    async fn put(&self, entry: &Entry, condition: Condition) -> Result<store::Outcome, StoreError> {
        let key = Key::new(partition(&entry.connection), &entry.id);
        self.state.put(Put::record(key, entry, condition)?.until(later(entry.at, self.retention))).await
    }

    /// A page, newest first, and the id below which the next one begins. An entry that cannot be read is left out and logged: it
    /// keeps nobody from the others. `below` is the id of the last entry seen.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(
        &self,
        connection: &ConnectionName,
        below: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<String>), StoreError> {
        let query =
            Query { below, order: Order::Descending, ..Query::partition(partition(connection), limit) };
        let page = self.state.query(query).await?;
        let next = page.next.and(page.rows.last()).map(|row| row.key.sort.clone());
        let read = |row: &Row| {
            row.read()
                .inspect_err(|error| tracing::error!(%error, "an entry of the audit cannot be read"))
                .ok()
        };
        Ok((page.rows.iter().filter_map(read).collect(), next))
    }
}

fn partition(connection: &ConnectionName) -> String {
    format!("audit#{connection}")
}
