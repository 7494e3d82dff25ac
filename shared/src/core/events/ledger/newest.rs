//! The newest change of each record that was put into the queue. It shows that another change is late, or that polling found one
//! that a webhook has sent before.

use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::base::id::ConnectionName;
use crate::core::events::ledger::Ledger;
use crate::store::{Condition, Key, Put, StoreError, Write};

/// How long it is remembered. Polling never goes back further, or it would report changes again that webhooks sent long ago.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The newest change of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// When it happened, by Zoho's message.
    pub(super) at: Timestamp,
    /// The record's own time of change, where it is known. CRM's message has a slightly later time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<Timestamp>,
    /// Whether the record is gone.
    #[serde(default)]
    pub(super) deleted: bool,
}

impl Newest {
    /// Whether a change of this time, by the record's own clock, or a later one was reported.
    pub fn has_change(&self, modified: Timestamp) -> bool {
        modified <= self.modified.unwrap_or(self.at)
    }

    /// Whether the deletion of the record was reported. Late changes do not count.
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

    /// The time of our last write that Zoho sent back.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_was_reported_that_is_no_later_than_the_records_own_time_or_that_of_the_message() {
        let at = |time: &str| -> Timestamp { format!("2026-11-22T{time}Z").parse().unwrap() };
        for (modified, change, was_reported) in [
            (None, "09:59:59", true),
            (None, "10:00:00", true),
            (None, "10:00:01", false),
            (Some("09:00:00"), "08:59:59", true),
            (Some("09:00:00"), "09:00:00", true),
            (Some("09:00:00"), "09:00:01", false), // though the message came later than that
        ] {
            let newest = Newest { at: at("10:00:00"), modified: modified.map(at), deleted: false };
            assert_eq!(newest.has_change(at(change)), was_reported, "{modified:?} {change}");
        }
    }
}
