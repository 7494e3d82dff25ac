//! The agent's hook is told of what came, and its run claims it.

use serde_json::json;
use shared::base::clock::{SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::core::events::agent_hook::ALL_TYPES;
use shared::core::events::ledger::{Batch, MAX_OPEN_BATCHES, Stage};
use tests::clock::until;
use tests::connector::Connector;
use tests::gateway::{Gateway, TOKEN};
use tests::hooks;

use super::{Scene, ids};

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
