//! How far the looks for changes have come: a row for each list.

use serde::{Deserialize, Serialize};
use shared::base::clock::Timestamp;
use shared::store::{Condition, Key, Put, Query, Row, StoreError, Table, Version};
use shared::zoho::change_lists::{At, Order};

const PARTITION: &str = "progress";
const PREFIX: &str = "gap/";

/// More than there are lists.
const MOST: usize = 5000;

/// How far the looks at one list have come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Until when all changes were seen.
    pub(crate) through: Option<Timestamp>,
    /// What was changed last before then, the look before that one saw.
    #[serde(default)]
    pub(crate) settled: Option<Timestamp>,
    /// Until when all deletions were seen.
    pub(crate) deleted_through: Option<Timestamp>,
    /// When a look was finished, or found that it may not look.
    pub(crate) at: Option<Timestamp>,
    /// Where one goes on that is not finished.
    #[serde(default)]
    pub(crate) cursor: Option<Cursor>,
    /// How many calls the last look has taken.
    #[serde(default)]
    pub(crate) calls: u32,
    /// Until when somebody is at it, unless they died.
    #[serde(default)]
    pub(crate) busy: Option<Timestamp>,
    /// Until when it is left alone, because it could not be read.
    #[serde(default)]
    pub(crate) not_before: Option<Timestamp>,
    /// When the operator was last told that it may not look.
    #[serde(default)]
    pub(crate) noticed: Option<Timestamp>,
}

/// Where a look goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Which list.
    pub(crate) part: Part,
    /// What changed before is not looked for on this page and those after it.
    pub(crate) since: Timestamp,
    /// What changed after is left to the next look.
    pub(crate) to: Timestamp,
    pub(crate) order: Order,
    pub(crate) at: At,
    /// How many pages were not in the order that was asked for.
    pub(crate) unsorted: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Changes,
    Deletions,
}

/// A row that was read.
pub(crate) struct Stored {
    pub(crate) progress: Progress,
    key: Key,
    version: Option<Version>,
}

impl Stored {
    /// What is known of a list that was never looked at.
    pub(crate) fn new(list: &str) -> Self {
        Self {
            progress: Progress::default(),
            key: Key::new(PARTITION, format!("{PREFIX}{list}")),
            version: None,
        }
    }

    /// Which list it is.
    pub(crate) fn list(&self) -> &str {
        self.key.sort.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// Writes it down, in the place of what was read; says whether that was still there.
    pub(crate) async fn save(&mut self, events: &dyn Table) -> Result<bool, StoreError> {
        let condition = self.version.clone().map_or(Condition::Absent, Condition::Version);
        let put = Put::record(self.key.clone(), &self.progress, condition)?;
        let outcome = events.put(put).await?;
        let is_done = outcome.is_done();
        if let shared::store::Outcome::Done(version) = outcome {
            self.version = version;
        }
        Ok(is_done)
    }
}

/// Reads all of them. A list whose row cannot be read is looked at as if it never was.
pub(crate) async fn read_all(events: &dyn Table) -> Result<Vec<Stored>, StoreError> {
    let query =
        Query { partition: PARTITION.to_owned(), prefix: PREFIX.to_owned(), limit: MOST, ..Query::default() };
    let stored = |row: &Row| {
        let progress = row.read().unwrap_or_else(|error| {
            tracing::error!(row = row.key.sort, %error, "how far a list was read is unknown: it is read anew");
            Progress::default()
        });
        Stored { progress, key: row.key.clone(), version: Some(row.version.clone()) }
    };
    Ok(events.query(query).await?.rows.iter().map(stored).collect())
}
