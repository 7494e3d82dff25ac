//! Making the next batch, of what no batch has told yet.
//!
//! What belongs to a record in somebody's hands is held back: a run that is told of it gets nothing, because changes of one record are
//! worked on in their order. A mark stands for each entry that batches have passed, and the first batch after the acknowledgement
//! tells of it. Replayed entries have such a mark, too.

use std::collections::{HashMap, HashSet};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::base::id::{ConnectionName, time_ordered};
use crate::core::events::ledger::batch::again_key;
use crate::core::events::ledger::fan_out::PROGRESS;
use crate::core::events::ledger::{Batch, Entry, Frozen, Ledger, MAX_AT_ONCE, MAX_TRIES, Stage};
use crate::store::{Condition, Key, Outcome, Put, Query, Row, StoreError, Write};

/// The most entries of one batch: their ids fit into a row.
const MAX_BATCH_ENTRIES: usize = 2000;

/// New marks of one transaction, and marks that it removes: it has 100 steps in all.
const MAX_NEW_MARKS: usize = 45;
const MAX_GONE_MARKS: usize = 45;

/// A run claims first of all. One that has not after this is not waited for: the next one claims what it was told of as well.
const CLAIM_TIME: SignedDuration = SignedDuration::from_mins(5);

/// What the mark of an entry says that is held back.
const HELD: &str = "held";

/// How far batches have come in a connection's queue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Progress {
    told: Option<String>,
}

/// Entries that may be told of.
struct Candidates {
    /// Those that batches have passed, with their marks.
    marked: Vec<(Entry, Row)>,
    /// Those that no batch has come to.
    fresh: Vec<Entry>,
    /// Marks that are of no more use.
    spent: Vec<Row>,
    /// The last entry that was looked at.
    last: Option<String>,
}

/// The entries that are in somebody's hands: claimed, or told to a run that has yet to claim them.
struct Hands {
    now: Timestamp,
    by_record: HashMap<String, Vec<String>>,
}

impl Hands {
    fn hold(&self, entry: &Entry) -> bool {
        let record = entry.subject.as_ref().and_then(|subject| self.by_record.get(subject));
        entry.is_claimed(self.now) || record.is_some_and(|ids| ids.iter().any(|id| *id != entry.id))
    }
}

fn progress_key(connection: &ConnectionName) -> Key {
    Key::new(PROGRESS, format!("tell/{connection}"))
}

impl Progress {
    fn has_passed(&self, id: &str) -> bool {
        self.told.as_deref().is_some_and(|told| id <= told)
    }
}

impl Ledger {
    /// Makes a batch of the entries that are wanted and were in none yet, but for those that are held back. Nothing where there are no
    /// such entries, or where another run has just made a batch.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn freeze(
        &self,
        connection: &ConnectionName,
        wanted: impl Fn(&Entry) -> bool,
        write: impl Fn(&str, &[Entry]) -> String,
    ) -> Result<Option<Frozen>, StoreError> {
        for _ in 0..MAX_TRIES {
            let (made, is_more) = self.freeze_once(connection, &wanted, &write).await?;
            if made.is_some() || !is_more {
                return Ok(made);
            }
        }
        Ok(None)
    }

    /// How many entries that are wanted wait to be told of.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn untold(
        &self,
        connection: &ConnectionName,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<usize, StoreError> {
        let (progress, _) = self.progress(connection).await?;
        let Candidates { marked, fresh, .. } = self.candidates(connection, &progress, &wanted).await?;
        Ok(marked.len() + fresh.len())
    }

    /// One transaction: the batch, where there is one, and whether there is more to look at.
    async fn freeze_once(
        &self,
        connection: &ConnectionName,
        wanted: &impl Fn(&Entry) -> bool,
        write: &impl Fn(&str, &[Entry]) -> String,
    ) -> Result<(Option<Frozen>, bool), StoreError> {
        let (progress, condition) = self.progress(connection).await?;
        let candidates = self.candidates(connection, &progress, wanted).await?;
        let Candidates { marked, fresh, spent: mut gone, mut last } = candidates;
        let hands = if marked.is_empty() && fresh.is_empty() {
            Hands { now: self.clock.now(), by_record: HashMap::new() }
        } else {
            self.hands(connection).await?
        };
        let (mut entries, mut held) = (Vec::new(), Vec::new());
        for (entry, mark) in marked {
            if !hands.hold(&entry) {
                entries.push(entry);
                gone.push(mark);
            }
        }
        // Batches pass an entry that is held back only where they tell of one behind it.
        let (mut waiting, mut passed) = (Vec::new(), progress.told.clone());
        let (mut is_cut, mut is_full) = (false, false);
        for entry in fresh {
            is_full = entries.len() >= MAX_BATCH_ENTRIES;
            if is_full {
                break;
            }
            if hands.hold(&entry) {
                waiting.push(entry);
                continue;
            }
            let room = MAX_NEW_MARKS.saturating_sub(held.len());
            is_cut = waiting.len() > room;
            if is_cut {
                waiting.truncate(room);
                passed = waiting.last().map(|entry: &Entry| entry.id.clone()).or(passed);
                held.append(&mut waiting);
                break;
            }
            held.append(&mut waiting);
            passed = Some(entry.id.clone());
            entries.push(entry);
        }
        if is_cut || is_full || !waiting.is_empty() {
            last = passed;
        }
        // A mark that is written anew is not removed in the same transaction.
        gone.retain(|mark| !held.iter().any(|entry| entry.id == mark.key.sort));
        if entries.is_empty() && gone.is_empty() && last == progress.told {
            return Ok((None, false));
        }
        let now = hands.now;
        let id = time_ordered(now);
        let batch = Batch {
            body: write(&id, &entries),
            id,
            at: now,
            ids: entries.iter().map(|entry| entry.id.clone()).collect(),
            attempts: 0,
            rounds: 0,
            stage: Stage::Waiting,
            next: now,
            said: None,
            turn: None,
        };
        let is_made = !entries.is_empty();
        let mut steps = Vec::new();
        if is_made {
            steps.push(Write::Put(batch.put(connection, Condition::Absent, self.retention)?));
        }
        steps.push(Write::Put(Put::record(progress_key(connection), &Progress { told: last }, condition)?));
        for entry in &held {
            let mark = Put::record(again_key(connection, &entry.id), &HELD, Condition::Any)?;
            steps.push(Write::Put(mark.until(entry.end(self.retention))));
        }
        let gone = gone.into_iter().map(|row| Write::Delete(row.key, Condition::Version(row.version)));
        let mut gone: Vec<Write> = gone.collect();
        let rest = gone.split_off(gone.len().min(MAX_GONE_MARKS));
        steps.extend(gone);
        let Outcome::Done(version) = self.events.transact(steps).await? else { return Ok((None, false)) };
        // If the process dies before this, the remaining entries are reported twice.
        for rest in rest.chunks(MAX_GONE_MARKS) {
            self.write(rest.to_vec()).await?;
        }
        let made = version.filter(|_| is_made).map(|version| Frozen { batch, version });
        Ok((made, is_cut))
    }

    async fn progress(&self, connection: &ConnectionName) -> Result<(Progress, Condition), StoreError> {
        match self.events.get(&progress_key(connection)).await? {
            Some(row) => Ok((row.read()?, Condition::Version(row.version))),
            None => Ok((Progress::default(), Condition::Absent)),
        }
    }

    async fn candidates(
        &self,
        connection: &ConnectionName,
        progress: &Progress,
        wanted: &impl Fn(&Entry) -> bool,
    ) -> Result<Candidates, StoreError> {
        let (mut marked, mut spent) = (Vec::new(), Vec::new());
        let marks = Query::partition(format!("again#{connection}"), MAX_BATCH_ENTRIES);
        let mut marks = self.events.query(marks).await?.rows;
        while !marks.is_empty() {
            let rest = marks.split_off(marks.len().min(MAX_AT_ONCE));
            let some = std::mem::replace(&mut marks, rest);
            let rows =
                try_join_all(some.iter().map(|mark| self.open_row(connection, &mark.key.sort))).await?;
            for (mark, row) in some.into_iter().zip(rows) {
                // What batches have not reached yet comes with the others.
                let Some(row) = row.filter(|_| progress.has_passed(&mark.key.sort)) else {
                    spent.push(mark);
                    continue;
                };
                let entry: Entry = row.read()?;
                // The hook may want less by now. What the operator replays is told in any case.
                if mark.read::<String>()? == HELD && !wanted(&entry) {
                    spent.push(mark);
                } else {
                    marked.push((entry, mark));
                }
            }
        }
        let (mut fresh, mut last) = (Vec::new(), progress.told.clone());
        self.scan(connection, progress.told.clone(), |entry, _| {
            last = Some(entry.id.clone());
            if wanted(&entry) {
                fresh.push(entry);
            }
            // However many are held back, they keep nobody from what is new.
            fresh.len() < MAX_BATCH_ENTRIES
        })
        .await?;
        Ok(Candidates { marked, fresh, spent, last })
    }

    async fn hands(&self, connection: &ConnectionName) -> Result<Hands, StoreError> {
        let (now, mut told) = (self.clock.now(), HashSet::new());
        for Frozen { batch, .. } in self.open_batches(connection).await? {
            let is_expected = match batch.stage {
                Stage::Waiting => true,
                Stage::Admitted { at, .. } => later(at, CLAIM_TIME) > now,
                Stage::Refused { .. } | Stage::Unclaimed => false,
            };
            if is_expected {
                told.extend(batch.ids);
            }
        }
        let mut by_record = HashMap::<String, Vec<String>>::new();
        self.scan(connection, None, |entry, _| {
            let is_in_hands = entry.is_claimed(now) || told.contains(&entry.id);
            if let (true, Some(subject)) = (is_in_hands, entry.subject) {
                by_record.entry(subject).or_default().push(entry.id);
            }
            true
        })
        .await?;
        Ok(Hands { now, by_record })
    }
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::base::clock::{SharedClock, TokioClock};
    use crate::core::events::ledger::Claim;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn id(number: usize) -> String {
        format!("{number:08}")
    }

    fn entry(number: usize, subject: &str, now: Timestamp) -> Entry {
        Entry {
            id: id(number),
            kind: "zoho.inventory.item.updated".to_owned(),
            subject: Some(subject.to_owned()),
            time: now.to_string(),
            receivedtime: now,
            data: json!({}),
            claim: None,
            claims: 0,
            batch: None,
            replayed: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_back_keeps_nothing_new_from_being_told() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-30T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let ledger = Ledger::new(stores.events.clone(), clock.clone());
        let (name, now) = (ConnectionName::default(), clock.now());
        let put = |entry: &Entry| Write::Put(entry.put(&name, Condition::Any, ledger.retention).unwrap());
        let told = Progress { told: Some(id(MAX_BATCH_ENTRIES)) };
        let told = Put::record(progress_key(&name), &told, Condition::Absent).unwrap();
        let claim = Claim { id: "claim".to_owned(), by: "key".to_owned(), until: later(now, CLAIM_TIME) };
        let claimed = Entry { claim: Some(claim), ..entry(0, "item/1", now) };
        let mut steps = vec![Write::Put(told), put(&claimed)];
        for number in 1..=MAX_BATCH_ENTRIES {
            let mark = Put::record(again_key(&name, &id(number)), &HELD, Condition::Absent).unwrap();
            steps.extend([put(&entry(number, "item/1", now)), Write::Put(mark)]);
        }
        let fresh = |more: usize| MAX_BATCH_ENTRIES + more;
        steps.push(put(&entry(fresh(1), "item/1", now)));
        steps.push(put(&entry(fresh(2), "item/2", now)));
        steps.push(put(&entry(fresh(3), "item/3", now)));
        for steps in steps.chunks(MAX_GONE_MARKS) {
            ledger.write(steps.to_vec()).await.unwrap();
        }
        let freeze = async || {
            let made = ledger.freeze(&name, |_| true, |_, _| "{}".to_owned()).await.unwrap();
            made.map(|made| made.batch.ids).unwrap_or_default()
        };
        assert_eq!(freeze().await, [id(fresh(2)), id(fresh(3))]);

        let free = entry(0, "item/1", now);
        ledger.write(vec![put(&free), put(&entry(fresh(4), "item/4", now))]).await.unwrap();
        assert_eq!(freeze().await.len(), MAX_BATCH_ENTRIES, "no batch is larger");
        assert_eq!(freeze().await, [id(fresh(4))]);
    }
}
