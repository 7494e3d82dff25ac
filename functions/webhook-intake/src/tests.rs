//! The endpoints on a store in memory and a clock that is set: which deliveries are accepted, and what is stored of them.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use serde_json::{Value, json};
use shared::base::clock::{Clock, SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::secret::{Secret, sha256_hex};
use shared::base::settings::Settings;
use shared::base::web::Segments;
use shared::core::events::ledger::UNCONFIRMED;
use shared::core::events::webhook_secrets::{Source, WebhookSecrets, set, set_channel, set_inventory_query};
use shared::core::events::{Receipt, TEST, TEST_NOTE};
use shared::core::services::Services;
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use shared::zoho::signature::{HEADER, Message, SignedText, sign_body};

use crate::app::App;
use crate::{crm, custom, inventory};

const ITEM: &str = r#"{"item":{"item_id":"33","name":"Oak shelf"}}"#;
const PLAIN_SECRET: &[(&str, &str)] = &[("x-webhook-secret", "key")];

/// A clock that shows what a test sets.
struct Shown(Mutex<Timestamp>);

impl Clock for Shown {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct World {
    app: Arc<App>,
    clock: Arc<Shown>,
    stores: Stores,
    name: ConnectionName,
}

fn world() -> World {
    let clock = Arc::new(Shown(Mutex::new("2026-11-22T10:00:00Z".parse().unwrap())));
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let settings = Settings::read(|_| None).unwrap();
    let services = Services::new(settings, clock.clone(), stores.clone()).unwrap();
    World { app: Arc::new(App::new(&services)), clock, stores, name: ConnectionName::default() }
}

type Answer = Result<Receipt, Code>;

fn answer(found: Result<Json<Receipt>, Problem>) -> Answer {
    found.map(|Json(receipt)| receipt).map_err(|problem| problem.code())
}

impl World {
    fn pass(&self, milliseconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now = later(*now, SignedDuration::from_millis(milliseconds));
    }

    async fn accept(&self, source: Source, secret: &str) {
        set(&*self.stores.secrets, &self.name, source, Secret::new(secret)).await.unwrap();
    }

    /// Stores this in the place of all secrets.
    async fn keep_as_secrets(&self, text: &str) {
        let secrets = &*self.stores.secrets;
        let current = secrets.get("webhooks").await.unwrap().map(|found| found.version);
        let pending = secrets.stage("webhooks", &Secret::new(text)).await.unwrap();
        assert!(secrets.promote("webhooks", &pending, current.as_ref()).await.unwrap());
    }

    async fn secrets(&self) -> Arc<WebhookSecrets> {
        self.app.secrets.get().await.unwrap()
    }

    async fn newer(&self, than: &Arc<WebhookSecrets>) -> Option<Arc<WebhookSecrets>> {
        self.app.secrets.newer(than).await.unwrap()
    }

    /// Those of Zoho Inventory.
    fn exposed(&self, known: &WebhookSecrets) -> Vec<String> {
        known.inventory(&self.name).iter().map(|secret| secret.expose().to_owned()).collect()
    }

    async fn inventory(&self, event: &str, query: &str, body: &str, secret: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(secret) = secret {
            let signature = SignedText::new(query, body.as_bytes()).sign(&Secret::new(secret));
            headers.insert(HEADER, signature.parse().unwrap());
        }
        let path = Segments(("default".to_owned(), event.to_owned()));
        let (query, body) = (RawQuery(Some(query.to_owned())), Ok(Bytes::from(body.to_owned())));
        answer(inventory::receive(State(self.app.clone()), path, query, headers, body).await)
    }

    async fn crm(&self, notification: &Value) -> Answer {
        let (path, body) = (Segments("default".to_owned()), Ok(Bytes::from(notification.to_string())));
        answer(crm::receive(State(self.app.clone()), path, HeaderMap::new(), body).await)
    }

    async fn custom(
        &self,
        event: &str,
        query: Option<&str>,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.insert(*name, value.parse().unwrap());
        }
        let path = Segments(("default".to_owned(), event.to_owned()));
        let (query, body) = (RawQuery(query.map(str::to_owned)), Ok(Bytes::from(body.to_owned())));
        answer(custom::receive(State(self.app.clone()), path, query, sent, body).await)
    }

    /// The types of all events, in the order of the alphabet.
    async fn kinds(&self) -> Vec<String> {
        let events = self.app.events.newest(&self.name, 100).await.unwrap();
        let mut kinds: Vec<String> = events.into_iter().map(|event| event.kind).collect();
        kinds.sort_unstable();
        kinds
    }

    async fn data(&self, receipt: &Receipt) -> Value {
        let (event, _) = self.app.events.get(&self.name, &receipt.event_id).await.unwrap().unwrap();
        event.data
    }
}

#[tokio::test]
async fn secrets_are_believed_for_a_minute() {
    let world = world();
    world.accept(Source::Inventory, "first").await;
    let first = world.secrets().await;
    assert_eq!(world.exposed(&first), ["first"]);
    world.accept(Source::Inventory, "second").await;
    world.pass(59_999);
    assert!(Arc::ptr_eq(&first, &world.secrets().await));
    world.pass(1);
    let both = world.secrets().await;
    assert_eq!(world.exposed(&both), ["second", "first"]);
}

#[tokio::test]
async fn while_the_store_fails_secrets_of_up_to_an_hour_ago_are_used() {
    let world = world();
    world.keep_as_secrets(r#"{"default":{"inventory":["first"]}}"#).await;
    let first = world.secrets().await;
    world.keep_as_secrets("not to be read").await;
    world.pass(60_000);
    assert!(Arc::ptr_eq(&first, &world.secrets().await));
    world.keep_as_secrets(r#"{"default":{"inventory":["second"]}}"#).await;
    world.pass(1_999);
    assert!(Arc::ptr_eq(&first, &world.secrets().await), "the store is not asked again at once");
    world.pass(1);
    let second = world.secrets().await;
    assert_eq!(world.exposed(&second), ["second"]);

    world.keep_as_secrets("not to be read").await;
    world.pass(3_600_000 - 1);
    assert!(Arc::ptr_eq(&second, &world.secrets().await));
    world.pass(1);
    assert!(world.app.secrets.get().await.is_err(), "nobody knows what was revoked since");
}

#[tokio::test]
async fn newer_secrets_are_read_once_in_two_seconds_at_most() {
    let world = world();
    world.accept(Source::Inventory, "first").await;
    let first = world.secrets().await;
    world.accept(Source::Inventory, "second").await;
    world.pass(1_999);
    assert!(world.newer(&first).await.is_none(), "they were read just now");
    world.pass(1);
    let second = world.newer(&first).await.unwrap();
    assert_eq!(world.exposed(&second), ["second", "first"]);
    assert!(Arc::ptr_eq(&second, &world.newer(&first).await.unwrap()), "who waited meanwhile gets them, too");
    assert!(world.newer(&second).await.is_none());
}

#[tokio::test]
async fn a_secret_of_a_moment_ago_is_accepted_and_what_has_no_signature_asks_for_none() {
    let world = world();
    world.accept(Source::Inventory, "first").await;
    assert!(world.inventory("updated", "", ITEM, Some("first")).await.is_ok());
    world.accept(Source::Inventory, "second").await;
    world.pass(2_000);
    assert!(world.inventory("updated", "", ITEM, Some("second")).await.is_ok());
    assert_eq!(world.inventory("updated", "", ITEM, Some("other")).await, Err(Code::WebhookSignature));

    let known = world.secrets().await;
    world.pass(2_000);
    assert_eq!(world.inventory("updated", "", ITEM, None).await, Err(Code::WebhookUnsigned));
    assert!(Arc::ptr_eq(&known, &world.secrets().await), "the store was not asked for it");
    assert_eq!(world.kinds().await, ["zoho.inventory.item.updated"], "the second one was the first again");
}

#[tokio::test]
async fn a_query_is_taken_only_where_the_operator_said_that_there_is_one() {
    for (is_expected, query, refused) in [
        (false, "", None),
        (true, "", None),
        (true, "a=1", None),
        (false, "a=1", Some(Code::WebhookQuery)),
        (true, "a-b=1", Some(Code::WebhookUnreadable)), // the name could be a part of another text
    ] {
        let world = world();
        world.accept(Source::Inventory, "key").await;
        set_inventory_query(&*world.stores.secrets, &world.name, is_expected).await.unwrap();
        let said = world.inventory("updated", query, ITEM, Some("key")).await;
        assert_eq!(said.err(), refused, "{is_expected} {query:?}");
    }
    assert_eq!(world().inventory("updated", "", ITEM, Some("key")).await, Err(Code::WebhookUnknown));
}

#[tokio::test]
async fn a_byte_order_mark_is_signed_with_the_body_and_read_over() {
    let world = world();
    world.accept(Source::Inventory, "key").await;
    let body = format!("\u{feff}{ITEM}");
    // As Zoho signs a body without a query: all of its bytes.
    let signature = sign_body(body.as_bytes(), &Secret::new("key")).replace("sha256=", "");
    let headers = HeaderMap::from_iter([(HeaderName::from_static(HEADER), signature.parse().unwrap())]);
    let path = Segments(("default".to_owned(), "item.updated".to_owned()));
    let received =
        inventory::receive(State(world.app.clone()), path, RawQuery(None), headers, Ok(body.into()));
    let receipt = answer(received.await).unwrap();
    let (event, stored) = world.app.events.get(&world.name, &receipt.event_id).await.unwrap().unwrap();
    assert_eq!((event.subject.as_deref(), stored.get()), (Some("item/33"), ITEM));
}

#[tokio::test]
async fn placeholders_that_zoho_did_not_fill_in_are_told_once_a_day() {
    let world = world();
    world.accept(Source::Inventory, "key").await;
    let told = async |number: i64| {
        let body = json!({ "item": { "item_id": "${ITEM.ITEM_ID}", "rate": number } }).to_string();
        world.inventory("updated", "", &body, Some("key")).await.unwrap()
    };
    let (notice, stored) = ("connector.webhook_unfilled", "zoho.inventory.item.updated");
    told(1).await;
    assert_eq!(world.kinds().await, [notice, stored]);
    assert!(told(1).await.duplicate);
    told(2).await;
    assert_eq!(world.kinds().await, [notice, stored, stored]);
    world.pass(24 * 3_600_000);
    told(3).await;
    assert_eq!(world.kinds().await, [notice, notice, stored, stored, stored]);

    let events = world.app.events.newest(&world.name, 100).await.unwrap();
    let notice = events.iter().find(|event| event.kind == notice).unwrap();
    assert_eq!(notice.data["placeholders"], json!(["${ITEM.ITEM_ID}"]));
}

#[tokio::test]
async fn a_deletion_with_the_body_of_the_change_before_is_news_and_only_a_claim() {
    let world = world();
    world.accept(Source::Inventory, "key").await;
    let send = async |event: &str| world.inventory(event, "", ITEM, Some("key")).await.unwrap();
    let (updated, deleted) = (send("item.updated").await, send("item.deleted").await);
    assert!(!updated.duplicate && !deleted.duplicate && send("item.deleted").await.duplicate);
    assert_eq!(world.kinds().await, ["zoho.inventory.item.deleted", "zoho.inventory.item.updated"]);
    assert_eq!(world.data(&deleted).await[UNCONFIRMED], json!(true), "nobody signed the path");
    assert!(world.data(&updated).await.get(UNCONFIRMED).is_none());
}

#[tokio::test]
async fn what_was_announced_leaves_no_event_behind() {
    let world = world();
    world.accept(Source::Inventory, "key").await;
    let digest = sha256_hex(ITEM.as_bytes());
    let id = world.app.events.expect(&world.name, "inventory", &digest).await.unwrap();
    let receipt = world.inventory("updated", "", ITEM, Some("key")).await.unwrap();
    assert_eq!(receipt, Receipt { event_id: id, duplicate: true });
    assert!(world.kinds().await.is_empty());
}

#[tokio::test]
async fn a_notification_of_crm_carries_the_token_of_its_own_channel() {
    let world = world();
    let sent = |channel: &str, token: Value| json!({ "channel_id": channel, "token": token, "module": "Deals", "operation": "update", "ids": ["61"] });
    assert_eq!(world.crm(&sent("7", json!("seven"))).await, Err(Code::WebhookUnknown));
    for (channel, token) in [("7", "seven"), ("8", "eight")] {
        set_channel(&*world.stores.secrets, &world.name, channel, Secret::new(token)).await.unwrap();
    }
    world.pass(2_000);
    for (channel, token, refused) in [
        ("8", json!("seven"), Code::WebhookToken),
        ("9", json!("seven"), Code::WebhookToken),
        ("7", json!("Seven"), Code::WebhookToken),
        ("7", json!(""), Code::WebhookToken),
        ("7", json!(7), Code::WebhookUnsigned),
        ("7", Value::Null, Code::WebhookUnsigned),
    ] {
        assert_eq!(world.crm(&sent(channel, token.clone())).await, Err(refused), "{channel} {token}");
    }
    assert!(world.kinds().await.is_empty());
    let receipt = world.crm(&sent("7", json!("seven"))).await.unwrap();
    let (event, body) = world.app.events.get(&world.name, &receipt.event_id).await.unwrap().unwrap();
    assert_eq!((event.kind.as_str(), event.subject.as_deref()), ("zoho.crm.deal.updated", Some("deal/61")));
    assert!(!body.get().contains("seven"), "readers of the event must not see it: {body}");
}

#[tokio::test]
async fn a_custom_sender_that_signs_is_held_to_the_signature() {
    let (world, body) = (world(), r#"{"a":1}"#);
    assert_eq!(world.custom("order", None, PLAIN_SECRET, body).await, Err(Code::WebhookUnknown));
    world.accept(Source::Custom, "key").await;
    world.pass(2_000);
    let signature = sign_body(body.as_bytes(), &Secret::new("key"));
    let forged = sign_body(body.as_bytes(), &Secret::new("other"));
    let (signature, forged) = (signature.as_str(), forged.as_str());
    let standard = ("webhook-signature", "v1,eA==");
    for (headers, refused) in [
        (vec![("x-signature", signature)], None),
        (vec![("x-webhook-secret", "key")], None),
        (vec![("x-signature", signature), ("x-webhook-secret", "other")], None),
        (vec![("x-webhook-secret", "other")], Some(Code::WebhookSignature)),
        (vec![("x-signature", forged)], Some(Code::WebhookSignature)),
        (vec![("x-signature", forged), ("x-webhook-secret", "key")], Some(Code::WebhookSignature)),
        (
            vec![standard, ("webhook-id", "1"), ("webhook-timestamp", "1"), ("x-signature", signature)],
            Some(Code::WebhookSignature),
        ),
        (vec![standard, ("x-signature", signature)], Some(Code::WebhookUnsigned)),
        (vec![], Some(Code::WebhookUnsigned)),
    ] {
        let said = world.custom("order", None, &headers, body).await;
        assert_eq!(said.err(), refused, "{headers:?}");
    }
    for (event, query, refused) in [
        ("order", Some(""), None),
        ("order", Some("a=1"), Some(Code::WebhookQuery)),
        (".order", None, Some(Code::WebhookUnknown)),
    ] {
        let said = world.custom(event, query, PLAIN_SECRET, body).await;
        assert_eq!(said.err(), refused, "{event} {query:?}");
    }
}

#[tokio::test]
async fn the_same_body_under_two_names_is_two_events_and_twice_under_one_is_one() {
    let world = world();
    world.accept(Source::Custom, "key").await;
    let send = async |event: &str| world.custom(event, None, PLAIN_SECRET, "[1]").await.unwrap();
    let first = send("order").await;
    assert_eq!(send("order").await, Receipt { duplicate: true, ..first });
    assert!(!send("invoice").await.duplicate);
    assert_eq!(world.kinds().await, ["custom.invoice", "custom.order"]);
}

#[tokio::test]
async fn a_message_of_standard_webhooks_is_of_now_and_is_known_by_its_id() {
    let world = world();
    world.accept(Source::Custom, "key").await;
    let send = async |id: &str, seconds: i64, event: &str| {
        let body = json!({ "type": "order", "seconds": seconds }).to_string();
        let time = (world.clock.now().as_second() + seconds).to_string();
        let message = Message { id, timestamp: &time, body: body.as_bytes() };
        let signature = message.sign(&Secret::new("key"));
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", time.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        world.custom(event, None, &headers, &body).await
    };
    let longest = "x".repeat(256);
    for (id, seconds, event, refused) in [
        ("a", 300, "order", None),
        ("b", -300, "order", None),
        (longest.as_str(), 0, "order", None),
        ("c", 301, "order", Some(Code::WebhookSignature)),
        ("c", -301, "order", Some(Code::WebhookSignature)),
        ("c", 0, "invoice", Some(Code::WebhookUnreadable)), // the body says another type
        ("", 0, "order", Some(Code::WebhookUnsigned)),
    ] {
        assert_eq!(send(id, seconds, event).await.err(), refused, "{id:?} {seconds} {event}");
    }
    assert_eq!(send(&format!("{longest}x"), 0, "order").await, Err(Code::WebhookUnsigned));
    assert!(send("a", 7, "order").await.unwrap().duplicate, "sent again, it keeps its id");
    assert!(!send("c", 7, "order").await.unwrap().duplicate);
}

#[tokio::test]
async fn what_nests_deeper_than_readers_follow_is_refused() {
    let world = world();
    world.accept(Source::Custom, "key").await;
    for (depth, refused) in [(64, None), (65, Some(Code::WebhookUnreadable))] {
        let body = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(world.custom("deep", None, PLAIN_SECRET, &body).await.err(), refused, "{depth}");
    }
}

#[tokio::test]
async fn a_test_of_the_operators_is_marked_as_one() {
    let world = world();
    world.accept(Source::Custom, "key").await;
    for (note, mark) in [(TEST_NOTE, Some(json!(true))), ("another", None)] {
        let body = json!({ "note": note }).to_string();
        let receipt = world.custom("test", None, PLAIN_SECRET, &body).await.unwrap();
        assert_eq!(world.data(&receipt).await.get(TEST), mark.as_ref(), "{note}");
    }
}
