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
    /// At this time, by Zoho's clock.
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
    /// The rows are in this table.
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

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::base::clock::TokioClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    fn fresh() -> OwnWrites {
        let clock: SharedClock = Arc::new(TokioClock::starting_at(at("10:00:00")));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        OwnWrites::new(stores.state, clock)
    }

    async fn mark(own: &OwnWrites, text: &str, before: Before) {
        let record = json!({ "Modified_Time": at(text).to_string() });
        own.mark(&ConnectionName::default(), "deal/6", &record, before).await.unwrap();
    }

    async fn hidden(own: &OwnWrites, text: &str, known: &[&str]) -> Option<Timestamp> {
        let known: Vec<_> = known.iter().map(|text| at(text)).collect();
        let is_known = |moment| known.contains(&moment);
        own.hidden(&ConnectionName::default(), "deal/6", at(text), is_known).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_known_by_record_connection_and_second_for_two_days() {
        let (own, name) = (fresh(), ConnectionName::default());
        let item = json!({ "last_modified_time": "2026-11-22T11:00:00+0100" });
        own.mark(&name, "item/33", &item, Before::Unknown).await.unwrap();
        own.mark(&name, "item/34", &json!({ "name": "no time" }), Before::New).await.unwrap();
        let is_own = async |subject, moment| own.is_own(&name, subject, moment).await.unwrap();
        assert!(is_own("item/33", at("10:00:00")).await && is_own("item/33", at("10:00:00.9")).await);
        assert!(!is_own("item/33", at("10:00:01")).await && !is_own("item/34", at("10:00:00")).await);
        let other: ConnectionName = "other".parse().unwrap();
        assert!(!own.is_own(&other, "item/33", at("10:00:00")).await.unwrap());
        tokio::time::advance(Duration::from_secs(48 * 3600 - 1)).await;
        assert!(is_own("item/33", at("10:00:00")).await);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!is_own("item/33", at("10:00:00")).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_change_before_a_chain_of_own_writes_is_found_unless_it_is_known() {
        let own = fresh();
        mark(&own, "10:00:00", Before::At(at("09:00:00"))).await;
        mark(&own, "10:05:00", Before::At(at("10:00:00"))).await;
        assert_eq!(hidden(&own, "10:05:00", &[]).await, Some(at("09:00:00")));
        assert_eq!(hidden(&own, "10:05:00", &["09:00:00"]).await, None, "it is known");
        assert_eq!(hidden(&own, "10:05:00", &["10:00:00"]).await, None);
        assert_eq!(hidden(&own, "11:00:00", &[]).await, Some(at("11:00:00")), "no write of ours");
    }

    #[tokio::test(start_paused = true)]
    async fn before_what_we_made_ourselves_or_do_not_know_there_is_nothing() {
        for before in [Before::New, Before::Unknown] {
            let own = fresh();
            mark(&own, "10:00:00", before).await;
            mark(&own, "10:00:07", Before::At(at("10:00:00"))).await;
            assert_eq!(hidden(&own, "10:00:07", &[]).await, None, "{before:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_writes_in_a_second_what_was_before_the_first_counts() {
        let own = fresh();
        mark(&own, "10:00:00", Before::At(at("09:00:00"))).await;
        mark(&own, "10:00:00", Before::At(at("10:00:00"))).await;
        assert_eq!(hidden(&own, "10:00:00", &[]).await, Some(at("09:00:00")));
        // Somebody else's change in the second of ours is one that nobody can tell from it.
        mark(&own, "10:01:00", Before::At(at("10:01:00"))).await;
        assert!(own.is_own(&ConnectionName::default(), "deal/6", at("10:01:00")).await.unwrap());
        assert_eq!(hidden(&own, "10:01:00", &[]).await, Some(at("10:01:00")));
    }

    #[tokio::test(start_paused = true)]
    async fn no_chain_leads_to_a_later_time() {
        let own = fresh();
        mark(&own, "10:00:00", Before::At(at("10:00:01"))).await;
        assert_eq!(hidden(&own, "10:00:00", &[]).await, Some(at("10:00:00")));
    }
}
