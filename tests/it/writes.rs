//! Writes: once where Zoho has it once, never twice, and an honest word where nobody knows.

use std::time::Duration;

use futures::future::join_all;
use sandbox::{Fault, FaultKind, Gate};
use serde_json::{Value, json};
use tests::agent::{Agent, Answer};
use tests::clock::until;
use tests::connector::Connector;

const ORDERS: &str = "/v1/inventory/salesorders";

async fn writer() -> (Connector, Agent) {
    Connector::start_without_limit().await.with_agent("write", "inventory:write,crm:write,events").await
}

fn order() -> Value {
    json!({
        "customer": "Harbor Interiors GmbH",
        "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }, { "sku": "BRKT-STD", "quantity": 1.5, "rate": 7.10 }],
        "notes": "Ring twice",
    })
}

fn fault(connector: &Connector, method: &str, path: &str, times: usize, kind: FaultKind) {
    connector.zoho.sandbox.inject_on(method, Fault { path_contains: path.to_owned(), times, kind });
}

async fn post(agent: &Agent, key: &str, body: &Value) -> Answer {
    agent.write("POST", ORDERS, &[("idempotency-key", key)], body).await
}

#[tokio::test]
async fn an_order_is_made_by_names_and_answered_as_a_read_would() {
    let (connector, agent) = writer().await;
    let before = connector.zoho.sandbox.salesorders().len();
    let answer = agent.write("POST", ORDERS, &[], &order()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let id = answer.body["salesorder_id"].as_str().unwrap();
    assert_eq!(answer.body["status"], "draft");
    assert_eq!(answer.body["line_items"][1]["rate"].as_f64(), Some(7.1));
    assert!(answer.body["untrusted"].as_array().unwrap().contains(&json!("notes")));
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);
    let read = agent.get(&format!("{ORDERS}/{id}")).await.ok();
    assert_eq!(read, answer.body);

    let confirmed = agent.write("POST", &format!("{ORDERS}/{id}/confirm"), &[], &Value::Null).await;
    assert_eq!((confirmed.status, &confirmed.body["status"]), (200, &json!("confirmed")));

    let audit = agent.get("/v1/audit?details=true").await.ok();
    let entries: Vec<_> = audit["data"].as_array().unwrap().iter().collect();
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[0]["outcome"], &entries[1]["outcome"]), (&json!("done"), &json!("done")));
    assert_eq!(entries[0]["before"], json!({ "status": "draft" }));
    assert_eq!(entries[1]["subject"], format!("salesorder/{id}"));
    assert_eq!(entries[1]["action"], "POST /v1/inventory/salesorders");
}

/// The whole answer is kept, and cut on its way out.
#[tokio::test]
async fn of_a_written_record_those_fields_are_answered_that_were_asked_for() {
    let (connector, agent) = writer().await;
    let before = connector.zoho.sandbox.salesorders().len();
    let short = format!("{ORDERS}?fields=salesorder_number,status");
    let key = [("idempotency-key", "short")];
    let preview = agent.write("POST", &format!("{short}&dry_run=true"), &[], &order()).await.ok();
    assert!(preview["estimate"].is_object() && preview["lines"].is_array(), "a preview is whole: {preview}");
    let made = agent.write("POST", &short, &key, &order()).await;
    assert_eq!((made.status, &made.body["status"]), (201, &json!("draft")), "{}", made.body);
    let mut names: Vec<&str> = made.body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["salesorder_id", "salesorder_number", "status", "untrusted"]);
    let again = agent.write("POST", &short, &key, &order()).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &made.body));
    let whole = agent.write("POST", ORDERS, &key, &order()).await;
    assert_eq!((whole.status, whole.header("idempotency-replayed")), (201, Some("true")));
    let id = made.body["salesorder_id"].as_str().unwrap();
    assert_eq!(whole.body, agent.get(&format!("{ORDERS}/{id}")).await.ok());
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1, "it is the same request");
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said_before_anything_is_sent() {
    let (connector, agent) = writer().await;
    let line = |line: Value| json!({ "customer": "Harbor Interiors GmbH", "line_items": [line] });
    for (body, code) in [
        (json!({}), "body_invalid"),
        (json!({ "customer": "Harbor Interiors GmbH", "line_items": [] }), "body_invalid"),
        (
            json!({ "customer": "harbor interiors gmbh", "line_items": [{ "sku": "BRKT-STD", "quantity": 1 }] }),
            "customer_not_found",
        ),
        (line(json!({ "sku": "NO-SUCH", "quantity": 1 })), "sku_not_found"),
        (line(json!({ "sku": "BRKT-STD", "quantity": 0 })), "body_invalid"),
        (line(json!({ "sku": "BRKT-STD", "quantity": "1" })), "body_invalid"),
        (line(json!({ "sku": "BRKT-STD", "item_id": "1", "quantity": 1 })), "body_invalid"),
        (line(json!({ "quantity": 1 })), "body_invalid"),
        (line(json!({ "sku": "BRKT-STD", "quantity": 1, "price": 3 })), "body_invalid"),
    ] {
        agent.write("POST", ORDERS, &[("idempotency-key", "same")], &body).await.problem(code);
    }
    let reader = connector.agent(&["--can", "inventory:read"]).await;
    reader.write("POST", ORDERS, &[], &order()).await.problem("key_not_allowed");
    let requests = connector.zoho.sandbox.requests();
    assert!(!requests.iter().any(|request| request.method == "POST" && request.path.contains("/inventory/")));
    // A key whose request did nothing is free.
    assert_eq!(post(&agent, "same", &order()).await.status, 201);
}

#[tokio::test]
async fn fifty_twins_make_one_order() {
    let (connector, agent) = writer().await;
    let before = connector.zoho.sandbox.salesorders().len();
    fault(&connector, "POST", "/salesorders", 1, FaultKind::Slow(Duration::from_millis(300)));
    let body = order();
    let answers = join_all((0..50).map(|_| post(&agent, "twin", &body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty());
    for answer in &answers {
        match answer.status {
            201 => assert_eq!(answer.body["salesorder_id"], made[0].body["salesorder_id"]),
            _ => assert_eq!(answer.body["code"], "idempotency_in_progress", "{}", answer.body),
        }
    }
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);

    let again = post(&agent, "twin", &body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    let mut other = order();
    other["notes"] = "Ring once".into();
    post(&agent, "twin", &other).await.problem("idempotency_key_reused");
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);
}

/// The connection breaks at every place there is.
#[tokio::test]
async fn an_order_whose_answer_is_lost_is_found_and_never_made_twice() {
    let (connector, agent) = writer().await;
    let sandbox = &connector.zoho.sandbox;
    let acted = [
        FaultKind::ResetAfter,
        FaultKind::StatusAfter(500),
        FaultKind::StatusAfter(502),
        FaultKind::Html200After,
        FaultKind::SlowAfter(Duration::from_secs(20)),
    ];
    for (number, kind) in acted.into_iter().enumerate() {
        let before = sandbox.salesorders().len();
        fault(&connector, "POST", "/salesorders", 1, kind.clone());
        let mut body = order();
        if number == 0 {
            body["reference_number"] = "web-1".into();
        }
        let answer = post(&agent, &format!("acted-{number}"), &body).await;
        assert_eq!(answer.status, 201, "{kind:?}: {}", answer.body);
        assert_eq!(sandbox.salesorders().len(), before + 1, "{kind:?}");
        let again = post(&agent, &format!("acted-{number}"), &body).await;
        assert_eq!((again.status, &again.body), (201, &answer.body), "{kind:?}");
        assert_eq!(sandbox.salesorders().len(), before + 1, "{kind:?}");
    }

    // Nothing was done, but nobody can know: it is not sent again, not even by the next request with the same key.
    for (number, kind) in
        [FaultKind::ResetBefore, FaultKind::Status(503), FaultKind::Html200, FaultKind::GarbageJson]
            .into_iter()
            .enumerate()
    {
        let before = sandbox.salesorders().len();
        fault(&connector, "POST", "/salesorders", 1, kind.clone());
        let key = format!("silent-{number}");
        let problem = post(&agent, &key, &order()).await.problem("write_uncertain");
        assert!(problem["hint"].as_str().unwrap().contains("twice"), "{problem}");
        post(&agent, &key, &order()).await.problem("write_uncertain");
        assert_eq!(sandbox.salesorders().len(), before, "{kind:?}");
    }
    let audit = agent.get("/v1/audit?per_page=1").await.ok();
    assert_eq!(audit["data"][0]["outcome"], "uncertain");
    assert!(audit["next"].as_str().unwrap().contains("cursor="), "{audit}");
}

/// The connector dies while Zoho has the order, which is the worst moment.
#[tokio::test]
async fn an_order_outlives_the_death_of_the_connector() {
    let (mut connector, agent) = writer().await;
    let before = connector.zoho.sandbox.salesorders().len();
    let gate = Gate::default();
    fault(&connector, "POST", "/salesorders", 1, FaultKind::HeldAfter(gate.clone()));
    let asking = tokio::spawn({
        let agent = agent.clone();
        async move { agent.try_write("POST", ORDERS, &[("idempotency-key", "k")], &order()).await }
    });
    gate.reached_by(1).await;
    connector.kill().await;
    assert!(asking.await.unwrap().is_none(), "nobody answered");
    connector.boot().await;
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);
    // Until the dead process can no longer be at it, its twin is told to wait.
    let answer = loop {
        let answer = post(&agent, "k", &order()).await;
        if answer.status != 409 {
            break answer;
        }
        let wait = answer.problem("idempotency_in_progress")["retry_after"].as_u64().unwrap();
        assert!(wait <= 35, "{wait}");
        tokio::time::sleep(Duration::from_secs(wait)).await;
    };
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);
    let audit = agent.get("/v1/audit").await.ok();
    let outcomes: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["done"], "the write that died, and was found");
}

/// Somebody else's order that is alike cannot be told apart by the caller's own reference; one that we have made can.
#[tokio::test]
async fn a_lost_answer_among_orders_that_are_alike_stays_uncertain() {
    let (connector, agent) = writer().await;
    connector.connect(&["--connection", "other", "--access", "write"]).await;
    let other = connector.agent(&["--connections", "other", "--can", "inventory:write"]).await;
    let sandbox = &connector.zoho.sandbox;
    let mut body = order();
    body["reference_number"] = "web-6".into();
    let first = agent.write("POST", ORDERS, &[], &body).await;
    fault(&connector, "POST", "/salesorders", 1, FaultKind::ResetAfter);
    let second = agent.write("POST", ORDERS, &[], &body).await;
    assert_eq!((first.status, second.status), (201, 201), "{}", second.body);
    assert_ne!(first.body["salesorder_id"], second.body["salesorder_id"]);
    body["reference_number"] = "web-7".into();
    assert_eq!(other.write("POST", ORDERS, &[], &body).await.status, 201);
    let before = sandbox.salesorders().len();
    fault(&connector, "POST", "/salesorders", 1, FaultKind::ResetAfter);
    agent.write("POST", ORDERS, &[], &body).await.problem("write_uncertain");
    assert_eq!(sandbox.salesorders().len(), before + 1);
    // With other lines it can.
    body["line_items"][0]["quantity"] = 5.into();
    fault(&connector, "POST", "/salesorders", 1, FaultKind::ResetAfter);
    assert_eq!(agent.write("POST", ORDERS, &[], &body).await.status, 201);
}

#[tokio::test]
async fn what_zoho_refuses_is_told_and_can_be_corrected_under_the_same_key() {
    let (connector, agent) = writer().await;
    let before = connector.zoho.sandbox.salesorders().len();
    let refused = json!({ "code": 4, "message": "Invalid value passed for shipment_date" }).to_string();
    fault(
        &connector,
        "POST",
        "/salesorders",
        1,
        FaultKind::Body(400, "application/json".to_owned(), refused),
    );
    let problem = post(&agent, "k", &order()).await.problem("zoho_rejected");
    assert!(problem["zoho"]["message"].as_str().unwrap().contains("shipment_date"));
    assert_eq!(post(&agent, "k", &order()).await.status, 201);
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);
    // A dead token is no reason to fail, nor to write twice.
    connector.zoho.sandbox.expire_access_tokens();
    assert_eq!(post(&agent, "l", &order()).await.status, 201);
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 2);
}

#[tokio::test]
async fn a_preview_shows_and_its_id_performs() {
    let (connector, _) = writer().await;
    let agent = connector.agent(&["--can", "inventory:write,crm:write", "--confirm"]).await;
    let sandbox = &connector.zoho.sandbox;
    let before = sandbox.salesorders().len();
    agent.write("POST", ORDERS, &[], &order()).await.problem("preview_required");
    post(&agent, "my-own", &order()).await.problem("preview_required");
    let preview = agent.write("POST", &format!("{ORDERS}?dry_run=true"), &[], &order()).await.ok();
    assert_eq!(sandbox.salesorders().len(), before);
    assert_eq!(preview["lines"][0]["name"], "Oak Shelf 80 cm");
    let stock = &preview["lines"][0]["stock"];
    assert_eq!(stock["available"].as_f64().unwrap() - 2.0, stock["after"].as_f64().unwrap());
    assert_eq!(preview["estimate"]["subtotal"].to_string(), "110.45", "2 × 49.90 + 1.5 × 7.10");
    let id = preview["preview_id"].as_str().unwrap();

    let mut other = order();
    other["notes"] = "Ring once".into();
    post(&agent, id, &other).await.problem("preview_required");
    let stranger = connector.agent(&["--can", "inventory:write", "--confirm"]).await;
    post(&stranger, id, &order()).await.problem("preview_required");
    let made = post(&agent, id, &order()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = post(&agent, id, &order()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(sandbox.salesorders().len(), before + 1);

    // Void needs one from everybody.
    let (_, free) = (0, connector.agent(&["--can", "inventory:write"]).await);
    let void = format!("{ORDERS}/{}/void", made.body["salesorder_id"].as_str().unwrap());
    free.write("POST", &void, &[], &json!({ "reason": "Wrong customer" })).await.problem("body_invalid");
    free.write("POST", &void, &[], &Value::Null).await.problem("preview_required");
    let preview = free.write("POST", &format!("{void}?dry_run=true"), &[], &Value::Null).await.ok();
    assert_eq!(preview["status"], json!({ "before": "draft", "after": "void" }));
    // Which order it is, and not all of it.
    let told = &preview["order"];
    let of_made = ["salesorder_id", "salesorder_number", "customer_name", "total"];
    assert!(
        of_made.iter().all(|field| told[field] == made.body[field] && !told[field].is_null()),
        "{preview}"
    );
    assert!(told.get("line_items").is_none() && told.get("notes").is_none(), "{preview}");
    let words = told["untrusted"].as_array().unwrap();
    assert!(words.contains(&json!("customer_name")) && !words.contains(&json!("line_items")), "{preview}");
    let id = preview["preview_id"].as_str().unwrap();
    let voided = free.write("POST", &void, &[("idempotency-key", id)], &Value::Null).await.ok();
    assert_eq!(voided["status"], "void");
}

/// The id of a preview performs what was shown and nothing else, whoever holds it.
#[tokio::test]
async fn a_previews_id_is_no_key_for_anything_else() {
    let (connector, agent) = writer().await;
    let before = connector.zoho.sandbox.salesorders().len();
    let preview = agent.write("POST", &format!("{ORDERS}?dry_run=true"), &[], &order()).await.ok();
    let id = preview["preview_id"].as_str().unwrap();
    let mut other = order();
    other["line_items"][0]["quantity"] = 200.into();
    post(&agent, id, &other).await.problem("preview_required");
    post(&agent, "zcp_000000000000000000000000", &order()).await.problem("preview_required");
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before);

    // A write that was begun from a preview is settled under its id, and not sent again.
    fault(&connector, "POST", "/salesorders", 1, FaultKind::ResetBefore);
    post(&agent, id, &order()).await.problem("write_uncertain");
    post(&agent, id, &order()).await.problem("write_uncertain");
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before);
}

#[tokio::test]
async fn who_may_not_read_a_product_does_not_see_what_was_written_to_it() {
    let (connector, agent) = writer().await;
    assert_eq!(agent.write("POST", ORDERS, &[], &order()).await.status, 201);
    let events = connector.agent(&["--can", "events"]).await;
    events.get("/v1/audit").await.problem("key_not_allowed");
    let crm = connector.agent(&["--can", "crm:read"]).await;
    assert_eq!(crm.get("/v1/audit").await.ok()["data"], json!([]));
    let inventory = connector.agent(&["--can", "inventory:read"]).await;
    assert_eq!(inventory.get("/v1/audit").await.ok()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_audit_is_narrowed_to_a_key_and_to_a_moment() {
    let (connector, agent) = writer().await;
    let other = connector.agent(&["--can", "inventory:write"]).await;
    let first = agent.write("POST", ORDERS, &[("idempotency-key", "first")], &order()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    for key in ["a", "b"] {
        assert_eq!(other.write("POST", ORDERS, &[("idempotency-key", key)], &order()).await.status, 201);
    }
    let rows = async |path: &str| agent.get(path).await.ok()["data"].as_array().unwrap().clone();
    let all = rows("/v1/audit").await;
    assert_eq!(all.len(), 3);
    // The newest rows are of the other key: they are passed over, and no empty page is given for them.
    let mine = rows("/v1/audit?key=mine&per_page=1").await;
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0]["subject"], format!("salesorder/{}", first.body["salesorder_id"].as_str().unwrap()));
    let number = json!({ "salesorder_number": { "after": first.body["salesorder_number"] } });
    assert_eq!((&mine[0]["change"], &mine[0]), (&number, &all[2]));
    agent.get("/v1/audit?key=theirs").await.problem("invalid_parameter");

    // What is of that moment belongs to it, and nothing older: the list ends there, whatever its pages.
    let since = all[1]["at"].as_str().unwrap();
    let mut next = Some(format!("/v1/audit?since={since}&per_page=1"));
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = agent.get(&path).await.ok();
        seen.extend(page["data"].as_array().unwrap().clone());
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, all[..2]);
    agent.get("/v1/audit?since=yesterday").await.problem("invalid_parameter");
}

/// Zoho takes ten calls at a time and a hundred a minute.
#[tokio::test]
async fn an_order_of_many_lines_fits_into_zohos_limits() {
    let (connector, agent) = writer().await;
    connector.zoho.sandbox.switches(|switches| {
        switches.per_minute_limit = Some(100);
        switches.concurrent_limit = Some(5);
    });
    let skus = ["SHELF-OAK-80", "BRKT-STD"];
    let lines: Vec<_> = (0..40).map(|n| json!({ "sku": skus[n % 2], "quantity": n + 1 })).collect();
    let body = json!({ "customer": "Harbor Interiors GmbH", "line_items": lines });
    let before = connector.zoho.sandbox.requests().len();
    let made = agent.write("POST", ORDERS, &[], &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["line_items"].as_array().unwrap().len(), 40);
    let calls = connector.zoho.sandbox.requests().len() - before;
    assert!(calls <= 4, "{calls}: each SKU is looked up once");
}

#[tokio::test]
async fn the_other_records_are_read() {
    let (_connector, agent) = writer().await;
    for kind in ["contacts", "purchaseorders", "packages", "locations", "salesorders"] {
        let list = agent.get(&format!("/v1/inventory/{kind}?per_page=2")).await.ok();
        assert!(list["data"].is_array(), "{kind}: {list}");
    }
    let found = agent.get("/v1/inventory/contacts?search=harbor").await.ok();
    assert!(found["data"][0]["contact_name"].as_str().unwrap().contains("Harbor"), "{found}");
    let items = agent.get("/v1/inventory/items?search=oak&status=active").await.ok();
    assert!(items["data"].as_array().unwrap().iter().all(|item| item["status"] == "active"), "{items}");
    assert!(items["data"][0]["name"].as_str().unwrap().contains("Oak"), "{items}");
    agent.get("/v1/inventory/contacts?name=x").await.problem("invalid_parameter");
    for kind in ["contacts", "accounts"] {
        let list = agent.get(&format!("/v1/crm/{kind}?per_page=1")).await.ok();
        let id = list["data"][0]["id"].as_str().unwrap();
        let one = agent.get(&format!("/v1/crm/{kind}/{id}")).await.ok();
        assert_eq!(one["id"], id);
        let email = one["Email"].as_str().map(|email| format!("email={email}"));
        let by = email.unwrap_or_else(|| "search=Harbor".to_owned());
        let found = agent.get(&format!("/v1/crm/{kind}?{by}")).await.ok();
        assert!(!found["data"].as_array().unwrap().is_empty(), "{by}: {found}");
    }
    agent.get("/v1/crm/contacts?email=a&phone=b").await.problem("invalid_parameter");
    agent.get("/v1/inventory/shipmentorders").await.problem("route_not_found");
}

#[tokio::test]
async fn a_write_ends_although_its_caller_hangs_up() {
    let (connector, agent) = writer().await;
    let gate = Gate::default();
    fault(&connector, "POST", "/salesorders", 1, FaultKind::HeldAfter(gate.clone()));
    let (order, key) = (order(), [("idempotency-key", "gone")]);
    tokio::select! {
        _ = agent.try_write("POST", "/v1/inventory/salesorders", &key, &order) => panic!("it hangs up before"),
        () = gate.reached_by(1) => gate.open(),
    }
    until("done", async || agent.get("/v1/audit").await.ok()["data"][0]["outcome"] == "done").await;
    let again = post(&agent, "gone", &order).await;
    assert_eq!((again.status, again.seen.headers.contains_key("idempotency-replayed")), (201, true));
    assert_eq!(
        connector.zoho.sandbox.salesorders().iter().filter(|order| order["notes"] == "Ring twice").count(),
        1
    );
}
