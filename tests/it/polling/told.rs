//! What was told is not told again, and what comes after it is.

use sandbox::FaultKind;
use serde_json::json;
use shared::base::clock::{SignedDuration, later};
use shared::core::events::subscription::Channel;
use tests::hooks;

use super::{ANOTHER, DEAL, Scene, THIRD};

/// A channel that lives for another week.
fn channel(scene: &Scene) -> Channel {
    let mut channel = Channel::new(hooks::CHANNEL.to_owned(), String::new());
    channel.confirmed = Some(scene.now());
    channel.expires = Some(later(scene.now(), SignedDuration::from_hours(7 * 24)));
    channel
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_not_told_again() {
    let scene = Scene::start().await;
    let live = channel(&scene);
    scene.watch(|watch| watch.channel = Some(live)).await;
    scene.watch(|watch| watch.inventory.clear()).await;
    scene.sweep().await;
    scene.after(121).await;
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    scene.zoho().change_deal(ANOTHER, json!({ "Next_Step": "Call" }));
    scene.tell("update", DEAL, scene.modified(DEAL), 2).await;
    scene.tell("update", THIRD, scene.now(), 1).await;
    scene.after(16).await;
    assert_eq!(
        scene.taken().await,
        [format!("zoho.crm.deal.updated deal/{DEAL}"), format!("zoho.crm.deal.updated deal/{THIRD}")]
    );
    scene.zoho().delete_deal(THIRD);
    assert_eq!(scene.after(60 * 30).await.found, 0, "a living channel is believed for an hour");
    assert_eq!(scene.after(60 * 30).await.found, 2);
    scene.after(16).await;
    assert_eq!(
        scene.taken().await,
        [format!("zoho.crm.deal.deleted deal/{THIRD}"), format!("zoho.crm.deal.updated deal/{ANOTHER}")],
        "what nobody told"
    );

    // A channel that was gone for a while.
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Write" }));
    assert_eq!(scene.after(180).await.found, 0);
    let restored = scene.now();
    scene.watch(|watch| watch.channel.as_mut().unwrap().restored = Some(restored)).await;
    assert_eq!(scene.after(1).await.found, 1);
    scene.after(16).await;
    assert_eq!(scene.taken().await, [format!("zoho.crm.deal.updated deal/{DEAL}")]);
    assert_eq!(scene.after(60 * 61).await.found, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_right_after_one_that_was_told_is_found() {
    let scene = Scene::start().await;
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    let first = scene.modified(DEAL);
    scene.tell("update", DEAL, first, 60).await;
    scene.after(16).await;
    // By CRM's clock before it told of the first one.
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Write" }));
    assert!(scene.modified(DEAL) < later(first, SignedDuration::from_secs(60)));
    assert_eq!(scene.after(180).await.found, 1);
    scene.after(16).await;
    assert_eq!(scene.taken().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_record_is_gone_is_news_after_a_change_that_was_told_later() {
    let scene = Scene::start().await;
    scene.fail("/crm/v8/Deals", FaultKind::Status(503));
    // By CRM's clock long after all else here; nobody can look when the record changed.
    scene.tell("update", DEAL, scene.now(), 3600).await;
    scene.after(601).await;
    assert_eq!(scene.taken().await, [format!("zoho.crm.deal.updated deal/{DEAL}")]);
    scene.zoho().clear_faults();
    scene.zoho().delete_deal(DEAL);
    assert_eq!(scene.after(180).await.found, 1);
    scene.after(16).await;
    assert_eq!(scene.taken().await, [format!("zoho.crm.deal.deleted deal/{DEAL}")]);
    assert_eq!(scene.after(301).await.found, 0);
}
