//! From events to entries: one for each record that an event is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entry::part_id;
use super::{End, Entry, Ledger, Over};
use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::base::id::ConnectionName;
use crate::core::event::Event;
use crate::core::own::OwnWrites;
use crate::store::{Condition, Key, Put, Query, Row, StoreError, Version, Write};

/// Entries of one transaction: each may write its own row and that of its record's newest change.
const AT_ONCE: usize = 40;

/// How long the newest change of a record is remembered: Zoho repeats itself within a day.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(48);

/// Up to where events have become entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The last event that is done with.
    after: Option<String>,
    /// How many records of the next one are done with.
    parts: usize,
}

/// The newest change of a record, by Zoho's own time.
#[derive(Serialize, Deserialize)]
struct Newest {
    at: Timestamp,
}

/// A change that is put into the queue, or closed at once.
struct Sorted {
    entry: Entry,
    end: Option<&'static str>,
}

impl Ledger {
    /// The connections of which events ever became entries.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn connections(&self) -> Result<Vec<ConnectionName>, StoreError> {
        let query = Query {
            partition: PROGRESS.to_owned(),
            prefix: FAN_OUT.to_owned(),
            limit: 1000,
            ..Query::default()
        };
        let rows = self.events.query(query).await?.rows;
        Ok(rows.iter().filter_map(|row| row.key.sort.strip_prefix(FAN_OUT)?.parse().ok()).collect())
    }

    /// The event after which the fan-out goes on, for whoever reads events for it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn fan_out_from(&self, connection: &ConnectionName) -> Result<FanOut, StoreError> {
        let key = Key::new(PROGRESS, format!("{FAN_OUT}{connection}"));
        let row = self.events.get(&key).await?;
        let position: Position = row.as_ref().map_or_else(|| Ok(Position::default()), Row::read)?;
        Ok(FanOut { key, position, version: row.map(|row| row.version) })
    }

    /// Puts the next events into the queue, in their order; says how many entries that made. Nothing where somebody else did it
    /// meanwhile.
    ///
    /// # Errors
    /// Where a store fails.
    pub async fn fan_out(
        &self,
        connection: &ConnectionName,
        from: FanOut,
        events: &[Event],
        own: &OwnWrites,
    ) -> Result<usize, StoreError> {
        let mut position = from.position.clone();
        let mut entries = Vec::new();
        for event in events {
            let parts = entries_of(event);
            let skipped = std::mem::take(&mut position.parts);
            let room = AT_ONCE - entries.len();
            let all = parts.len();
            entries.extend(parts.into_iter().skip(skipped).take(room));
            if all.saturating_sub(skipped) > room {
                position.parts = skipped + room;
                break;
            }
            position.after = Some(event.id.clone());
            if entries.len() == AT_ONCE {
                break;
            }
        }
        if position == from.position {
            return Ok(0);
        }
        let count = entries.len();
        let (sorted, newest) = self.sort(connection, entries, own).await?;
        let condition = from.version.map_or(Condition::Absent, Condition::Version);
        let mut steps = vec![Write::Put(Put::record(from.key, &position, condition)?)];
        let now = self.clock.now();
        for (subject, at) in newest {
            let key = Key::new(format!("newest#{connection}"), subject);
            let put = Put::record(key, &Newest { at }, Condition::Any)?.until(later(now, REMEMBERED));
            steps.push(Write::Put(put));
        }
        for Sorted { entry, end } in sorted {
            steps.push(Write::Put(match end {
                None => entry.put(connection, Condition::Any)?,
                Some(word) => {
                    let end = End { state: Over::Done, outcome: word.to_owned(), note: None, at: now };
                    entry.put_closed(connection, end)?
                }
            }));
        }
        Ok(if self.write(steps).await? { count } else { 0 })
    }

    /// Sorts out what needs no work: our own writes, and a change that arrives after a newer one of the same record.
    async fn sort(
        &self,
        connection: &ConnectionName,
        entries: Vec<Entry>,
        own: &OwnWrites,
    ) -> Result<(Vec<Sorted>, BTreeMap<String, Timestamp>), StoreError> {
        let mut newest = BTreeMap::<String, Timestamp>::new();
        let mut sorted = Vec::new();
        for entry in entries {
            let mut end = None;
            if let (Some(subject), Some(at)) = (&entry.subject, zohos_time(&entry)) {
                if own.is_own(connection, subject, at).await? {
                    end = Some("own_write");
                }
                let key = Key::new(format!("newest#{connection}"), subject);
                let known = match newest.get(subject) {
                    Some(known) => Some(*known),
                    None => match self.events.get(&key).await? {
                        Some(row) => Some(row.read::<Newest>()?.at),
                        None => None,
                    },
                };
                // That a record is gone is news after whatever was said of it.
                if known.is_some_and(|known| at < known) && !entry.kind.ends_with(".deleted") {
                    end = end.or(Some("superseded"));
                } else {
                    newest.insert(subject.clone(), known.map_or(at, |known| known.max(at)));
                }
            }
            sorted.push(Sorted { entry, end });
        }
        Ok((sorted, newest))
    }
}

pub(super) const PROGRESS: &str = "progress";
const FAN_OUT: &str = "fan-out/";

/// Where the fan-out of a connection stands.
pub struct FanOut {
    key: Key,
    position: Position,
    version: Option<Version>,
}

impl FanOut {
    /// The last event that is done with.
    pub fn after(&self) -> Option<&str> {
        self.position.after.as_deref()
    }
}

/// When the change was made, as far as Zoho said so. An event without a time carries that of its arrival, by our clock, which
/// must not be compared with Zoho's.
fn zohos_time(entry: &Entry) -> Option<Timestamp> {
    entry.time.parse().ok().filter(|at| *at != entry.receivedtime)
}

/// An event as it is about one of its records; nothing where it has no such part.
pub fn narrow(event: Event, part: Option<usize>) -> Option<Event> {
    let Some(part) = part else { return Some(event) };
    let mut entries = entries_of(&event);
    if part >= entries.len() || entries.len() < 2 {
        return None;
    }
    let entry = entries.swap_remove(part);
    Some(Event { id: entry.id, subject: entry.subject, data: entry.data, ..event })
}

/// The entries of an event. `data.ids` names its records where there may be several.
pub(super) fn entries_of(event: &Event) -> Vec<Entry> {
    let ids: Vec<String> = match event.data.get("ids") {
        Some(Value::Array(ids)) => ids
            .iter()
            .filter_map(|id| match id {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let record = event.kind.split('.').nth(2).unwrap_or("record");
    let about = |id: &String| format!("{record}/{id}");
    let entry = |id: String, subject: Option<String>, data: Value| Entry {
        id,
        kind: event.kind.clone(),
        subject,
        time: event.time.clone(),
        receivedtime: event.receivedtime,
        data,
        claim: None,
        claims: 0,
        batch: None,
    };
    if let [_, _, ..] = ids.as_slice() {
        let part = |(index, id): (usize, &String)| {
            let mut data = event.data.clone();
            if let Some(data) = data.as_object_mut() {
                data.insert("ids".to_owned(), json!([id]));
            }
            entry(part_id(&event.id, index), Some(about(id)), data)
        };
        return ids.iter().enumerate().map(part).collect();
    }
    let subject = event.subject.clone().or_else(|| ids.first().map(about));
    vec![entry(event.id.clone(), subject, event.data.clone())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: Value) -> Event {
        Event {
            specversion: "1.0".to_owned(),
            id: "0".repeat(31),
            source: "/connections/default/crm".to_owned(),
            kind: "zoho.crm.deal.updated".to_owned(),
            subject: None,
            time: "2026-11-21T10:00:00Z".to_owned(),
            receivedtime: "2026-11-21T10:00:03Z".parse().unwrap(),
            data,
        }
    }

    #[test]
    fn an_event_about_several_records_becomes_an_entry_for_each() {
        let one = entries_of(&event(json!({ "ids": ["61"], "module": "Deals" })));
        let found: Vec<_> = one.iter().map(|entry| (entry.id.len(), entry.subject.as_deref())).collect();
        assert_eq!(found, [(31, Some("deal/61"))]);
        let several = entries_of(&event(json!({ "ids": ["61", 62], "module": "Deals" })));
        let ids: Vec<_> = several.iter().map(|entry| entry.id.clone()).collect();
        assert_eq!(ids, [format!("{}.0000", "0".repeat(31)), format!("{}.0001", "0".repeat(31))]);
        assert_eq!(several[1].subject.as_deref(), Some("deal/62"));
        assert_eq!(several[1].data, json!({ "ids": ["62"], "module": "Deals" }));
        for none in [json!({}), json!({ "ids": [] }), json!({ "ids": "61" }), Value::Null] {
            assert_eq!(entries_of(&event(none))[0].subject, None);
        }
    }
}
