//! Reconciliations as they are stored: for each a head, its rows in chunks, and the parts in which it is applied. What these hold is
//! the business of those who work on them. A head changes only from the version that was read, so that of two who work on one
//! reconciliation one finds out.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::clock::{SharedClock, SignedDuration, later};
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Order, Outcome, Put, Query, StoreError, Table, Version, Write};

/// How long reconciliations are kept: as long as the audit of what they changed.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The most counts of one reconciliation.
pub const MAX_COUNTS: usize = 50_000;

/// For how long the same request with the same key means the same reconciliation.
const KEY_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// How many chunks a query gives at once.
const CHUNKS_AT_ONCE: usize = 20;

/// What stands in a row, and how its sort key begins: heads are listed without the rows that belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Some hundreds of counts.
    Rows,
    /// A part of what is applied.
    Part,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Part => "part",
        }
    }
}

/// The reconciliations of an installation.
pub struct Reconciliations {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl Reconciliations {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Writes a head: a new one without a version, else in the place of this version. Nothing where somebody else was faster.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put_head(
        &self,
        connection: &ConnectionName,
        id: &str,
        head: &impl Serialize,
        version: Option<&Version>,
    ) -> Result<Option<Version>, StoreError> {
        let condition = version.map_or(Condition::Absent, |version| Condition::Version(version.clone()));
        let put = Put::record(head_key(connection, id), head, condition)?;
        match self.state.put(put.until(later(self.clock.now(), RETENTION))).await? {
            Outcome::Done(version) => Ok(version),
            Outcome::Refused { .. } => Ok(None),
        }
    }

    /// The id that a request makes a reconciliation under: that of the first one with this mark, a digest of whose it is and of its
    /// key. A head need not be there yet.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn id_of(
        &self,
        connection: &ConnectionName,
        mark: &str,
        id: &str,
    ) -> Result<String, StoreError> {
        let key = Key::new(partition(connection), format!("key/{mark}"));
        let until = later(self.clock.now(), KEY_RETENTION);
        loop {
            let put = Put::record(key.clone(), &id, Condition::Absent)?.until(until);
            if let Outcome::Done(_) = self.state.put(put).await? {
                return Ok(id.to_owned());
            }
            // Nothing where it has just expired.
            if let Some(row) = self.state.get(&key).await? {
                return row.read();
            }
        }
    }

    /// A head, with the version that was read.
    ///
    /// # Errors
    /// Where the store fails, or the row cannot be read.
    pub async fn head<H: DeserializeOwned>(
        &self,
        connection: &ConnectionName,
        id: &str,
    ) -> Result<Option<(H, Version)>, StoreError> {
        let Some(row) = self.state.get(&head_key(connection, id)).await? else { return Ok(None) };
        Ok(Some((row.read()?, row.version)))
    }

    /// A page of heads, newest first, and the id below which the next one begins. `below` is the id of the last one seen.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn heads<H: DeserializeOwned>(
        &self,
        connection: &ConnectionName,
        below: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<H>, Option<String>), StoreError> {
        let prefix = "head/".to_owned();
        let query = Query {
            partition: partition(connection),
            below: below.map(|id| format!("{prefix}{id}")),
            prefix,
            order: Order::Descending,
            limit,
            ..Query::default()
        };
        let page = self.state.query(query).await?;
        let last = page.rows.last().and_then(|row| row.key.sort.rsplit('/').next()).map(str::to_owned);
        let read = |row: &crate::store::Row| {
            let unreadable = |error: &StoreError| tracing::error!(%error, "a reconciliation cannot be read");
            row.read().inspect_err(unreadable).ok()
        };
        Ok((page.rows.iter().filter_map(read).collect(), page.next.and(last)))
    }

    /// Writes one row of a reconciliation.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put(
        &self,
        connection: &ConnectionName,
        id: &str,
        (kind, number): (Kind, usize),
        row: &impl Serialize,
    ) -> Result<(), StoreError> {
        let put = Put::record(row_key(connection, id, kind, number), row, Condition::Any)?;
        self.state.put(put.until(later(self.clock.now(), RETENTION))).await.map(drop)
    }

    /// Writes a head in the place of a version, and rows with it: all or nothing. Nothing where somebody else was faster.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put_with_head(
        &self,
        connection: &ConnectionName,
        id: &str,
        (head, version): (&impl Serialize, &Version),
        kind: Kind,
        rows: &[(usize, &impl Serialize)],
    ) -> Result<Option<Version>, StoreError> {
        let until = later(self.clock.now(), RETENTION);
        let head = Put::record(head_key(connection, id), head, Condition::Version(version.clone()))?;
        let mut steps = vec![Write::Put(head.until(until))];
        for (number, row) in rows {
            let put = Put::record(row_key(connection, id, kind, *number), row, Condition::Any)?;
            steps.push(Write::Put(put.until(until)));
        }
        match self.state.transact(steps).await? {
            Outcome::Done(version) => Ok(version),
            Outcome::Refused { .. } => Ok(None),
        }
    }

    /// The first so many rows of a kind, in their order.
    ///
    /// # Errors
    /// Where the store fails, or a row is missing or cannot be read.
    pub async fn all<T: DeserializeOwned>(
        &self,
        connection: &ConnectionName,
        id: &str,
        kind: Kind,
        count: usize,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::with_capacity(count);
        let mut after = None;
        while found.len() < count {
            let query = Query {
                partition: partition(connection),
                prefix: format!("{}/{id}/", kind.word()),
                after: after.take(),
                limit: CHUNKS_AT_ONCE.min(count - found.len()),
                ..Query::default()
            };
            let page = self.state.query(query).await?;
            for row in &page.rows {
                found.push(row.read()?);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if found.len() < count {
            let missing = format!("reconciliation {id} has {} of {count} {}", found.len(), kind.word());
            return Err(StoreError::Unreadable(missing));
        }
        Ok(found)
    }
}

fn partition(connection: &ConnectionName) -> String {
    format!("reconciliation#{connection}")
}

fn head_key(connection: &ConnectionName, id: &str) -> Key {
    Key::new(partition(connection), format!("head/{id}"))
}

fn row_key(connection: &ConnectionName, id: &str, kind: Kind, number: usize) -> Key {
    Key::new(partition(connection), format!("{}/{id}/{number:05}", kind.word()))
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use super::*;
    use crate::base::clock::TokioClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn fresh() -> Reconciliations {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-29T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        Reconciliations::new(stores.state, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_changes_from_the_version_that_was_read_and_is_listed_without_its_rows() {
        let (store, own) = (fresh(), ConnectionName::default());
        for id in ["0a", "0b", "0c"] {
            assert!(store.put_head(&own, id, &id, None).await.unwrap().is_some());
            store.put(&own, id, (Kind::Rows, 0), &["row"]).await.unwrap();
        }
        assert!(store.put_head(&own, "0a", &"twice", None).await.unwrap().is_none());
        let (_, version) = store.head::<String>(&own, "0a").await.unwrap().unwrap();
        assert!(store.put_head(&own, "0a", &"new", Some(&version)).await.unwrap().is_some());
        assert!(store.put_head(&own, "0a", &"late", Some(&version)).await.unwrap().is_none());
        let (page, next) = store.heads::<String>(&own, None, 2).await.unwrap();
        assert_eq!((page, next.as_deref()), (vec!["0c".to_owned(), "0b".to_owned()], Some("0b")));
        let (page, next) = store.heads::<String>(&own, next.as_deref(), 2).await.unwrap();
        assert_eq!((page, next), (vec!["new".to_owned()], None));
        assert!(store.heads::<String>(&"other".parse().unwrap(), None, 9).await.unwrap().0.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_mark_means_the_same_id_for_a_day() {
        let (store, own) = (fresh(), ConnectionName::default());
        let id = async |mark: &str, id: &str| store.id_of(&own, mark, id).await.unwrap();
        assert_eq!(
            (id("a", "01").await, id("a", "02").await, id("b", "03").await),
            ("01".into(), "01".into(), "03".into())
        );
        assert!(store.heads::<String>(&own, None, 9).await.unwrap().0.is_empty());
        tokio::time::advance(std::time::Duration::from_secs(25 * 3600)).await;
        assert_eq!(id("a", "04").await, "04");
    }

    #[tokio::test(start_paused = true)]
    async fn rows_come_in_their_order_and_none_is_missed() {
        let (store, own) = (fresh(), ConnectionName::default());
        for number in (0..45).rev() {
            store.put(&own, "0a", (Kind::Rows, number), &number).await.unwrap();
        }
        store.put(&own, "0a", (Kind::Part, 0), &1000).await.unwrap();
        let all = store.all::<usize>(&own, "0a", Kind::Rows, 45).await.unwrap();
        assert_eq!(all, (0..45).collect::<Vec<_>>());
        // What was left behind by a process that died before it told of it is not read.
        assert_eq!(store.all::<usize>(&own, "0a", Kind::Rows, 3).await.unwrap(), [0, 1, 2]);
        assert!(store.all::<usize>(&own, "0a", Kind::Rows, 46).await.is_err());
        assert_eq!(store.all::<usize>(&own, "0a", Kind::Part, 1).await.unwrap(), [1000]);
        let version = store.put_head(&own, "0a", &"head", None).await.unwrap().unwrap();
        let put = store.put_with_head(&own, "0a", (&"new", &version), Kind::Part, &[(0, &1), (1, &2)]);
        assert!(put.await.unwrap().is_some());
        let late = store.put_with_head(&own, "0a", (&"late", &version), Kind::Part, &[(0, &9)]);
        assert!(late.await.unwrap().is_none());
        assert_eq!(store.all::<usize>(&own, "0a", Kind::Part, 2).await.unwrap(), [1, 2]);
    }
}
