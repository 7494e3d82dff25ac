//! An update of the connector keeps connections, keys and all that was stored: rows and secrets as earlier versions wrote them
//! are read through the real stores, and used.
//!
//! `rows_of_before/VERSION.json` holds what a store had after a consent, keys, writes, a reconciliation, a mapping, events and a claim.
//! A file is never changed. Where a row's shape changes, the code reads both, and the store of the new version becomes another file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use event_delivery::EventDelivery;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::clock::{SharedClock, SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::{self, Settings};
use shared::core::access::key::Keys;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::connection::{self, PauseCause, State};
use shared::core::events::agent_hook::Hook;
use shared::core::events::subscription;
use shared::core::grant::client::Clients;
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Stores};
use tests::aws::Aws;
use tests::clock::StandingClock;
use tests::in_process::send;
use token_refresh::Local;

/// What a version left behind.
#[derive(Deserialize)]
struct Left {
    version: String,
    /// Some minutes after it was written.
    at: Timestamp,
    /// A service key of it.
    key: String,
    rows: Vec<LeftRow>,
    secrets: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct LeftRow {
    table: String,
    partition: String,
    sort: String,
    value: Value,
    expires: Option<i64>,
}

fn versions() -> Vec<Left> {
    [include_str!("rows_of_before/0.1.0.json")].map(|text| serde_json::from_str(text).unwrap()).into()
}

impl Left {
    async fn fill(&self, stores: &Stores) {
        for row in &self.rows {
            let put = Put {
                key: Key::new(&row.partition, &row.sort),
                value: row.value.to_string(),
                condition: Condition::Any,
                expires: row.expires.map(|at| Timestamp::from_millisecond(at).unwrap()),
            };
            let table = if row.table == "state" { &stores.state } else { &stores.events };
            assert!(table.put(put).await.unwrap().is_done());
        }
        for (name, value) in &self.secrets {
            let pending = stores.secrets.stage(name, &Secret::new(value.to_string())).await.unwrap();
            assert!(stores.secrets.promote(name, &pending, None).await.unwrap());
        }
    }
}

/// The functions of today, on what was left.
struct Today {
    services: Services,
    token_refresh: Arc<Local>,
    api: Router,
    key: String,
}

impl Today {
    fn on(stores: Stores, clock: SharedClock, key: &str) -> Self {
        let settings = Settings::read(|name| match name {
            settings::PUBLIC_URL => Some("http://localhost:8080".to_owned()),
            // Nobody listens there: what is read here asks no Zoho.
            settings::SANDBOX_URL => Some("http://127.0.0.1:9".to_owned()),
            _ => None,
        });
        let services = Services::new(settings.unwrap(), clock, stores).unwrap();
        let token_refresh = Arc::new(Local::new(&services));
        let api = api_proxy::router(&services, token_refresh.clone());
        Self { services, token_refresh, api, key: key.to_owned() }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let bearer = format!("Bearer {}", self.key);
        let headers = [&[("authorization", bearer.as_str())][..], headers].concat();
        let told = send(&self.api, method, path, &headers, body).await.unwrap();
        assert!(told.status.is_success(), "{method} {path}: {} {}", told.status, told.text());
        told.json().unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &[], "").await
    }
}

/// The version that has no file yet writes rows as the last one with a file did, or gets one.
#[test]
fn each_version_has_left_something() {
    assert_eq!(versions().last().unwrap().version, env!("CARGO_PKG_VERSION"));
}

async fn everything_is_read(stores: Stores, clock: SharedClock, left: &Left) {
    left.fill(&stores).await;
    let today = Today::on(stores, clock, &left.key);
    let Stores { state, secrets, .. } = &today.services.stores;

    // The operator's side.
    let connections = connection::list(&**state).await.unwrap();
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].state.as_str(), "healthy");
    let keys = Keys::new(state.clone(), today.services.clock.clone()).list().await.unwrap();
    let strict = keys.iter().find(|key| key.label == "redacted").unwrap();
    assert!(keys.len() == 2 && strict.confirm && strict.redact_contacts, "a key keeps its limits");
    assert_eq!(strict.permissions.len(), 3 + 1);
    let watched = subscription::list(&**state).await.unwrap();
    assert_eq!(watched[0].watch.crm, ["deals"]);
    assert!(Hook::read(&**secrets).await.unwrap().is_some_and(|hook| !hook.paused));
    let (clients, _) = Clients::read(&**secrets).await.unwrap();
    assert!(serde_json::to_value(&clients).is_ok_and(|clients| clients.to_string().contains("1000.")));

    // The agent's side.
    assert_eq!(today.get("/v1/status").await["connections"][0]["state"], "healthy");
    let audit = today.get("/v1/audit?details=true").await;
    assert_eq!(audit["data"].as_array().unwrap().len(), 3, "{audit}");
    assert!(audit["data"].as_array().unwrap().iter().all(|entry| entry["outcome"] == "done"), "{audit}");
    let events = today.get("/v1/events").await;
    let [claimed, waiting] = events["data"].as_array().unwrap().as_slice() else { panic!("{events}") };
    for (event, state) in [(claimed, "claimed"), (waiting, "queued")] {
        let id = event["id"].as_str().unwrap();
        let life = today.get(&format!("/v1/events/{id}")).await["life"].clone();
        assert_eq!(life["state"], state, "{life}");
    }
    let mappings = today.get("/v1/inventory/mappings").await;
    assert_eq!(mappings["data"][0]["product_id"], "shop-1", "{mappings}");
    let reconciliations = today.get("/v1/inventory/reconciliations").await;
    let id = reconciliations["data"][0]["id"].as_str().unwrap();
    let rows = today.get(&format!("/v1/inventory/reconciliations/{id}")).await;
    assert_eq!((&rows["state"], &rows["summary"]["rows"]), (&json!("applied"), &json!(3)), "{rows}");

    // A write that was done before the update is not done again: Zoho would have to be asked.
    let headers = [("idempotency-key", "golden-1"), ("content-type", "application/json")];
    let again =
        today.ask("PATCH", "/v1/crm/deals/6100000000451001", &headers, r#"{"Next_Step":"call"}"#).await;
    assert_eq!(again["id"], "6100000000451001");

    // What only token-refresh and event-delivery read.
    let renewed = today.token_refresh.ask(Ask::Renew { connection: ConnectionName::default(), dead: None });
    assert!(matches!(renewed.await.unwrap(), Reply::Renewed));
    let delivery = EventDelivery::new(&today.services, today.token_refresh.clone());
    let swept = delivery.sweep(&BTreeSet::new()).await.unwrap();
    assert_eq!(swept.failed, 0, "{swept:?}");
}

#[tokio::test]
async fn rows_and_secrets_of_earlier_versions_are_read_on_one_machine() {
    for left in versions() {
        let clock: SharedClock = Arc::new(StandingClock::at(left.at));
        let stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        everything_is_read(stores, clock, &left).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_secrets_of_earlier_versions_are_read_on_aws() {
    for left in versions() {
        let clock: SharedClock = Arc::new(StandingClock::at(left.at));
        let names = Aws::get().stack().await;
        everything_is_read(Aws::get().stores(&names, &clock), clock, &left).await;
    }
}

/// Earlier builds stored the pause of a connection without its cause; a later one may know causes that this one does not.
#[tokio::test]
async fn a_pause_whose_cause_is_not_known_is_kept() {
    for left in versions() {
        for cause in [None, Some("a_cause_to_come")] {
            let clock: SharedClock = Arc::new(StandingClock::at(left.at));
            let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
            left.fill(&stores).await;
            let name = ConnectionName::default();
            let mut row = left.rows.iter().find(|row| row.partition == "connection").unwrap().value.clone();
            let until = later(left.at, SignedDuration::from_mins(10));
            row["state"] =
                json!({ "is": "cooling_down", "until": until, "times": 2, "reason": "Zoho throttles" });
            if let Some(cause) = cause {
                row["state"]["cause"] = json!(cause);
            }
            let put = Put::record(connection::key(&name), &row, Condition::Any).unwrap();
            assert!(stores.state.put(put).await.unwrap().is_done());

            let found = connection::get(&*stores.state, &name).await.unwrap().unwrap();
            let expected = State::CoolingDown {
                until,
                times: 2,
                cause: PauseCause::Unknown,
                reason: "Zoho throttles".to_owned(),
            };
            assert_eq!(found.state, expected, "{cause:?}");
            let today = Today::on(stores, clock, &left.key);
            assert_eq!(today.get("/v1/status").await["connections"][0]["state"], "cooling_down");
            let reply = today.token_refresh.ask(Ask::Renew { connection: name, dead: None }).await.unwrap();
            assert!(matches!(&reply, Reply::Wait { seconds: 600, .. }), "{reply:?}");
        }
    }
}

/// Earlier builds stored the gateway's reason in one text with its status.
#[tokio::test]
async fn a_refusal_that_was_stored_in_one_text_is_told_with_its_reason() {
    for left in versions() {
        let clock: SharedClock = Arc::new(StandingClock::at(left.at));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        left.fill(&stores).await;
        let waiting = |row: &&LeftRow| row.partition == "queue#default" && row.value["claim"].is_null();
        let event = left.rows.iter().find(waiting).unwrap().sort.clone();
        let batch = left.rows.iter().find(|row| row.partition == "batch#default").unwrap();
        let mut row = batch.value.clone();
        row["ids"] = json!([event]);
        row["stage"] = json!({ "refused": { "status": 400, "hook": "another one" } });
        row["said"] = json!("400: unknown agent");
        let put = Put::record(Key::new(&batch.partition, &batch.sort), &row, Condition::Any).unwrap();
        assert!(stores.events.put(put).await.unwrap().is_done());

        let today = Today::on(stores, clock, &left.key);
        let delivery = EventDelivery::new(&today.services, today.token_refresh.clone());
        let swept = delivery.sweep(&BTreeSet::from([ConnectionName::default()])).await.unwrap();
        assert_eq!(swept.failed, 0, "{swept:?}");
        let life = today.get(&format!("/v1/events/{event}")).await["life"].clone();
        assert_eq!((&life["state"], &life["last_answer"]), (&json!("dead"), &json!("400: unknown agent")));
        assert_eq!(life["note"], "the agent's hook answered 400: unknown agent");
    }
}
