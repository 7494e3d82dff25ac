//! What the stores of a simulation keep.

use std::collections::BTreeMap;

use shared::base::clock::Timestamp;
use shared::store::{Condition, Key, Order, Outcome, Page, Query, Row, Version, Write};

/// What is kept.
pub struct Kept {
    /// Whether a pending value that another one replaced can still be promoted, as in Secrets Manager.
    lenient: bool,
    count: u64,
    pub(super) secrets: BTreeMap<String, Versions>,
    rows: BTreeMap<(&'static str, String, String), Row>,
}

#[derive(Default)]
pub(super) struct Versions {
    current: Option<u64>,
    pending: Option<u64>,
    all: BTreeMap<u64, (String, Timestamp)>,
}

impl Kept {
    /// Nothing.
    pub fn new(lenient: bool) -> Self {
        Self { lenient, count: 0, secrets: BTreeMap::new(), rows: BTreeMap::new() }
    }

    /// The current value of a secret and its version.
    pub fn current(&self, name: &str) -> Option<(String, u64)> {
        let versions = self.secrets.get(name)?;
        let current = versions.current?;
        Some((versions.all[&current].0.clone(), current))
    }

    /// Whether a secret was made after this moment.
    pub fn is_younger(&self, name: &str, since: Timestamp) -> bool {
        let first = self.secrets.get(name).and_then(|kept| kept.all.values().next());
        first.is_some_and(|(_, made)| *made > since)
    }

    /// Removes a secret with all its versions.
    pub fn delete(&mut self, name: &str) {
        self.secrets.remove(name);
    }

    /// The names of secrets that have a current value.
    pub fn names(&self) -> Vec<String> {
        self.secrets.iter().filter(|(_, kept)| kept.current.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// How many versions of a secret are younger than this.
    pub fn versions(&self, name: &str, since: Timestamp) -> usize {
        let versions = self.secrets.get(name);
        versions.map_or(0, |kept| kept.all.values().filter(|(_, made)| *made >= since).count())
    }

    /// A row's value, if it did not end.
    pub fn row(&self, key: &Key, now: Timestamp) -> Option<&Row> {
        self.find("state", key, now)
    }

    /// A row, if it did not end.
    pub fn find(&self, table: &'static str, key: &Key, now: Timestamp) -> Option<&Row> {
        let row = self.rows.get(&(table, key.partition.clone(), key.sort.clone()))?;
        row.expires.is_none_or(|end| end > now).then_some(row)
    }

    /// Stages a secret's value; gives its version.
    pub fn stage(&mut self, name: &str, value: String, now: Timestamp) -> u64 {
        self.count += 1;
        let versions = self.secrets.entry(name.to_owned()).or_default();
        versions.all.insert(self.count, (value, now));
        versions.pending = Some(self.count);
        self.count
    }

    /// Makes a staged value the current one, if the current one is still `from`.
    pub fn promote(&mut self, name: &str, pending: u64, from: Option<u64>) -> bool {
        let lenient = self.lenient;
        let Some(versions) = self.secrets.get_mut(name) else { return false };
        if versions.current == Some(pending) {
            return true;
        }
        let known = versions.all.contains_key(&pending) && (lenient || versions.pending == Some(pending));
        if versions.current != from || !known {
            return false;
        }
        versions.current = Some(pending);
        versions.pending = versions.pending.filter(|other| *other != pending);
        true
    }

    /// All of the steps, or none.
    pub fn transact(&mut self, table: &'static str, steps: &[Write], now: Timestamp) -> Outcome {
        for (step, write) in steps.iter().enumerate() {
            let (key, condition) = match write {
                Write::Put(put) => (&put.key, &put.condition),
                Write::Delete(key, condition) => (key, condition),
            };
            let current = self.find(table, key, now);
            let holds = match condition {
                Condition::Any => true,
                Condition::Absent => current.is_none(),
                Condition::Version(wanted) => current.is_some_and(|row| row.version == *wanted),
            };
            if !holds {
                return Outcome::Refused { step, current: current.cloned() };
            }
        }
        let mut first = None;
        for (step, write) in steps.iter().enumerate() {
            let version = match write {
                Write::Put(put) => {
                    self.count += 1;
                    let version = Version(self.count.to_string());
                    let row = Row {
                        key: put.key.clone(),
                        value: put.value.clone(),
                        version: version.clone(),
                        expires: put.expires,
                    };
                    self.rows.insert((table, put.key.partition.clone(), put.key.sort.clone()), row);
                    Some(version)
                }
                Write::Delete(key, _) => {
                    self.rows.remove(&(table, key.partition.clone(), key.sort.clone()));
                    None
                }
            };
            if step == 0 {
                first = version;
            }
        }
        Outcome::Done(first)
    }

    /// Rows in order.
    pub fn query(&self, table: &'static str, query: &Query, now: Timestamp) -> Page {
        let after = |sort: &str| match (&query.after, query.order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => sort > after.as_str(),
            (Some(after), Order::Descending) => sort < after.as_str(),
        };
        let mut rows: Vec<_> = self
            .rows
            .range((table, query.partition.clone(), String::new())..)
            .take_while(|((of, partition, _), _)| *of == table && *partition == query.partition)
            .map(|(_, row)| row)
            .filter(|row| row.expires.is_none_or(|end| end > now))
            .filter(|row| row.key.sort.starts_with(&query.prefix) && after(&row.key.sort))
            .filter(|row| query.below.as_ref().is_none_or(|below| row.key.sort < *below))
            .cloned()
            .collect();
        if query.order == Order::Descending {
            rows.reverse();
        }
        let more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let next = rows.last().filter(|_| more).map(|row| row.key.sort.clone());
        Page { rows, next }
    }
}
