//! Deliveries: the agent's hook is told, runs claim and acknowledge, nothing is lost and nothing worked on twice.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use event_delivery::EventDelivery;
use serde_json::{Value, json};
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::agent_hook::{ALL_TYPES, Hook};
use shared::core::events::ledger::{Batch, Ledger, MAX_OPEN_BATCHES, Replayed, Stage};
use shared::core::events::{Delivery, Events};
use shared::core::writes::own_writes::{Before, OwnWrites};
use tests::clock::until;
use tests::connector::Connector;
use tests::dice::Dice;
use tests::gateway::{Gateway, Mood, REASON, TOKEN};
use tests::hooks;
use tests::in_process::call;
use tests::inside::{Inside, any_key};
use tests::simulation::delivery::{play, three_quick_edits};
use tests::simulation::random::Random;

use crate::unicode::text::{Kind, any};

/// The functions, a gateway and a key.
struct Scene {
    inside: Inside,
    gateway: Gateway,
    key: Secret,
    stored: usize,
}

impl Scene {
    async fn start() -> Self {
        let (inside, gateway) = (Inside::start().await, Gateway::start().await);
        let key = inside.key(any_key()).await;
        let scene = Self { inside, gateway, key, stored: 0 };
        scene.sweep().await;
        scene
    }

    async fn with_hook(types: &[&str]) -> Self {
        let scene = Self::start().await;
        scene.set_hook(types, TOKEN).await;
        scene
    }

    async fn set_hook(&self, types: &[&str], token: &str) {
        self.set_hook_of(types, token, 12).await;
    }

    async fn set_hook_of(&self, types: &[&str], token: &str, turns_per_hour: u32) {
        let hook = Hook {
            types: types.iter().map(|text| (*text).to_owned()).collect(),
            turns_per_hour,
            set: token.to_owned(),
            ..Hook::new(self.gateway.url.parse().unwrap(), Secret::new(token))
        };
        hook.store(&*self.inside.services.stores.secrets).await.unwrap();
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.inside.services.stores.events.clone(), self.inside.services.clock.clone())
    }

    async fn sweep(&self) {
        let function = EventDelivery::new(
            &self.inside.services_of("event-delivery"),
            Arc::new(self.inside.token_refresh.clone()),
        )
        .with_patience(Duration::from_secs(3));
        let swept = function.sweep(&BTreeSet::from([ConnectionName::default()])).await.unwrap();
        assert_eq!(swept.failed, 0, "{swept:?}");
    }

    /// Lets time pass, then sweeps.
    async fn after(&self, seconds: u64) {
        self.inside.advance(Duration::from_secs(seconds));
        self.sweep().await;
    }

    fn now(&self) -> Timestamp {
        self.inside.services.clock.now()
    }

    async fn event(&mut self, kind: &str, subject: &str, time: Option<&str>, data: Value) -> String {
        self.stored += 1;
        let delivery = Delivery {
            connection: ConnectionName::default(),
            source: "inventory",
            digest: format!("{:064x}", self.stored),
            kind: kind.to_owned(),
            subject: (!subject.is_empty()).then(|| subject.to_owned()),
            time: time.map(str::to_owned),
            data,
            body: "{}".to_owned(),
        };
        let events =
            Events::new(self.inside.services.stores.events.clone(), self.inside.services.clock.clone());
        let receipt = events.store(delivery).await.unwrap();
        // Ids of one millisecond have no order among them.
        self.inside.advance(Duration::from_millis(1));
        receipt.event_id
    }

    async fn item(&mut self, subject: &str) -> String {
        self.event("zoho.inventory.item.updated", subject, None, json!({})).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let told = call(&self.inside.api(), &self.key, ("POST", path), &[], &body).await;
        (told.status, told.json().unwrap())
    }

    async fn claim(&self, body: Value) -> Value {
        let (status, body) = self.post("/v1/events/claim", body).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn ack(&self, ids: &[&str], outcome: &str) -> Value {
        let (status, body) =
            self.post("/v1/events/ack", json!({ "ids": ids, "outcome": outcome, "note": "a note" })).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn event_view(&self, id: &str) -> Value {
        let (status, body) = self.inside.get(&format!("/v1/events/{id}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn state(&self, id: &str) -> String {
        self.event_view(id).await["life"]["state"].as_str().unwrap().to_owned()
    }
}

fn ids(claimed: &Value) -> Vec<String> {
    claimed["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

/// A note is kept as it was written.
#[tokio::test]
async fn a_note_of_any_text_is_read_again() {
    let mut scene = Scene::start().await;
    for seed in 1..=20 {
        let text = any(&mut Dice(seed), Kind::Controls).read;
        let id = scene.item(&format!("item/{seed}")).await;
        scene.after(16).await;
        assert_eq!(ids(&scene.claim(json!({})).await), std::slice::from_ref(&id), "{seed}");
        let ack = json!({ "ids": [id], "outcome": "done", "note": text });
        let (status, body) = scene.post("/v1/events/ack", ack).await;
        assert_eq!(status, 200, "{seed}: {text:?}: {body}");
        assert_eq!(scene.event_view(&id).await["life"]["note"], text, "{seed}");
    }
}

#[tokio::test]
async fn an_agent_pulls_claims_and_acknowledges() {
    let mut scene = Scene::start().await;
    let (first, second) = (scene.item("item/1").await, scene.item("item/1").await);
    let other = scene.item("item/2").await;
    assert_eq!(scene.state(&first).await, "received");
    scene.after(16).await;
    assert_eq!(scene.state(&first).await, "queued");

    let claimed = scene.claim(json!({ "limit": 1, "seconds": 60 })).await;
    assert_eq!((ids(&claimed), &claimed["more"]), (vec![first.clone()], &json!(true)));
    assert_eq!(claimed["data"][0]["subject"], "item/1");
    let names: Vec<&String> = claimed["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "type", "subject", "time", "data"]);
    assert_eq!(scene.state(&first).await, "claimed");
    assert_eq!(
        ids(&scene.claim(json!({})).await),
        std::slice::from_ref(&other),
        "the second change of item/1 waits"
    );
    assert!(ids(&scene.claim(json!({})).await).is_empty());

    // A claim that runs out is free again, and the one who had it may still say that it is done.
    scene.inside.advance(Duration::from_secs(61));
    scene.ack(&[&first], "done").await;
    let view = scene.event_view(&first).await;
    let life = &view["life"];
    assert_eq!(
        (&life["state"], &life["outcome"], &life["note"]),
        (&json!("done"), &json!("done"), &json!("a note"))
    );
    let claimed = scene.claim(json!({ "limit": 5 })).await;
    assert_eq!(ids(&claimed), std::slice::from_ref(&second));
    let again = scene.ack(&[&first, &second], "failed").await;
    assert_eq!(again["data"], json!([{ "id": first, "state": "done" }, { "id": second, "state": "failed" }]));
    scene.ack(&[&other], "retry").await;
    assert_eq!(scene.state(&other).await, "queued");
    let claimed = scene.claim(json!({})).await;
    assert_eq!((ids(&claimed), &claimed["data"][0]["claims"]), (vec![other.clone()], &json!(2)));

    // Another claim of the same key, and another key.
    let (status, problem) =
        scene.post("/v1/events/ack", json!({ "ids": [other], "outcome": "done", "claim": "0" })).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("event_not_claimed")));
    scene.key = scene.inside.key(any_key()).await;
    let (_, problem) = scene.post("/v1/events/ack", json!({ "ids": [other], "outcome": "done" })).await;
    assert_eq!(problem["code"], "event_not_claimed");
}

/// What an event has of its record stays in the event; a claim leaves out what every item has.
#[tokio::test]
async fn a_claim_tells_a_status_that_says_something() {
    let mut scene = Scene::start().await;
    let mut made = Vec::new();
    for (number, status) in ["active", "inactive"].into_iter().enumerate() {
        let data = json!({ "item_id": number.to_string(), "sku": "OAK", "status": status });
        made.push(scene.event("zoho.inventory.item.updated", &format!("item/{number}"), None, data).await);
    }
    scene.after(16).await;
    let claimed = scene.claim(json!({})).await;
    assert_eq!(claimed["data"][0]["data"], json!({ "item_id": "0", "sku": "OAK", "untrusted": ["sku"] }));
    assert_eq!(claimed["data"][1]["data"]["status"], "inactive");
    let view = scene.event_view(&made[0]).await;
    assert_eq!(view["data"]["status"], "active");
    assert!(view["receivedtime"].is_string(), "{view}");
}

#[tokio::test]
async fn an_event_about_several_records_is_worked_on_record_by_record() {
    let mut scene = Scene::start().await;
    let data = json!({ "ids": ["61", "62", "63"], "module": "Deals" });
    let id = scene.event("zoho.crm.deal.updated", "", None, data).await;
    scene.after(16).await;
    let claimed = scene.claim(json!({ "limit": 2 })).await;
    let subjects: Vec<_> =
        claimed["data"].as_array().unwrap().iter().map(|entry| &entry["subject"]).collect();
    assert_eq!(subjects, ["deal/61", "deal/62"]);
    let part = ids(&claimed)[1].clone();
    scene.ack(&[&part], "done").await;
    let view = scene.event_view(&part).await;
    assert_eq!((&view["subject"], &view["data"]["ids"]), (&json!("deal/62"), &json!(["62"])));
    assert_eq!(view["life"]["state"], "done");
    let whole = scene.event_view(&id).await;
    let states: Vec<_> = whole["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["life"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["claimed", "done", "queued"]);
}

here_and_on_aws! {
    async fn what_needs_no_work_is_not_put_into_the_queue() {
        let mut scene = Scene::start().await;
        let kind = "zoho.inventory.salesorder.updated";
        let own = OwnWrites::new(scene.inside.services.stores.state.clone(), scene.inside.services.clock.clone());
        let answer = json!({ "salesorder_id": "8", "last_modified_time": "2026-11-21T12:00:00+01:00" });
        own.mark(&ConnectionName::default(), "salesorder/8", &answer, Before::Unknown).await.unwrap();
        let ours = scene.event(kind, "salesorder/8", Some("2026-11-21T11:00:00Z"), json!({})).await;
        let theirs = scene.event(kind, "salesorder/8", Some("2026-11-21T11:00:01Z"), json!({})).await;
        let another = scene.event(kind, "salesorder/9", Some("2026-11-21T11:00:00Z"), json!({})).await;
        let late = scene.event(kind, "salesorder/8", Some("2026-11-21T10:59:00Z"), json!({})).await;
        let test = scene.event("custom.test", "", None, json!({ "test": true })).await;
        let gone = scene
            .event("zoho.inventory.salesorder.deleted", "salesorder/8", Some("2026-11-21T10:59:00Z"), json!({}))
            .await;
        scene.after(16).await;
        assert_eq!(scene.event_view(&ours).await["life"]["outcome"], "own_write");
        assert_eq!(scene.event_view(&late).await["life"]["outcome"], "superseded");
        assert_eq!(scene.event_view(&test).await["life"]["outcome"], "test");
        let replayed = scene.ledger().replay(&ConnectionName::default(), &test).await.unwrap();
        assert_eq!(replayed, Replayed::Test, "nor is it put back");
        assert_eq!(scene.state(&test).await, "done");
        assert_eq!(ids(&scene.claim(json!({})).await), [theirs, another, gone]);
    }
}

here_and_on_aws! {
    async fn the_hook_is_told_and_its_run_claims() {
        let mut scene = Scene::with_hook(&["zoho.inventory.*"]).await;
        let id = scene.item("item/1").await;
        let quiet = scene.event("connector.recovered", "connection/default", None, json!({})).await;
        scene.after(16).await;
        let runs = scene.gateway.runs();
        assert_eq!(runs.len(), 1);
        let (message, delivery) = (runs[0].message(), runs[0].key.clone());
        assert!(message.contains(&id) && message.contains("item/1") && !message.contains(&quiet), "{message}");
        let view = scene.event_view(&id).await;
        let life = &view["life"];
        assert_eq!(
            (&life["state"], &life["run"], &life["attempts"]),
            (&json!("admitted"), &json!("run-1"), &json!(1))
        );
        assert_eq!(life["delivery"], delivery.as_str());

        assert_eq!(ids(&scene.claim(json!({ "delivery": delivery })).await), std::slice::from_ref(&id));
        let (status, problem) = scene.post("/v1/events/claim", json!({ "delivery": delivery })).await;
        assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("events_claimed")));
        assert!(problem["retry_after"].as_u64().unwrap() <= 600);
        scene.ack(&[&id], "done").await;
        let (status, problem) = scene.post("/v1/events/claim", json!({ "delivery": delivery })).await;
        assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("events_claimed")));
        let (_, problem) = scene.post("/v1/events/claim", json!({ "delivery": "x" })).await;
        assert_eq!(problem["code"], "event_not_found");
        scene.after(3600).await;
        assert_eq!(scene.gateway.requests().len(), 1, "what is done is not told again");
        assert!(scene.ledger().open_batches(&ConnectionName::default()).await.unwrap().is_empty());
        assert_eq!(scene.state(&quiet).await, "queued", "what the hook does not want can still be pulled");
        assert_eq!(ids(&scene.claim(json!({})).await), [quiet]);
    }
}

here_and_on_aws! {
    /// A run that is told of a record in somebody's hands would get nothing: its turn would be for nothing, and its events would wait.
    async fn a_change_of_a_record_in_hands_is_told_after_the_acknowledgement() {
        let mut scene = Scene::with_hook(ALL_TYPES).await;
        let first = scene.item("item/1").await;
        scene.after(16).await;
        let second = scene.item("item/1").await;
        scene.after(16).await;
        assert_eq!(scene.gateway.runs().len(), 1, "the run that was begun has yet to claim");
        let claimed = scene.claim(json!({ "delivery": scene.gateway.runs()[0].key })).await;
        assert_eq!(ids(&claimed), std::slice::from_ref(&first));
        let (other, third) = (scene.item("item/2").await, scene.item("item/1").await);
        scene.after(16).await;
        let runs = scene.gateway.runs();
        assert_eq!(runs.len(), 2);
        let message = runs[1].message();
        assert!(message.contains(&other) && message.contains("1 event waits"), "{message}");
        assert!(!message.contains(&second) && !message.contains(&third), "{message}");
        assert_eq!((scene.state(&second).await, scene.state(&third).await), ("queued".to_owned(), "queued".to_owned()));

        scene.sweep().await;
        assert_eq!(scene.gateway.runs().len(), 2, "nothing has changed");
        scene.ack(&[&first], "done").await;
        scene.sweep().await;
        let runs = scene.gateway.runs();
        assert_eq!(runs.len(), 3, "told at once");
        let message = runs[2].message();
        assert!(message.contains(&second) && message.contains(&third) && !message.contains(&other), "{message}");
        assert_eq!(ids(&scene.claim(json!({ "delivery": runs[2].key })).await), [second, third]);
        assert_eq!(ids(&scene.claim(json!({ "delivery": runs[1].key })).await), [other], "each has its own");
    }
}

/// A run that died before it claimed holds nothing back for long: the next one claims what it was told of as well.
#[tokio::test]
async fn a_run_that_never_claims_is_not_waited_for() {
    let mut scene = Scene::with_hook(ALL_TYPES).await;
    let first = scene.item("item/1").await;
    scene.after(16).await;
    let second = scene.item("item/1").await;
    scene.after(240).await;
    assert_eq!(scene.gateway.runs().len(), 1);
    scene.after(60).await;
    let runs = scene.gateway.runs();
    assert_eq!(runs.len(), 2);
    assert_eq!(ids(&scene.claim(json!({ "delivery": runs[1].key })).await), [first, second]);
}

/// Somebody else pulls, and a claim of theirs ends by itself.
#[tokio::test]
async fn what_is_held_back_is_told_once_the_claim_is_over() {
    let mut scene = Scene::start().await;
    let first = scene.item("item/1").await;
    scene.after(16).await;
    assert_eq!(ids(&scene.claim(json!({ "seconds": 60 })).await), std::slice::from_ref(&first));
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(scene.item("item/1").await);
    }
    let other = scene.item("item/2").await;
    scene.set_hook(ALL_TYPES, TOKEN).await;
    scene.after(16).await;
    let runs = scene.gateway.runs();
    assert_eq!(runs.len(), 1);
    assert!(runs[0].message().contains(&other) && runs[0].message().contains("1 event waits"));
    scene.after(60).await;
    let runs = scene.gateway.runs();
    assert_eq!(runs.len(), 2);
    assert!(runs[1].message().contains("61 events wait"), "{}", runs[1].message());
    let (mut taken, mut more) = (Vec::new(), true);
    while more {
        let claimed = scene.claim(json!({ "delivery": runs[1].key, "limit": 50 })).await;
        let some = ids(&claimed);
        scene.ack(&some.iter().map(String::as_str).collect::<Vec<_>>(), "done").await;
        taken.extend(some);
        more = claimed["more"] == true;
    }
    held.insert(0, first);
    assert_eq!(taken, held, "each once, in its order");
}

here_and_on_aws! {
    async fn a_turn_that_got_nothing_does_not_count_and_what_waits_for_one_says_so() {
        let mut scene = Scene::start().await;
        scene.set_hook_of(&["zoho.inventory.*"], TOKEN, 1).await;
        let first = scene.item("item/1").await;
        scene.after(16).await;
        let quiet = scene.event("connector.recovered", "connection/default", None, json!({})).await;
        let second = scene.item("item/2").await;
        scene.after(16).await;
        assert_eq!(scene.gateway.runs().len(), 1);
        let life = scene.event_view(&second).await["life"].clone();
        let until: Timestamp = life["waits_until"].as_str().unwrap().parse().unwrap();
        assert_eq!((&life["state"], until.duration_since(scene.now()).as_mins()), (&json!("queued"), 59));
        assert!(scene.event_view(&quiet).await["life"].get("waits_until").is_none(), "the hook is not told of it");

        // Somebody else was faster than the run that was told.
        assert_eq!(ids(&scene.claim(json!({ "limit": 1 })).await), std::slice::from_ref(&first));
        let (status, _) = scene.post("/v1/events/claim", json!({ "delivery": scene.gateway.runs()[0].key })).await;
        assert_eq!(status, 409);
        scene.after(1).await;
        let runs = scene.gateway.runs();
        assert_eq!(runs.len(), 2, "its turn is given back");
        assert!(scene.event_view(&second).await["life"].get("waits_until").is_none());
        scene.ack(&[&first], "done").await;

        // A run that had its events and asks again has had its turn.
        assert_eq!(ids(&scene.claim(json!({ "delivery": runs[1].key })).await), std::slice::from_ref(&second));
        scene.ack(&[&second], "done").await;
        let (status, _) = scene.post("/v1/events/claim", json!({ "delivery": runs[1].key })).await;
        assert_eq!(status, 409);
        scene.item("item/3").await;
        scene.after(16).await;
        assert_eq!(scene.gateway.runs().len(), 2);
        scene.after(3600).await;
        assert_eq!(scene.gateway.runs().len(), 3);
    }

    async fn turns_that_got_nothing_are_given_back_no_more_often_than_there_are_turns() {
        let mut scene = Scene::start().await;
        scene.set_hook_of(&["zoho.inventory.*"], TOKEN, 1).await;
        for number in 1..=3 {
            scene.item(&format!("item/{number}")).await;
            scene.after(16).await;
            // An agent that takes what waits longest, and asks for what it was told of only then.
            scene.claim(json!({ "limit": 50 })).await;
            let told = scene.gateway.runs().last().unwrap().key.clone();
            let (status, _) = scene.post("/v1/events/claim", json!({ "delivery": told })).await;
            assert_eq!(status, 409);
        }
        assert_eq!(scene.gateway.runs().len(), 2, "one turn, and one that was given back");
    }
}

#[tokio::test]
async fn a_gateway_in_trouble_is_asked_again_with_the_same_bytes() {
    for (mood, least, began) in [
        (Mood::Says(409, None), 7, false),
        (Mood::Says(429, Some(240)), 240, false),
        (Mood::Says(503, None), 7, false),
        (Mood::Says(502, None), 7, false),
        (Mood::Resets, 7, false),
        (Mood::AdmitsAndResets, 7, true),
        (Mood::AdmitsAndHangs, 7, true),
    ] {
        let mut scene = Scene::with_hook(ALL_TYPES).await;
        scene.gateway.set(mood);
        let id = scene.item("item/1").await;
        scene.after(16).await;
        let life = scene.event_view(&id).await["life"].clone();
        assert_eq!((&life["state"], &life["attempts"]), (&json!("queued"), &json!(1)), "{mood:?}");
        let next: Timestamp = life["next_try"].as_str().unwrap().parse().unwrap();
        let wait = next.duration_since(scene.now()).as_secs();
        assert!((least - 1..=least.max(15)).contains(&wait), "{mood:?}: {wait} s");
        scene.sweep().await;
        assert_eq!(scene.gateway.requests().len(), 1, "{mood:?}: not before its time");

        scene.gateway.set(Mood::Admits);
        scene.after(least.max(15).unsigned_abs() + 1).await;
        let requests = scene.gateway.requests();
        assert_eq!(requests.len(), 2, "{mood:?}");
        assert_eq!(requests[0], requests[1], "{mood:?}");
        assert_eq!(scene.gateway.runs().len(), 1, "{mood:?}");
        assert_eq!(scene.state(&id).await, "admitted", "{mood:?}");

        // Another start of the gateway forgets: the same request begins a second run, which gets nothing.
        if began {
            scene.claim(json!({ "delivery": requests[0].key })).await;
            let (status, _) = scene.post("/v1/events/claim", json!({ "delivery": requests[0].key })).await;
            assert_eq!(status, 409, "{mood:?}");
        }
    }
}

here_and_on_aws! {
    async fn wrong_settings_end_in_a_dead_letter_that_can_be_replayed() {
        for status in [400, 401, 404, 413, 302] {
            let mut scene = Scene::start().await;
            scene.set_hook(ALL_TYPES, if status == 401 { "wrong" } else { TOKEN }).await;
            if status != 401 {
                scene.gateway.set(Mood::Says(status, None));
            }
            let id = scene.item("item/1").await;
            scene.after(16).await;
            let life = scene.event_view(&id).await["life"].clone();
            assert_eq!((&life["state"], &life["outcome"]), (&json!("dead"), &json!("refused")), "{status}");
            let reason = if status == 401 { "Unauthorized" } else { REASON };
            let note = life["note"].as_str().unwrap();
            assert!(note.contains(&status.to_string()) && note.ends_with(reason), "{note}");
            assert_eq!(life["last_answer"], format!("{status}: {reason}"));
            let later = scene.item("item/2").await;
            scene.after(16).await;
            let told = scene.gateway.requests().len();
            let (_, list) = scene.inside.get("/v1/events").await;
            let trouble = list["data"]
                .as_array()
                .unwrap()
                .iter()
                .find(|event| event["type"] == "connector.delivery_refused");
            let data = &trouble.unwrap()["data"];
            assert_eq!((&data["status"], &data["answer"]), (&json!(status), &json!(reason)));
            assert_eq!(data["untrusted"], json!(["answer"]));
            assert!(!data["notice"].as_str().unwrap().contains(reason), "{data}");
            scene.after(7200).await;
            assert_eq!(scene.gateway.requests().len(), told, "{status}: nothing more until it is set anew");
            assert_eq!(scene.state(&later).await, "queued");

            scene.gateway.set(Mood::Admits);
            let name = ConnectionName::default();
            assert_eq!(scene.ledger().dead(&name, 10).await.unwrap(), std::slice::from_ref(&id));
            assert_eq!(scene.ledger().replay(&name, &id).await.unwrap(), Replayed::Again);
            assert_eq!(scene.ledger().replay(&name, &id).await.unwrap(), Replayed::Open);
            scene.set_hook(ALL_TYPES, TOKEN).await;
            let mut hook = Hook::read(&*scene.inside.services.stores.secrets).await.unwrap().unwrap();
            hook.set = "resumed".to_owned();
            hook.store(&*scene.inside.services.stores.secrets).await.unwrap();
            scene.after(60).await;
            let runs = scene.gateway.runs();
            assert_eq!(runs.len(), 1, "{status}");
            assert!(runs[0].message().contains(&id) && runs[0].message().contains(&later), "{status}");
            assert!(!runs[0].body.contains(reason), "what the gateway said is told to no agent");
            assert_eq!(ids(&scene.claim(json!({ "delivery": runs[0].key })).await).len(), 3, "{status}");
        }
    }
}

#[tokio::test]
async fn what_is_replayed_after_a_month_is_there() {
    let mut scene = Scene::start().await;
    let id = scene.item("item/1").await;
    scene.after(16).await;
    scene.inside.advance(Duration::from_secs(20 * 24 * 3600));
    scene.claim(json!({})).await;
    scene.ack(&[&id], "failed").await;
    scene.inside.advance(Duration::from_secs(15 * 24 * 3600));
    let name = ConnectionName::default();
    assert_eq!(scene.ledger().replay(&name, &id).await.unwrap(), Replayed::Again);
    assert_eq!(ids(&scene.claim(json!({ "seconds": 60 })).await), std::slice::from_ref(&id));
    scene.inside.advance(Duration::from_secs(29 * 24 * 3600));
    assert_eq!(ids(&scene.claim(json!({})).await), [id], "a claim does not shorten its life");
}

#[tokio::test]
async fn what_a_run_had_that_died_is_given_up_with_the_others() {
    let mut scene = Scene::with_hook(ALL_TYPES).await;
    scene.gateway.set(Mood::Says(503, None));
    let (first, second) = (scene.item("item/1").await, scene.item("item/2").await);
    scene.after(16).await;
    assert_eq!(ids(&scene.claim(json!({ "limit": 1, "seconds": 600 })).await), std::slice::from_ref(&first));
    scene.gateway.set(Mood::Says(400, None));
    scene.after(30).await;
    assert_eq!(
        (scene.state(&first).await.as_str(), scene.state(&second).await.as_str()),
        ("claimed", "dead")
    );
    let name = ConnectionName::default();
    assert_eq!(scene.ledger().open_batches(&name).await.unwrap().len(), 1, "its run may die");
    scene.after(601).await;
    assert_eq!(scene.state(&first).await, "dead");
    assert!(scene.ledger().open_batches(&name).await.unwrap().is_empty());
}

#[tokio::test]
async fn no_batch_is_made_that_nobody_would_look_at() {
    let mut scene = Scene::start().await;
    let (name, ledger) = (ConnectionName::default(), scene.ledger());
    let mut last = None;
    for index in 0..MAX_OPEN_BATCHES {
        scene.item(&format!("item/{index}")).await;
        scene.after(16).await;
        let frozen = ledger.freeze(&name, |_| true, |_, _| "{}".to_owned()).await.unwrap().unwrap();
        let next = later(scene.now(), SignedDuration::from_hours(24));
        let taken = |batch: &mut Batch| (batch.stage, batch.next) = (Stage::Unclaimed, next);
        last = ledger.change_batch(&name, frozen, taken).await.unwrap();
    }
    scene.set_hook(ALL_TYPES, TOKEN).await;
    scene.item("item/another").await;
    scene.after(16).await;
    assert!(scene.gateway.requests().is_empty());
    ledger.close_batch(&name, last.unwrap()).await.unwrap();
    scene.sweep().await;
    assert_eq!(scene.gateway.requests().len(), 1);
}

#[tokio::test]
async fn a_run_that_never_claims_is_begun_again() {
    let mut scene = Scene::with_hook(ALL_TYPES).await;
    let id = scene.item("item/1").await;
    scene.after(16).await;
    scene.gateway.boot().await;
    scene.after(16 * 60).await;
    assert_eq!(scene.gateway.runs().len(), 2, "a gateway that forgot begins it again");
    let claimed = scene.claim(json!({ "delivery": scene.gateway.runs()[0].key, "seconds": 30 })).await;
    assert_eq!(ids(&claimed), std::slice::from_ref(&id));
    scene.gateway.boot().await;
    scene.after(3700).await;
    assert_eq!(scene.gateway.runs().len(), 3, "its run died with the claim");
    let mut scene_days = 0;
    while scene.state(&id).await != "dead" {
        scene.gateway.boot().await;
        scene.after(12 * 3600).await;
        scene_days += 1;
        assert!(scene_days < 40, "given up in the end");
    }
    assert_eq!(scene.event_view(&id).await["life"]["outcome"], "unclaimed");
    assert!(scene_days >= 26, "not before two weeks are over: {scene_days}");
}

/// Thirteen days: the gateway is away, in every way, while events come and somebody pulls now and then. Then it is back.
#[tokio::test(flavor = "multi_thread")]
async fn thirteen_days_offline_lose_nothing() {
    let random = Random::new(13);
    let mut scene = Scene::with_hook(ALL_TYPES).await;
    let mut order = HashMap::<String, Vec<String>>::new();
    let mut watch = Watch::default();
    scene.gateway.stop().await;
    for step in 0..13_u32 * 24 * 12 {
        match random.between(0, 400) {
            0 => scene.gateway.stop().await,
            1 => {
                scene.gateway.boot().await;
                scene.gateway.set(random.pick(&[
                    Mood::Says(503, Some(30)),
                    Mood::Says(409, None),
                    Mood::Says(429, Some(600)),
                    Mood::Says(502, None),
                    Mood::Resets,
                ]));
            }
            _ => {}
        }
        while random.chance(480) {
            let subject = format!("item/{}", random.between(1, 150));
            let id = scene.item(&subject).await;
            order.entry(subject).or_default().push(id);
        }
        scene.after(300).await;
        if step % 500 == 250 {
            // Somebody else who pulls: half of what they take is left lying.
            let claimed = scene.claim(json!({ "limit": 20, "seconds": 900 })).await;
            watch.claimed(&scene, &claimed);
            let taken = ids(&claimed);
            let (done, _left) = taken.split_at(taken.len() / 2);
            let done: Vec<&str> = done.iter().map(String::as_str).collect();
            if !done.is_empty() {
                scene.ack(&done, "done").await;
                watch.done(&done);
            }
        }
    }
    let all: usize = order.values().map(Vec::len).sum();
    assert!(all > 3000, "{all}");
    assert!(scene.gateway.runs().is_empty(), "nothing was admitted yet");

    scene.gateway.boot().await;
    scene.gateway.set(Mood::Admits);
    let mut minutes = 0;
    let mut seen = 0;
    let mut begun = Vec::new();
    while watch.done.len() < all {
        scene.after(60).await;
        minutes += 1;
        assert!(minutes < 3 * 24 * 60, "{} of {all} after three days", watch.done.len());
        let runs = scene.gateway.runs();
        for run in &runs[seen..] {
            assert!(run.body.len() < 8 * 1024, "{}", run.body.len());
            if watch.work(&scene, &random, &run.key).await {
                begun.push(minutes);
            }
        }
        seen = runs.len();
        if random.chance(50) {
            scene.gateway.boot().await;
        }
    }
    for (index, first) in begun.iter().enumerate() {
        assert!(
            begun[index..].iter().filter(|at| **at < first + 59).count() <= 12,
            "more than 12 turns an hour"
        );
    }
    watch.check_order(&order);
    for id in order.values().flatten().step_by(50) {
        assert_eq!(scene.state(id).await, "done");
    }
    println!(
        "{all} events of {} records; {} requests, {} turns after the return, {} claimed of {} in {minutes} minutes",
        order.len(),
        scene.gateway.requests().len(),
        begun.len(),
        watch.claims,
        all,
    );
}

/// The real binary, woken by the webhook itself: what others changed is told once it is settled, what we wrote is not.
#[tokio::test(flavor = "multi_thread")]
async fn serve_tells_of_what_others_changed() {
    let connector = Connector::start().await;
    let gateway = Gateway::start().await;
    let set = connector.run(&["agent", "set", "--url", &gateway.url], TOKEN).await;
    assert_eq!(set.code, 0, "{}", set.err);
    let secret = connector.webhook_secret().await;
    connector.connect(&["--access", "write"]).await;
    let agent = connector.agent(&["--can", "inventory:write,events"]).await;
    let order = json!({ "customer": "Harbor Interiors GmbH", "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }] });
    let made = agent.write("POST", "/v1/inventory/salesorders", &[], &order).await;
    assert_eq!(made.status, 201, "{}", made.body);

    let order = json!({
        "salesorder_id": made.body["salesorder_id"], "last_modified_time": made.body["last_modified_time"],
    });
    let mut ids = Vec::new();
    for body in [json!({ "salesorder": order }), json!({ "item": { "item_id": "3300000000070001" } })] {
        let hook = hooks::Hook::of_inventory("updated", &secret, body.to_string());
        let receipt = connector.deliver(&hook).await;
        ids.push(receipt["event_id"].as_str().unwrap().to_owned());
    }
    until("told", async || !gateway.runs().is_empty()).await;
    let runs = gateway.runs();
    assert_eq!(runs.len(), 1);
    assert!(
        runs[0].message().contains(&ids[1]) && !runs[0].message().contains(&ids[0]),
        "{}",
        runs[0].message()
    );
    let life = agent.get(&format!("/v1/events/{}", ids[0])).await.ok()["life"].clone();
    assert_eq!((&life["state"], &life["outcome"]), (&json!("done"), &json!("own_write")), "{life}");
}

/// What claims give and who is done with what.
#[derive(Default)]
struct Watch {
    held: HashMap<String, Timestamp>,
    done: Vec<String>,
    claims: usize,
}

impl Watch {
    fn claimed(&mut self, scene: &Scene, claimed: &Value) {
        let until: Option<Timestamp> = claimed["until"].as_str().map(|text| text.parse().unwrap());
        for id in ids(claimed) {
            assert!(!self.done.contains(&id), "{id} was done already");
            let before = self.held.insert(id.clone(), until.unwrap());
            assert!(before.is_none_or(|end| end <= scene.now()), "{id} is claimed twice");
            self.claims += 1;
        }
    }

    fn done(&mut self, ids: &[&str]) {
        for id in ids {
            self.held.remove(*id);
            self.done.push((*id).to_owned());
        }
    }

    /// A run: claims until there is no more, and sometimes dies. Says whether its turn counts: one that others were faster than got
    /// nothing.
    async fn work(&mut self, scene: &Scene, random: &Random, delivery: &str) -> bool {
        let mut had_some = false;
        loop {
            if random.chance(30) {
                return true;
            }
            let (status, claimed) =
                scene.post("/v1/events/claim", json!({ "delivery": delivery, "seconds": 300 })).await;
            if status != 200 {
                assert_eq!(claimed["code"], "events_claimed", "{claimed}");
                return had_some;
            }
            had_some = true;
            self.claimed(scene, &claimed);
            if random.chance(30) {
                return true;
            }
            let taken = ids(&claimed);
            let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
            scene.ack(&taken, "done").await;
            self.done(&taken);
            if claimed["more"] == json!(false) {
                return true;
            }
        }
    }

    /// What was done was done in the order in which it came, record by record.
    fn check_order(&self, order: &HashMap<String, Vec<String>>) {
        let place: HashMap<&str, usize> =
            self.done.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        assert_eq!(place.len(), self.done.len(), "each once");
        for (subject, ids) in order {
            let places: Vec<usize> = ids.iter().map(|id| place[id.as_str()]).collect();
            assert!(places.is_sorted(), "{subject}: {places:?}");
        }
    }
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Three quick edits of one deal, and a run that works for 25 seconds. event-delivery is woken as the stream wakes it.
#[test]
fn three_quick_edits_take_two_turns_and_are_done_within_a_minute_of_the_first_acknowledgement() {
    for seed in 0..10 {
        let (outcome, edits) = three_quick_edits(seed);
        assert!(outcome.broken.is_empty(), "seed {seed}: {}", outcome.broken.join("\n"));
        assert_eq!((edits.runs, edits.wasted), (2, 0), "seed {seed}");
        assert!(edits.last_ack - edits.first_ack <= 60_000, "seed {seed}: {edits:?}");
        assert!(edits.first_told <= 30_000, "seed {seed}: {edits:?}");
    }
}

/// Processes die at any poll, stores fail, the gateway loses and forgets: nothing is lost, nothing claimed twice.
#[test]
fn seeds() {
    let single = from_env("SIMULATION_SEED");
    let seeds = single.map_or(0..from_env("SIMULATION_SEEDS").unwrap_or(40), |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = play(seed);
        assert!(outcome.broken.is_empty(), "seed {seed}: {}", outcome.broken.join("\n"));
    }
}
