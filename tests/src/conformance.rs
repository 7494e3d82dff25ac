//! What every store must do. An adapter passes when all of these do; each takes fresh stores and says what it tests.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use shared::base::clock::{Clock, SignedDuration, earlier, later};
use shared::base::secret::Secret;
use shared::store::{
    Condition, Key, Order, Outcome, Put, Query, Row, Secrets, StoreError, Stores, Table, Version, Write,
};

use crate::clock::StandingClock;

/// Stores under test, and the clock they live by.
pub struct Subject {
    /// The stores.
    pub stores: Stores,
    /// Their clock.
    pub clock: Arc<StandingClock>,
}

fn put(key: &Key, value: &str, condition: Condition) -> Put {
    Put { key: key.clone(), value: value.to_owned(), condition, expires: None }
}

async fn version_of(table: &dyn Table, key: &Key) -> Version {
    table.get(key).await.unwrap().unwrap().version
}

fn refused(outcome: Outcome) -> (usize, Option<Row>) {
    match outcome {
        Outcome::Refused { step, current } => (step, current),
        Outcome::Done(_) => panic!("should have been refused"),
    }
}

/// Rows come back as they were put, by their conditions, and each write changes the version.
pub async fn conditional_writes(subject: Subject) {
    let table = &*subject.stores.state;
    let key = Key::new("kind#a", "1");
    assert!(table.get(&key).await.unwrap().is_none());
    assert!(table.put(put(&key, "\"ä\\u0000\"", Condition::Absent)).await.unwrap().is_done());
    let row = table.get(&key).await.unwrap().unwrap();
    assert_eq!((row.key.clone(), row.value.as_str()), (key.clone(), "\"ä\\u0000\""));

    let (step, current) = refused(table.put(put(&key, "2", Condition::Absent)).await.unwrap());
    assert_eq!((step, current.unwrap().value), (0, row.value), "a refusal shows the row in the way");
    assert!(table.put(put(&key, "2", Condition::Version(row.version.clone()))).await.unwrap().is_done());
    refused(table.put(put(&key, "3", Condition::Version(row.version.clone()))).await.unwrap());
    assert_ne!(version_of(table, &key).await, row.version);
    assert!(table.put(put(&key, "4", Condition::Any)).await.unwrap().is_done());

    refused(table.delete(key.clone(), Condition::Version(row.version)).await.unwrap());
    let version = version_of(table, &key).await;
    assert!(table.delete(key.clone(), Condition::Version(version)).await.unwrap().is_done());
    assert!(table.delete(key.clone(), Condition::Any).await.unwrap().is_done(), "gone is gone");
    assert!(table.get(&key).await.unwrap().is_none());
    assert!(subject.stores.events.get(&key).await.unwrap().is_none(), "two tables are two tables");
}

/// A row whose end has come is not there for any read or condition, whenever it is cleaned up.
pub async fn end_times(subject: Subject) {
    let table = &*subject.stores.state;
    let key = Key::new("kind#a", "1");
    let until = later(subject.clock.now(), SignedDuration::from_secs(60));
    table.put(put(&key, "1", Condition::Absent).until(until)).await.unwrap();
    assert!(table.get(&key).await.unwrap().is_some_and(|row| row.expires == Some(until)));
    let version = version_of(table, &key).await;
    subject.clock.advance(Duration::from_secs(61));
    assert!(table.get(&key).await.unwrap().is_none());
    assert!(table.query(Query::partition("kind#a", 10)).await.unwrap().rows.is_empty());
    refused(table.put(put(&key, "2", Condition::Version(version))).await.unwrap());
    assert!(table.put(put(&key, "2", Condition::Absent)).await.unwrap().is_done());
    assert!(table.get(&key).await.unwrap().is_some_and(|row| row.expires.is_none()));
}

/// All steps or none, each with its condition.
pub async fn transactions(subject: Subject) {
    let table = &*subject.stores.state;
    let (a, b) = (Key::new("kind#a", "1"), Key::new("kind#b", "1"));
    table.put(put(&b, "old", Condition::Any)).await.unwrap();
    let steps =
        |condition| vec![Write::Put(put(&a, "new", Condition::Absent)), Write::Delete(b.clone(), condition)];
    let (step, current) = refused(table.transact(steps(Condition::Absent)).await.unwrap());
    assert_eq!((step, current.unwrap().value.as_str()), (1, "old"));
    assert!(table.get(&a).await.unwrap().is_none(), "nothing of a refused transaction stays");
    let version = version_of(table, &b).await;
    assert!(table.transact(steps(Condition::Version(version))).await.unwrap().is_done());
    assert!(table.get(&a).await.unwrap().is_some() && table.get(&b).await.unwrap().is_none());
}

/// Partitions are listed in order, by prefix, in both directions, in parts, up to a bound.
pub async fn queries(subject: Subject) {
    let table = &*subject.stores.events;
    for sort in ["a1", "a2", "a3", "b1", "A1", "a%", "a_"] {
        table.put(put(&Key::new("p", sort), "1", Condition::Any)).await.unwrap();
    }
    table.put(put(&Key::new("p2", "a1"), "1", Condition::Any)).await.unwrap();
    let sorts = |rows: &[Row]| rows.iter().map(|row| row.key.sort.clone()).collect::<Vec<_>>();

    let all = table.query(Query::partition("p", 10)).await.unwrap();
    assert_eq!(sorts(&all.rows), ["A1", "a%", "a1", "a2", "a3", "a_", "b1"], "by bytes");
    assert!(all.next.is_none());
    let prefixed = Query { prefix: "a".to_owned(), ..Query::partition("p", 10) };
    assert_eq!(sorts(&table.query(prefixed.clone()).await.unwrap().rows), ["a%", "a1", "a2", "a3", "a_"]);
    let literal = Query { prefix: "a%".to_owned(), ..Query::partition("p", 10) };
    assert_eq!(sorts(&table.query(literal).await.unwrap().rows), ["a%"], "no wildcards");

    for (order, expected) in [
        (Order::Ascending, ["a%", "a1", "a2", "a3", "a_"]),
        (Order::Descending, ["a_", "a3", "a2", "a1", "a%"]),
    ] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let query = Query { limit: 2, order, after, ..prefixed.clone() };
            let page = table.query(query).await.unwrap();
            found.extend(sorts(&page.rows));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
    let bounded = Query { below: Some("a3".to_owned()), ..prefixed };
    let within = ["a%", "a1", "a2"];
    assert_eq!(sorts(&table.query(bounded.clone()).await.unwrap().rows), within);
    // A cursor outside of what is asked for.
    for (after, behind) in [("A1", false), ("a3", true), ("a4", true), ("b1", true)] {
        for order in [Order::Ascending, Order::Descending] {
            let query = Query { order, after: Some(after.to_owned()), ..bounded.clone() };
            let mut found = sorts(&table.query(query).await.unwrap().rows);
            found.sort();
            let all = behind == (order == Order::Descending);
            assert_eq!(found, if all { within.as_slice() } else { &[] }, "{after} {order:?}");
        }
    }
}

/// The limits are DynamoDB's, everywhere.
pub async fn limits(subject: Subject) {
    let table = &*subject.stores.state;
    let key = |index: usize| Key::new("k", index.to_string());
    let large = "x".repeat(400 * 1024);
    let too_large = table.put(put(&key(0), &large, Condition::Any)).await;
    assert!(matches!(too_large, Err(StoreError::TooLarge(_))));
    // The longest row, with the times that it may have.
    let fits = "x".repeat(400 * 1024 - 128 - "k0".len());
    let expires = Some(later(subject.clock.now(), SignedDuration::from_hours(1)));
    let longest = Put { expires, ..put(&key(0), &fits, Condition::Any) };
    assert!(table.put(longest).await.unwrap().is_done());
    let longer = table.put(put(&key(0), &format!("{fits}x"), Condition::Any)).await;
    assert!(matches!(longer, Err(StoreError::TooLarge(_))));
    let steps = |count: usize| (0..count).map(|i| Write::Put(put(&key(i), "1", Condition::Any))).collect();
    assert!(matches!(table.transact(steps(101)).await, Err(StoreError::TooLarge(_))));
    assert!(table.transact(steps(100)).await.unwrap().is_done());
}

/// Of many who race for one row, one wins; of many who count, none is lost.
pub async fn races(subject: Subject) {
    let table = &subject.stores.state;
    for round in 0..20 {
        let key = Key::new("race", round.to_string());
        let tries = (0..16).map(|who| {
            let (table, key) = (table.clone(), key.clone());
            tokio::spawn(
                async move { table.put(put(&key, &who.to_string(), Condition::Absent)).await.unwrap() },
            )
        });
        let won =
            join_all(tries).await.into_iter().filter(|outcome| outcome.as_ref().unwrap().is_done()).count();
        assert_eq!(won, 1);
    }
    let key = Key::new("count", "1");
    table.put(put(&key, "0", Condition::Absent)).await.unwrap();
    let counting = (0..8).map(|_| {
        let (table, key) = (table.clone(), key.clone());
        tokio::spawn(async move {
            for _ in 0..5 {
                loop {
                    let row = table.get(&key).await.unwrap().unwrap();
                    let next = (row.value.parse::<u32>().unwrap() + 1).to_string();
                    if table.put(put(&key, &next, Condition::Version(row.version))).await.unwrap().is_done() {
                        break;
                    }
                }
            }
        })
    });
    join_all(counting).await.into_iter().for_each(|done| done.unwrap());
    assert_eq!(table.get(&key).await.unwrap().unwrap().value, "40");
}

/// Secrets: pending is unseen, promotion moves from the version that was read and from no other, deletion is final.
pub async fn secrets(subject: Subject) {
    let secrets: &dyn Secrets = &*subject.stores.secrets;
    let begin = earlier(subject.clock.now(), SignedDuration::from_secs(5));
    let value = |text: &str| Secret::new(text);
    assert!(secrets.get("s").await.unwrap().is_none());
    let first = secrets.stage("s", &value("1")).await.unwrap();
    assert!(secrets.get("s").await.unwrap().is_none(), "pending is not seen");
    assert!(secrets.promote("s", &first, None).await.unwrap());
    let current = secrets.get("s").await.unwrap().unwrap();
    assert_eq!((current.value.expose(), &current.version), ("1", &first));

    let second = secrets.stage("s", &value("2")).await.unwrap();
    assert_eq!(secrets.get("s").await.unwrap().unwrap().value.expose(), "1");
    assert!(!secrets.promote("s", &second, None).await.unwrap(), "there is a current version");
    assert!(secrets.promote("s", &second, Some(&first)).await.unwrap());
    assert!(secrets.promote("s", &second, Some(&first)).await.unwrap(), "asked again, it is done already");

    secrets.stage("s", &value("never promoted")).await.unwrap();
    let third = secrets.stage("s", &value("3")).await.unwrap();
    assert!(secrets.promote("s", &third, Some(&second)).await.unwrap());
    assert_eq!(secrets.get("s").await.unwrap().unwrap().value.expose(), "3");
    // A store may need a version of its own to begin with.
    assert!((4..=5).contains(&secrets.versions_since("s", begin).await.unwrap()));
    assert_eq!(secrets.versions_since("other", begin).await.unwrap(), 0);

    secrets.delete("s").await.unwrap();
    secrets.delete("s").await.unwrap();
    assert!(secrets.get("s").await.unwrap().is_none());
    let again = secrets.stage("s", &value("4")).await.unwrap();
    assert!(secrets.promote("s", &again, None).await.unwrap(), "a deleted name can be used again at once");
}

/// A table is read as a whole, page by page, without what has ended.
pub async fn scans(subject: Subject) {
    let (state, events) = (&subject.stores.state, &subject.stores.events);
    for number in 0..25 {
        let key = Key::new(format!("kind#{}", number % 3), format!("{number:02}"));
        state.put(put(&key, "1", Condition::Any)).await.unwrap();
    }
    let over = Some(earlier(subject.clock.now(), SignedDuration::from_secs(1)));
    let ended = Put { expires: over, ..put(&Key::new("kind#9", "99"), "1", Condition::Any) };
    state.put(ended).await.unwrap();
    events.put(put(&Key::new("kind#0", "50"), "1", Condition::Any)).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (rows, next) = state.scan(after, 4).await.unwrap();
        assert!(rows.len() <= 4);
        seen.extend(rows.into_iter().map(|row| row.key.sort));
        match next {
            Some(_) => after = next,
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, (0..25).map(|number| format!("{number:02}")).collect::<Vec<_>>(), "each once");
}

/// Two who read the same version: one promotes.
pub async fn secret_races(subject: Subject) {
    let secrets = &subject.stores.secrets;
    let first = secrets.stage("s", &Secret::new("0")).await.unwrap();
    secrets.promote("s", &first, None).await.unwrap();
    let mut from = first;
    for round in 0..10 {
        let tries = (0..6).map(|who| {
            let (secrets, from) = (secrets.clone(), from.clone());
            tokio::spawn(async move {
                let pending = secrets.stage("s", &Secret::new(format!("{round}-{who}"))).await.unwrap();
                secrets.promote("s", &pending, Some(&from)).await.unwrap()
            })
        });
        let won = join_all(tries).await.into_iter().filter(|done| *done.as_ref().unwrap()).count();
        assert_eq!(won, 1);
        from = secrets.get("s").await.unwrap().unwrap().version;
    }
}
