//! From events to entries: what is put into the queue, and what is closed at once because it needs no work.

use std::collections::BTreeMap;

use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
use crate::core::events::ledger::change::Change;
use crate::core::events::ledger::step::{FAN_OUT, PROGRESS};
use crate::core::events::ledger::{
    End, EndState, Entry, FanOut, Ledger, Newest, RecordState, RecordStates, Step,
};
use crate::core::writes::own_writes::OwnWrites;
use crate::store::{Condition, Put, Row, StoreError, Write, all_rows};

/// What is written of the records of a step.
#[derive(Default)]
struct Records {
    newest: BTreeMap<String, Newest>,
    own_writes: BTreeMap<String, Timestamp>,
}

/// A change that is put into the queue, or closed at once.
struct Sorted {
    entry: Entry,
    end: Option<&'static str>,
}

impl Ledger {
    /// All connections whose events ever became entries, and where the fan-out of each continues.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn fan_outs(&self) -> Result<BTreeMap<ConnectionName, FanOut>, StoreError> {
        let rows = all_rows(&*self.events, PROGRESS, FAN_OUT).await?;
        let named = |row: Row| Some((row.key.sort.strip_prefix(FAN_OUT)?.parse().ok()?, row));
        rows.into_iter().filter_map(named).map(|(name, row)| Ok((name, FanOut::of(row)?))).collect()
    }

    /// The event after which the fan-out continues.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn fan_out_from(&self, connection: &ConnectionName) -> Result<FanOut, StoreError> {
        let begin = FanOut::begin(connection);
        self.events.get(&begin.key).await?.map_or(Ok(begin), FanOut::of)
    }

    /// Puts the entries of a step into the queue, in their order; says how many. None where another run did it meanwhile.
    ///
    /// # Errors
    /// Where a store fails.
    pub async fn fan_out(
        &self,
        connection: &ConnectionName,
        step: Step,
        known: &RecordStates,
        own_writes: &OwnWrites,
    ) -> Result<usize, StoreError> {
        let Step { from, entries, ends } = step;
        let Some(position) = ends.last() else { return Ok(0) };
        let count = entries.len();
        let condition = from.version.map_or(Condition::Absent, Condition::Version);
        let mut steps = vec![Write::Put(Put::record(from.key, position, condition)?)];
        let (sorted, records) = self.sort(connection, entries, known, own_writes).await?;
        for (subject, newest) in &records.newest {
            steps.push(self.remember(connection, subject, newest)?);
        }
        for (subject, written) in &records.own_writes {
            steps.push(self.remember_own(connection, subject, *written)?);
        }
        let now = self.clock.now();
        for Sorted { entry, end } in sorted {
            steps.push(Write::Put(match end {
                None => entry.put(connection, Condition::Any, self.retention)?,
                Some(word) => {
                    let end = End { state: EndState::Done, outcome: word.to_owned(), note: None, at: now };
                    entry.put_closed(connection, end, self.retention)?
                }
            }));
        }
        Ok(if self.write(steps).await? { count } else { 0 })
    }

    /// Closes entries that need no work: our own writes, changes that arrive after a newer one of the same record, deletions of
    /// records that still exist, and tests of the operator's.
    async fn sort(
        &self,
        connection: &ConnectionName,
        entries: Vec<Entry>,
        known: &RecordStates,
        own_writes: &OwnWrites,
    ) -> Result<(Vec<Sorted>, Records), StoreError> {
        let (mut records, mut sorted) = (Records::default(), Vec::new());
        for mut entry in entries {
            let lookup = known.get(&entry.id).copied();
            if let Some(lookup) = lookup {
                lookup.note(&mut entry);
            }
            let change = Change::of(&entry, lookup);
            let mut end = None;
            if entry.is_test() {
                end = Some("test");
            } else if change.deletion && matches!(lookup, Some(RecordState::There(_))) {
                end = Some("not_deleted");
            } else if let Some(subject) = &entry.subject {
                let before = match records.newest.get(subject) {
                    Some(before) => Some(before.clone()),
                    None => self.newest(connection, subject).await?,
                };
                if let Some(written) =
                    change.own_write(connection, subject, before.as_ref(), own_writes).await?
                {
                    // Our own write does not count as the newest change, so changes of others are never taken for late ones.
                    end = Some("own_write");
                    records.own_writes.insert(subject.clone(), written);
                    if let Some(before) = before.filter(|before| before.deleted && before.at < written) {
                        records.newest.insert(subject.clone(), Newest { deleted: false, ..before });
                    }
                } else {
                    match change.after(before.as_ref()) {
                        Some(next) => drop(records.newest.insert(subject.clone(), next)),
                        None if change.at.is_some() => end = Some("superseded"),
                        None => {}
                    }
                }
            }
            sorted.push(Sorted { entry, end });
        }
        Ok((sorted, records))
    }
}
