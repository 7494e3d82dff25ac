//! What nobody told is found once, what was told is not told again, and what events say is looked up before it counts.

mod found;
mod long_lists;
mod lookups;
mod own_changes;
mod refused;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use event_delivery::{EventDelivery, Swept};
use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use shared::core::events::subscription;
use shared::core::events::subscription::Subscription;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::{Access, Product, ScopeSet};
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
