//! The records of CRM, and how they are made and changed: ids, times, and the search index, which lags behind.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::change::{Change, Operation};
use super::module::Module;
use super::record::text;
use super::tombstone::Tombstone;
use super::{data, fields};
use crate::clock::{crm_time, earlier};
use crate::object::Object;

/// All records, each in full, oldest first.
pub(crate) struct Records {
    deals: Vec<Object>,
    contacts: Vec<Object>,
    accounts: Vec<Object>,
    notes: Vec<Object>,
    /// Old states of changed records, which the search index still shows.
    stale: Vec<Stale>,
    /// The tombstones of deleted records, oldest first.
    pub(crate) tombstones: Vec<Tombstone>,
    /// Changes that were not announced yet.
    pub(crate) changes: Vec<Change>,
    /// The ids of records whose writes triggered workflow rules.
    pub(crate) triggered: Vec<String>,
    next_id: u64,
}

struct Stale {
    module: Module,
    id: String,
    changed: Timestamp,
    was: Option<Object>,
}

impl Records {
    /// The hand-written records, and more deals.
    pub(crate) fn new(extra_deals: usize) -> Self {
        Self {
            deals: data::deals(extra_deals),
            contacts: data::contacts(),
            accounts: data::accounts(),
            notes: data::notes(),
            stale: Vec::new(),
            tombstones: Vec::new(),
            changes: Vec::new(),
            triggered: Vec::new(),
            next_id: 6_100_000_000_700_000,
        }
    }

    /// The records of a module.
    pub(crate) fn of(&self, module: Module) -> &[Object] {
        match module {
            Module::Deals => &self.deals,
            Module::Contacts => &self.contacts,
            Module::Accounts => &self.accounts,
            Module::Notes => &self.notes,
        }
    }

    /// The records of a module, to be changed.
    pub(crate) fn of_mut(&mut self, module: Module) -> &mut Vec<Object> {
        match module {
            Module::Deals => &mut self.deals,
            Module::Contacts => &mut self.contacts,
            Module::Accounts => &mut self.accounts,
            Module::Notes => &mut self.notes,
        }
    }

    /// One record.
    pub(crate) fn get(&self, module: Module, id: &str) -> Option<&Object> {
        self.of(module).iter().find(|record| text(record, "id") == id)
    }

    /// A new record out of what a caller gave; gives its id.
    pub(crate) fn insert(&mut self, module: Module, mut given: Object, now: Timestamp) -> String {
        self.next_id += 1;
        let id = self.next_id.to_string();
        self.rows(&Object::new(), &mut given);
        let mut record = fields::blank(module);
        let time = crm_time(now);
        for (key, value) in [
            ("id", json!(id)),
            ("Created_Time", json!(time)),
            ("Modified_Time", json!(time)),
            ("Owner", data::owner()),
            ("Created_By", data::owner()),
            ("Modified_By", data::owner()),
        ] {
            record.insert(key.to_owned(), value);
        }
        record.extend(given);
        fields::derive(module, &mut record);
        self.note(Change::new((module, &record), Operation::Insert));
        self.of_mut(module).push(record);
        self.remember(Stale { module, id: id.clone(), changed: now, was: None });
        id
    }

    /// Changes a record and its time; `false` if there is none.
    pub(crate) fn update(&mut self, module: Module, id: &str, mut given: Object, now: Timestamp) -> bool {
        if let Some(old) = self.get(module, id).cloned() {
            self.rows(&old, &mut given);
        }
        let Some(record) = self.of_mut(module).iter_mut().find(|record| text(record, "id") == id) else {
            return false;
        };
        let was = record.clone();
        let values: Object =
            given.clone().into_iter().filter(|(key, value)| was.get(key) != Some(value)).collect();
        record.extend(given);
        record.insert("Modified_Time".to_owned(), crm_time(now).into());
        record.insert("Modified_By".to_owned(), data::owner());
        fields::derive(module, record);
        let change = Change::new((module, record), Operation::Update).with(values);
        self.note(change);
        self.remember(Stale { module, id: id.to_owned(), changed: now, was: Some(was) });
        true
    }

    /// The rows of a subform: those that are not sent are gone, those with the id of one change it, others are new.
    fn rows(&mut self, old: &Object, given: &mut Object) {
        let Some(Value::Array(rows)) = given.get_mut("Lines") else { return };
        let old = old.get("Lines").and_then(Value::as_array).cloned().unwrap_or_default();
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            let same = old.iter().filter_map(Value::as_object).find(|old| text(old, "id") == text(row, "id"));
            let mut whole = same.cloned().unwrap_or_default();
            whole.append(row);
            if text(&whole, "id").is_empty() {
                self.next_id += 1;
                whole.insert("id".to_owned(), self.next_id.to_string().into());
            }
            *row = whole;
        }
    }

    /// Takes a record away; `false` if there is none.
    pub(crate) fn delete(&mut self, module: Module, id: &str, now: Timestamp) -> bool {
        let records = self.of_mut(module);
        let Some(place) = records.iter().position(|record| text(record, "id") == id) else {
            return false;
        };
        let was = records.remove(place);
        self.note(Change::new((module, &was), Operation::Delete));
        self.tombstones.push(Tombstone::new(module, &was, now));
        self.remember(Stale { module, id: id.to_owned(), changed: now, was: Some(was) });
        true
    }

    /// Notes a change to be announced. A change of a note is also a related change of its parent.
    fn note(&mut self, change: Change) {
        let parent = change.of_parent();
        self.changes.push(change);
        self.changes.extend(parent);
    }

    /// Keeps the old state of a record for the search index, which lags less than a day.
    fn remember(&mut self, stale: Stale) {
        let yesterday = earlier(stale.changed, Duration::from_secs(86_400));
        self.stale.retain(|old| old.changed > yesterday);
        self.stale.push(stale);
    }

    /// What the search index shows: each record as it was before the changes it has not seen yet.
    pub(crate) fn indexed(&self, module: Module, seen_until: Timestamp) -> Vec<&Object> {
        let unseen: Vec<&Stale> =
            self.stale.iter().filter(|stale| stale.module == module && stale.changed > seen_until).collect();
        let first = |id: &str| unseen.iter().find(|stale| stale.id == id);
        let shown = self.of(module).iter().filter_map(|record| match first(text(record, "id")) {
            Some(stale) => stale.was.as_ref(),
            None => Some(record),
        });
        let gone = |stale: &&&Stale| {
            self.get(module, &stale.id).is_none()
                && first(&stale.id).is_some_and(|one| std::ptr::eq(*one, **stale))
        };
        shown.chain(unseen.iter().filter(gone).filter_map(|stale| stale.was.as_ref())).collect()
    }

    /// A lookup's value: name and id.
    pub(crate) fn lookup(&self, module: Module, id: &str) -> Option<Value> {
        let record = self.get(module, id)?;
        Some(json!({ "name": text(record, module.name_field()), "id": id }))
    }
}
