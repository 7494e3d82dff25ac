//! What nobody told is found once, whatever else looks and whatever the rows say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Fault, FaultKind, ItemChange};
use serde_json::{Value, json};
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::subscription::Subscription;
use shared::core::events::{Events, subscription};
use shared::store::{Condition, Key, Put};
use tests::clock::until;
use tests::connector::Connector;

use super::{ANOTHER, DEAL, ITEM, Scene, THIRD};

here_and_on_aws! {
    async fn what_nobody_told_is_found_once() {
        let scene = Scene::start().await;
        scene.zoho().switches(|switches| switches.crm_modified_since_ignored = false);
        assert_eq!(scene.sweep().await.found, 0, "what was before the watch does not count");
        scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
        let new = scene.zoho().insert_record("Deals", json!({ "Deal_Name": "New" })).unwrap();
        scene.zoho().delete_deal(ANOTHER);
        scene.zoho().change_item(ITEM, ItemChange::Rename("Oak Shelf, new".to_owned())).await.unwrap();
        assert_eq!(scene.after(60).await.found, 0, "the news of it may be on its way");
        assert_eq!(scene.after(120).await.found, 4);
        scene.after(16).await;
        let mut taken = scene.take().await;
        taken.sort_by(|one, other| one.0.cmp(&other.0));
        let told: Vec<_> = taken.iter().map(|(kind, subject, _)| format!("{kind} {subject}")).collect();
        assert_eq!(
            told,
            [
                format!("zoho.crm.deal.created deal/{new}"),
                format!("zoho.crm.deal.deleted deal/{ANOTHER}"),
                format!("zoho.crm.deal.updated deal/{DEAL}"),
                format!("zoho.inventory.item.updated item/{ITEM}"),
            ]
        );
        let modified = scene.modified(DEAL).to_string();
        taken[2].2.as_object_mut().unwrap().remove("untrusted");
        assert_eq!(
            taken[2].2,
            json!({ "module": "Deals", "ids": [DEAL], "found_by": "sweep", "modified_time": modified })
        );
        assert_eq!(taken[1].2["unconfirmed"], Value::Null, "the list of what is gone is Zoho's word for it");
        assert_eq!((&taken[3].2["item_id"], &taken[3].2["sku"]), (&json!(ITEM), &json!("SHELF-OAK-80")));
        for _ in 0..8 {
            assert_eq!(scene.after(301).await.found, 0, "once");
        }
        scene.asked();
        assert_eq!(scene.after(60).await.found, 0);
        assert_eq!(scene.asked(), Vec::<String>::new(), "not before five minutes are over");

        scene.zoho().change_deal(&new, json!({ "Next_Step": "Call" }));
        assert_eq!(scene.after(600).await.found, 1);
        let requests = scene.zoho().requests();
        let asked = requests.iter().flat_map(|request| &request.headers);
        let since: Vec<Timestamp> = asked
            .filter(|(name, _)| name == "if-modified-since")
            .map(|(_, moment)| moment.parse().unwrap())
            .collect();
        assert_eq!(since.len(), 2, "changes and deletions");
        for since in since {
            let back = scene.now().duration_since(since).as_mins();
            assert!((15..30).contains(&back), "it goes on from the last look: {back} minutes");
        }
        scene.after(16).await;
        assert_eq!(scene.taken().await, [format!("zoho.crm.deal.updated deal/{new}")]);
    }
}

/// A row whose time cannot be read costs nobody else's change; a list without times is left alone, and both are told.
#[tokio::test(flavor = "multi_thread")]
async fn an_odd_time_costs_no_other_row() {
    let scene = Scene::start().await;
    scene.watch(|watch| watch.inventory.clear()).await;
    scene.sweep().await;
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    let rows = json!({
        "data": [
            { "id": ANOTHER, "Modified_Time": "yesterday" },
            { "id": THIRD, "Modified_Time": format!("{}-00:0", later(scene.now(), SignedDuration::from_secs(1)).strftime("%Y-%m-%dT%H:%M:%S")) },
            { "id": DEAL, "Modified_Time": later(scene.now(), SignedDuration::from_secs(2)).to_string() },
        ],
        "info": { "more_records": false },
    });
    let answer = |body: &Value| FaultKind::Body(200, "application/json".to_owned(), body.to_string());
    let once = |kind| Fault { path_contains: "/crm/v8/Deals".to_owned(), times: 1, kind };
    scene.zoho().inject(once(answer(&rows)));
    assert_eq!(scene.after(600).await.found, 2);
    scene.after(16).await;
    assert_eq!(
        scene.taken().await,
        [format!("zoho.crm.deal.updated deal/{DEAL}"), format!("zoho.crm.deal.updated deal/{THIRD}")]
    );

    let timeless = json!({ "data": [{ "id": DEAL }, { "id": ANOTHER }], "info": { "more_records": false } });
    scene.zoho().inject(once(answer(&timeless)));
    assert_eq!(scene.after(600).await.found, 0);
    scene.zoho().clear_requests();
    assert_eq!(scene.after(600).await.found, 0);
    let asked = scene.asked().iter().filter(|path| path.contains("/Deals")).count();
    assert_eq!(asked, 0, "a list that says nothing is left alone for an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_of_our_own_stops_no_look() {
    let scene = Scene::start().await;
    scene.sweep().await;
    let stores = &scene.inside.services.stores;
    let rubbish = |partition: &str, sort: &str| Put {
        key: Key::new(partition, sort),
        value: "[]".to_owned(),
        condition: Condition::Any,
        expires: None,
    };
    stores.state.put(rubbish("watch", "another")).await.unwrap();
    stores.events.put(rubbish("progress", "gap/default/crm/Deals")).await.unwrap();
    let version = stores.secrets.stage("agent", &Secret::new("[]")).await.unwrap();
    assert!(stores.secrets.promote("agent", &version, None).await.unwrap());
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    scene.inside.advance(Duration::from_secs(301));
    let swept = scene.delivery().sweep(&BTreeSet::new()).await.unwrap();
    assert_eq!((swept.found, swept.failed), (1, 1), "the hook alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_find_each_change_once() {
    let scene = Scene::start().await;
    scene.zoho().change_deal(DEAL, json!({ "Next_Step": "Call" }));
    scene.zoho().delete_deal(ANOTHER);
    scene.zoho().change_item(ITEM, ItemChange::Rename("Oak Shelf, new".to_owned())).await.unwrap();
    scene.inside.advance(Duration::from_secs(180));
    let sweeps = (0..6).map(|_| {
        let delivery = scene.delivery();
        tokio::spawn(async move { delivery.sweep(&BTreeSet::new()).await.unwrap().found })
    });
    let found = futures::future::join_all(sweeps).await;
    assert_eq!(found.into_iter().map(Result::unwrap).sum::<usize>(), 3);
    scene.after(16).await;
    assert_eq!(scene.taken().await.len(), 3);
}

/// The real binary looks as soon as it runs.
#[tokio::test(flavor = "multi_thread")]
async fn serve_finds_what_happened_while_it_was_away() {
    let mut connector = Connector::start().await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    connector.kill().await;
    let clock = Arc::new(shared::base::clock::SystemClock);
    let stores: shared::store::Stores =
        shared::store::sqlite::Sqlite::open(connector.folder(), clock.clone()).unwrap().into();
    let watched = Subscription {
        crm: vec!["Deals".to_owned()],
        ..Subscription::new(ConnectionName::default(), "2026-11-01T00:00:00Z".parse().unwrap())
    };
    assert!(subscription::put(&*stores.state, &watched, None).await.unwrap());
    connector.boot().await;
    let events = Events::new(stores.events.clone(), clock);
    until("found", async || events.newest(&ConnectionName::default(), 10).await.unwrap().len() == 6).await;
    let all = async || agent.get("/v1/events").await.ok()["data"].as_array().unwrap().len() == 6;
    until("listed", all).await;
    let listed = agent.get("/v1/events").await.ok();
    let kinds: BTreeSet<_> =
        listed["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(listed["data"].as_array().unwrap().len(), 6);
    assert_eq!(kinds, BTreeSet::from(["zoho.crm.deal.created"]));
}
