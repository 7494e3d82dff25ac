//! One entry of the queue, and one that is closed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::{SignedDuration, Timestamp, is_to_come, later};
use crate::base::id::{ConnectionName, is_time_ordered};
use crate::core::events::event::is_test;
use crate::core::events::ledger::{ends, queue};
use crate::store::{Condition, Key, Put, StoreError};

/// An event about one record, as long as it is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The event's id; with a number behind it where the event is about several records.
    pub id: String,
    /// What it is: `zoho.inventory.item.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about: `item/3300000000070001`. Entries of one subject are worked on in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    pub time: String,
    /// When it arrived.
    pub receivedtime: Timestamp,
    /// Ids, and what else is needed to look the record up.
    pub data: Value,
    /// The current or last claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// How often it was claimed.
    #[serde(default)]
    pub claims: u32,
    /// The batch with which the agent was told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// When it was made deliverable again, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Timestamp>,
}

/// The right to work on an entry, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// The id of the service key that holds it.
    pub by: String,
    /// When it ends.
    pub until: Timestamp,
}

/// The longest claim.
pub(super) const LONGEST_CLAIM: SignedDuration = SignedDuration::from_hours(12);

impl Claim {
    /// Whether it still holds.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        is_to_come(self.until, now, LONGEST_CLAIM)
    }
}

/// The state of a closed entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// The work was done, or none was needed.
    Done,
    /// The worker gave up.
    Failed,
    /// It could not be delivered.
    Dead,
}

/// The end of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The state it ended in.
    pub state: EndState,
    /// The reason, in one word: `done`, `failed`, `own_write`, `superseded`, `not_deleted`, `test`, `refused`, `unclaimed`.
    pub outcome: String,
    /// What the worker or the connector noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was closed.
    pub at: Timestamp,
}

/// An entry that is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// The entry as it was before it was closed.
    pub entry: Entry,
    /// How it ended.
    pub end: End,
}

/// Marks an event that polling found.
pub const FOUND: (&str, &str) = ("found_by", "sweep");

/// The time of somebody else's change that our own write hid.
pub const EARLIER: &str = "earlier_change";

impl Entry {
    /// One that nobody has worked on; it happened when it arrived.
    pub fn new(id: String, kind: &str, subject: Option<String>, at: Timestamp, data: Value) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            subject,
            time: at.to_string(),
            receivedtime: at,
            data,
            claim: None,
            claims: 0,
            batch: None,
            replayed: None,
        }
    }

    /// Whether it says that its record is gone.
    pub fn is_deletion(&self) -> bool {
        self.kind.ends_with(".deleted")
    }

    /// Whether polling found it.
    pub fn is_found(&self) -> bool {
        self.data.get(FOUND.0).and_then(Value::as_str) == Some(FOUND.1)
    }

    /// Whether the operator sent it as a test, which is nothing to work on.
    pub fn is_test(&self) -> bool {
        is_test(&self.data)
    }

    /// Whether it is claimed.
    pub fn is_claimed(&self, now: Timestamp) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.holds(now))
    }

    pub(super) fn put(
        &self,
        connection: &ConnectionName,
        condition: Condition,
        retention: SignedDuration,
    ) -> Result<Put, StoreError> {
        let key = Key::new(queue(connection), &self.id);
        Ok(Put::record(key, self, condition)?.until(self.end(retention)))
    }

    /// A replayed entry lives as long as one that arrives at the time of the replay.
    pub(super) fn end(&self, retention: SignedDuration) -> Timestamp {
        later(self.replayed.map_or(self.receivedtime, |at| at.max(self.receivedtime)), retention)
    }

    pub(super) fn put_closed(
        self,
        connection: &ConnectionName,
        end: End,
        retention: SignedDuration,
    ) -> Result<Put, StoreError> {
        let key = Key::new(ends(connection), &self.id);
        // An end is kept for the full time, however old its event is.
        let until = later(end.at, retention);
        Ok(Put::record(key, &Closed { entry: self, end }, Condition::Any)?.until(until))
    }
}

/// Whether a text can be the id of an entry.
pub fn is_entry_id(text: &str) -> bool {
    split_entry_id(text).is_some()
}

/// The event of an entry's id, and which of its records is meant.
pub fn split_entry_id(text: &str) -> Option<(&str, Option<usize>)> {
    match text.split_once('.') {
        None => is_time_ordered(text).then_some((text, None)),
        Some((event, part)) => {
            let plain = part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit());
            let part = part.parse().ok().filter(|_| plain && is_time_ordered(event))?;
            Some((event, Some(part)))
        }
    }
}

/// The id of one of an event's several records.
pub(super) fn part_id(event: &str, part: usize) -> String {
    format!("{event}.{part:04}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EVENT: &str = "0199d3f2a400123456789abcdef0123";

    fn at(text: &str) -> Timestamp {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    fn entry(kind: &str, data: Value) -> Entry {
        let entry = Entry::new(EVENT.to_owned(), kind, Some("item/33".to_owned()), at("10:00:00"), data);
        Entry { time: at("09:59:00").to_string(), ..entry }
    }

    #[test]
    fn a_claim_holds_until_its_end_and_not_at_it() {
        let mut entry = entry("zoho.inventory.item.updated", json!({}));
        assert!(!entry.is_claimed(at("10:00:00")));
        entry.claim = Some(Claim { id: "c".to_owned(), by: "k".to_owned(), until: at("10:05:00") });
        assert!(entry.is_claimed(at("10:04:59.999")));
        assert!(!entry.is_claimed(at("10:05:00")) && !entry.is_claimed(at("10:05:01")));
    }

    #[test]
    fn an_entry_is_kept_from_when_it_arrived_or_was_replayed_whichever_is_later() {
        let mut entry = entry("zoho.inventory.item.updated", json!({}));
        let hour = SignedDuration::from_hours(1);
        assert_eq!(entry.end(hour), at("11:00:00"));
        entry.replayed = Some(at("10:30:00"));
        assert_eq!(entry.end(hour), at("11:30:00"));
        entry.replayed = Some(at("09:30:00"));
        assert_eq!(entry.end(hour), at("11:00:00"));
        let name = ConnectionName::default();
        assert_eq!(entry.put(&name, Condition::Absent, hour).unwrap().expires, Some(at("11:00:00")));
        // An end is kept for the full time, however old its event is.
        let end = End { state: EndState::Done, outcome: "done".to_owned(), note: None, at: at("10:45:00") };
        assert_eq!(entry.put_closed(&name, end, hour).unwrap().expires, Some(at("11:45:00")));
    }

    #[test]
    fn what_an_entry_says_of_itself_is_taken_by_the_letter() {
        for (kind, is_deletion) in [
            ("zoho.crm.deal.deleted", true),
            ("zoho.crm.deal.updated", false),
            ("custom.deleted", true),
            ("zoho.crm.deal.undeleted", false),
        ] {
            assert_eq!(entry(kind, json!({})).is_deletion(), is_deletion, "{kind}");
        }
        for (data, is_found, is_test) in [
            (json!({ "found_by": "sweep" }), true, false),
            (json!({ "found_by": "somebody" }), false, false),
            (json!({ "test": true }), false, true),
            (json!({ "test": "true" }), false, false),
            (json!({ "test": false }), false, false),
            (json!(null), false, false),
        ] {
            let entry = entry("zoho.crm.deal.updated", data);
            assert_eq!((entry.is_found(), entry.is_test()), (is_found, is_test), "{:?}", entry.data);
        }
    }

    #[test]
    fn the_id_of_an_entry_is_that_of_its_event_with_four_digits_where_that_has_parts() {
        assert_eq!(part_id(EVENT, 7), format!("{EVENT}.0007"));
        assert_eq!(split_entry_id(EVENT), Some((EVENT, None)));
        assert_eq!(split_entry_id(&part_id(EVENT, 7)), Some((EVENT, Some(7))));
        assert!(is_entry_id(EVENT) && is_entry_id(&part_id(EVENT, 7)));
        for bad in ["", ".", "x.0001", EVENT.get(1..).unwrap(), &format!("{EVENT}0")] {
            assert!(!is_entry_id(bad), "{bad}");
        }
        for part in ["", "1", "001", "00001", "+001", "-001", "000a", "0001.0001"] {
            assert!(!is_entry_id(&format!("{EVENT}.{part}")), "{part}");
        }
    }
}
