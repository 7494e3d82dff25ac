//! Inventory's webhooks and workflow rules made through the API: what they take, and that they fire.

use sandbox::{ItemChange, Options};
use serde_json::{Value, json};

use crate::support::{ORG, Reply, Zoho, code};

const SHELF: &str = "3300000000070001";
const SECRET: &str = "a1b2c3d4e5f6";
const SETTINGS: &str = "ZohoInventory.settings.ALL,ZohoInventory.items.ALL,ZohoInventory.salesorders.ALL,ZohoInventory.contacts.READ";

fn hook(entity: &str, url: &str) -> Value {
    json!({ "webhook_name": "Connector", "entity": entity, "method": "POST", "url": url, "headers": [],
        "query_parameters": [], "body_type": "application/json", "raw_data": "${JSONString}", "form_data": [],
        "secret": SECRET })
}

fn rule(entity: &str, rule_type: &str, hook: &str) -> Value {
    json!({ "workflow_name": "Connector", "entity": entity, "rule_type": rule_type, "apply_rule_always": true,
        "instant_actions": [{ "action_type": "webhook", "action_id": hook }] })
}

fn with(mut body: Value, changes: &Value) -> Value {
    body.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap());
    body
}

async fn post(zoho: &Zoho, token: &str, path: &str, body: &Value) -> Reply {
    zoho.post_inventory(&format!("/settings/{path}"), token, body).await
}

async fn delete(zoho: &Zoho, token: &str, path: &str) -> Reply {
    zoho.call("DELETE", &format!("/inventory/v1/settings/{path}?{ORG}"), token, &Value::Null).await
}

/// A webhook and its rule; gives the rule's id.
async fn watch(zoho: &Zoho, token: &str, hook: &Value, rule_type: &str) -> String {
    let made = post(zoho, token, "webhooks", hook).await;
    assert_eq!(code(&made), (201, "0".to_owned()), "{made:?}");
    let entity = hook["entity"].as_str().unwrap();
    let rule = rule(entity, rule_type, &made.at("/webhook/webhook_id"));
    let made = post(zoho, token, "workflows", &rule).await;
    assert_eq!(code(&made), (201, "0".to_owned()), "{made:?}");
    made.at("/workflow/workflow_id")
}

/// Paths of what the receiver got since the last time.
async fn received(zoho: &Zoho, receiver: &Zoho) -> Vec<String> {
    zoho.flush().await;
    let got = receiver.requests();
    receiver.clear_requests();
    got.into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn a_rule_made_by_the_api_fires_signed() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    let (token, _) = zoho.connect(SETTINGS).await;
    let rule = watch(&zoho, &token, &hook("item", &format!("{}/item", receiver.url())), "add_edit").await;
    let [one] = &zoho.change_item(SHELF, ItemChange::Stock(-2.0)).await.unwrap()[..] else { panic!("one") };
    let body: Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!((one.status, body["item"]["stock_on_hand"].to_string().as_str()), (Some(404), "40.0"));
    let by_hand = sandbox::Webhook {
        url: format!("{}/hand", receiver.url()),
        secret: SECRET.to_owned(),
        entity: sandbox::Entity::Item,
        body: sandbox::BodyForm::Json,
        encoding: sandbox::SignatureEncoding::Hex,
    };
    zoho.add_webhook(by_hand);
    let both = zoho.change_item(SHELF, ItemChange::Stock(1.0)).await.unwrap();
    assert_eq!((both.len(), &both[0].signature), (2, &both[1].signature), "as by hand");
    assert_eq!((both[0].signature.len(), &both[0].body), (64, &both[1].body));
    received(&zoho, &receiver).await;

    let off = post(&zoho, &token, &format!("workflows/{rule}/inactive"), &Value::Null).await;
    assert_eq!(code(&off), (200, "0".to_owned()));
    zoho.change_item(SHELF, ItemChange::Stock(1.0)).await.unwrap();
    assert_eq!(received(&zoho, &receiver).await, ["/hand"]);
    let row = zoho.inventory(&format!("/settings/workflows/{rule}"), &token).await;
    assert_eq!(row.at("/workflow/status"), "inactive");
    post(&zoho, &token, &format!("workflows/{rule}/active"), &Value::Null).await;
    zoho.switches(|switches| switches.deliver_notifications = false);
    assert!(zoho.change_item(SHELF, ItemChange::Stock(1.0)).await.unwrap().is_empty(), "an outage");
    zoho.switches(|switches| switches.deliver_notifications = true);
    zoho.change_item(SHELF, ItemChange::Stock(1.0)).await.unwrap();
    assert_eq!(received(&zoho, &receiver).await, ["/hand", "/item"]);
}

#[tokio::test]
async fn each_kind_of_rule_sees_its_own_changes() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    let (token, _) = zoho.connect(SETTINGS).await;
    for entity in ["item", "salesorder"] {
        for kind in ["add", "add_edit", "delete"] {
            let hook = hook(entity, &format!("{}/{entity}/{kind}", receiver.url()));
            watch(&zoho, &token, &hook, kind).await;
        }
    }
    let item = json!({ "name": "New", "sku": "NEW-1" });
    let (id, delivered) = zoho.insert_item(item).await.unwrap();
    assert!(delivered.iter().all(|one| one.body.contains(&id)));
    assert_eq!(received(&zoho, &receiver).await, ["/item/add", "/item/add_edit"]);
    zoho.change_item(&id, ItemChange::Rename("Newer".to_owned())).await.unwrap();
    assert_eq!(received(&zoho, &receiver).await, ["/item/add_edit"]);
    zoho.change_item(&id, ItemChange::Delete).await.unwrap();
    assert_eq!(received(&zoho, &receiver).await, ["/item/delete"]);

    let order =
        json!({ "customer_id": "3300000000060210", "line_items": [{ "item_id": SHELF, "quantity": 2 }] });
    let id = zoho.post_inventory("/salesorders", &token, &order).await.at("/salesorder/salesorder_id");
    assert_eq!(received(&zoho, &receiver).await, ["/salesorder/add", "/salesorder/add_edit"]);
    zoho.post_inventory(&format!("/salesorders/{id}/status/confirmed"), &token, &Value::Null).await;
    assert_eq!(received(&zoho, &receiver).await, ["/salesorder/add_edit"]);
    zoho.call("DELETE", &format!("/inventory/v1/salesorders/{id}?{ORG}"), &token, &Value::Null).await;
    zoho.flush().await;
    let got = receiver.requests();
    assert_eq!((got.len(), &got[0].body), (1, &format!(r#"{{"salesorder":{{"salesorder_id":"{id}"}}}}"#)));
}

#[tokio::test]
async fn just_once_drops_later_changes() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    let (token, _) = zoho.connect(SETTINGS).await;
    let put = with(
        hook("items", &format!("{}/x", receiver.url())),
        &json!({ "method": "PUT", "raw_data": "{\"is\":${JSONString}}" }),
    );
    let id = post(&zoho, &token, "webhooks", &put).await.at("/webhook/webhook_id");
    let once = with(rule("items", "add_edit", &id), &json!({ "apply_rule_always": false }));
    post(&zoho, &token, "workflows", &once).await;
    for (item, sent) in [(SHELF, 1), (SHELF, 0), ("3300000000070002", 1)] {
        let done = zoho.change_item(item, ItemChange::Active(true)).await.unwrap();
        assert_eq!(done.len(), sent, "{item}");
    }
    let got = receiver.requests();
    assert_eq!(got[0].method, "PUT");
    assert!(got[0].body.starts_with(r#"{"is":{"item":{"#) && got[0].body.ends_with("}}}"));
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let zoho = Zoho::start().await;
    let (token, _) = zoho.connect(SETTINGS).await;
    let good = hook("item", "https://hooks.example.com/x");
    for changes in [
        json!({ "webhook_name": " " }),
        json!({ "entity": "bill" }),
        json!({ "method": "GET" }),
        json!({ "url": "hooks.example.com" }),
        json!({ "secret": "a1b2c3d4e5f" }),
        json!({ "secret": "a".repeat(51) }),
        json!({ "secret": "a1b2c3d4e5f6-" }),
        json!({ "body_type": "text/plain" }),
        json!({ "headers": [{ "x": "y" }] }),
        json!({ "query_parameters": "tenant=7" }),
    ] {
        let reply = post(&zoho, &token, "webhooks", &with(good.clone(), &changes)).await;
        assert_eq!(code(&reply), (400, "2".to_owned()), "{changes}: {reply:?}");
        let key = changes.as_object().unwrap().keys().next().unwrap();
        assert_eq!(reply.at("/message"), format!("Invalid value passed for {key}"));
    }
    assert_eq!(zoho.inventory("/settings/webhooks", &token).await.at("/webhooks"), "[]");
    for secret in ["a1b2c3d4e5f6".to_owned(), "A".repeat(50), String::new()] {
        let reply = post(&zoho, &token, "webhooks", &with(good.clone(), &json!({ "secret": secret }))).await;
        assert_eq!(reply.status, 201, "{secret}");
    }
    let id = zoho.inventory("/settings/webhooks", &token).await.at("/webhooks/0/webhook_id");
    for changes in [
        json!({ "workflow_name": "" }),
        json!({ "entity": "salesorder" }),
        json!({ "rule_type": "always" }),
        json!({ "apply_rule_always": "yes" }),
        json!({ "instant_actions": [] }),
        json!({ "instant_actions": [{ "action_type": "webhook", "action_id": "1" }] }),
        json!({ "instant_actions": [{ "action_type": "email", "action_id": id }] }),
    ] {
        let reply = post(&zoho, &token, "workflows", &with(rule("item", "add", &id), &changes)).await;
        assert_eq!(code(&reply), (400, "2".to_owned()), "{changes}: {reply:?}");
    }
    assert_eq!(zoho.inventory("/settings/workflows", &token).await.at("/workflows"), "[]");
}

#[tokio::test]
async fn they_are_listed_shown_and_deleted() {
    let zoho = Zoho::start_with(Options { organizations: 2, ..Options::new("") }).await;
    let (token, _) = zoho.connect(SETTINGS).await;
    let rule = watch(&zoho, &token, &hook("item", "https://hooks.example.com/x"), "delete").await;
    let listed = zoho.inventory("/settings/webhooks", &token).await;
    let id = listed.at("/webhooks/0/webhook_id");
    assert_eq!(listed.at("/webhooks/0/url"), "https://hooks.example.com/x");
    assert!(!listed.text.contains(SECRET));
    assert_eq!(
        zoho.inventory(&format!("/settings/webhooks/{id}"), &token).await.at("/webhook/entity"),
        "item"
    );
    let rules = zoho.inventory("/settings/workflows", &token).await;
    assert_eq!(
        (rules.at("/workflows/0/workflow_id"), rules.at("/workflows/0/status")),
        (rule.clone(), "active".to_owned())
    );
    let other = zoho.get("/inventory/v1/settings/webhooks?organization_id=20098765433", &token).await;
    assert_eq!(other.at("/webhooks"), "[]");

    let refused = delete(&zoho, &token, &format!("webhooks/{id}")).await;
    assert_eq!(code(&refused), (400, "4".to_owned()), "a rule uses it");
    for path in [format!("workflows/{rule}"), format!("webhooks/{id}")] {
        assert_eq!(code(&delete(&zoho, &token, &path).await), (200, "0".to_owned()), "{path}");
        assert_eq!(code(&delete(&zoho, &token, &path).await), (404, "1002".to_owned()), "{path}");
    }
    assert!(zoho.change_item(SHELF, ItemChange::Delete).await.unwrap().is_empty());
}

#[tokio::test]
async fn settings_have_their_scopes_and_may_not_be_there_at_all() {
    let zoho = Zoho::start().await;
    let good = hook("item", "https://hooks.example.com/x");
    let (read, _) = zoho.connect("ZohoInventory.settings.READ").await;
    assert_eq!(zoho.inventory("/settings/workflows", &read).await.status, 200);
    assert_eq!(code(&post(&zoho, &read, "webhooks", &good).await), (401, "57".to_owned()));
    assert_eq!(code(&post(&zoho, &read, "workflows/1/active", &good).await), (401, "57".to_owned()));
    assert_eq!(code(&delete(&zoho, &read, "webhooks/1").await), (401, "57".to_owned()));
    let (write, _) = zoho.connect("ZohoInventory.settings.CREATE,ZohoInventory.settings.DELETE").await;
    assert_eq!(post(&zoho, &write, "webhooks", &good).await.status, 201);
    assert_eq!(code(&delete(&zoho, &write, "workflows/1").await), (404, "1002".to_owned()));
    assert_eq!(zoho.inventory("/settings/webhooks", &write).await.status, 401);
    zoho.switches(|switches| switches.settings_api = false);
    for path in ["/settings/webhooks", "/settings/workflows", "/settings/webhooks/1"] {
        assert_eq!(code(&zoho.inventory(path, &read).await), (404, "5".to_owned()), "{path}");
    }
    assert_eq!(code(&post(&zoho, &write, "webhooks", &good).await), (404, "5".to_owned()));
}
