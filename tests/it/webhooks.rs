//! Webhooks: genuine ones are stored once, all others leave no trace.

use std::sync::Arc;

use sandbox::{BodyForm, Entity, ItemChange, SignatureEncoding, Webhook};
use serde_json::{Value, json};
use shared::base::clock::SystemClock;
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use tests::agent::Agent;
use tests::connector::Connector;
use tests::hooks::{self, CHANNEL, TOKEN};

const SHELF: &str = "3300000000070001";
const PATH: &str = "/webhooks/default/inventory/item.updated";
const HEADER: &str = "X-Zoho-Webhook-Signature";

fn sign(secret: &str, text: &str) -> String {
    hooks::sign(secret, text.as_bytes())
}

async fn last_event(agent: &Agent) -> Value {
    agent.get("/v1/status").await.ok()["connections"][0]["last_event"].clone()
}

/// What a genuine sender does: the sandbox signs with its own code.
#[tokio::test]
async fn zohos_own_deliveries_are_stored_in_every_form() {
    let (connector, agent) = Connector::connected().await;
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
    let (connector, agent) = Connector::connected().await;
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
        (PATH, Some("\u{e9}".repeat(32)), body, 401, "webhook_signature_invalid"),
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
    let (connector, _) = Connector::connected().await;
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
    let connector = Connector::start().await;
    let mut secrets = Vec::new();
    for _ in 0..3 {
        secrets.push(connector.webhook_secret().await);
    }
    let mut statuses = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        let body = format!(r#"{{"item":{{"item_id":"{index}"}}}}"#);
        statuses.push(connector.post(PATH, &[(HEADER, &sign(secret, &body))], body).await.status);
    }
    assert_eq!(statuses, [401, 200, 200]);
}

#[tokio::test]
async fn an_address_that_zoho_cannot_reach_comes_with_a_warning() {
    let (connector, _) = Connector::connected().await;
    let folder = connector.folder().to_str().unwrap();
    for (url, source, warned) in [
        ("http://localhost:8080", "inventory", true),
        ("http://localhost:8080", "custom", false),
        ("https://shop.example.com", "inventory", false),
    ] {
        let args = ["webhooks", "rotate", "--source", source, "--data", folder, "--public-url", url];
        let ended = tests::process::run(&args, &connector.variables(), "").await;
        assert!(ended.code == 0 && ended.out.contains(url), "{ended:?}");
        assert_eq!(ended.err.contains("Zoho cannot reach http://localhost:8080"), warned, "{ended:?}");
    }
}

/// What was signed for one company must not be believed of another one that is connected by the same name.
#[tokio::test]
async fn after_a_disconnect_nothing_more_is_believed() {
    let (mut connector, _) = Connector::connected().await;
    let secret = connector.webhook_secret().await;
    let body = r#"{"item":{"item_id":"1"}}"#;
    let signature = sign(&secret, body);
    assert_eq!(connector.post(PATH, &[(HEADER, &signature)], body).await.status, 200);
    let ended = connector.run(&["disconnect", "--yes"], "").await;
    assert!(ended.out.contains("Its webhooks are refused from now on"), "{} {}", ended.out, ended.err);
    connector.connect(&[]).await;
    // Another process: one that runs believes for a minute what it read.
    connector.kill().await;
    connector.boot().await;
    assert_eq!(connector.post(PATH, &[(HEADER, &signature)], body).await.status, 404);
}

fn stores(connector: &Connector) -> Stores {
    Sqlite::open(connector.folder(), Arc::new(SystemClock)).unwrap().into()
}

async fn post(connector: &Connector, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let answer = connector.post(path, headers, body).await;
    (answer.status, serde_json::from_str(&answer.text).unwrap())
}

#[tokio::test]
async fn a_notification_of_crm_is_known_by_its_channels_token_which_nobody_reads_again() {
    let (connector, agent) = Connector::connected().await;
    hooks::set_secrets(&*stores(&connector).secrets).await;
    let path = "/webhooks/default/crm";
    let told = json!({
        "server_time": 1_795_287_600_123_i64, "query_params": {}, "module": "Deals",
        "resource_uri": "https://www.zohoapis.eu/crm/v2/Deals",
        "ids": ["6100000000451001", "6100000000451002"], "affected_fields": [], "operation": "update",
        "channel_id": CHANNEL, "token": TOKEN,
        "affected_values": [{ "record_id": "6100000000451001", "values": { "Stage": "Closed Won" } }],
    });
    let with = |field: &str, value: Value| {
        let mut changed = told.clone();
        changed[field] = value;
        changed.to_string()
    };
    for (body, status, code) in [
        (with("token", json!("c0ffee-per-connection-secret-02")), 401, "webhook_token_invalid"),
        (with("token", Value::Null), 401, "webhook_unsigned"),
        (with("channel_id", json!("20261121002")), 401, "webhook_token_invalid"),
        ("[]".to_owned(), 400, "webhook_unreadable"),
        ("token=c0ffee".to_owned(), 400, "webhook_unreadable"),
    ] {
        let (found, problem) = post(&connector, path, &[], &body).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{body}");
    }
    assert_eq!(post(&connector, "/webhooks/other/crm", &[], &told.to_string()).await.0, 404);
    assert_eq!(last_event(&agent).await, Value::Null, "nothing is stored");

    let (status, receipt) =
        post(&connector, path, &[("content-type", "text/plain")], &told.to_string()).await;
    assert_eq!((status, &receipt["duplicate"]), (200, &json!(false)), "{receipt}");
    let id = receipt["event_id"].as_str().unwrap();
    let (_, again) = post(&connector, path, &[], &with("affected_fields", json!(["Stage"]))).await;
    assert_eq!((again["event_id"].as_str(), &again["duplicate"]), (Some(id), &json!(true)));
    let event = agent.get(&format!("/v1/events/{id}")).await.ok();
    assert_eq!((&event["type"], &event["subject"]), (&json!("zoho.crm.deal.updated"), &Value::Null));
    assert_eq!((&event["time"], &event["data"]["ids"]), (&json!("2026-11-21T19:00:00.123Z"), &told["ids"]));
    assert_eq!(event["data"]["delivered"]["affected_values"], told["affected_values"]);
    assert!(!event.to_string().contains(TOKEN), "{event}");
    let (_, one) = post(&connector, path, &[], &with("ids", json!(["6100000000451001"]))).await;
    let shown = connector.run(&["events", "show", one["event_id"].as_str().unwrap()], "").await;
    assert!(shown.out.contains("deal/6100000000451001") && !shown.out.contains(TOKEN), "{}", shown.out);
}

#[tokio::test]
async fn custom_senders_sign_or_show_the_secret() {
    let (connector, agent) = Connector::connected().await;
    let secret = connector.webhook_secret_of("custom").await;
    let path = "/webhooks/default/custom/stock.counted";
    let (json, form) = (r#"{"sku":"SHELF-OAK-80","counted":41.50}"#, "sku=SHELF-OAK-80&counted=41.50");
    let signed = |body: &str| format!("sha256={}", sign(&secret, body));
    for (path, header, value, body, status, code) in [
        (path, "x-other", String::new(), json, 401, "webhook_unsigned"),
        (path, "x-signature", sign(&secret, json), json, 401, "webhook_signature_invalid"),
        (path, "x-signature", signed(form), json, 401, "webhook_signature_invalid"),
        (path, "x-webhook-secret", secret.replace('a', "b") + "0", json, 401, "webhook_signature_invalid"),
        (path, "x-signature", signed(json) + "\u{e9}", json, 401, "webhook_signature_invalid"),
        (path, "x-webhook-secret", "\u{e9}".to_owned(), json, 401, "webhook_signature_invalid"),
        (path, "x-signature", signed("hello"), "hello", 400, "webhook_unreadable"),
        ("/webhooks/default/custom/x?a=b", "x-signature", signed(json), json, 400, "webhook_query_refused"),
        ("/webhooks/default/custom/a%20b", "x-signature", signed(json), json, 404, "webhook_unknown"),
        ("/webhooks/other/custom/x", "x-signature", signed(json), json, 404, "webhook_unknown"),
        // The secret of one source is not that of another.
        (PATH, HEADER, sign(&secret, json), json, 404, "webhook_unknown"),
    ] {
        let (found, problem) = post(&connector, path, &[(header, &value)], body).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{header} {body}");
    }
    // A signature that nobody can read is one: the secret beside it does not count.
    let both = [("x-signature", "sha256=\u{e9}"), ("x-webhook-secret", secret.as_str())];
    let (found, problem) = post(&connector, path, &both, json).await;
    assert_eq!((found, problem["code"].as_str()), (401, Some("webhook_signature_invalid")));
    assert_eq!(last_event(&agent).await, Value::Null, "nothing is stored");
    for (header, value, body) in
        [("x-signature", signed(json), json), ("X-Webhook-Secret", secret.clone(), form)]
    {
        let (status, receipt) = post(&connector, path, &[(header, &value)], body).await;
        assert_eq!(status, 200, "{receipt}");
        let event = agent.get(&format!("/v1/events/{}", receipt["event_id"].as_str().unwrap())).await.ok();
        assert_eq!(event["type"], "custom.stock.counted");
        assert_eq!(event["data"]["delivered"]["counted"].to_string().trim_matches('"'), "41.50");
        let (_, again) = post(&connector, path, &[(header, &value)], body).await;
        assert_eq!(again, json!({ "event_id": receipt["event_id"], "duplicate": true }));
    }
}

/// The name of an event in the path is signed by neither of the older forms, and no time is.
#[tokio::test]
async fn standard_webhooks_sign_the_name_and_the_time() {
    let (connector, agent) = Connector::connected().await;
    let secret = connector.webhook_secret_of("custom").await;
    let path = "/webhooks/default/custom/stock.counted";
    let body = r#"{"type":"stock.counted","data":{"sku":"SHELF-OAK-80"}}"#;
    let now = shared::base::clock::Timestamp::now().as_second();
    let send = async |path: &str, id: &str, at: i64, signed: &str, body: &str| {
        let signature = hooks::sign_standard(&secret, id, &at.to_string(), signed.as_bytes());
        let at = at.to_string();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let (status, answer) = post(&connector, path, &headers, body).await;
        (status, answer)
    };
    let other = body.replace("80", "90");
    for (path, at, signed, code) in [
        ("/webhooks/default/custom/stock.emptied", now, body, "webhook_unreadable"),
        (path, now - 400, body, "webhook_signature_invalid"),
        (path, now + 400, body, "webhook_signature_invalid"),
        (path, now, other.as_str(), "webhook_signature_invalid"),
    ] {
        let (_, problem) = send(path, "msg_1", at, signed, body).await;
        assert_eq!(problem["code"], code, "{path} {at}");
    }
    let alone = [("webhook-signature", "v1,x")];
    assert_eq!(post(&connector, path, &alone, body).await.1["code"], "webhook_unsigned");
    assert_eq!(last_event(&agent).await, Value::Null, "nothing is stored");
    let (status, receipt) = send(path, "msg_1", now, body, body).await;
    assert_eq!(status, 200, "{receipt}");
    // A sender tries again with the same id and another time.
    let (_, again) = send(path, "msg_1", now + 1, body, body).await;
    assert_eq!(again, json!({ "event_id": receipt["event_id"], "duplicate": true }));
    let event = agent.get(&format!("/v1/events/{}", receipt["event_id"].as_str().unwrap())).await.ok();
    assert_eq!(event["type"], "custom.stock.counted");
}

#[tokio::test]
async fn a_query_string_is_signed_where_it_is_expected() {
    let connector = Connector::start().await;
    let rotate = ["webhooks", "rotate", "--not-yet-connected", "--query-string"];
    let rotated = connector.run(&[&rotate[..], &["expected"]].concat(), "").await;
    let secret = rotated.out.lines().find_map(|line| line.trim().strip_prefix("Secret")).unwrap().trim();
    for body in [BodyForm::Json, BodyForm::Form] {
        connector.zoho.sandbox.add_webhook(Webhook {
            url: format!("{}{PATH}?event=item_updated&conn=c7", connector.url),
            secret: secret.to_owned(),
            entity: Entity::Item,
            body,
            encoding: SignatureEncoding::Hex,
        });
    }
    let sent = connector.zoho.sandbox.change_item(SHELF, ItemChange::Stock(-1.0)).await.unwrap();
    assert_eq!(sent.iter().map(|sent| sent.status).collect::<Vec<_>>(), [Some(200), Some(200)], "{sent:?}");
    // One document, cut into what looks like a pair.
    let body = r#"{"item":{"item_id":"1"}}"#;
    let cut = format!("{PATH}?%7B%22item%22%3A=%7B%22item_id%22%3A%221%22%7D%7D");
    let (status, problem) = post(&connector, &cut, &[(HEADER, &sign(secret, body))], "").await;
    assert_eq!((status, &problem["code"]), (400, &json!("webhook_unreadable")));

    connector.run(&[&rotate[..], &["refused"]].concat(), "").await;
    let sent = connector.zoho.sandbox.change_item(SHELF, ItemChange::Stock(-1.0)).await.unwrap();
    // What was expected is believed for up to a minute.
    assert!(sent.iter().all(|sent| matches!(sent.status, Some(200 | 400))), "{sent:?}");
}

#[tokio::test]
async fn the_operator_sends_a_test_and_reads_what_it_became() {
    let connector = Connector::start().await;
    connector.connect(&["--connection", "shop"]).await;
    for (source, command) in [
        ("inventory", "`zoho-connector webhooks rotate --connection shop"),
        ("crm", "`zoho-connector webhooks setup --connection shop"),
        ("custom", "`zoho-connector webhooks rotate --connection shop --source custom"),
    ] {
        let args = ["webhooks", "send-test", "--connection", "shop", "--source", source];
        let ended = connector.run(&args, "").await;
        assert!(ended.code == 1 && ended.err.contains(command), "{source}: {}", ended.err);
    }
    let misspelt = connector.run(&["webhooks", "send-test", "--connection", "shpo"], "").await;
    assert!(misspelt.code == 1 && misspelt.err.contains("did you mean shop?"), "{}", misspelt.err);
    assert!(!misspelt.err.contains("rotate"), "no secret is to be made for it: {}", misspelt.err);
    let none = connector.run(&["events", "list", "--connection", "shop"], "").await;
    assert!(none.out.contains("`zoho-connector webhooks setup --connection shop"), "{}", none.out);
    hooks::set_secrets(&*stores(&connector).secrets).await;
    for (source, kind) in [
        ("inventory", "zoho.inventory.test.changed"),
        ("crm", "zoho.crm.test.updated"),
        ("custom", "custom.test"),
    ] {
        let ended = connector.run(&["webhooks", "send-test", "--source", source], "").await;
        assert_eq!(ended.code, 0, "{source}: {}", ended.err);
        let id = ended.out.split_whitespace().find(|word| word.len() == 31).unwrap().to_owned();
        let shown: Value =
            serde_json::from_str(&connector.run(&["events", "show", &id, "--json"], "").await.out).unwrap();
        assert_eq!((&shown["id"], &shown["type"]), (&json!(id), &json!(kind)));
        assert_eq!((&shown["data"]["test"], &shown["life"]["state"]), (&json!(true), &json!("received")));
        let early = connector.run(&["events", "replay", &id], "").await;
        assert!(early.code == 1 && early.err.contains("not in the queue yet"), "{early:?}");
        let lines = connector.run(&["events", "show", &id], "").await.out;
        assert!(lines.contains(kind) && lines.contains("State      received"), "{lines}");
        // At once after a rotation, too.
        if source != "crm" {
            connector.webhook_secret_of(source).await;
            let ended = connector.run(&["webhooks", "send-test", "--source", source], "").await;
            assert_eq!(ended.code, 0, "{source}: {}", ended.err);
        }
    }
    let listed = connector.run(&["events", "list", "--limit", "4"], "").await.out;
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let newest = listed.lines().next().unwrap();
    assert!(newest.contains("custom.test") && newest.ends_with("(a test)"), "the newest first: {listed}");
    let unknown = connector.run(&["events", "show", "no-such-event"], "").await;
    assert!(unknown.code == 1 && unknown.err.contains("events list --connection default"), "{}", unknown.err);
}

/// Zoho sent the name of a placeholder: the webhook is stored, and the operator is told once.
#[tokio::test]
async fn a_placeholder_that_was_never_filled_is_told() {
    let connector = Connector::start().await;
    let secret = connector.webhook_secret().await;
    let agent = connector.agent(&["--can", "events"]).await;
    for number in 1..=2 {
        let body = format!(r#"{{"item":{{"item_id":"${{ITEM.ITEM_ID}}","name":"{number}"}}}}"#);
        let signature = sign(&secret, &body);
        let headers =
            [("x-zoho-webhook-signature", signature.as_str()), ("content-type", "application/json")];
        let seen = connector.post("/webhooks/default/inventory/item.updated", &headers, body).await;
        assert_eq!(seen.status, 200, "{}", seen.text);
    }
    tests::clock::until("are all events shown", async || {
        agent.get("/v1/events").await.ok()["data"].as_array().unwrap().len() >= 3
    })
    .await;
    let events = agent.get("/v1/events").await.ok();
    let told: Vec<_> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"] == "connector.webhook_unfilled")
        .collect();
    assert_eq!(told.len(), 1, "{events}");
    assert_eq!(told[0]["data"]["placeholders"], json!(["${ITEM.ITEM_ID}"]));
}
