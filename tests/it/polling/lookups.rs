//! What events say is looked up in Zoho before it counts, and they wait for that no longer than they must.

use std::time::Duration;

use sandbox::{FaultKind, ItemChange, Options};
use serde_json::{Value, json};
use shared::zoho::scope::ScopeSet;
use tests::hooks::{self, Hook};

use super::{ANOTHER, DEAL, ITEM, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_be_gone_counts_if_it_is() {
    for missing_is_400 in [false, true] {
        let scene = Scene::start().await;
        scene.zoho().switches(|switches| switches.missing_is_400 = missing_is_400);
        let there = [scene.tell_gone(ITEM).await, scene.tell("delete", DEAL, scene.now(), 1).await];
        scene.after(16).await;
        for id in &there {
            assert_eq!(scene.outcome(id).await, "not_deleted");
        }
        assert_eq!(scene.taken().await, Vec::<String>::new());

        scene.zoho().change_item(ITEM, ItemChange::Delete).await.unwrap();
        scene.zoho().delete_deal(DEAL);
        scene.inside.advance(Duration::from_secs(601));
        scene.tell_gone(ITEM).await;
        scene.tell("delete", DEAL, scene.now(), 1).await;
        scene.after(16).await;
        let taken = scene.take().await;
        assert_eq!(taken.len(), 2, "{taken:?}");
        for (kind, _, data) in &taken {
            assert!(kind.ends_with(".deleted") && data.get("unconfirmed").is_none(), "{kind} {data}");
        }
        assert_eq!(scene.after(3601).await.found, 0, "that it is gone was told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_zoho_but_not_for_ever() {
    for kind in [FaultKind::Status(503), FaultKind::ResetBefore, FaultKind::Html200] {
        let scene = Scene::start().await;
        scene.fail("/crm/v8/Deals", kind.clone());
        scene.fail("/items/", kind);
        let before = scene.tell_custom("1").await;
        let update = scene.tell("update", DEAL, scene.now(), 1).await;
        let gone = scene.tell_gone(ITEM).await;
        let behind = scene.tell_custom("2").await;
        scene.after(16).await;
        assert_eq!(scene.outcome_or_state(&before).await, "queued", "what needs no look goes on");
        for id in [&update, &gone, &behind] {
            assert_eq!(scene.outcome_or_state(id).await, "received");
        }
        scene.after(560).await;
        assert_eq!(scene.outcome_or_state(&update).await, "received", "nine minutes and a half");
        scene.after(30).await;
        let taken = scene.take().await;
        let kinds: Vec<_> = taken.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["custom.counted", "zoho.crm.deal.updated", "zoho.inventory.item.deleted", "custom.counted"]
        );
        assert_eq!((&taken[1].2["modified_time"], &taken[1].2["unconfirmed"]), (&Value::Null, &Value::Null));
        assert_eq!(taken[2].2["unconfirmed"], true, "the agent is told that nobody has looked");

        // It is back before that.
        let gone = scene.tell("delete", ANOTHER, scene.now(), 1).await;
        scene.after(16).await;
        assert_eq!(scene.outcome_or_state(&gone).await, "received");
        scene.zoho().clear_faults();
        scene.after(60).await;
        assert_eq!(scene.outcome(&gone).await, "not_deleted");
    }
}

/// What CRM cannot say holds up neither Inventory's lists nor, again and again, all that comes behind it.
#[tokio::test(flavor = "multi_thread")]
async fn one_product_in_trouble_does_not_hold_up_the_other() {
    let scene = Scene::start().await;
    scene.fail("/crm/v8/Deals", FaultKind::Status(503));
    scene.inside.advance(Duration::from_secs(60));
    scene.zoho().change_item(ITEM, ItemChange::Rename("Oak Shelf, new".to_owned())).await.unwrap();
    scene.inside.advance(Duration::from_secs(180));
    let first = scene.tell("update", DEAL, scene.now(), 1).await;
    assert_eq!(scene.after(16).await.found, 1, "the item");
    scene.inside.advance(Duration::from_secs(500));
    let second = scene.tell("update", ANOTHER, scene.now(), 1).await;
    let behind = scene.tell_custom("1").await;
    scene.after(60).await;
    assert_eq!(scene.outcome_or_state(&first).await, "received", "it waits for CRM");
    scene.after(60).await;
    for id in [&first, &second, &behind] {
        assert_eq!(scene.outcome_or_state(id).await, "queued", "the first has waited long enough for all");
    }
}

impl Scene {
    async fn tell_custom(&self, body: &str) -> String {
        let body = json!({ "counted": body }).to_string();
        self.post(&Hook::custom("counted", hooks::CUSTOM, body)).await
    }

    async fn outcome_or_state(&self, id: &str) -> Value {
        let event = self.request("GET", &format!("/v1/events/{id}"), &Value::Null).await;
        event["life"].get("outcome").unwrap_or(&event["life"]["state"]).clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_may_be_read_nothing_waits() {
    let scene = Scene::with(Options::new(""), ScopeSet::parse("ZohoInventory.settings.READ")).await;
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    scene.tell("update", DEAL, scene.now(), 1).await;
    scene.tell("delete", DEAL, scene.now(), 2).await;
    scene.tell_gone(ITEM).await;
    scene.tell_custom("1").await;
    scene.asked();
    scene.after(180).await;
    assert_eq!(scene.asked(), Vec::<String>::new(), "what the stored scopes do not allow is not asked");
    let taken = scene.take().await;
    let kinds: Vec<_> =
        taken.iter().map(|(kind, _, data)| (kind.as_str(), data["unconfirmed"] == true)).collect();
    assert_eq!(
        kinds,
        [
            ("zoho.crm.deal.updated", false),
            ("zoho.crm.deal.deleted", true),
            ("zoho.inventory.item.deleted", true),
            ("custom.counted", false),
        ]
    );
}
