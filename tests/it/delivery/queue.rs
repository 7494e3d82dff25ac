//! The queue: agents pull, claim and acknowledge what is in it, and what needs no work is not.

use std::time::Duration;

use serde_json::json;
use shared::base::id::ConnectionName;
use shared::core::events::ledger::Replayed;
use shared::core::writes::own_writes::{Before, OwnWrites};
use tests::dice::Dice;
use tests::inside::any_key;

use super::{Scene, ids};
use crate::unicode::text::{Kind, any};

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
