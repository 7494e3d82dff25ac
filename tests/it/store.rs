//! The conformance suite: on AWS's stand-in, on good days and bad ones, in memory, on a file, and on a file that two openers share.

use std::sync::Arc;

use shared::base::clock::SharedClock;
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Outcome, Put, Query, Stores, Write};
use tempfile::TempDir;
use tests::aws::{Aws, Trouble};
use tests::clock::{StandingClock, until};
use tests::conformance::{self, Subject};

fn in_memory() -> (Subject, Option<TempDir>) {
    let clock = Arc::new(StandingClock::default());
    let stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    (Subject { stores, clock }, None)
}

fn on_file() -> (Subject, Option<TempDir>) {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(StandingClock::default());
    let stores = Sqlite::open(folder.path(), clock.clone()).unwrap().into();
    (Subject { stores, clock }, Some(folder))
}

/// Other people's transactions, throttles, secrets that come and go late.
const BAD_DAY: Trouble =
    Trouble { conflicts: 3, cancels: 2, throttles: 40, late: 3, marked: 3, ..Trouble::NONE };

/// Connections that are gone when they are used again, and calls whose answer is lost with them; not more often, because the SDK soon
/// has no retries left that it may make. Left out is `races`:
/// whose write was done, not answered for and written over by another one before it was sent again, cannot know it.
const COLD: Trouble = Trouble { drops: 5, ..Trouble::NONE };

macro_rules! cold {
    ($($case:ident)*) => {
        mod aws_on_cold_connections {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::conformance::$case(tests::aws::Aws::get().subject_in(super::COLD).await).await;
            })*
        }
    };
}

cold! { conditional_writes end_times transactions queries scans limits secrets secret_races }

macro_rules! conformance {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let (subject, _folder) = super::in_memory();
                super::conformance::$case(subject).await;
            })*
        }
        mod aws {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::conformance::$case(tests::aws::Aws::get().subject().await).await;
            })*
        }
        mod aws_on_a_bad_day {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::conformance::$case(tests::aws::Aws::get().subject_in(super::BAD_DAY).await).await;
            })*
        }
        mod file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let (subject, _folder) = super::on_file();
                super::conformance::$case(subject).await;
            })*
        }
    };
}

conformance! { conditional_writes end_times transactions queries scans limits races secrets secret_races }

/// Every call on a connection that was used before loses it, every second one after its work: a write with a condition that is sent again
/// is known as one's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_not_taken_for_one_of_others() {
    let subject = Aws::get().subject_in(Trouble { drops: 1, ..Trouble::NONE }).await;
    let table = &*subject.stores.state;
    let done = |outcome: Outcome| match outcome {
        Outcome::Done(version) => version,
        Outcome::Refused { .. } => panic!("{outcome:?}"),
    };
    // Five calls, so that what fails before its work in one round fails after it in the other.
    for round in 0..2 {
        let [key, other] = ["key", "other"].map(|kind| Key::new(kind, round.to_string()));
        let put = |key: &Key, condition| {
            let (key, value) = (key.clone(), "1".to_owned());
            Put { key, value, condition, expires: None }
        };
        assert!(table.get(&key).await.unwrap().is_none());
        let first = done(table.put(put(&key, Condition::Absent)).await.unwrap()).unwrap();
        let second = done(table.put(put(&key, Condition::Version(first))).await.unwrap()).unwrap();
        let steps = vec![
            Write::Put(put(&key, Condition::Version(second))),
            Write::Put(put(&other, Condition::Absent)),
        ];
        let third = done(table.transact(steps).await.unwrap()).unwrap();
        assert_eq!(done(table.delete(key, Condition::Version(third)).await.unwrap()), None);
    }
}

fn open(folder: &TempDir) -> Stores {
    let clock: SharedClock = Arc::new(StandingClock::default());
    Sqlite::open(folder.path(), clock).unwrap().into()
}

/// Two openers stand for two processes: each has connections of its own.
#[tokio::test(flavor = "multi_thread")]
async fn two_openers_of_one_file_neither_lose_nor_double() {
    let folder = TempDir::new().unwrap();
    let openers = [open(&folder), open(&folder)];
    let writing = openers.iter().enumerate().map(|(who, stores)| {
        let table = stores.state.clone();
        tokio::spawn(async move {
            let mut won = 0;
            for index in 0..200 {
                let key = Key::new("p", format!("{index:04}"));
                let put = Put { key, value: who.to_string(), condition: Condition::Absent, expires: None };
                won += u32::from(table.put(put).await.unwrap().is_done());
            }
            won
        })
    });
    let won = futures::future::join_all(writing).await;
    assert_eq!(won.into_iter().map(Result::unwrap).sum::<u32>(), 200);
    for stores in &openers {
        assert_eq!(stores.state.query(Query::partition("p", 1000)).await.unwrap().rows.len(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let key = Key::new("p", "1");
    let put = Put { key: key.clone(), value: "kept".to_owned(), condition: Condition::Absent, expires: None };
    assert!(open(&folder).state.put(put).await.unwrap().is_done());
    assert_eq!(open(&folder).state.get(&key).await.unwrap().unwrap().value, "kept");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let stores = open(&folder);
    let put =
        Put { key: Key::new("p", "1"), value: "1".to_owned(), condition: Condition::Any, expires: None };
    stores.state.put(put).await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
}

/// A write that waits behind another process's transaction goes through when that one ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (open(&folder), open(&folder));
    let large = "x".repeat(300 * 1024);
    let busy = tokio::spawn(async move {
        for index in 0..50 {
            let key = Key::new("large", index.to_string());
            let put = Put { key, value: large.clone(), condition: Condition::Any, expires: None };
            one.state.put(put).await.unwrap();
        }
    });
    until("busy", async || other.state.get(&Key::new("large", "0")).await.unwrap().is_some()).await;
    for index in 0..50 {
        let put = Put {
            key: Key::new("small", index.to_string()),
            value: "1".to_owned(),
            condition: Condition::Absent,
            expires: None,
        };
        assert!(other.state.put(put).await.unwrap().is_done());
    }
    busy.await.unwrap();
}
