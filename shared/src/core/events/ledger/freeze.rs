//! Makes the next batch, of the entries that no batch has told yet.
//!
//! An entry is held back while another change of its record is in somebody's hands: changes of one record are worked on in their order,
//! so a run that is told of the entry could not claim it. Batches pass such an entry and leave a mark for it. The first batch after
//! the acknowledgement tells of it. Replayed entries have such a mark, too.

use std::collections::{HashMap, HashSet};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, is_to_come, later};
use crate::base::id::{ConnectionName, time_ordered};
use crate::core::events::ledger::batch::again_key;
use crate::core::events::ledger::step::PROGRESS;
use crate::core::events::ledger::{Batch, Entry, Frozen, Ledger, MAX_AT_ONCE, Stage};
use crate::store::{Condition, Key, Outcome, Put, Row, StoreError, Write, all_rows};

/// The most entries of one batch: their ids fit into a row.
const MAX_BATCH_ENTRIES: usize = 2000;

/// Marks that one transaction writes or removes: it has 100 steps in all.
const MARKS_AT_ONCE: usize = 90;

/// How long a run has to claim its entries, which is the first thing it does. After that it is not waited for: the next run claims them,
/// too.
const CLAIM_TIME: SignedDuration = SignedDuration::from_mins(5);

/// The content of the mark of an entry that is held back.
const HELD: &str = "held";

/// How far batches have come in a connection's queue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Progress {
    told: Option<String>,
}

/// Entries that may be told of.
struct Candidates {
    /// Entries that batches have passed, with their marks.
    marked: Vec<(Entry, Row)>,
    /// Entries that no batch has reached.
    fresh: Vec<Entry>,
    /// Marks that are of no more use.
    spent: Vec<Row>,
    /// The last entry that was looked at.
    last: Option<String>,
}

/// What the next batch tells of, and what becomes of marks with it.
struct Choice {
    entries: Vec<Entry>,
    /// Entries that it passes and does not tell of.
    held: Vec<Entry>,
    /// Marks that are of no more use.
    gone: Vec<Row>,
    /// How far batches have come with it.
    last: Option<String>,
}

impl Candidates {
    fn are_none(&self) -> bool {
        self.marked.is_empty() && self.fresh.is_empty()
    }

    /// Chooses the entries of one batch, and leaves out those that are in somebody's hands. So far, batches have come to `passed`.
    fn choose(self, hands: &Hands, mut passed: Option<String>) -> Choice {
        let Self { marked, fresh, spent: mut gone, mut last } = self;
        let (mut entries, mut held) = (Vec::new(), Vec::new());
        for (entry, mark) in marked {
            if entries.len() < MAX_BATCH_ENTRIES && !hands.hold(&entry) {
                entries.push(entry);
                gone.push(mark);
            }
        }
        // Batches pass an entry that is held back only where they tell of one behind it.
        let mut waiting = Vec::new();
        let mut is_full = false;
        for entry in fresh {
            is_full = entries.len() >= MAX_BATCH_ENTRIES;
            if is_full {
                break;
            }
            if hands.hold(&entry) {
                waiting.push(entry);
                continue;
            }
            held.append(&mut waiting);
            passed = Some(entry.id.clone());
            entries.push(entry);
        }
        if is_full || !waiting.is_empty() {
            last = passed;
        }
        // A mark that is written anew is not removed.
        let anew: HashSet<&str> = held.iter().map(|entry: &Entry| entry.id.as_str()).collect();
        gone.retain(|mark| !anew.contains(mark.key.sort.as_str()));
        Choice { entries, held, gone, last }
    }
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
        let (progress, condition) = self.progress(connection).await?;
        let candidates = self.candidates(connection, &progress, &wanted).await?;
        let hands = if candidates.are_none() {
            Hands { now: self.clock.now(), by_record: HashMap::new() }
        } else {
            self.hands(connection).await?
        };
        let Choice { entries, held, gone, last } = candidates.choose(&hands, progress.told.clone());
        if entries.is_empty() && gone.is_empty() && last == progress.told {
            return Ok(None);
        }
        // If the process dies after these, they are of entries that no batch has passed, and the next batch removes or rewrites them.
        if !self.mark_held(connection, &held).await? {
            return Ok(None);
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
            reason: None,
            turn: None,
        };
        let progress = Put::record(progress_key(connection), &Progress { told: last }, condition)?;
        self.put_made(connection, batch, progress, gone).await
    }

    /// Stores a batch where it tells of anything, how far batches have come with it, and that these marks are gone. Nothing where there is
    /// nothing to tell, or where another run was faster.
    async fn put_made(
        &self,
        connection: &ConnectionName,
        batch: Batch,
        progress: Put,
        gone: Vec<Row>,
    ) -> Result<Option<Frozen>, StoreError> {
        let is_made = !batch.ids.is_empty();
        let mut steps = Vec::new();
        if is_made {
            steps.push(Write::Put(batch.put(connection, Condition::Absent, self.retention)?));
        }
        steps.push(Write::Put(progress));
        let gone = gone.into_iter().map(|row| Write::Delete(row.key, Condition::Version(row.version)));
        let mut gone: Vec<Write> = gone.collect();
        let rest = gone.split_off(gone.len().min(MARKS_AT_ONCE));
        steps.extend(gone);
        let Outcome::Done(version) = self.events.transact(steps).await? else { return Ok(None) };
        // If the process dies before this, the remaining entries are reported twice.
        for rest in rest.chunks(MARKS_AT_ONCE) {
            self.write(rest.to_vec()).await?;
        }
        Ok(version.filter(|_| is_made).map(|version| Frozen { batch, version }))
    }

    /// Marks entries that the next batch passes and does not tell. Says whether all of them were.
    async fn mark_held(&self, connection: &ConnectionName, held: &[Entry]) -> Result<bool, StoreError> {
        for some in held.chunks(MARKS_AT_ONCE) {
            let mut steps = Vec::new();
            for entry in some {
                let mark = Put::record(again_key(connection, &entry.id), &HELD, Condition::Any)?;
                steps.push(Write::Put(mark.until(entry.end(self.retention))));
            }
            if !self.write(steps).await? {
                return Ok(false);
            }
        }
        Ok(true)
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
        let mut marks = all_rows(&*self.events, &format!("again#{connection}"), "").await?;
        while !marks.is_empty() {
            let rest = marks.split_off(marks.len().min(MAX_AT_ONCE));
            let some = std::mem::replace(&mut marks, rest);
            let rows =
                try_join_all(some.iter().map(|mark| self.open_row(connection, &mark.key.sort))).await?;
            for (mark, row) in some.into_iter().zip(rows) {
                // An entry that batches have not reached needs no mark: it comes with the fresh ones.
                let Some(row) = row.filter(|_| progress.has_passed(&mark.key.sort)) else {
                    spent.push(mark);
                    continue;
                };
                let entry: Entry = row.read()?;
                // The hook may want fewer types than when it was passed. An entry that the operator replays is told in any case.
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
            // The scan does not stop early: however many entries are held back, those behind them are reached.
            true
        })
        .await?;
        Ok(Candidates { marked, fresh, spent, last })
    }

    async fn hands(&self, connection: &ConnectionName) -> Result<Hands, StoreError> {
        let (now, mut told) = (self.clock.now(), HashSet::new());
        for Frozen { batch, .. } in self.open_batches(connection).await? {
            let is_expected = match batch.stage {
                Stage::Waiting => true,
                Stage::Admitted { at, .. } => is_to_come(later(at, CLAIM_TIME), now, CLAIM_TIME),
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
    use crate::base::clock::{SetClock, SharedClock, TokioClock};
    use crate::core::events::ledger::{Claim, REPLAYED};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn id(number: usize) -> String {
        format!("{number:08}")
    }

    fn entry(number: usize, subject: &str, now: Timestamp) -> Entry {
        Entry::new(id(number), "zoho.inventory.item.updated", Some(subject.to_owned()), now, json!({}))
    }

    /// A ledger that has told of everything up to this entry.
    async fn ledger(told: usize) -> (Ledger, ConnectionName) {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-30T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let (ledger, name) = (Ledger::new(stores.events.clone(), clock), ConnectionName::default());
        let told = Progress { told: Some(id(told)) };
        let told = Put::record(progress_key(&name), &told, Condition::Absent).unwrap();
        ledger.write(vec![Write::Put(told)]).await.unwrap();
        (ledger, name)
    }

    impl Ledger {
        fn putting(&self, entry: &Entry) -> Write {
            Write::Put(entry.put(&ConnectionName::default(), Condition::Any, self.retention).unwrap())
        }

        fn claimed(&self, number: usize, subject: &str) -> Entry {
            let now = self.clock.now();
            let claim = Claim { id: "claim".to_owned(), by: "key".to_owned(), until: later(now, CLAIM_TIME) };
            Entry { claim: Some(claim), ..entry(number, subject, now) }
        }

        async fn write_all(&self, steps: Vec<Write>) {
            for steps in steps.chunks(MARKS_AT_ONCE) {
                self.write(steps.to_vec()).await.unwrap();
            }
        }

        async fn told_next(&self) -> Vec<String> {
            let connection = ConnectionName::default();
            let made = self.freeze(&connection, |_| true, |_, _| "{}".to_owned());
            made.await.unwrap().map(|made| made.batch.ids).unwrap_or_default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn marks_of_what_is_held_back_hide_nothing_behind_them() {
        let last_mark = MAX_BATCH_ENTRIES + 1;
        let (ledger, name) = ledger(last_mark).await;
        let now = ledger.clock.now();
        let mut steps = vec![ledger.putting(&ledger.claimed(0, "item/1"))];
        for number in 1..=last_mark {
            let mark = Put::record(again_key(&name, &id(number)), &HELD, Condition::Absent).unwrap();
            let subject = if number == last_mark { "item/9" } else { "item/1" };
            steps.extend([ledger.putting(&entry(number, subject, now)), Write::Put(mark)]);
        }
        let fresh = |more: usize| last_mark + more;
        for (more, subject) in [(1, "item/1"), (2, "item/2"), (3, "item/3")] {
            steps.push(ledger.putting(&entry(fresh(more), subject, now)));
        }
        ledger.write_all(steps).await;
        assert_eq!(ledger.told_next().await, [id(last_mark), id(fresh(2)), id(fresh(3))]);

        let free = ledger.putting(&entry(0, "item/1", now));
        ledger.write_all(vec![free, ledger.putting(&entry(fresh(4), "item/4", now))]).await;
        assert_eq!(ledger.told_next().await.len(), MAX_BATCH_ENTRIES, "no batch is larger");
        assert_eq!(ledger.told_next().await, [id(fresh(4))]);
    }

    #[tokio::test]
    async fn what_was_held_back_is_told_where_it_is_still_wanted_and_what_is_replayed_in_any_case() {
        let (ledger, name) = ledger(2).await;
        let now = ledger.clock.now();
        let mark = |number: usize, word: &str| {
            Write::Put(Put::record(again_key(&name, &id(number)), &word, Condition::Absent).unwrap())
        };
        let entries = [entry(1, "item/1", now), entry(2, "item/2", now)].map(|entry| ledger.putting(&entry));
        ledger.write_all([entries, [mark(1, HELD), mark(2, REPLAYED)]].concat()).await;
        assert_eq!(ledger.untold(&name, |_| true).await.unwrap(), 2);
        assert_eq!(ledger.untold(&name, |_| false).await.unwrap(), 1);
        let made = ledger.freeze(&name, |_| false, |_, _| "{}".to_owned()).await.unwrap().unwrap();
        assert_eq!(made.batch.ids, [id(2)]);
        assert_eq!(ledger.untold(&name, |_| true).await.unwrap(), 0, "the marks are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_a_mark_before_batches_come_to_it_is_told_once() {
        let (ledger, name) = ledger(0).await;
        let mark = Put::record(again_key(&name, &id(1)), &REPLAYED, Condition::Absent).unwrap();
        let entry = ledger.putting(&entry(1, "item/1", ledger.clock.now()));
        ledger.write_all(vec![entry, Write::Put(mark)]).await;
        assert_eq!(ledger.untold(&name, |_| true).await.unwrap(), 1);
        assert_eq!(ledger.told_next().await, [id(1)]);
        assert!(ledger.told_next().await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_hook_does_not_want_when_it_comes_is_not_told_later() {
        let (ledger, name) = ledger(0).await;
        let now = ledger.clock.now();
        ledger.write_all(vec![ledger.putting(&entry(1, "item/1", now))]).await;
        let made = ledger.freeze(&name, |_| false, |_, _| "{}".to_owned()).await.unwrap();
        assert!(made.is_none(), "there is nothing to tell");
        ledger.write_all(vec![ledger.putting(&entry(2, "item/2", now))]).await;
        assert_eq!(ledger.told_next().await, [id(2)]);
    }

    #[tokio::test]
    async fn a_run_from_before_the_clock_was_set_back_holds_nothing_back() {
        let clock = Arc::new(SetClock::at_ten());
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let (ledger, name) = (Ledger::new(stores.events, clock.clone()), ConnectionName::default());
        let now = ledger.clock.now();
        ledger.write_all(vec![ledger.putting(&entry(1, "item/1", now))]).await;
        let made = ledger.freeze(&name, |_| true, |_, _| "{}".to_owned()).await.unwrap().unwrap();
        let admitted = Stage::Admitted { run: None, at: now };
        ledger.change_batch(&name, made, |batch| batch.stage = admitted).await.unwrap().unwrap();
        ledger.write_all(vec![ledger.putting(&entry(2, "item/1", now))]).await;
        assert!(ledger.told_next().await.is_empty(), "the run has yet to claim what it was told of");
        clock.shift(SignedDuration::from_hours(-24));
        assert_eq!(ledger.told_next().await, [id(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn new_entries_that_are_held_back_hide_nothing_behind_them() {
        let (ledger, name) = ledger(0).await;
        let now = ledger.clock.now();
        let held = MAX_BATCH_ENTRIES + 1;
        let mut steps = vec![ledger.putting(&ledger.claimed(0, "item/1"))];
        steps.extend((1..=held).map(|number| ledger.putting(&entry(number, "item/1", now))));
        steps.push(ledger.putting(&entry(held + 1, "item/2", now)));
        ledger.write_all(steps).await;
        assert_eq!(ledger.untold(&name, |_| true).await.unwrap(), held + 1);
        assert_eq!(ledger.told_next().await, [id(held + 1)]);
        assert_eq!(ledger.untold(&name, |_| true).await.unwrap(), held, "each has its mark");
    }
}
