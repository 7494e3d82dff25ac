//! What agents changed through the connector is no news to them, and hides nobody else's change.

use std::time::Duration;

use sandbox::Options;
use serde_json::{Value, json};
use shared::zoho::scope::{Access, Product, ScopeSet};

use super::{ANOTHER, DEAL, ITEM, Scene};

here_and_on_aws! {
    async fn our_own_write_is_known_although_crm_tells_of_it_later() {
        let scene = Scene::start().await;
        let path = format!("/v1/crm/deals/{DEAL}");
        scene.request("PATCH", &path, &json!({ "Next_Step": "Call" })).await;
        let told = scene.tell("update", DEAL, scene.modified(DEAL), 2).await;
        scene.after(16).await;
        assert_eq!(scene.outcome(&told).await, "own_write");

        // One that went through as it was.
        scene.inside.advance(Duration::from_secs(60));
        let through = json!({ "data": [{ "Next_Step": "Call soon" }] });
        scene.request("PUT", &format!("/v1/zoho/crm/Deals/{DEAL}"), &through).await;
        let told = scene.tell("update", DEAL, scene.modified(DEAL), 2).await;
        scene.after(16).await;
        assert_eq!(scene.outcome(&told).await, "own_write");

        // Two writes, of the first of which CRM tells when the second is done.
        scene.request("PATCH", &path, &json!({ "Next_Step": "Call again" })).await;
        let (first, earlier) = (scene.modified(DEAL), scene.now());
        scene.inside.advance(Duration::from_secs(5));
        scene.request("PATCH", &path, &json!({ "Next_Step": "Write" })).await;
        let second = scene.modified(DEAL);
        assert!(first < second && earlier < scene.now());
        let told = [scene.tell("update", DEAL, first, 2).await, scene.tell("update", DEAL, second, 2).await];
        scene.after(16).await;
        for id in &told {
            assert_eq!(scene.outcome(id).await, "own_write", "{id}");
        }

        // Somebody else, a moment before ours and a moment after.
        scene.inside.advance(Duration::from_secs(60));
        scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Theirs" }));
        let theirs = scene.tell("update", DEAL, scene.modified(DEAL), 1).await;
        scene.inside.advance(Duration::from_secs(5));
        scene.request("PATCH", &path, &json!({ "Next_Step": "Ours" })).await;
        let ours = scene.tell("update", DEAL, scene.modified(DEAL), 1).await;
        scene.inside.advance(Duration::from_secs(5));
        scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Theirs again" }));
        let again = scene.tell("update", DEAL, scene.modified(DEAL), 1).await;
        scene.after(16).await;
        assert_eq!(scene.outcome(&ours).await, "own_write");
        for id in [&theirs, &again] {
            assert_eq!(scene.outcome(id).await, Value::Null, "{id} waits in the queue");
        }
        let taken = scene.take().await;
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[1].2["modified_time"], scene.modified(DEAL).to_string());

        // Of which nobody told at all.
        scene.request("PATCH", &format!("/v1/crm/deals/{ANOTHER}"), &json!({ "Next_Step": "Call" })).await;
        assert_eq!(scene.after(301).await.found, 1);
        let (_, listed) = scene.inside.get("/v1/events").await;
        assert_eq!(listed["data"].as_array().unwrap().len(), 7, "not settled yet");
        scene.after(16).await;
        assert_eq!(scene.taken().await, Vec::<String>::new());
        for _ in 0..3 {
            assert_eq!(scene.after(301).await.found, 0);
        }
    }
}

here_and_on_aws! {
    /// Inventory reports the items whose stock moved as changed: what a movement of ours alone changed is no news.
    async fn our_own_movement_of_stock_is_no_news() {
        let scene = Scene::with(Options::new(""), ScopeSet::of(&Product::ALL, Access::Stock)).await;
        scene.after(301).await;
        scene.after(16).await;
        scene.taken().await;
        let delta = json!({ "item_id": ITEM, "location": "Main", "reason": "Damaged goods", "delta": -1 });
        let transfer = json!({ "from": "Main", "to": "Outlet", "lines": [{ "item_id": ITEM, "quantity": 1 }] });
        for (path, body) in
            [("/v1/inventory/adjustments", delta), ("/v1/inventory/transferorders", transfer)]
        {
            scene.inside.advance(Duration::from_secs(60));
            scene.request("POST", path, &body).await;
            assert_eq!(scene.after(301).await.found, 1, "{path}: the item was changed");
            scene.after(16).await;
            assert_eq!(scene.taken().await, Vec::<String>::new(), "{path}");
            scene.inside.advance(Duration::from_secs(60));
            assert!(scene.zoho().adjust_stock(ITEM, "3300000000038080", "-1").is_some());
            scene.after(301).await;
            scene.after(16).await;
            assert_eq!(scene.taken().await, [format!("zoho.inventory.item.updated item/{ITEM}")], "{path}: of others");
        }
    }
}

here_and_on_aws! {
    /// Somebody else changes a deal, and our write comes so near to it that the record's time, or the order of what is told, hides it.
    async fn our_own_write_hides_no_change_of_others() {
        let scene = Scene::start().await;
        let theirs = || assert!(scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Theirs" })));
        let path = format!("/v1/crm/deals/{DEAL}");
        let ours = |step: &'static str| {
            let (scene, path) = (&scene, &path);
            async move { drop(scene.request("PATCH", path, &json!({ "Next_Step": step })).await) }
        };
        let told = [format!("zoho.crm.deal.updated deal/{DEAL}")];
        scene.sweep().await;
        scene.after(600).await;

        // Theirs is told after ours, which went through as it was.
        theirs();
        let first = scene.modified(DEAL);
        scene.inside.advance(Duration::from_secs(20));
        let through = json!({ "data": [{ "Next_Step": "Ours" }] });
        scene.request("PUT", &format!("/v1/zoho/crm/Deals/{DEAL}"), &through).await;
        let own = scene.tell("update", DEAL, scene.modified(DEAL), 2).await;
        scene.after(16).await;
        assert_eq!(scene.outcome(&own).await, "own_write");
        let late = scene.tell("update", DEAL, first, 2).await;
        scene.after(16).await;
        assert_eq!(scene.outcome(&late).await, Value::Null, "it waits in the queue");
        assert_eq!(scene.taken().await, told);

        // Ours is looked up when theirs is done, of which nobody tells.
        scene.after(3600).await;
        ours("Ours, before").await;
        let own = scene.tell("update", DEAL, scene.modified(DEAL), 2).await;
        scene.inside.advance(Duration::from_secs(10));
        theirs();
        scene.after(16).await;
        assert_eq!(scene.outcome(&own).await, "own_write");
        assert_eq!(scene.after(301).await.found, 1);
        scene.after(16).await;
        assert_eq!(scene.taken().await, told);

        // Nobody tells of theirs, nor of ours, after which a look comes: the first one of those that come after it may be late.
        for writes in [1, 3] {
            scene.after(3600).await;
            theirs();
            let hidden = scene.modified(DEAL);
            scene.inside.advance(Duration::from_secs(180));
            for _ in 0..writes {
                ours("Ours, after").await;
                scene.inside.advance(Duration::from_secs(60));
            }
            assert_eq!(scene.after(301).await.found, 1);
            scene.after(16).await;
            let taken = scene.take().await;
            assert_eq!(taken.len(), 1, "{writes}");
            assert_eq!(taken[0].2["earlier_change"], hidden.to_string());
            for _ in 0..3 {
                assert_eq!(scene.after(301).await.found, 0);
            }
        }

        // A look was at it when we wrote: it saw neither theirs nor ours.
        scene.after(3600).await;
        theirs();
        scene.inside.advance(Duration::from_secs(200));
        ours("Ours, during").await;
        scene.after(1).await;
        scene.after(3600).await;
        scene.after(16).await;
        assert_eq!(scene.taken().await, told);

        // CRM is so late with theirs that ours is done.
        scene.after(3600).await;
        theirs();
        let first = scene.modified(DEAL);
        scene.inside.advance(Duration::from_secs(2));
        ours("Ours, at once").await;
        let late = scene.tell("update", DEAL, first, 3).await;
        let own = scene.tell("update", DEAL, scene.modified(DEAL), 2).await;
        scene.after(16).await;
        assert_eq!(scene.outcome(&late).await, Value::Null, "it waits in the queue");
        assert_eq!(scene.outcome(&own).await, "own_write");
        assert_eq!(scene.taken().await, told);

        // A quiet record wakes nobody, and neither does one that we made.
        scene.after(3600).await;
        ours("Ours alone").await;
        let deal = json!({ "Deal_Name": "Ours", "Stage": "Qualification" });
        scene.request("POST", "/v1/crm/deals", &deal).await;
        for _ in 0..3 {
            scene.after(301).await;
        }
        assert_eq!(scene.taken().await, Vec::<String>::new());
    }
}
