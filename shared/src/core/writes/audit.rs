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
    /// The rows are in this table.
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

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use super::*;
    use crate::base::clock::SetClock;
    use crate::core::access::key::{Keys, NewKey};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test]
    async fn entries_are_read_newest_first_by_pages_and_kept_as_long_as_the_operator_set() {
        let clock = Arc::new(SetClock::at_ten());
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        let audit = Audit::new(stores.state.clone(), clock.clone()).kept_for(days(40));
        let name = ConnectionName::default();
        let wanted = NewKey::new("agent", vec!["inventory:stock".parse().unwrap()], vec![name.clone()]);
        let (key, _) = Keys::new(stores.state.clone(), clock.clone()).create(wanted).await.unwrap();
        for action in ["first", "second", "third"] {
            let mut entry = audit.entry(&key, &name, action, Value::Null, Value::Null);
            audit.begin(&entry).await.unwrap();
            audit.begin(&entry).await.expect_err("it never takes the place of another");
            entry.outcome = Outcome::Done;
            audit.end(&entry).await.unwrap();
            clock.shift(SignedDuration::from_secs(1));
        }
        let page = async |below: Option<String>| {
            let (entries, next) = audit.list(&name, below, 2).await.unwrap();
            let told: Vec<_> = entries.into_iter().map(|entry| (entry.action, entry.outcome)).collect();
            (told, next)
        };
        let done = |action: &str| (action.to_owned(), Outcome::Done);
        let (newest, next) = page(None).await;
        assert_eq!(newest, [done("third"), done("second")]);
        assert!(next.is_some());
        assert_eq!(page(next).await, (vec![done("first")], None));
        let (of_another, _) = audit.list(&"other".parse().unwrap(), None, 2).await.unwrap();
        assert!(of_another.is_empty(), "a connection has its own entries");

        clock.shift(days(39));
        assert_eq!(page(None).await.0.len(), 2);
        clock.shift(days(2));
        assert_eq!(page(None).await, (Vec::new(), None));
    }
}
