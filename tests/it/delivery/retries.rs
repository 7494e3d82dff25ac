//! What the gateway or a run did not finish is told again, and in the end given up, to be replayed.

use std::time::Duration;

use serde_json::json;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::events::Events;
use shared::core::events::agent_hook::{ALL_TYPES, Hook};
use shared::core::events::ledger::Replayed;
use tests::gateway::{Mood, REASON, TOKEN};

use super::{Scene, ids};

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

#[tokio::test]
async fn what_the_gateway_never_took_is_dead_before_it_is_forgotten_and_nothing_younger() {
    let (mut scene, name) = (Scene::with_hook(ALL_TYPES).await, ConnectionName::default());
    let day = 24 * 3600;
    scene.gateway.stop().await;
    let first = scene.item("item/1").await;
    scene.after(16).await;
    scene.inside.advance(Duration::from_secs(20 * day));
    let second = scene.item("item/2").await;
    // Events are kept for 30 days.
    scene.after(9 * day - 60).await;
    assert_eq!(scene.state(&first).await, "queued", "more than a day is left");
    scene.after(3600).await;
    assert_eq!(scene.state(&first).await, "dead");
    assert_eq!(scene.event_view(&first).await["life"]["outcome"], "unclaimed");
    assert_eq!(scene.state(&second).await, "queued");
    let stores = &scene.inside.services.stores;
    let events = Events::new(stores.events.clone(), scene.inside.services.clock.clone());
    let told = events.newest(&name, 1).await.unwrap().remove(0);
    assert_eq!((told.kind.as_str(), &told.data["dead"]), ("connector.delivery_unclaimed", &json!(1)));
    let notice = told.data["notice"].as_str().unwrap();
    assert!(notice.starts_with("The agent's hook did not take the message"), "{notice}");

    scene.gateway.boot().await;
    scene.gateway.set(Mood::Admits);
    scene.after(60).await;
    let claimed = scene.claim(json!({ "delivery": scene.gateway.runs()[0].key })).await;
    assert_eq!(ids(&claimed), [second]);
    assert_eq!(scene.ledger().replay(&name, &first).await.unwrap(), Replayed::Again);
}
