//! The trait of a table, with the semantics of a DynamoDB table: rows by partition and sort key, conditional writes,
//! an end time, ordered queries by prefix, and transactions. Its limits hold on every store.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::base::clock::Timestamp;
use crate::base::secret::random_hex;

/// Where a row stands. The partition begins with the row's kind, so that a role can be limited to kinds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Rows of one partition can be listed together.
    pub partition: String,
    /// The order within the partition.
    pub sort: String,
}

impl Key {
    /// A key of two parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

/// Changes with every write of a row, and never comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

impl Version {
    pub(super) fn fresh() -> Self {
        Self(random_hex::<8>())
    }
}

/// A row as it is stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// Where it stands.
    pub key: Key,
    /// What it holds: a JSON document.
    pub value: String,
    /// Which version of it was read.
    pub version: Version,
    /// When it stops to count. The store hides it from then on, and removes it some time later.
    pub expires: Option<Timestamp>,
}

impl Row {
    /// What it holds, as a record.
    ///
    /// # Errors
    /// Where the row holds something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.value).map_err(|error| self.unreadable(&error))
    }

    #[cold]
    fn unreadable(&self, error: &serde_json::Error) -> StoreError {
        StoreError::Unreadable(format!("{}/{}: {error}", self.key.partition, self.key.sort))
    }
}

/// What must be true of the row for a write to happen. An expired row counts as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is no such row.
    Absent,
    /// It is still the version that was read.
    Version(Version),
}

/// A row to be written.
#[derive(Debug, Clone)]
pub struct Put {
    /// Its key.
    pub key: Key,
    /// Its document.
    pub value: String,
    /// What must be true of the row that is there now.
    pub condition: Condition,
    /// When it ends: from then on it is as if it were not there.
    pub expires: Option<Timestamp>,
}

impl Put {
    /// A row that holds `record`.
    ///
    /// # Errors
    /// Where the record cannot be written as JSON.
    pub fn record(key: Key, record: &impl Serialize, condition: Condition) -> Result<Self, StoreError> {
        let value =
            serde_json::to_string(record).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        Ok(Self { key, value, condition, expires: None })
    }

    /// Lets the row end.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Self {
        self.expires = Some(at);
        self
    }
}

/// One step of a transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// Writes a row.
    Put(Put),
    /// Removes a row; one that is not there counts as removed, unless a version was asked for.
    Delete(Key, Condition),
}

/// Whether a conditional write happened.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It did, and the row now has this version (a removed row: none).
    Done(Option<Version>),
    /// It did not: the condition of the step at `step` was not true. Nothing was written.
    Refused {
        /// Which step of the transaction, from 0.
        step: usize,
        /// The row that stood in the way, if any.
        current: Option<Row>,
    },
}

impl Outcome {
    /// Whether the write happened.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// The direction of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest sort key first.
    #[default]
    Ascending,
    /// Largest sort key first.
    Descending,
}

/// Rows of one partition whose sort key has a prefix.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// What the sort keys begin with; empty for all.
    pub prefix: String,
    /// The sort key after which to go on, in the query's direction.
    pub after: Option<String>,
    /// The sort key before which to stop, exclusive: for "up to a moment".
    pub below: Option<String>,
    /// How many rows at most.
    pub limit: usize,
    /// The direction.
    pub order: Order,
}

impl Query {
    /// All rows of a partition, in ascending order, up to `limit`.
    pub fn partition(partition: impl Into<String>, limit: usize) -> Self {
        Self { partition: partition.into(), limit, ..Self::default() }
    }
}

/// A part of a query's rows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// To be given as `after` for the rest; nothing where there is no more.
    pub next: Option<String>,
}

/// Keeps rows.
#[async_trait]
pub trait Table: Send + Sync {
    /// One row, if it is there and has not ended.
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError>;

    /// Does all of the steps or none of them; each row at most once. The version in [`Outcome::Done`] is the first
    /// step's.
    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError>;

    /// Whether the clock of one machine dates all rows, so that a row may be younger than one of a later date: such a clock may be set
    /// back. In the cloud, clocks are kept right.
    fn is_dated_by_one_machine(&self) -> bool {
        false
    }

    /// Rows in order.
    async fn query(&self, query: Query) -> Result<Page, StoreError>;

    /// Rows of all partitions, in no order that means anything: those behind `after`, and the key behind which the next ones begin.
    /// A page may have fewer rows than `limit`, or none, and still not be the last. Only the operator reads a table as a whole.
    async fn scan(&self, after: Option<Key>, limit: usize) -> Result<(Vec<Row>, Option<Key>), StoreError> {
        let _ = (after, limit);
        Err(StoreError::Unavailable("it cannot be read as a whole here".to_owned()))
    }

    /// Writes one row.
    async fn put(&self, put: Put) -> Result<Outcome, StoreError> {
        self.transact(vec![Write::Put(put)]).await
    }

    /// Removes one row. One that is gone already may count as removed, whatever version was asked for: a call whose answer was lost cannot
    /// be told from another's.
    async fn delete(&self, key: Key, condition: Condition) -> Result<Outcome, StoreError> {
        self.transact(vec![Write::Delete(key, condition)]).await
    }
}

/// Rows of one query where all are read.
const PAGE: usize = 1000;

/// All rows of a partition whose sort keys begin with `prefix`, in ascending order.
///
/// # Errors
/// Where the store fails.
pub async fn all_rows(table: &dyn Table, partition: &str, prefix: &str) -> Result<Vec<Row>, StoreError> {
    let mut query = Query { prefix: prefix.to_owned(), ..Query::partition(partition, PAGE) };
    let mut rows = Vec::new();
    loop {
        let mut page = table.query(query.clone()).await?;
        rows.append(&mut page.rows);
        match page.next {
            Some(_) => query.after = page.next,
            None => return Ok(rows),
        }
    }
}

/// Takes a record away, for one caller only. Nothing where there is none, or another one took it.
///
/// # Errors
/// Where the store fails, or the row holds something else.
pub async fn take<T: DeserializeOwned>(table: &dyn Table, key: Key) -> Result<Option<T>, StoreError> {
    let Some(row) = table.get(&key).await? else { return Ok(None) };
    let found = row.read()?;
    // A transaction, which knows its own first try where the answer to that was lost.
    let taken = table.transact(vec![Write::Delete(key, Condition::Version(row.version))]).await?;
    Ok(taken.is_done().then_some(found))
}

const MAX_ROW_BYTES: usize = 400 * 1024;

/// What a row takes beside its key and value: the names of its attributes (`pk`, `sk`, `val`, `ver`, `exp`, `ttl`), the version, and two
/// times, rounded up. <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
const ROW_OVERHEAD: usize = 128;
const MAX_STEPS: usize = 100;

/// The limits of DynamoDB, which every store keeps, so that what works on one machine works in the cloud.
pub(super) fn check_limits(steps: &[Write]) -> Result<(), StoreError> {
    if steps.is_empty() || steps.len() > MAX_STEPS {
        return Err(StoreError::TooLarge("1 to 100 steps in a transaction"));
    }
    steps.iter().try_for_each(|step| match step {
        Write::Put(put) => check_row(put),
        Write::Delete(..) => Ok(()),
    })
}

/// The limit of one row.
pub(super) fn check_row(put: &Put) -> Result<(), StoreError> {
    let bytes = put.key.partition.len() + put.key.sort.len() + put.value.len();
    if bytes + ROW_OVERHEAD > MAX_ROW_BYTES {
        return Err(StoreError::TooLarge("400 KB in a row"));
    }
    Ok(())
}
