//! Deliveries: the agent's hook is told, runs claim and acknowledge, nothing is lost and nothing worked on twice.

mod hook;
mod offline;
mod queue;
mod retries;
mod simulated;
mod turns;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use event_delivery::EventDelivery;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::Ledger;
use shared::core::events::{Delivery, Events};
use tests::gateway::{Gateway, TOKEN};
use tests::in_process::call;
use tests::inside::{Inside, any_key};

/// The functions, a gateway and a key.
struct Scene {
    inside: Inside,
    gateway: Gateway,
    key: Secret,
    stored: usize,
}

impl Scene {
    async fn start() -> Self {
        let (inside, gateway) = (Inside::start().await, Gateway::start().await);
        let key = inside.key(any_key()).await;
        let scene = Self { inside, gateway, key, stored: 0 };
        scene.sweep().await;
        scene
    }

    async fn with_hook(types: &[&str]) -> Self {
        let scene = Self::start().await;
        scene.set_hook(types, TOKEN).await;
        scene
    }

    async fn set_hook(&self, types: &[&str], token: &str) {
        self.set_hook_of(types, token, 12).await;
    }

    async fn set_hook_of(&self, types: &[&str], token: &str, turns_per_hour: u32) {
        let hook = Hook {
            types: types.iter().map(|text| (*text).to_owned()).collect(),
            turns_per_hour,
            set: token.to_owned(),
            ..Hook::new(self.gateway.url.parse().unwrap(), Secret::new(token))
        };
        hook.store(&*self.inside.services.stores.secrets).await.unwrap();
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.inside.services.stores.events.clone(), self.inside.services.clock.clone())
    }

    async fn sweep(&self) {
        let function = EventDelivery::new(
            &self.inside.services_of("event-delivery"),
            Arc::new(self.inside.token_refresh.clone()),
        )
        .with_hook_timeout(Duration::from_secs(3));
        let swept = function.sweep(&BTreeSet::from([ConnectionName::default()])).await.unwrap();
        assert_eq!(swept.failed, 0, "{swept:?}");
    }

    /// Lets time pass, then sweeps.
    async fn after(&self, seconds: u64) {
        self.inside.advance(Duration::from_secs(seconds));
        self.sweep().await;
    }

    fn now(&self) -> Timestamp {
        self.inside.services.clock.now()
    }

    async fn event(&mut self, kind: &str, subject: &str, time: Option<&str>, data: Value) -> String {
        self.stored += 1;
        let delivery = Delivery {
            connection: ConnectionName::default(),
            source: "inventory",
            digest: format!("{:064x}", self.stored),
            kind: kind.to_owned(),
            subject: (!subject.is_empty()).then(|| subject.to_owned()),
            time: time.map(str::to_owned),
            data,
            body: "{}".to_owned(),
        };
        let events =
            Events::new(self.inside.services.stores.events.clone(), self.inside.services.clock.clone());
        let receipt = events.store(delivery).await.unwrap();
        // Ids of one millisecond have no order among them.
        self.inside.advance(Duration::from_millis(1));
        receipt.event_id
    }

    async fn item(&mut self, subject: &str) -> String {
        self.event("zoho.inventory.item.updated", subject, None, json!({})).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let told = call(&self.inside.api(), &self.key, ("POST", path), &[], &body).await;
        (told.status, told.json().unwrap())
    }

    async fn claim(&self, body: Value) -> Value {
        let (status, body) = self.post("/v1/events/claim", body).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn ack(&self, ids: &[&str], outcome: &str) -> Value {
        let (status, body) =
            self.post("/v1/events/ack", json!({ "ids": ids, "outcome": outcome, "note": "a note" })).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn event_view(&self, id: &str) -> Value {
        let (status, body) = self.inside.get(&format!("/v1/events/{id}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn state(&self, id: &str) -> String {
        self.event_view(id).await["life"]["state"].as_str().unwrap().to_owned()
    }
}

fn ids(claimed: &Value) -> Vec<String> {
    claimed["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}
