//! What becomes of events on their way into the queue: some are closed at once, because nobody needs to work on them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Ledger, RecordState, RecordStates};
use crate::base::clock::{SetClock, Timestamp};
use crate::base::id::ConnectionName;
use crate::core::events::Event;
use crate::core::writes::own_writes::{Before, OwnWrites};
use crate::store::Stores;
use crate::store::sqlite::Sqlite;

const ITEM: &str = "inventory.item.updated";
const ITEM_GONE: &str = "inventory.item.deleted";
const DEAL: &str = "crm.deal.updated";

fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

struct World {
    ledger: Ledger,
    own: OwnWrites,
    name: ConnectionName,
    told: usize,
}

fn world() -> World {
    let clock = Arc::new(SetClock::at_ten());
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let own = OwnWrites::new(stores.state, clock.clone());
    World { ledger: Ledger::new(stores.events, clock), own, name: ConnectionName::default(), told: 0 }
}

impl World {
    /// Marks a write of ours, of this time.
    async fn mark(&self, subject: &str, time: &str, before: Before) {
        let record = json!({ "last_modified_time": at(time).to_string() });
        self.own.mark(&self.name, subject, &record, before).await.unwrap();
    }

    /// What becomes of an event about the first record of its kind: `queued`, or the outcome with which it is closed.
    async fn tell(&mut self, kind: &str, time: &str, data: Value, known: Option<RecordState>) -> String {
        self.told += 1;
        let id = format!("{:04}", self.told);
        let event = Event {
            specversion: "1.0".to_owned(),
            id: id.clone(),
            source: "/connections/default/zoho".to_owned(),
            kind: format!("zoho.{kind}"),
            subject: kind.split('.').nth(1).map(|record| format!("{record}/1")),
            time: at(time).to_string(),
            receivedtime: at("23:00:00"),
            data,
        };
        let step = self.ledger.fan_out_from(&self.name).await.unwrap().step(&[event]);
        let known: RecordStates = known.map(|known| (id.clone(), known)).into_iter().collect();
        assert_eq!(self.ledger.fan_out(&self.name, step, &known, &self.own).await.unwrap(), 1);
        let life = self.ledger.life(&self.name, &id).await.unwrap();
        life.outcome.unwrap_or_else(|| life.state.to_owned())
    }

    async fn is_known_as_deleted(&self) -> bool {
        self.ledger.newest(&self.name, "item/1").await.unwrap().unwrap().is_deleted()
    }
}

fn found() -> Value {
    json!({ "found_by": "sweep" })
}

#[tokio::test]
async fn a_write_of_ours_is_closed_and_a_change_of_somebody_else_is_work() {
    let mut world = world();
    world.mark("item/1", "10:00:00", Before::Unknown).await;
    let hiding = json!({ "found_by": "sweep", "earlier_change": "2026-11-22T09:00:00Z" });
    for (kind, time, data, outcome) in [
        (DEAL, "10:00:00", json!({}), "queued"), // another record
        (ITEM, "10:00:00", json!({}), "own_write"),
        (ITEM, "10:00:00", found(), "own_write"),
        (ITEM, "10:00:00", hiding, "queued"), // it tells of somebody else's change, too
        (ITEM, "10:00:01", json!({}), "queued"),
        (ITEM_GONE, "10:00:00", json!({}), "queued"), // we delete nothing
    ] {
        let told = format!("{kind} {time} {data}");
        assert_eq!(world.tell(kind, time, data, None).await, outcome, "{told}");
    }
    let own = world.ledger.own_told(&world.name, "item/1").await.unwrap();
    assert_eq!(own, Some(at("10:00:00")));
}

#[tokio::test]
async fn a_write_of_ours_that_hides_a_change_nobody_was_told_of_is_work() {
    for (before, told, outcome) in [
        ("10:19:59", None, "own_write"), // long enough ago that it was told, or is found
        ("10:20:00", None, "queued"),
        ("10:25:00", None, "queued"),
        ("10:25:00", Some("10:24:59"), "queued"),
        ("10:25:00", Some("10:25:00"), "own_write"),
    ] {
        let mut world = world();
        world.mark("item/1", "10:30:00", Before::At(at(before))).await;
        if let Some(told) = told {
            assert_eq!(world.tell(ITEM, told, json!({}), None).await, "queued");
        }
        let became = world.tell(ITEM, "10:30:00", json!({}), None).await;
        assert_eq!(became, outcome, "{before} {told:?}");
    }
}

#[tokio::test]
async fn a_message_of_crm_tells_of_a_write_up_to_three_seconds_before_it() {
    for (message, modified, outcome) in [
        ("10:00:00", None, "own_write"),
        ("10:00:01", None, "queued"), // when the record was changed is not known
        ("10:00:03", Some("10:00:00"), "own_write"),
        ("10:00:03", Some("10:00:01"), "queued"), // somebody else's, by the record's own time
        ("10:00:03", Some("10:05:00"), "own_write"), // changed again since
        ("10:00:04", Some("10:05:00"), "queued"),
    ] {
        let mut world = world();
        world.mark("deal/1", "10:00:00", Before::Unknown).await;
        let known = modified.map(|modified| RecordState::There(Some(at(modified))));
        assert_eq!(world.tell(DEAL, message, json!({}), known).await, outcome, "{message} {modified:?}");
    }
}

#[tokio::test]
async fn what_comes_after_a_newer_change_of_its_record_is_closed() {
    for (kind, time, data, outcome) in [
        (ITEM, "10:04:59", json!({}), "superseded"),
        (ITEM, "10:05:00", json!({}), "queued"), // perhaps another change of the same second
        (ITEM, "10:05:01", json!({}), "queued"),
        (ITEM, "23:00:00", json!({}), "queued"), // when it arrived: Zoho named no time
        (ITEM, "10:05:00", found(), "superseded"), // polling finds what was told
        (ITEM, "10:05:01", found(), "queued"),
        (ITEM_GONE, "10:04:00", json!({}), "queued"), // that it is gone is news in any case
        (ITEM_GONE, "10:04:00", found(), "queued"),
        (DEAL, "10:04:00", json!({}), "queued"), // another record
    ] {
        let mut world = world();
        assert_eq!(world.tell(ITEM, "10:05:00", json!({}), None).await, "queued");
        let told = format!("{kind} {time} {data}");
        assert_eq!(world.tell(kind, time, data, None).await, outcome, "{told}");
    }
}

#[tokio::test]
async fn what_polling_finds_in_crm_counts_by_the_records_own_time_and_not_by_that_of_a_message() {
    let mut world = world();
    let changed = Some(RecordState::There(Some(at("10:00:00"))));
    assert_eq!(world.tell(DEAL, "10:00:03", json!({}), changed).await, "queued");
    for (time, outcome) in [
        ("10:00:00", "superseded"), // what the message told
        ("10:00:02", "queued"),     // before the message was sent, and after what it told
        ("10:00:03", "queued"),     // the message's own time, at which nobody has seen a change
        ("10:00:03", "superseded"),
    ] {
        assert_eq!(world.tell(DEAL, time, found(), None).await, outcome, "{time}");
    }
}

#[tokio::test]
async fn a_deletion_is_no_work_where_the_record_is_there_or_its_end_was_told() {
    let mut world = world();
    let there = Some(RecordState::There(None));
    assert_eq!(world.tell(ITEM_GONE, "10:00:00", json!({}), there).await, "not_deleted");
    for known in [None, Some(RecordState::Gone), Some(RecordState::Unknown)] {
        assert_eq!(world.tell(ITEM_GONE, "10:00:00", json!({}), known).await, "queued", "{known:?}");
    }
    assert_eq!(world.tell(ITEM_GONE, "10:00:00", found(), None).await, "superseded");
    assert_eq!(world.tell(ITEM, "10:00:00", json!({}), there).await, "queued");
}

#[tokio::test]
async fn a_record_that_was_deleted_is_known_so_until_something_shows_that_it_is_there() {
    let gone = Some(RecordState::Gone);
    for (known, own, is_deleted) in [
        (gone, None, true), // a late message
        (None, None, false),
        (None, Some("10:04:59"), true),
        (None, Some("10:05:00"), true),
        (None, Some("10:05:01"), false), // what we write to is there
    ] {
        let mut world = world();
        world.tell(ITEM_GONE, "10:05:00", json!({}), None).await;
        assert!(world.is_known_as_deleted().await);
        if let Some(own) = own {
            world.mark("item/1", own, Before::Unknown).await;
        }
        world.tell(ITEM, own.unwrap_or("10:06:00"), json!({}), known).await;
        assert_eq!(world.is_known_as_deleted().await, is_deleted, "{known:?} {own:?}");
    }
}

#[tokio::test]
async fn a_test_of_the_operators_is_no_work() {
    let mut world = world();
    assert_eq!(world.tell(ITEM, "10:00:00", json!({ "test": true }), None).await, "test");
    assert!(world.ledger.newest(&world.name, "item/1").await.unwrap().is_none(), "nor a change of a record");
}

fn order(id: &str) -> Event {
    Event {
        specversion: "1.0".to_owned(),
        id: id.to_owned(),
        source: "/connections/default/custom".to_owned(),
        kind: "custom.order".to_owned(),
        subject: None,
        time: at("10:00:00").to_string(),
        receivedtime: at("10:00:00"),
        data: json!({}),
    }
}

#[tokio::test]
async fn each_connection_of_which_events_became_entries_is_listed_with_the_last_of_them() {
    let world = world();
    let (ledger, none) = (&world.ledger, RecordStates::new());
    assert!(ledger.fan_outs().await.unwrap().is_empty());
    for (name, id) in [("other", "1"), ("default", "2")] {
        let name: ConnectionName = name.parse().unwrap();
        let step = ledger.fan_out_from(&name).await.unwrap().step(&[order(id)]);
        assert_eq!(ledger.fan_out(&name, step, &none, &world.own).await.unwrap(), 1);
    }
    let all = ledger.fan_outs().await.unwrap();
    let stands: Vec<_> = all.iter().map(|(name, from)| (name.as_str(), from.after())).collect();
    assert_eq!(stands, [("default", Some("2")), ("other", Some("1"))]);
}

#[tokio::test]
async fn a_step_that_another_run_has_taken_meanwhile_is_not_taken_again() {
    let world = world();
    let (ledger, name, none) = (&world.ledger, &world.name, RecordStates::new());
    let (one, other) = (ledger.fan_out_from(name).await.unwrap(), ledger.fan_out_from(name).await.unwrap());
    assert_eq!(
        ledger.fan_out(name, one.step(&[order("1"), order("2")]), &none, &world.own).await.unwrap(),
        2
    );
    assert_eq!(ledger.fan_out(name, other.step(&[order("1")]), &none, &world.own).await.unwrap(), 0);
    let next = ledger.fan_out_from(name).await.unwrap();
    assert_eq!(next.after(), Some("2"));
    assert_eq!(ledger.fan_out(name, next.step(&[]), &none, &world.own).await.unwrap(), 0);
}
