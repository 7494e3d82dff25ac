//! Claims and tries where other runs are faster, and where the queue is longer than what is read of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;

use super::{AckResult, Begun, ClaimTarget, Claimed, Ending, Entry, Frozen, Ledger, queue};
use crate::base::clock::{SetClock, SharedClock, SignedDuration, Timestamp, TokioClock, later};
use crate::base::id::ConnectionName;
use crate::store::sqlite::Sqlite;
use crate::store::{Condition, Key, Outcome, Page, Query, Row, StoreError, Stores, Table, Version, Write};

/// The id of the only entry that is stored: the last one, whatever else is in the queue.
const LAST: &str = "z";

fn at_ten() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// A ledger with one entry, and the batch that tells of it.
async fn ledger(clock: SharedClock) -> (Ledger, ConnectionName, Frozen) {
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let (ledger, name) = (Ledger::new(stores.events, clock), ConnectionName::default());
    let entry = Entry::new(LAST.to_owned(), "custom.order", None, at_ten(), json!({}));
    let put = entry.put(&name, Condition::Absent, ledger.retention).unwrap();
    assert!(ledger.events.put(put).await.unwrap().is_done());
    let made = ledger.freeze(&name, |_| true, |_, _| "{}".to_owned()).await.unwrap().unwrap();
    (ledger, name, made)
}

/// A table whose next transactions are refused, each at this step: another run has just changed that row.
struct Contested {
    table: Arc<dyn Table>,
    refused: Mutex<VecDeque<usize>>,
}

#[async_trait]
impl Table for Contested {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.table.get(key).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let refused = self.refused.lock().unwrap().pop_front();
        match refused {
            Some(step) => Ok(Outcome::Refused { step, current: None }),
            None => self.table.transact(steps).await,
        }
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }
}

fn contested(ledger: &Ledger, refused: &[usize]) -> Ledger {
    let refused = Mutex::new(refused.iter().copied().collect());
    Ledger { events: Arc::new(Contested { table: ledger.events.clone(), refused }), ..ledger.clone() }
}

#[tokio::test(start_paused = true)]
async fn a_claim_before_which_others_come_waits_longer_each_time_and_ends_as_an_error() {
    let (ledger, name, _) = ledger(Arc::new(TokioClock::starting_at(at_ten()))).await;
    let ledger = contested(&ledger, &[0; 12]);
    let begin = Instant::now();
    let lost = ledger.claim(&name, ClaimTarget::Oldest, 9, 60, "key").await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    // 20 ms after the first time to 240 ms after the last, each cut by half at most, in whole milliseconds of tokio's timer.
    let waited = begin.elapsed().as_millis();
    assert!((780..=1_560 + 12).contains(&waited), "{waited}");
    let taken = ledger.claim(&name, ClaimTarget::Oldest, 9, 60, "key").await.unwrap();
    assert!(matches!(&taken, Claimed::Taken { entries, .. } if entries.len() == 1), "{taken:?}");
}

#[tokio::test]
async fn a_try_is_begun_though_another_batch_takes_a_turn_meanwhile_and_not_where_another_run_has_begun_it() {
    for (refused, is_begun) in [(&[1, 1][..], true), (&[0], false), (&[1, 0], false)] {
        let (ledger, name, made) = ledger(Arc::new(SetClock::at_ten())).await;
        match contested(&ledger, refused).begin_try(&name, &made, 9).await.unwrap() {
            Begun::Try(tried, turn) if is_begun => {
                assert_eq!((tried.batch.attempts, tried.batch.turn), (1, Some(turn)), "{refused:?}");
            }
            Begun::Taken if !is_begun => {}
            other => panic!("{refused:?}: {other:?}"),
        }
    }
}

/// Entries that stand before the one that is stored.
const OTHERS: usize = 20_500;

/// A table with so many more entries in its queue, which counts how many of them are read.
struct LongQueue {
    table: Arc<dyn Table>,
    read: AtomicUsize,
}

fn row_of(number: usize) -> Row {
    let id = format!("{number:05}");
    let entry = Entry::new(id.clone(), "custom.order", None, at_ten(), json!({}));
    let key = Key::new(queue(&ConnectionName::default()), id);
    let value = serde_json::to_string(&entry).unwrap();
    Row { key, value, version: Version("1".to_owned()), expires: None }
}

#[async_trait]
impl Table for LongQueue {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.table.get(key).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        self.table.transact(steps).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let begin = match &query.after {
            None => 0,
            Some(after) => after.parse().map_or(OTHERS, |last: usize| last + 1),
        };
        if query.partition != queue(&ConnectionName::default()) || begin >= OTHERS {
            return self.table.query(query).await;
        }
        let rows: Vec<Row> = (begin..OTHERS.min(begin + query.limit)).map(row_of).collect();
        self.read.fetch_add(rows.len(), Ordering::SeqCst);
        let next = rows.last().map(|row| row.key.sort.clone());
        Ok(Page { rows, next })
    }
}

#[tokio::test]
async fn a_batch_behind_more_entries_than_are_read_is_busy_until_what_it_tells_of_is_closed() {
    let (ledger, name, made) = ledger(Arc::new(SetClock::at_ten())).await;
    let table = Arc::new(LongQueue { table: ledger.events.clone(), read: AtomicUsize::new(0) });
    let long = Ledger { events: table.clone(), ..ledger.clone() };
    let batch = ClaimTarget::Batch(&made.batch.id);
    let busy = long.claim(&name, batch, 9, 60, "key").await.unwrap();
    let again = later(at_ten(), SignedDuration::from_mins(10));
    assert!(matches!(busy, Claimed::Busy(until) if until == again), "{busy:?}");
    assert_eq!(table.read.load(Ordering::SeqCst), 20_000);

    let taken = ledger.claim(&name, batch, 9, 60, "key").await.unwrap();
    assert!(matches!(taken, Claimed::Taken { .. }), "{taken:?}");
    let closed = ledger.ack(&name, &[LAST.to_owned()], Ending::Done, None, "key", None).await.unwrap();
    assert_eq!(closed, AckResult::Written(vec![(LAST.to_owned(), "done")]));
    let over = long.claim(&name, batch, 9, 60, "key").await.unwrap();
    assert!(matches!(over, Claimed::Over), "{over:?}");
}
