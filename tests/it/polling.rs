//! What nobody told is found once, what was told is not told again, and what events say is looked up before it counts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use event_delivery::{EventDelivery, Swept};
use sandbox::{Fault, FaultKind, ItemChange, Options};
use serde_json::{Value, json};
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use shared::core::events::Events;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Subscription};
use shared::store::{Condition, Key, Put};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tests::clock::until;
use tests::connector::Connector;
use tests::hooks::{self, Hook, INVENTORY};
use tests::in_process::{ask, call};
use tests::inside::{Inside, any_key};

const DEAL: &str = "6100000000451001";
const ANOTHER: &str = "6100000000451002";
const THIRD: &str = "6100000000451003";
const ITEM: &str = "3300000000070001";

/// The functions in front of a connected account, some lists of which are watched.
struct Scene {
    inside: Inside,
    webhooks: Router,
    key: Secret,
}

impl Scene {
    async fn start() -> Self {
        Self::with(Options::new(""), ScopeSet::of(&Product::ALL, Access::Write)).await
    }

    async fn with(options: Options, scopes: ScopeSet) -> Self {
        let inside = Inside::with(options).await;
        inside.zoho.sandbox.switches(|switches| switches.deliver_notifications = false);
        inside.connect_with(scopes).await;
        hooks::set_secrets(&*inside.services.stores.secrets).await;
        let permissions =
            ["inventory:stock", "inventory:write", "crm:write", "events", "zoho:PUT:crm/Deals/*"];
        let permissions = permissions.iter().map(|text| text.parse().unwrap());
        let key = inside.key(NewKey { permissions: permissions.collect(), ..any_key() }).await;
        let webhooks = webhook_intake::router(&inside.services_of("webhook-intake"));
        let scene = Self { inside, webhooks, key };
        scene.watch(|_| {}).await;
        scene
    }

    /// Sets what is watched: deals, items and orders, of which nobody tells, unless `change` says otherwise.
    async fn watch(&self, change: impl FnOnce(&mut Subscription)) {
        let state = &*self.inside.services.stores.state;
        let name = ConnectionName::default();
        let stored = subscription::get(state, &name).await.unwrap();
        let mut wanted = stored.as_ref().map_or_else(
            || Subscription {
                crm: vec!["Deals".to_owned()],
                inventory: RecordKind::watchable().collect(),
                ..Subscription::new(name, self.now())
            },
            |stored| stored.watch.clone(),
        );
        change(&mut wanted);
        assert!(subscription::put(state, &wanted, stored.as_ref()).await.unwrap());
    }

    fn now(&self) -> Timestamp {
        self.inside.services.clock.now()
    }

    fn zoho(&self) -> &sandbox::Sandbox {
        &self.inside.zoho.sandbox
    }

    fn delivery(&self) -> EventDelivery {
        EventDelivery::new(
            &self.inside.services_of("event-delivery"),
            Arc::new(self.inside.token_refresh.clone()),
        )
    }

    async fn sweep(&self) -> Swept {
        let swept = self.delivery().sweep(&BTreeSet::new()).await.unwrap();
        assert_eq!(swept.failed, 0, "{swept:?}");
        swept
    }

    /// Lets time pass, then sweeps.
    async fn after(&self, seconds: u64) -> Swept {
        self.inside.advance(Duration::from_secs(seconds));
        self.sweep().await
    }

    /// How many changes are found by the time that there should be so many: a busy machine does less in one sweep.
    async fn found_in_time(&self, all: usize) -> usize {
        let mut found = 0;
        for _ in 0..12 {
            found += self.after(180).await.found;
            if found >= all {
                break;
            }
        }
        found
    }

    async fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let told = call(&self.inside.api(), &self.key, (method, path), &[], body).await;
        let body = told.json().unwrap();
        assert!(told.status.is_success(), "{body}");
        body
    }

    /// Everything that waits in the queue, and is then done: types, subjects and data.
    async fn take(&self) -> Vec<(String, String, Value)> {
        let mut taken = Vec::new();
        loop {
            let claimed = self.request("POST", "/v1/events/claim", &json!({ "limit": 50 })).await;
            let entries = claimed["data"].as_array().unwrap().clone();
            if entries.is_empty() {
                return taken;
            }
            let ids: Vec<_> = entries.iter().map(|entry| entry["id"].clone()).collect();
            self.request("POST", "/v1/events/ack", &json!({ "ids": ids, "outcome": "done" })).await;
            let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let told = |entry: &Value| (text(entry, "type"), text(entry, "subject"), entry["data"].clone());
            taken.extend(entries.iter().map(told));
        }
    }

    /// The same without the data, in an order that holds.
    async fn taken(&self) -> Vec<String> {
        let mut taken: Vec<_> =
            self.take().await.into_iter().map(|(kind, subject, _)| format!("{kind} {subject}")).collect();
        taken.sort();
        taken
    }

    /// How an event ended.
    async fn outcome(&self, id: &str) -> Value {
        self.request("GET", &format!("/v1/events/{id}"), &Value::Null).await["life"]["outcome"].clone()
    }

    async fn post(&self, hook: &Hook) -> String {
        let told = ask(&self.webhooks, hook.request()).await;
        let receipt = told.json().unwrap();
        assert_eq!(told.status, 200, "{receipt}");
        // Ids of one millisecond have no order among them.
        self.inside.advance(Duration::from_millis(1));
        receipt["event_id"].as_str().unwrap().to_owned()
    }

    /// CRM tells of a change, by its clock so many seconds after this moment.
    async fn tell(&self, operation: &str, id: &str, at: Timestamp, late: i64) -> String {
        let time = later(at, SignedDuration::from_secs(late)).as_millisecond();
        let body = json!({
            "server_time": time, "module": "Deals", "ids": [id], "operation": operation,
            "channel_id": hooks::CHANNEL, "token": hooks::TOKEN,
        });
        self.post(&Hook::of_crm(body.to_string())).await
    }

    /// Inventory tells that an item is gone, or whoever may post in its name.
    async fn tell_gone(&self, item: &str) -> String {
        let body = json!({ "item": { "item_id": item } }).to_string();
        self.post(&Hook::of_inventory("item.deleted", INVENTORY, body)).await
    }

    /// When CRM says that a deal was changed.
    fn modified(&self, id: &str) -> Timestamp {
        let deals = self.zoho().deals();
        let deal = deals.iter().find(|deal| deal["id"] == id).unwrap();
        deal["Modified_Time"].as_str().unwrap().parse().unwrap()
    }

    /// The paths that Zoho was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        let asked = self.zoho().requests().into_iter().map(|request| request.path).collect();
        self.zoho().clear_requests();
        asked
    }

    fn fail(&self, path: &str, kind: FaultKind) {
        self.zoho().inject(Fault { path_contains: path.to_owned(), times: 1000, kind });
    }
}

/// A channel that lives for another week.
fn channel(scene: &Scene) -> Channel {
    let mut channel = Channel::new(hooks::CHANNEL.to_owned(), String::new());
    channel.confirmed = Some(scene.now());
    channel.expires = Some(later(scene.now(), SignedDuration::from_hours(7 * 24)));
    channel
}

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

/// Each page is called the last one.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_on_behind_a_page_that_is_called_the_last() {
    let scene = Scene::start().await;
    scene.watch(|watch| watch.crm.clear()).await;
    scene.sweep().await;
    scene.zoho().switches(|switches| (switches.rows_in_a_page, switches.more_pages_denied) = (2, true));
    let changed: Vec<String> = (1..=7).map(|number| format!("33000000000700{number:02}")).collect();
    for item in &changed {
        scene.zoho().change_item(item, ItemChange::Rename(format!("New {item}"))).await.unwrap();
    }
    assert_eq!(scene.after(600).await.found, changed.len());
    scene.after(16).await;
    let expected: Vec<_> =
        changed.iter().map(|item| format!("zoho.inventory.item.updated item/{item}")).collect();
    assert_eq!(scene.taken().await, expected);
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

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_changes_of_one_second_are_all_found() {
    for ignored in [false, true] {
        let mut options = Options::new("");
        options.extra_deals = 450;
        let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Read)).await;
        scene.zoho().switches(|switches| {
            switches.crm_modified_since_ignored = ignored;
            switches.crm_deleted_oldest_first = ignored;
        });
        scene.sweep().await;
        let ids: Vec<String> = (1..=450).map(|number| format!("61000000005{number:05}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        scene.inside.advance(Duration::from_secs(3600));
        assert_eq!(scene.zoho().update_records("Deals", &ids, &json!({ "Next_Step": "Call" })), 450);
        let times: BTreeSet<_> = ids.iter().map(|id| scene.modified(id)).collect();
        scene.asked();
        assert_eq!(scene.found_in_time(450).await, 450, "ignored: {ignored}; {} seconds", times.len());
        let lists = scene.asked().into_iter().filter(|path| path.ends_with("/Deals")).count();
        assert!((3..=5).contains(&lists), "{lists} pages");
        for _ in 0..3 {
            assert_eq!(scene.after(301).await.found, 0);
        }
        let taken: BTreeSet<_> = scene.taken().await.into_iter().collect();
        assert_eq!(taken.len(), 450);

        let gone = &ids[..230];
        assert_eq!(scene.zoho().delete_records("Deals", gone), 230);
        assert_eq!(scene.found_in_time(230).await, 230);
        scene.after(301).await;
        let taken: BTreeSet<_> = scene.taken().await.into_iter().collect();
        assert_eq!(taken.len(), 230);
        assert!(taken.iter().all(|told| told.starts_with("zoho.crm.deal.deleted ")));
    }
}

/// CRM numbers the pages of what is gone beyond the tenth, too.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_deletions_are_all_found() {
    let mut options = Options::new("");
    options.extra_deals = 2_050;
    let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Read)).await;
    scene.sweep().await;
    let ids: Vec<String> = (1..=2_050).map(|number| format!("61000000005{number:05}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    scene.inside.advance(Duration::from_secs(3600));
    assert_eq!(scene.zoho().delete_records("Deals", &ids), 2_050);
    assert_eq!(scene.found_in_time(2_050).await, 2_050);
}

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

/// A long list that cannot be walked: what its first pages show is told once, and they are not read all day.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_that_is_not_sorted_is_read_seldom_and_told_once() {
    let mut options = Options::new("");
    options.extra_items = 210;
    let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Write)).await;
    scene.zoho().switches(|switches| {
        switches.sort_by_change_ignored = true;
        switches.rows_in_a_page = 20;
    });
    scene
        .watch(|watch| {
            watch.crm.clear();
            watch.inventory = vec![RecordKind::ITEM];
        })
        .await;
    // In the middle of the first page.
    scene.zoho().change_item(ITEM, ItemChange::Rename("Generated item 00205 b".to_owned())).await.unwrap();
    assert_eq!(scene.after(180).await.found, 1);
    assert_eq!(scene.asked().iter().filter(|path| path.ends_with("/items")).count(), 10);
    for _ in 0..7 {
        assert_eq!(scene.after(3 * 3600).await.found, 0);
    }
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(scene.after(49 * 3600).await.found, 0);
    assert_eq!(scene.asked().iter().filter(|path| path.ends_with("/items")).count(), 10);
    scene.zoho().change_item(ITEM, ItemChange::Rename("Generated item 00205 c".to_owned())).await.unwrap();
    assert_eq!(scene.after(25 * 3600).await.found, 1);
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
