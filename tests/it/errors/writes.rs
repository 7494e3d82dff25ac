//! Writes.

use axum::body::Body;
use axum::http::Request;
use sandbox::{Fault, FaultKind, Gate};
use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::core::access::key::NewKey;
use tests::inside::Inside;
use tower::ServiceExt;

use super::book::Book;
use super::{Ask, DEAL, DEALS, ORDERS, can, order};

const MAPPINGS: &str = "/v1/inventory/mappings";

pub(super) async fn provoke(book: &mut Book) {
    let inside = Inside::start().await;
    inside.connect_to_write().await;
    inside.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let (api, key) = (inside.api(), inside.key(can(&["inventory:write", "crm:write"])).await);
    let line = |line: Value| json!({ "customer": "Harbor Interiors GmbH", "line_items": [line] });
    let bodies = [
        (ORDERS, Value::String("{".to_owned())),
        (ORDERS, json!([])),
        (ORDERS, json!({ "customer": "Harbor Interiors GmbH", "lines": [] })),
        (ORDERS, json!({ "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] })),
        (ORDERS, json!({ "customer": "Harbor Interiors GmbH", "line_items": [] })),
        (ORDERS, line(json!({ "quantity": 1 }))),
        (MAPPINGS, json!({ "mappings": [{ "product_id": "1" }, { "product_id": "1", "sku": "" }] })),
        (ORDERS, line(json!({ "sku": "SHELF-OAK-80", "quantity": 0 }))),
        (ORDERS, line(json!({ "sku": "SHELF-OAK-80", "quantity": "two" }))),
        (DEALS, json!({ "Deal_Name": "x" })),
        (DEALS, json!({ "Deal_Name": "x", "stage": "Qualification" })),
        (DEALS, json!({ "Deal_Name": "x", "Stage": "Qualification", "id": "1" })),
        (DEALS, json!({ "Deal_Name": "x", "Stage": "Qualification", "Account_Name_id": "Harbor" })),
        ("/v1/crm/deals/upsert?by=External_Order_ID", json!({ "Deal_Name": "x" })),
        ("/v1/crm/deals/6100000000451001/notes", json!({ "Note_Content": "" })),
        ("/v1/crm/query", json!({ "query": "delete from Deals" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where Stage = :stage" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where id > 0 limit 500" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where id > 0", "max_rows": 9000 })),
    ];
    for (path, body) in bodies {
        let why = format!("`{}`", body.as_str().map_or_else(|| body.to_string(), str::to_owned));
        book.note(Code::BodyInvalid, &why, api.clone(), &key, Ask::post(path, body)).await;
    }
    let customer =
        |name: &str| json!({ "customer": name, "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] });
    book.note(Code::CustomerNotFound, "", api.clone(), &key, Ask::post(ORDERS, customer("Nobody"))).await;
    for id in 1..=2 {
        let contact = json!({ "contact_id": format!("330000000098000{id}"), "contact_name": "Twin", "contact_type": "customer" });
        inside.zoho.sandbox.add_contact(contact);
    }
    book.note(Code::CustomerAmbiguous, "", api.clone(), &key, Ask::post(ORDERS, customer("Twin"))).await;
    let stage = json!({ "Deal_Name": "x", "Stage": "Won" });
    book.note(Code::ValueNotAllowed, "`Stage` is Won", api.clone(), &key, Ask::post(DEALS, stage)).await;
    book.note(Code::ValueNotAllowed, "", api.clone(), &key, Ask::get("/v1/crm/deals?stage=Won")).await;
    let by =
        Ask::post("/v1/crm/deals/upsert?by=Deal_Name", json!({ "Deal_Name": "x", "Stage": "Qualification" }));
    book.note(Code::ValueNotAllowed, "", api.clone(), &key, by).await;
    let careful = inside.key(NewKey { confirm: true, ..can(&["inventory:write"]) }).await;
    book.note(
        Code::PreviewRequired,
        "key with `--confirm`",
        api.clone(),
        &careful,
        Ask::post(ORDERS, order()),
    )
    .await;

    let note = |text: &str, key: &str| {
        Ask::post("/v1/crm/deals/6100000000451001/notes", json!({ "Note_Content": text }))
            .with("idempotency-key", key)
    };
    let fault = |path: &str, kind: FaultKind| Fault { path_contains: path.to_owned(), times: 1, kind };
    let notes = |kind| inside.zoho.sandbox.inject_on("POST", fault("/Notes", kind));
    let gate = Gate::default();
    notes(FaultKind::HeldAfter(gate.clone()));
    let first = {
        let request = Request::post("/v1/crm/deals/6100000000451001/notes")
            .header("authorization", format!("Bearer {}", key.expose()))
            .header("idempotency-key", "twin")
            .body(Body::from(r#"{"Note_Content":"one"}"#))
            .unwrap();
        tokio::spawn(api.clone().oneshot(request))
    };
    gate.reached_by(1).await;
    book.note(Code::IdempotencyInProgress, "a twin is at work", api.clone(), &key, note("one", "twin")).await;
    gate.open();
    assert_eq!(first.await.unwrap().unwrap().status(), 201);
    book.note(Code::IdempotencyKeyReused, "the key of another body", api.clone(), &key, note("two", "twin"))
        .await;
    let change = Ask { method: "PATCH", ..Ask::post(DEAL, json!({ "Amount": 1 })) };
    let since = change.with("if-unmodified-since", "2026-01-01T00:00:00Z");
    book.note(Code::RecordModified, "", api.clone(), &key, since).await;
    for key_text in ["", "lost"] {
        notes(FaultKind::ResetBefore);
        let why = if key_text.is_empty() {
            "the connection breaks; no `Idempotency-Key`"
        } else {
            "the connection breaks"
        };
        let ask = note("lost", key_text).within(9);
        book.note(Code::WriteUncertain, why, api.clone(), &key, ask).await;
    }
}
