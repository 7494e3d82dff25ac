//! Claiming, telling of, closing, reopening and showing entries, on a table in memory.

use std::sync::Arc;

use serde_json::{Value, json};

use super::batch::told_key;
use super::{
    AckResult, Batch, Begun, Claim, ClaimTarget, Claimed, Closed, End, EndState, Ending, Entry, Frozen,
    Ledger, MAX_AT_ONCE, Newest, Replayed, Stage,
};
use crate::base::clock::{Clock, SetClock, SignedDuration, later};
use crate::base::id::ConnectionName;
use crate::store::sqlite::Sqlite;
use crate::store::{Condition, Key, Put, Stores};

/// A ledger with entries of these ids in its queue, none of them claimed.
async fn ledger(ids: &[&str]) -> (Ledger, ConnectionName) {
    let (ledger, name, _) = ledger_and_clock(ids).await;
    (ledger, name)
}

/// The same, with the clock that it goes by.
async fn ledger_and_clock(ids: &[&str]) -> (Ledger, ConnectionName, Arc<SetClock>) {
    let clock = Arc::new(SetClock::at_ten());
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let (ledger, name) = (Ledger::new(stores.events, clock.clone()), ConnectionName::default());
    for id in ids {
        ledger.put(&entry(&ledger, id, None)).await;
    }
    (ledger, name, clock)
}

/// An entry; where it is claimed, by this key and with this claim.
fn entry(ledger: &Ledger, id: &str, claimed: Option<(&str, &str)>) -> Entry {
    let now = ledger.clock.now();
    let until = later(now, SignedDuration::from_mins(5));
    let subject = Some(format!("item/{id}"));
    Entry {
        claim: claimed.map(|(by, claim)| Claim { id: claim.to_owned(), by: by.to_owned(), until }),
        ..Entry::new(id.to_owned(), "zoho.inventory.item.updated", subject, now, json!({}))
    }
}

impl Ledger {
    async fn put(&self, entry: &Entry) {
        let put = entry.put(&ConnectionName::default(), Condition::Any, self.retention).unwrap();
        assert!(self.events.put(put).await.unwrap().is_done());
    }

    async fn put_closed(&self, entry: Entry, state: EndState) {
        let end = End { state, outcome: state.as_str().to_owned(), note: None, at: self.clock.now() };
        let put = entry.put_closed(&ConnectionName::default(), end, self.retention).unwrap();
        assert!(self.events.put(put).await.unwrap().is_done());
    }

    async fn is_open(&self, id: &str) -> bool {
        self.open_row(&ConnectionName::default(), id).await.unwrap().is_some()
    }

    async fn closed(&self, id: &str) -> Option<Closed> {
        let row = self.closed_row(&ConnectionName::default(), id).await.unwrap();
        row.map(|row| row.read().unwrap())
    }

    async fn acknowledge(&self, ids: &[&str], ending: Ending, by: &str, claim: Option<&str>) -> AckResult {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.ack(&ConnectionName::default(), &ids, ending, Some("a note"), by, claim).await.unwrap()
    }

    /// A batch of all that is to be told of.
    async fn made(&self) -> Frozen {
        let name = ConnectionName::default();
        self.freeze(&name, |_| true, |_, _| "{}".to_owned()).await.unwrap().unwrap()
    }

    /// A try to send a batch, with the turn that it takes.
    async fn begun(&self, frozen: &Frozen, per_hour: usize) -> (Frozen, i64) {
        match self.begin_try(&ConnectionName::default(), frozen, per_hour).await.unwrap() {
            Begun::Try(tried, turn) => (tried, turn),
            other => panic!("{other:?}"),
        }
    }

    /// What a key claims for a minute.
    async fn claimed_by_key(&self, wanted: ClaimTarget<'_>, limit: usize) -> Claimed {
        self.claim(&ConnectionName::default(), wanted, limit, 60, "key").await.unwrap()
    }

    async fn wakes_delivery(&self) -> bool {
        let key = Key::new(format!("{}default", super::FREED), "last");
        self.events.get(&key).await.unwrap().is_some()
    }
}

fn written(states: &[(&str, &'static str)]) -> AckResult {
    AckResult::Written(states.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect())
}

#[tokio::test]
async fn only_who_claimed_an_entry_acknowledges_it() {
    let (ledger, _) = ledger(&["3"]).await;
    ledger.put(&entry(&ledger, "1", Some(("key", "claim")))).await;
    ledger.put(&entry(&ledger, "2", Some(("key", "other claim")))).await;
    let not_claimed = |id: &str| AckResult::NotClaimed(id.to_owned());
    for (ids, by, claim, refused) in [
        (&["1"][..], "other", None, not_claimed("1")),
        (&["1"], "other", Some("claim"), not_claimed("1")),
        (&["1"], "key", Some("other claim"), not_claimed("1")),
        (&["1", "2"], "key", Some("claim"), not_claimed("2")),
        (&["1", "3"], "key", None, not_claimed("3")),
        (&["1", "4"], "key", None, AckResult::Unknown("4".to_owned())),
    ] {
        let said = ledger.acknowledge(ids, Ending::Done, by, claim).await;
        assert_eq!(said, refused, "{ids:?} {by} {claim:?}");
    }
    assert!(ledger.is_open("1").await && !ledger.wakes_delivery().await, "all of it or nothing");

    let said = ledger.acknowledge(&["1"], Ending::Done, "key", Some("claim")).await;
    assert_eq!(said, written(&[("1", "done")]));
    assert!(!ledger.is_open("1").await && ledger.wakes_delivery().await);
    let end = ledger.closed("1").await.unwrap().end;
    assert_eq!(
        (end.state, end.outcome.as_str(), end.note.as_deref()),
        (EndState::Done, "done", Some("a note"))
    );
    // What is closed stays as it is, and keeps nobody from closing the rest.
    let said = ledger.acknowledge(&["1", "2"], Ending::Failed, "key", None).await;
    assert_eq!(said, written(&[("1", "done"), ("2", "failed")]));
    assert_eq!(ledger.closed("1").await.unwrap().end.state, EndState::Done);
    assert_eq!(ledger.closed("2").await.unwrap().end.state, EndState::Failed);
}

#[tokio::test]
async fn what_is_put_back_is_in_nobodys_hands() {
    let (ledger, name) = ledger(&[]).await;
    ledger.put(&entry(&ledger, "1", Some(("key", "claim")))).await;
    let said = ledger.acknowledge(&["1"], Ending::Retry, "key", None).await;
    assert_eq!(said, written(&[("1", "queued")]));
    let open = ledger.entry(&name, "1").await.unwrap().unwrap();
    assert!(open.claim.is_none() && ledger.closed("1").await.is_none());
    assert!(ledger.wakes_delivery().await);
    assert_eq!(
        ledger.acknowledge(&["1"], Ending::Done, "key", None).await,
        AckResult::NotClaimed("1".to_owned())
    );
}

#[tokio::test]
async fn of_more_entries_than_one_transaction_takes_all_that_are_free_are_buried_and_counted() {
    let ids: Vec<String> = (0..=MAX_AT_ONCE).map(|number| format!("{number:04}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (ledger, name) = ledger(&names).await;
    ledger.put(&entry(&ledger, "0007", Some(("key", "claim")))).await;
    let wanted: Vec<String> = ids.iter().cloned().chain(["none".to_owned()]).collect();
    let bury = async || ledger.bury(&name, "batch", &wanted, "refused", "410 Gone").await.unwrap();
    // One is claimed and one is not there; of each transaction, some are buried.
    assert_eq!(bury().await, MAX_AT_ONCE);
    assert_eq!(bury().await, 0, "once");
    assert!(ledger.is_open("0007").await);
    for id in names.iter().filter(|id| **id != "0007") {
        let Closed { entry, end } = ledger.closed(id).await.unwrap();
        assert!(!ledger.is_open(id).await);
        assert_eq!(
            (end.state, end.outcome.as_str(), end.note.as_deref()),
            (EndState::Dead, "refused", Some("410 Gone"))
        );
        assert_eq!(entry.batch.as_deref(), Some("batch"));
    }

    ledger.put_closed(entry(&ledger, "0000a", None), EndState::Done).await;
    assert_eq!(ledger.dead(&name, 3).await.unwrap(), ["0000", "0001", "0002"], "what is done is not dead");
    assert_eq!(ledger.dead(&name, 1000).await.unwrap().len(), MAX_AT_ONCE);
}

#[tokio::test]
async fn the_dead_are_found_beyond_what_one_query_reads_and_gone_when_the_operator_keeps_them_no_longer() {
    let clock = Arc::new(SetClock::at_ten());
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let ledger = Ledger::new(stores.events, clock.clone()).kept_for(SignedDuration::from_hours(10 * 24));
    let name = ConnectionName::default();
    for number in 0..260 {
        let state = if number < 255 { EndState::Done } else { EndState::Dead };
        ledger.put_closed(entry(&ledger, &format!("{number:03}"), None), state).await;
    }
    assert_eq!(ledger.dead(&name, 3).await.unwrap(), ["255", "256", "257"]);
    assert_eq!(ledger.dead(&name, 100).await.unwrap().len(), 5);
    let dead = ledger.life(&name, "255").await.unwrap();
    assert_eq!((dead.state, dead.next_try), ("dead", None));
    clock.shift(SignedDuration::from_hours(9 * 24));
    assert_eq!(ledger.dead(&name, 100).await.unwrap().len(), 5);
    clock.shift(SignedDuration::from_hours(2 * 24));
    assert!(ledger.dead(&name, 100).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_closed_has_no_next_try_though_its_batch_still_waits_for_one() {
    let (ledger, name) = ledger(&["1", "2"]).await;
    let batch = ledger.made().await.batch.id;
    let row = ledger.open_row(&name, "1").await.unwrap().unwrap();
    ledger.events.delete(row.key, Condition::Any).await.unwrap();
    let closed = Entry { batch: Some(batch.clone()), ..entry(&ledger, "1", None) };
    ledger.put_closed(closed, EndState::Done).await;
    let (done, open) = (ledger.life(&name, "1").await.unwrap(), ledger.life(&name, "2").await.unwrap());
    assert_eq!((done.state, done.delivery.as_ref(), done.next_try), ("done", Some(&batch), None));
    assert!(open.next_try.is_some() && open.delivery == Some(batch));
}

#[tokio::test]
async fn only_what_is_closed_is_replayed() {
    let (ledger, name) = ledger(&["1"]).await;
    let claimed = Entry { batch: Some("batch".to_owned()), ..entry(&ledger, "2", Some(("key", "claim"))) };
    ledger.put_closed(claimed, EndState::Dead).await;
    assert_eq!(ledger.replay(&name, "1").await.unwrap(), Replayed::Open);
    assert_eq!(ledger.replay(&name, "3").await.unwrap(), Replayed::Unknown);
    assert_eq!(ledger.replay(&name, "2").await.unwrap(), Replayed::Again);
    assert!(ledger.closed("2").await.is_none());
    let open = ledger.entry(&name, "2").await.unwrap().unwrap();
    assert_eq!((open.claim, open.batch, open.replayed), (None, None, Some(ledger.clock.now())));
    assert_eq!(ledger.replay(&name, "2").await.unwrap(), Replayed::Open, "it is open again");
}

#[tokio::test]
async fn a_test_of_the_operators_is_never_put_back() {
    let (ledger, name) = ledger(&[]).await;
    let test = |id| Entry { data: json!({ "test": true }), ..entry(&ledger, id, None) };
    ledger.put_closed(test("1"), EndState::Done).await;
    ledger.put_closed(test("2"), EndState::Dead).await;
    for id in ["1", "2"] {
        assert_eq!(ledger.replay(&name, id).await.unwrap(), Replayed::Test);
        assert!(!ledger.is_open(id).await && ledger.closed(id).await.is_some(), "{id}");
    }
    assert!(ledger.dead(&name, 10).await.unwrap().is_empty(), "none of them is to be delivered");
}

#[tokio::test]
async fn the_newest_change_of_a_record_is_remembered_for_thirty_days() {
    let (ledger, name, clock) = ledger_and_clock(&[]).await;
    let at = clock.now();
    let newest = Newest { at, modified: None, deleted: false };
    let marks = vec![ledger.remember(&name, "item/1", &newest), ledger.remember_own(&name, "item/1", at)];
    ledger.events.transact(marks.into_iter().map(Result::unwrap).collect()).await.unwrap();
    for (days, is_known) in [(29, true), (2, false)] {
        clock.shift(SignedDuration::from_hours(days * 24));
        assert_eq!(ledger.newest(&name, "item/1").await.unwrap().is_some(), is_known, "{days} days later");
        assert_eq!(ledger.own_told(&name, "item/1").await.unwrap().is_some(), is_known, "{days} days later");
    }
}

#[tokio::test]
async fn an_event_about_several_records_has_the_life_of_each_in_their_order() {
    let (ledger, name) = ledger(&["e.0002", "e.0000", "ee.0000", "other"]).await;
    ledger.put_closed(entry(&ledger, "e.0001", None), EndState::Failed).await;
    assert_eq!(ledger.parts(&name, "e").await.unwrap(), ["e.0000", "e.0001", "e.0002"]);
    assert!(
        ledger.parts(&name, "other").await.unwrap().is_empty()
            && ledger.parts(&name, "x").await.unwrap().is_empty()
    );
    // Closed between the two reads, it is there twice.
    ledger.put(&entry(&ledger, "e.0001", None)).await;
    assert_eq!(ledger.parts(&name, "e").await.unwrap(), ["e.0000", "e.0001", "e.0002"]);
    let row = ledger.open_row(&name, "e.0001").await.unwrap().unwrap();
    ledger.events.delete(row.key, Condition::Any).await.unwrap();

    let state = |life: &Value| life["life"]["state"].as_str().map(str::to_owned);
    let lives = ledger.lives(&name, "e").await.unwrap();
    let parts = lives["parts"].as_array().unwrap();
    let told: Vec<_> =
        parts.iter().map(|part| (part["id"].as_str().unwrap(), state(part).unwrap())).collect();
    let expected = [("e.0000", "queued"), ("e.0001", "failed"), ("e.0002", "queued")];
    assert_eq!(told, expected.map(|(id, state)| (id, state.to_owned())));
    assert!(lives.get("life").is_none());
    for (id, expected) in [
        ("other", "queued"),
        ("e.0001", "failed"),
        // Nothing of it is in the queue yet; of a part, no further parts are looked for.
        ("x", "received"),
        ("e.0009", "received"),
    ] {
        let life = ledger.lives(&name, id).await.unwrap();
        assert_eq!((state(&life).as_deref(), life.get("parts")), (Some(expected), None), "{id}");
    }
}

#[tokio::test]
async fn the_life_of_an_entry_says_who_has_it_and_how_it_ended() {
    let (ledger, name) = ledger(&[]).await;
    ledger.put(&entry(&ledger, "1", Some(("key", "claim")))).await;
    let claimed = ledger.life(&name, "1").await.unwrap();
    let until = later(ledger.clock.now(), SignedDuration::from_mins(5));
    assert_eq!(
        (claimed.state, claimed.claimed_by.as_deref(), claimed.claimed_until),
        ("claimed", Some("key"), Some(until))
    );
    assert_eq!((claimed.outcome, claimed.ended), (None, None));

    // A claim of before.
    let over = Claim { id: "claim".to_owned(), by: "key".to_owned(), until: ledger.clock.now() };
    ledger.put(&Entry { claim: Some(over), ..entry(&ledger, "2", None) }).await;
    let free = ledger.life(&name, "2").await.unwrap();
    assert_eq!((free.state, free.claimed_by.as_deref()), ("queued", Some("key")), "its last claim is over");

    ledger.acknowledge(&["1"], Ending::Failed, "key", None).await;
    let ended = ledger.life(&name, "1").await.unwrap();
    assert_eq!(
        (ended.state, ended.outcome.as_deref(), ended.note.as_deref()),
        ("failed", Some("failed"), Some("a note"))
    );
    assert_eq!((ended.ended, ended.claimed_by.as_deref()), (Some(ledger.clock.now()), Some("key")));
}

#[tokio::test]
async fn what_waits_for_a_turn_is_shown_with_its_end() {
    let (ledger, name) = ledger(&["1"]).await;
    let until = |minutes| later(ledger.clock.now(), SignedDuration::from_mins(minutes));
    for (minutes, kind, waits_until) in [
        (30, "zoho.inventory.*", Some(until(30))),
        (40, "zoho.inventory.*", Some(until(40))),
        (40, "zoho.crm.*", None),
        (40, "zoho.crm.*", None), // told again
        (40, "zoho.*", Some(until(40))),
    ] {
        ledger.note_no_turn(until(minutes), &[kind.to_owned()]).await.unwrap();
        assert_eq!(ledger.life(&name, "1").await.unwrap().waits_until, waits_until, "{minutes} {kind}");
    }
}

#[tokio::test]
async fn a_try_takes_a_turn_of_the_hour_and_one_that_began_no_run_gives_it_back() {
    let (ledger, name) = ledger(&["1"]).await;
    let (made, now) = (ledger.made().await, ledger.clock.now());
    let (tried, turn) = ledger.begun(&made, 1).await;
    assert_eq!((tried.batch.attempts, tried.batch.turn, turn), (1, Some(turn), now.as_millisecond()));
    let seconds = |seconds| later(now, SignedDuration::from_secs(seconds));
    assert!(tried.batch.is_early(seconds(44)) && !tried.batch.is_early(seconds(45)), "its process may die");

    let none = ledger.begin_try(&name, &tried, 1).await.unwrap();
    assert!(matches!(none, Begun::NoTurn(free) if free == seconds(3600)), "{none:?}");
    let late = ledger.begin_try(&name, &made, 2).await.unwrap();
    assert!(matches!(late, Begun::Taken), "another run has it: {late:?}");
    ledger.give_back(turn + 1).await.unwrap();
    assert!(ledger.standing().await.unwrap().next_turn(now, 1).is_some(), "that was nobody's turn");
    ledger.give_back(turn).await.unwrap();
    assert_eq!(ledger.begun(&tried, 1).await.0.batch.attempts, 2);
}

#[tokio::test]
async fn only_turns_of_the_last_hour_are_kept() {
    let (ledger, name, clock) = ledger_and_clock(&["1"]).await;
    let mut tried = ledger.made().await;
    // One that is an hour old is forgotten, and so is one of before the clock was set back.
    for (minutes, kept) in [(0, 1), (20, 2), (40, 2), (-24 * 60, 1)] {
        clock.shift(SignedDuration::from_mins(minutes));
        (tried, _) = ledger.begun(&tried, 2).await;
        let standing = serde_json::to_value(ledger.standing().await.unwrap()).unwrap();
        assert_eq!(standing["turns"].as_array().unwrap().len(), kept, "{minutes} minutes later");
    }
    assert!(matches!(ledger.begin_try(&name, &tried, 1).await.unwrap(), Begun::NoTurn(_)));
}

#[tokio::test]
async fn turns_of_runs_that_got_nothing_are_given_back_as_many_as_an_hour_has() {
    let (ledger, name, clock) = ledger_and_clock(&["1"]).await;
    let mut tried = ledger.made().await;
    for (minutes, is_given_back) in [(0, true), (0, false), (60, true)] {
        clock.shift(SignedDuration::from_mins(minutes));
        (tried, _) = ledger.begun(&tried, 1).await;
        ledger.note_wasted(&name, &tried.batch).await.unwrap();
        assert_eq!(ledger.give_back_wasted(&name, 1).await.unwrap(), 1);
        assert_eq!(ledger.give_back_wasted(&name, 1).await.unwrap(), 0, "once");
        let next = ledger.standing().await.unwrap().next_turn(clock.now(), 1);
        assert_eq!(next.is_none(), is_given_back, "{minutes} minutes later");
    }
}

#[tokio::test]
async fn a_hook_that_refuses_us_is_remembered_with_its_own_reason() {
    let (ledger, _) = ledger(&[]).await;
    assert_eq!(ledger.standing().await.unwrap().refused, None);
    for (hook, status, reason) in [("one", 410, Some("gone for good")), ("other", 400, None)] {
        ledger.refused_by(hook, status, reason).await.unwrap();
        let standing = ledger.standing().await.unwrap();
        assert_eq!(standing.refused, Some((hook.to_owned(), status)));
        assert_eq!(standing.reason.as_deref(), reason, "{hook}");
    }
}

#[tokio::test]
async fn nothing_of_a_connection_is_met_in_another() {
    let (ledger, name) = ledger(&["1"]).await;
    let other: ConnectionName = "other".parse().unwrap();
    ledger.put_closed(entry(&ledger, "2", None), EndState::Dead).await;
    let (tried, _) = ledger.begun(&ledger.made().await, 9).await;
    ledger.note_wasted(&name, &tried.batch).await.unwrap();
    for (id, state) in [("1", "queued"), ("2", "dead")] {
        assert_eq!(ledger.life(&name, id).await.unwrap().state, state);
        assert_eq!(ledger.life(&other, id).await.unwrap().state, "received", "{id}");
    }
    assert_eq!(ledger.give_back_wasted(&other, 9).await.unwrap(), 0);
    assert_eq!(ledger.give_back_wasted(&name, 9).await.unwrap(), 1);
}

#[tokio::test]
async fn a_batch_is_claimed_once_then_it_is_busy_and_over_in_the_end() {
    let (ledger, name) = ledger(&["1", "2", "3"]).await;
    let (tried, _) = ledger.begun(&ledger.made().await, 9).await;
    let batch = ClaimTarget::Batch(&tried.batch.id);
    let unknown = ledger.claimed_by_key(ClaimTarget::Batch("none"), 9).await;
    assert!(matches!(unknown, Claimed::Unknown), "{unknown:?}");

    let Claimed::Taken { claim: Some(claim), entries, more } = ledger.claimed_by_key(batch, 2).await else {
        panic!("it is free")
    };
    let until = later(ledger.clock.now(), SignedDuration::from_secs(60));
    assert_eq!((claim.by.as_str(), claim.until, more), ("key", until, true));
    let taken: Vec<_> =
        entries.iter().map(|entry| (entry.id.as_str(), entry.claims, entry.batch.as_ref())).collect();
    assert_eq!(taken, [("1", 1, Some(&tried.batch.id)), ("2", 1, Some(&tried.batch.id))]);
    let rest = ledger.claimed_by_key(batch, 9).await;
    assert!(matches!(&rest, Claimed::Taken { entries, more: false, .. } if entries.len() == 1), "{rest:?}");
    let busy = ledger.claimed_by_key(batch, 9).await;
    assert!(matches!(busy, Claimed::Busy(end) if end == until), "{busy:?}");
    let nothing = ledger.claimed_by_key(ClaimTarget::Oldest, 9).await;
    assert!(
        matches!(&nothing, Claimed::Taken { claim: None, entries, more: false } if entries.is_empty()),
        "{nothing:?}"
    );

    assert_eq!(
        ledger.acknowledge(&["1", "2"], Ending::Done, "key", Some(claim.id.as_str())).await,
        written(&[("1", "done"), ("2", "done")])
    );
    ledger.acknowledge(&["3"], Ending::Failed, "key", None).await;
    let over = ledger.claimed_by_key(batch, 9).await;
    assert!(matches!(over, Claimed::Over), "{over:?}");
    assert_eq!(ledger.give_back_wasted(&name, 9).await.unwrap(), 0, "it had its run");
}

#[tokio::test]
async fn an_earlier_change_of_a_record_comes_along_and_is_none_of_the_batchs() {
    let (ledger, _) = ledger(&["2"]).await;
    let id = ledger.made().await.batch.id;
    let subject = Some("item/2".to_owned());
    ledger.put(&Entry { subject, ..entry(&ledger, "1", None) }).await;
    let Claimed::Taken { entries, .. } = ledger.claimed_by_key(ClaimTarget::Batch(&id), 9).await else {
        panic!("both are free")
    };
    let taken: Vec<_> = entries.iter().map(|entry| (entry.id.as_str(), entry.batch.as_ref())).collect();
    assert_eq!(taken, [("1", None), ("2", Some(&id))]);
}

#[tokio::test]
async fn a_run_whose_entries_somebody_else_took_before_it_has_wasted_its_turn() {
    let (ledger, name) = ledger(&["1"]).await;
    let (tried, _) = ledger.begun(&ledger.made().await, 9).await;
    let taken = ledger.claimed_by_key(ClaimTarget::Oldest, 9).await;
    assert!(matches!(&taken, Claimed::Taken { entries, .. } if entries.len() == 1), "{taken:?}");
    let busy = ledger.claimed_by_key(ClaimTarget::Batch(&tried.batch.id), 9).await;
    assert!(matches!(busy, Claimed::Busy(_)), "{busy:?}");
    assert_eq!(ledger.give_back_wasted(&name, 9).await.unwrap(), 1);
}

#[tokio::test]
async fn a_batch_that_is_done_with_is_open_no_more_and_says_when_it_was_taken() {
    let (ledger, name) = ledger(&["1", "2"]).await;
    let (made, at) = (ledger.made().await, ledger.clock.now());
    assert_eq!(ledger.still_open(&name, &made.batch).await.unwrap(), (2, None));
    ledger.put(&entry(&ledger, "1", Some(("key", "claim")))).await;
    let until = later(at, SignedDuration::from_mins(5));
    assert_eq!(ledger.still_open(&name, &made.batch).await.unwrap(), (1, Some(until)));

    let stage = Stage::Admitted { run: None, at };
    let changed = ledger.change_batch(&name, made.clone(), |batch| batch.stage = stage).await.unwrap();
    assert!(ledger.change_batch(&name, made, |_| {}).await.unwrap().is_none(), "another run has changed it");
    assert_eq!(ledger.told_last(&name).await.unwrap(), None);
    ledger.close_batch(&name, changed.unwrap()).await.unwrap();
    assert!(ledger.open_batches(&name).await.unwrap().is_empty());
    assert_eq!(ledger.told_last(&name).await.unwrap(), Some(at));
}

#[tokio::test]
async fn a_batch_is_looked_at_again_within_an_hour_and_one_that_was_taken_within_the_longest_claim() {
    let (ledger, _) = ledger(&["1"]).await;
    let (mut batch, now) = (ledger.made().await.batch, ledger.clock.now());
    let minutes = |minutes| later(now, SignedDuration::from_mins(minutes));
    let admitted = Stage::Admitted { run: None, at: now };
    // A minute more is what clocks may differ by; an end beyond that is from before the clock was set back.
    for (stage, next, is_early) in [
        (Stage::Waiting, 0, false),
        (Stage::Waiting, 61, true),
        (Stage::Waiting, 62, false),
        (admitted.clone(), 62, true),
        (admitted.clone(), 12 * 60 + 1, true),
        (admitted, 12 * 60 + 2, false),
    ] {
        let told = format!("{stage:?} {next}");
        (batch.stage, batch.next) = (stage, minutes(next));
        assert_eq!(batch.is_early(now), is_early, "{told}");
    }
}

#[tokio::test]
async fn the_life_of_an_entry_tells_of_its_batch() {
    let (ledger, name) = ledger(&["1", "2"]).await;
    let (tried, _) = ledger.begun(&ledger.made().await, 9).await;
    let id = tried.batch.id.clone();
    ledger.put(&entry(&ledger, "3", None)).await;
    let waiting = ledger.life(&name, "1").await.unwrap();
    assert_eq!(
        (waiting.state, waiting.attempts, waiting.delivery.as_ref(), waiting.next_try),
        ("queued", 1, Some(&id), Some(tried.batch.next))
    );
    assert_eq!(ledger.life(&name, "3").await.unwrap().delivery, None, "no batch tells of it");

    let at = ledger.clock.now();
    let taken = ledger.change_batch(&name, tried, |batch| {
        batch.stage = Stage::Admitted { run: Some("run".to_owned()), at };
        (batch.said, batch.reason) = (Some("202".to_owned()), None);
    });
    assert!(taken.await.unwrap().is_some());
    let admitted = ledger.life(&name, "1").await.unwrap();
    assert_eq!(
        (admitted.state, admitted.run.as_deref(), admitted.last_answer.as_deref(), admitted.told),
        ("admitted", Some("run"), Some("202"), Some(at))
    );
    assert_eq!(admitted.next_try, None);

    ledger.claimed_by_key(ClaimTarget::Batch(&id), 1).await;
    assert_eq!(ledger.life(&name, "1").await.unwrap().state, "claimed");
    ledger.acknowledge(&["1"], Ending::Done, "key", None).await;
    let ended = ledger.life(&name, "1").await.unwrap();
    assert_eq!((ended.state, ended.delivery.as_ref(), ended.told), ("done", Some(&id), Some(at)));
}

#[tokio::test]
async fn a_long_queue_is_read_in_its_order_until_enough_was_seen() {
    let ids: Vec<String> = (0..600).map(|number| format!("{number:04}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (ledger, name) = ledger(&names).await;
    for (after, most, expected) in [
        (None, 1000, &ids[..]),
        (Some("0249"), 1000, &ids[250..]),
        (Some("0599"), 1000, &[]),
        (None, 300, &ids[..300]),
    ] {
        let mut seen = Vec::new();
        let whole = ledger.scan(&name, after.map(str::to_owned), |entry, _| {
            seen.push(entry.id);
            seen.len() < most
        });
        assert!(whole.await.unwrap());
        assert_eq!(seen, expected, "{after:?} {most}");
    }
}

#[tokio::test]
async fn of_many_batches_that_are_done_with_the_last_ones_say_when_one_was_taken() {
    let (ledger, name) = ledger(&["1"]).await;
    let (made, now) = (ledger.made().await.batch, ledger.clock.now());
    let minutes = |minutes| later(now, SignedDuration::from_mins(minutes));
    for number in 0..12 {
        let stage = Stage::Admitted { run: None, at: minutes(number) };
        let batch = Batch { id: format!("{number:04}"), stage, ..made.clone() };
        let put = Put::record(told_key(&name, &batch.id), &batch, Condition::Any).unwrap();
        assert!(ledger.events.put(put).await.unwrap().is_done());
    }
    assert_eq!(ledger.told_last(&name).await.unwrap(), Some(minutes(11)));
}

#[tokio::test]
async fn words_that_are_forgotten_during_a_step_stay_so_and_the_step_is_noted() {
    let (ledger, name) = ledger(&["1"]).await;
    let (tried, _) = ledger.begun(&ledger.made().await, 10).await;
    let noted = ledger.change_batch(&name, tried, |batch| {
        (batch.said, batch.reason) = (Some("400".to_owned()), Some("no run for Lea".to_owned()));
    });
    let mut last = noted.await.unwrap().unwrap();
    let minute = SignedDuration::from_mins(1);
    for (new, expected) in
        [(None, "[forgotten]"), (Some("no run for Lea"), "[forgotten]"), (Some("asleep"), "asleep")]
    {
        // As `forget` does it.
        let reason = Some("[forgotten]".to_owned());
        let forgotten = Batch { reason, ..last.batch.clone() };
        let put = forgotten.put(&name, Condition::Any, ledger.retention).unwrap();
        assert!(ledger.events.put(put).await.unwrap().is_done());
        let (before, next) = (last.clone(), later(last.batch.next, minute));
        let changed = ledger.change_batch(&name, last, |batch| {
            batch.next = next;
            if let Some(new) = new {
                batch.reason = Some(new.to_owned());
            }
        });
        let changed = changed.await.unwrap().unwrap();
        assert_eq!((changed.batch.next, changed.batch.reason.as_deref()), (next, Some(expected)));
        let stored = ledger.open_batches(&name).await.unwrap();
        assert_eq!(stored[0].batch, changed.batch);
        assert!(ledger.change_batch(&name, before, |_| {}).await.unwrap().is_none(), "that was a step");
        let again = Some("no run for Lea".to_owned());
        last = ledger.change_batch(&name, changed, |batch| batch.reason = again).await.unwrap().unwrap();
    }
}
