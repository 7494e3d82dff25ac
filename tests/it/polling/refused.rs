//! Lists that Zoho refuses or fails to give, tokens that it takes no more, and calls that are short.

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::{Fault, FaultKind, ItemChange, Options};
use serde_json::json;
use shared::zoho::scope::{Access, Product, ScopeSet};

use super::{ANOTHER, DEAL, ITEM, Scene, THIRD};

#[tokio::test(flavor = "multi_thread")]
async fn agents_go_first_where_calls_are_short() {
    let mut scene = Scene::start().await;
    scene.inside.limit(Some(9), None);
    scene.zoho().change_item(ITEM, ItemChange::Rename("Oak Shelf, new".to_owned())).await.unwrap();
    scene.inside.advance(Duration::from_secs(180));
    let api = scene.inside.cold();
    for _ in 0..6 {
        let (status, body) = scene.inside.get_from(api.clone(), &format!("/v1/inventory/items/{ITEM}")).await;
        assert_eq!(status, 200, "{body}");
    }
    scene.asked();
    assert_eq!(scene.sweep().await.found, 0, "the last third is the agents'");
    assert!(scene.asked().iter().all(|path| !path.contains("/inventory/")));
    for _ in 0..3 {
        let (status, body) = scene.inside.get_from(api.clone(), &format!("/v1/inventory/items/{ITEM}")).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(scene.after(70).await.found, 1, "later");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_in_trouble_holds_up_no_other() {
    let scene = Scene::start().await;
    scene
        .watch(|watch| watch.crm = vec!["Contacts".to_owned(), "Nonsense".to_owned(), "Deals".to_owned()])
        .await;
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    scene.zoho().update_records("Contacts", &["6100000000440025"], &json!({ "Phone": "1" }));
    scene.fail("/crm/v8/Contacts", FaultKind::Status(500));
    assert_eq!(scene.after(180).await.found, 1, "the deal");
    let nonsense = |asked: &[String]| asked.iter().filter(|path| path.contains("/Nonsense")).count();
    assert_eq!(nonsense(&scene.asked()), 1);
    scene.zoho().clear_faults();
    assert_eq!(scene.after(60).await.found, 1, "the contact, a minute later");
    assert_eq!(nonsense(&scene.asked()), 0, "what cannot be read is left alone for a while");
    scene.after(16).await;
    assert_eq!(
        scene.taken().await,
        [
            "zoho.crm.contact.updated contact/6100000000440025".to_owned(),
            format!("zoho.crm.deal.updated deal/{DEAL}")
        ]
    );
}

/// Else the pages before it would be read every minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_page_that_is_refused_is_left_alone_for_a_while() {
    let mut options = Options::new("");
    options.extra_deals = 450;
    let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Read)).await;
    scene.watch(|watch| watch.inventory.clear()).await;
    scene.sweep().await;
    let ids: Vec<String> = (1..=450).map(|number| format!("61000000005{number:05}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    scene.inside.advance(Duration::from_secs(3600));
    assert_eq!(scene.zoho().delete_records("Deals", &ids), 450);
    let refusal = r#"{"code":"LIMIT_REACHED","details":{},"message":"no","status":"error"}"#.to_owned();
    let refusal = FaultKind::Body(400, "application/json".to_owned(), refusal);
    scene.zoho().inject(Fault { path_contains: "&page=2".to_owned(), times: 1000, kind: refusal });
    assert_eq!(scene.after(180).await.found, 200);
    scene.asked();
    for _ in 0..10 {
        assert_eq!(scene.after(300).await.found, 0);
    }
    assert_eq!(scene.asked(), Vec::<String>::new());
    scene.zoho().clear_faults();
    assert_eq!(scene.after(601).await.found, 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_replaced_once_and_a_missing_right_costs_none() {
    for code_14 in [false, true] {
        let scene = Scene::start().await;
        scene.zoho().switches(|switches| switches.dead_token_code_14 = code_14);
        scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
        scene.zoho().change_item(ITEM, ItemChange::Rename("Oak Shelf, new".to_owned())).await.unwrap();
        let minted = scene.zoho().minted();
        scene.zoho().expire_access_tokens();
        assert_eq!(scene.after(180).await.found, 2, "code 14: {code_14}");
        assert_eq!(scene.zoho().minted(), minted + 1);
    }
    // Zoho refuses what the stored scopes allow.
    let scene = Scene::start().await;
    let refusal = r#"{"code":57,"message":"You are not authorized to perform this operation"}"#.to_owned();
    scene.fail("/inventory/v1/items", FaultKind::Body(401, "application/json".to_owned(), refusal));
    scene.zoho().change_item(ITEM, ItemChange::Rename("Oak Shelf, new".to_owned())).await.unwrap();
    scene.tell_gone(ITEM).await;
    let minted = scene.zoho().minted();
    assert_eq!(scene.after(180).await.found, 0);
    assert_eq!(scene.zoho().minted(), minted);
    let taken = scene.take().await;
    assert_eq!(taken[0].2["unconfirmed"], true);
}

/// What is refused of a list is refused of nothing else, and one record's refusal is its own.
#[tokio::test(flavor = "multi_thread")]
async fn one_refusal_is_not_taken_for_another() {
    let refusal = r#"{"code":"NO_PERMISSION","details":{},"message":"denied","status":"error"}"#.to_owned();
    let refused = || FaultKind::Body(403, "application/json".to_owned(), refusal.clone());
    let scene = Scene::start().await;
    let delivery = scene.delivery();
    let none = BTreeSet::new();
    scene.watch(|watch| watch.inventory.clear()).await;
    // Of what is gone.
    scene.fail("/Deals/deleted", refused());
    scene.inside.advance(Duration::from_secs(180));
    assert_eq!(delivery.sweep(&none).await.unwrap().found, 0);
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    scene.inside.advance(Duration::from_secs(3601));
    assert_eq!(delivery.sweep(&none).await.unwrap().found, 1);
    // Of one record.
    scene.zoho().clear_faults();
    scene.fail("ids=", refused());
    scene.tell("update", ANOTHER, scene.now(), 1).await;
    scene.inside.advance(Duration::from_secs(16));
    delivery.sweep(&none).await.unwrap();
    scene.zoho().clear_faults();
    let there = scene.tell("delete", THIRD, scene.now(), 1).await;
    scene.inside.advance(Duration::from_secs(16));
    delivery.sweep(&none).await.unwrap();
    assert_eq!(scene.outcome(&there).await, "not_deleted", "another is looked up");
    scene.zoho().change_deal(THIRD, json!({ "Next_Step": "Call" }));
    scene.inside.advance(Duration::from_secs(3601));
    assert_eq!(delivery.sweep(&none).await.unwrap().found, 1, "and the list is read");
}
