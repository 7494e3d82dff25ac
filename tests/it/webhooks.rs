//! Webhooks: genuine ones are stored once, all others leave no trace.

use hmac::{Hmac, KeyInit, Mac};
use sandbox::{BodyForm, Entity, ItemChange, SignatureEncoding, Webhook};
use serde_json::Value;
use sha2::Sha256;
use tests::connector::{Agent, Connector};

const SHELF: &str = "3300000000070001";
const PATH: &str = "/webhooks/default/inventory/item.updated";
const HEADER: &str = "X-Zoho-Webhook-Signature";

fn sign(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn last_event(agent: &Agent) -> Value {
    agent.get("/v1/status").await.ok()["connections"][0]["last_event"].clone()
}

/// What a genuine sender does: the sandbox signs with its own code.
#[tokio::test]
async fn zohos_own_deliveries_are_stored_in_every_form() {
    let (mut connector, agent) = Connector::connected().await;
    let secret = connector.webhook_secret().await;
    for (body, encoding) in [
        (BodyForm::Json, SignatureEncoding::Hex),
        (BodyForm::Json, SignatureEncoding::Base64),
        (BodyForm::Form, SignatureEncoding::Hex),
    ] {
        connector.zoho.sandbox.add_webhook(Webhook {
            url: format!("{}{PATH}", connector.url),
            secret: secret.clone(),
            entity: Entity::Item,
            body,
            encoding,
        });
    }
    for claims_form in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.webhook_json_claims_form = claims_form);
        let sent = connector.zoho.sandbox.change_item(SHELF, ItemChange::Stock(-1.0)).await.unwrap();
        let answers: Vec<Value> =
            sent.iter().map(|sent| serde_json::from_str(&sent.answer).unwrap()).collect();
        assert!(sent.iter().all(|sent| sent.status == Some(200)), "{answers:?}");
        // The same bytes in another encoding of the signature are the same delivery; a form is signed differently.
        assert_eq!(answers[0]["duplicate"], false);
        assert_eq!(
            (&answers[1]["duplicate"], &answers[1]["event_id"]),
            (&Value::Bool(true), &answers[0]["event_id"])
        );
        assert_eq!(answers[2]["duplicate"], false);
        assert_eq!(last_event(&agent).await["type"], "zoho.inventory.item.updated");
        let event = agent.get(&format!("/v1/events/{}", answers[0]["event_id"].as_str().unwrap())).await.ok();
        assert_eq!(event["subject"], format!("item/{SHELF}"));
        assert_eq!(event["data"]["sku"], "SHELF-OAK-80");
        assert_eq!(event["data"]["delivered"]["item"]["item_id"], SHELF);
    }
}

#[tokio::test]
async fn a_forged_or_unsigned_delivery_is_refused_and_leaves_nothing() {
    let (mut connector, agent) = Connector::connected().await;
    let secret = connector.webhook_secret().await;
    let body = r#"{"item":{"item_id":"3300000000070001","sku":"SHELF-OAK-80"}}"#;
    let good = sign(&secret, body);
    let post = |path: &'static str, signature: Option<String>, body: &str| {
        let (connector, body) = (&connector, body.to_owned());
        async move {
            let headers: Vec<_> = signature.iter().map(|value| (HEADER, value.as_str())).collect();
            connector.post(path, &headers, body).await
        }
    };
    let changed = body.replace("SHELF", "SHELV");
    // The same signed text, dressed as a form.
    let escaped: String = body.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (path, signature, body, status, code) in [
        (PATH, None, body, 401, "webhook_unsigned"),
        (PATH, Some(String::new()), body, 401, "webhook_signature_invalid"),
        (PATH, Some("0".repeat(64)), body, 401, "webhook_signature_invalid"),
        (PATH, Some(sign("another-secret-1", body)), body, 401, "webhook_signature_invalid"),
        (PATH, Some(good.clone()), changed.as_str(), 401, "webhook_signature_invalid"),
        (PATH, Some(good.clone()), &format!("{body} "), 401, "webhook_signature_invalid"),
        ("/webhooks/default/inventory/x?a=b", Some(good.clone()), body, 400, "webhook_query_refused"),
        ("/webhooks/other/inventory/x", Some(good.clone()), body, 404, "webhook_unknown"),
        ("/webhooks/Default/inventory/x", Some(good.clone()), body, 404, "webhook_unknown"),
        ("/webhooks/default/books/x", Some(good.clone()), body, 404, "route_not_found"),
        (PATH, Some(good.clone()), &"x".repeat(256 * 1024 + 1), 413, "body_too_large"),
        (PATH, Some(good.clone()), &escaped, 400, "webhook_unreadable"),
        (PATH, Some(sign(&secret, "")), "", 400, "webhook_unreadable"),
        (PATH, Some(sign(&secret, "{")), "{", 400, "webhook_unreadable"),
    ] {
        let answer = post(path, signature, body).await;
        assert_eq!(answer.status, status, "{path} {}", answer.text);
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(problem["code"], code, "{}", answer.text);
    }
    assert_eq!(last_event(&agent).await, Value::Null, "nothing is stored");
    assert_eq!(post(PATH, Some(good), body).await.status, 200);
    assert_ne!(last_event(&agent).await, Value::Null);
}

#[tokio::test]
async fn a_delivery_counts_once_under_whatever_name_it_comes_again() {
    let (mut connector, _) = Connector::connected().await;
    let secret = connector.webhook_secret().await;
    let body = r#"{"item":{"item_id":"3300000000070001"}}"#;
    let signature = sign(&secret, body);
    // A delete can have the body of the change before it, so it counts by itself; all other names are one.
    for paths in
        [[PATH, PATH, "/webhooks/default/inventory/x"], ["/webhooks/default/inventory/item.deleted"; 3]]
    {
        let mut ids = Vec::new();
        for path in paths {
            let answer = connector.post(path, &[(HEADER, &signature)], body).await;
            let receipt: Value = serde_json::from_str(&answer.text).unwrap();
            assert_eq!(receipt["duplicate"], !ids.is_empty());
            ids.push(receipt["event_id"].clone());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_power_cut() {
    let (mut connector, agent) = Connector::connected().await;
    let secret = connector.webhook_secret().await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        for index in 0..20 {
            let body = format!(r#"{{"item":{{"item_id":"33000000000700{round}{index:02}"}}}}"#);
            let answer = connector.post(PATH, &[(HEADER, &sign(&secret, &body))], body).await;
            let receipt: Value = serde_json::from_str(&answer.text).unwrap();
            acknowledged.push(receipt["event_id"].as_str().unwrap().to_owned());
        }
        connector.kill().await;
        connector.boot().await;
    }
    for id in acknowledged {
        agent.get(&format!("/v1/events/{id}")).await.ok();
    }
}

#[tokio::test]
async fn after_a_rotation_both_secrets_count_and_after_two_the_first_does_not() {
    let (mut connector, _) = Connector::connected().await;
    let mut secrets = Vec::new();
    for _ in 0..3 {
        secrets.push(connector.webhook_secret().await);
        connector.kill().await;
        connector.boot().await;
    }
    let mut statuses = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        let body = format!(r#"{{"item":{{"item_id":"{index}"}}}}"#);
        statuses.push(connector.post(PATH, &[(HEADER, &sign(secret, &body))], body).await.status);
    }
    assert_eq!(statuses, [401, 200, 200]);
}
