//! The steps in which events become entries, one for each record that an event is about.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::base::id::ConnectionName;
use crate::core::events::Event;
use crate::core::events::ledger::Entry;
use crate::core::events::ledger::entry::part_id;
use crate::store::{Key, Row, StoreError, Version};

/// Entries of one transaction: each may write its own row, that of its record's newest change, and that of our own write.
const MAX_STEP_ENTRIES: usize = 32;

/// Up to where events have become entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The last event that is done with.
    after: Option<String>,
    /// How many records of the next one are done with.
    parts: usize,
}

pub(super) const PROGRESS: &str = "progress";
pub(super) const FAN_OUT: &str = "fan-out/";

/// Where the fan-out of a connection stands.
pub struct FanOut {
    pub(super) key: Key,
    position: Position,
    pub(super) version: Option<Version>,
}

impl FanOut {
    /// Where the fan-out of a connection begins: none of its events has become an entry.
    pub fn begin(connection: &ConnectionName) -> Self {
        let key = Key::new(PROGRESS, format!("{FAN_OUT}{connection}"));
        Self { key, position: Position::default(), version: None }
    }

    pub(super) fn of(row: Row) -> Result<Self, StoreError> {
        Ok(Self { position: row.read()?, key: row.key, version: Some(row.version) })
    }

    /// The last event that is done with.
    pub fn after(&self) -> Option<&str> {
        self.position.after.as_deref()
    }

    /// The step that the next events make.
    pub fn step(self, events: &[Event]) -> Step {
        let (mut entries, mut ends) = (Vec::new(), Vec::new());
        let Position { mut after, parts: mut done } = self.position.clone();
        for event in events {
            let parts = entries_of(event);
            let all = parts.len();
            for (index, entry) in parts.into_iter().enumerate().skip(std::mem::take(&mut done)) {
                if entries.len() == MAX_STEP_ENTRIES {
                    return Step { from: self, entries, ends };
                }
                entries.push(entry);
                ends.push(if index + 1 == all {
                    Position { after: Some(event.id.clone()), parts: 0 }
                } else {
                    Position { after: after.clone(), parts: index + 1 }
                });
            }
            after = Some(event.id.clone());
        }
        Step { from: self, entries, ends }
    }
}

/// The entries that are put into the queue at once.
pub struct Step {
    pub(super) from: FanOut,
    pub(super) entries: Vec<Entry>,
    /// Where the fan-out stands after each of them.
    pub(super) ends: Vec<Position>,
}

impl Step {
    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Leaves this entry and those after it to another step.
    pub fn end_before(&mut self, index: usize) {
        self.entries.truncate(index);
        self.ends.truncate(index);
    }
}

/// The part of an event that is about one of its records. `None` if it has no such part.
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
fn entries_of(event: &Event) -> Vec<Entry> {
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
        time: event.time.clone(),
        ..Entry::new(id, &event.kind, subject, event.receivedtime, data)
    };
    if let [_, _, ..] = ids.as_slice() {
        let shared = without_ids(&event.data);
        let part = |(index, id): (usize, &String)| {
            let mut data = shared.clone();
            data.insert("ids".to_owned(), json!([id]));
            entry(part_id(&event.id, index), Some(about(id)), Value::Object(data))
        };
        return ids.iter().enumerate().map(part).collect();
    }
    let subject = event.subject.clone().or_else(|| ids.first().map(about));
    vec![entry(event.id.clone(), subject, event.data.clone())]
}

/// What the parts of an event have in common. The list of all their ids is not copied into each: of some thousand records it would be
/// millions of ids, at each step, and no other connection's events would be delivered meanwhile.
fn without_ids(data: &Value) -> Map<String, Value> {
    let fields = data.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.clone(), if name == "ids" { Value::Null } else { value.clone() }))
        .collect()
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

    #[test]
    fn the_parts_of_an_event_share_all_but_the_list_of_ids() {
        let shared = without_ids(&json!({ "module": "Deals", "ids": ["61", "62"], "channel_id": "7" }));
        let text = Value::Object(shared).to_string();
        assert_eq!(text, r#"{"module":"Deals","ids":null,"channel_id":"7"}"#);
        let parts = entries_of(&event(json!({ "module": "Deals", "ids": ["61", "62"], "channel_id": "7" })));
        let texts: Vec<_> = parts.iter().map(|part| part.data.to_string()).collect();
        assert_eq!(
            texts,
            [
                r#"{"module":"Deals","ids":["61"],"channel_id":"7"}"#,
                r#"{"module":"Deals","ids":["62"],"channel_id":"7"}"#
            ]
        );
    }

    /// An event about so many records.
    fn about(id: &str, records: usize) -> Event {
        let ids: Vec<String> = (0..records).map(|record| record.to_string()).collect();
        Event { id: id.to_owned(), ..event(json!({ "ids": ids })) }
    }

    fn stands_at(after: Option<&str>, parts: usize) -> FanOut {
        let position = Position { after: after.map(str::to_owned), parts };
        FanOut { position, ..FanOut::begin(&ConnectionName::default()) }
    }

    fn position(step: &Step, index: usize) -> (Option<&str>, usize) {
        (step.ends[index].after.as_deref(), step.ends[index].parts)
    }

    #[test]
    fn a_step_ends_after_so_many_entries_also_within_an_event() {
        let (few, one, many) = (about("a", 2), about("b", 1), about("c", MAX_STEP_ENTRIES + 3));
        let begun = stands_at(None, 0).step(&[few, one, many.clone(), about("d", 1)]);
        assert_eq!((begun.entries().len(), begun.ends.len()), (MAX_STEP_ENTRIES, MAX_STEP_ENTRIES));
        let ids: Vec<_> = begun.entries()[..4].iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["a.0000", "a.0001", "b", "c.0000"]);
        let stands: Vec<_> = (0..4).map(|index| position(&begun, index)).collect();
        assert_eq!(stands, [(None, 1), (Some("a"), 0), (Some("b"), 0), (Some("b"), 1)]);
        let done = MAX_STEP_ENTRIES - 3;
        assert_eq!(position(&begun, MAX_STEP_ENTRIES - 1), (Some("b"), done));

        // The next one leaves out what is done of the first event, and nothing of those after it.
        let next = stands_at(Some("b"), done).step(&[many, about("d", 2)]);
        assert_eq!(next.entries().len(), 6 + 2);
        assert_eq!(next.entries()[0].id, part_id("c", done));
        assert_eq!((position(&next, 5), position(&next, 6)), ((Some("c"), 0), (Some("c"), 1)));
        assert_eq!(position(&next, 7), (Some("d"), 0));
        assert_eq!(next.from.after(), Some("b"));
    }

    #[test]
    fn a_full_step_may_be_all_there_is_and_is_cut_where_it_is_told() {
        let mut full = stands_at(None, 0).step(&[about("a", MAX_STEP_ENTRIES)]);
        assert_eq!(full.entries().len(), MAX_STEP_ENTRIES);
        assert_eq!(position(&full, MAX_STEP_ENTRIES - 1), (Some("a"), 0));
        full.end_before(2);
        assert_eq!((full.entries().len(), full.ends.len()), (2, 2));
        assert_eq!(position(&full, 1), (None, 2));
        let nothing = stands_at(None, 0).step(&[]);
        assert!(nothing.entries().is_empty() && nothing.ends.is_empty());
    }

    #[test]
    fn a_part_of_an_event_is_there_only_where_it_has_several() {
        let (one, two) = (about("a", 1), about("b", 2));
        assert_eq!(narrow(one.clone(), None).unwrap(), one);
        assert_eq!(narrow(two.clone(), None).unwrap(), two);
        let second = narrow(two.clone(), Some(1)).unwrap();
        assert_eq!((second.id.as_str(), second.subject.as_deref()), ("b.0001", Some("deal/1")));
        assert_eq!(second.data, json!({ "ids": ["1"] }));
        assert!(narrow(two, Some(2)).is_none() && narrow(one, Some(0)).is_none());
    }
}
