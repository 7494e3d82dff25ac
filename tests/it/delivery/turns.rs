//! How many turns of the agent there are in an hour, and which of them count.

use serde_json::json;
use shared::base::clock::Timestamp;
use tests::gateway::TOKEN;

use super::{Scene, ids};

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
