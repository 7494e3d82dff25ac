//! What of a record's changes was put into the queue last: by it, a change that comes late is known, and one that is found in
//! Zoho's lists although it was told before.

use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::base::id::ConnectionName;
use crate::core::events::ledger::Ledger;
use crate::store::{Condition, Key, Put, StoreError, Write};

/// How long it is remembered: as long as events are kept. A list that could not be read for so long is read from there on only,
/// or what was told long ago would be told again.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The newest change of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// When it happened, by what Zoho told of it.
    pub(super) at: Timestamp,
    /// When the record itself says that it was changed, where that is known. CRM tells of a change a little after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<Timestamp>,
    /// Whether the record is gone.
    #[serde(default)]
    pub(super) deleted: bool,
}

impl Newest {
    /// Whether a change that the record dates to this time was told, or one after it.
    pub fn has_change(&self, modified: Timestamp) -> bool {
        modified <= self.modified.unwrap_or(self.at)
    }

    /// Whether it was told that the record is gone. That it changed is another matter, however late it was told.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }
}

impl Ledger {
    /// The newest change of a record that was put into the queue, or that needed no work and was not ours.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn newest(
        &self,
        connection: &ConnectionName,
        subject: &str,
    ) -> Result<Option<Newest>, StoreError> {
        self.events.get(&key(connection, subject)).await?.map(|row| row.read()).transpose()
    }

    /// When our write was made of which Zoho told last.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn own_told(
        &self,
        connection: &ConnectionName,
        subject: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.events.get(&own_key(connection, subject)).await?.map(|row| row.read()).transpose()
    }

    /// Apart from the changes of others: it says nothing of those that were before it.
    pub(super) fn remember_own(
        &self,
        connection: &ConnectionName,
        subject: &str,
        written: Timestamp,
    ) -> Result<Write, StoreError> {
        let put = Put::record(own_key(connection, subject), &written, Condition::Any)?;
        Ok(Write::Put(put.until(later(self.clock.now(), REMEMBERED))))
    }

    pub(super) fn remember(
        &self,
        connection: &ConnectionName,
        subject: &str,
        newest: &Newest,
    ) -> Result<Write, StoreError> {
        let put = Put::record(key(connection, subject), newest, Condition::Any)?;
        Ok(Write::Put(put.until(later(self.clock.now(), REMEMBERED))))
    }
}

fn key(connection: &ConnectionName, subject: &str) -> Key {
    Key::new(format!("newest#{connection}"), subject)
}

fn own_key(connection: &ConnectionName, subject: &str) -> Key {
    Key::new(format!("newest-own#{connection}"), subject)
}
