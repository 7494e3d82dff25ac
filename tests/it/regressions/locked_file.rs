//! Seen: writes that waited for a locked file waited one after the other, each for as long as it may, so that the last of eight
//! heard of it after eight times that long. Right: all who wait together are told together.

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Stores};
use tempfile::TempDir;
use tests::clock::StandingClock;

/// Another process holds the file for longer than anybody waits: all who wait are told, once, and why.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stays_locked_fails_all_who_wait_together() {
    let folder = TempDir::new().unwrap();
    let stores: Stores = Sqlite::open(folder.path(), Arc::new(StandingClock::default())).unwrap().into();
    let file = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "sqlite3")).unwrap();
    let foreign = rusqlite::Connection::open(file).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writes = (0..8).map(|index| {
        let put = Put {
            key: Key::new("p", index.to_string()),
            value: "1".to_owned(),
            condition: Condition::Any,
            expires: None,
        };
        stores.state.put(put)
    });
    let mut writes: FuturesUnordered<_> = writes.collect();
    let mut told = 0;
    while let Some(result) = writes.next().await {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("locked"), "{error}");
        told += 1;
        // The file is free from here on: one that still waited would succeed.
        if told == 1 {
            foreign.execute_batch("ROLLBACK").unwrap();
        }
    }
    assert_eq!(told, 8);
    assert!(stores.state.get(&Key::new("p", "0")).await.unwrap().is_none());
    let put =
        Put { key: Key::new("p", "0"), value: "1".to_owned(), condition: Condition::Any, expires: None };
    assert!(stores.state.put(put).await.unwrap().is_done());
}
