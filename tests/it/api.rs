//! The API as an agent uses it.

use std::collections::BTreeSet;

use sandbox::Options;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

fn ids(list: &Value, field: &str) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// Follows `next` as it stands, to the end.
async fn all(agent: &Agent, first: &str, field: &str) -> Vec<String> {
    let mut path = first.to_owned();
    let mut found = Vec::new();
    loop {
        let page = agent.get(&path).await.ok();
        found.extend(ids(&page, field));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn without_the_right_key_there_is_nothing() {
    let (connector, agent) = Connector::connected().await;
    let calls = connector.zoho.sandbox.requests().len();
    for path in ["/v1/status", "/v1/inventory/items", "/v1/inventory/items/1", "/v1/crm/deals", "/v1/events"]
    {
        let wrong = agent.with_key(&format!("zck_000000000000_{}", "0".repeat(64)));
        let answer = wrong.get(path).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.seen.headers["www-authenticate"], "Bearer");
        answer.problem("key_invalid");
        // Writes exist on some of them, but not without a key.
        let empty = connector.post(path, &[], "").await;
        assert_eq!(empty.status, if path == "/v1/crm/deals" { 401 } else { 405 }, "{path}");
        let none = tests::browser::Browser::default().get(&format!("{}{path}", connector.url)).await;
        assert_eq!(none.status, 401);
        assert!(none.text.contains("key_missing"), "{}", none.text);
    }
    assert_eq!(connector.zoho.sandbox.requests().len(), calls);
    let health = tests::browser::Browser::default().get(&format!("{}/health", connector.url)).await;
    assert_eq!((health.status, health.text.contains("\"ok\"")), (200, true));
}

#[tokio::test]
async fn a_key_opens_only_what_it_was_made_for() {
    let (connector, _) = Connector::connected().await;
    let crm = connector.agent(&["--can", "crm:read"]).await;
    crm.get("/v1/crm/deals").await.ok();
    let problem = crm.get("/v1/inventory/items").await.problem("key_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("inventory:read"));
    crm.get("/v1/events").await.problem("key_not_allowed");
    // What is wrong with a body matters to nobody who may not send it at all.
    for (method, path) in [
        ("POST", "/v1/inventory/salesorders"),
        ("POST", "/v1/inventory/adjustments"),
        ("POST", "/v1/inventory/transferorders"),
        ("PUT", "/v1/inventory/mappings?product_id=shop-7"),
        ("POST", "/v1/crm/deals"),
        ("PATCH", "/v1/crm/deals/6100000000451001"),
        ("POST", "/v1/crm/deals/upsert?by=External_Order_ID"),
        ("POST", "/v1/crm/deals/6100000000451001/notes"),
    ] {
        crm.write(method, path, &[], &json!({ "odd": 1 })).await.problem("key_not_allowed");
    }
    let neither = connector.agent(&["--can", "events"]).await;
    let problem = neither.get("/v1/audit").await.problem("key_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("inventory:read or crm:read"), "{problem}");
    let other = connector.agent(&["--connections", "other"]).await;
    other.get("/v1/crm/deals").await.problem("product_not_connected");
    other.get_with("/v1/crm/deals", &[("Zoho-Connection", "default")]).await.problem("connection_unknown");
}

#[tokio::test]
async fn two_connections_are_told_apart() {
    let (connector, _) = Connector::connected().await;
    connector.connect(&["--connection", "second", "--products", "crm"]).await;
    let agent = connector.agent(&["--connections", "default,second"]).await;
    agent.get("/v1/inventory/items").await.ok();
    let problem = agent.get("/v1/crm/deals").await.problem("connection_ambiguous");
    assert!(problem["detail"].as_str().unwrap().contains("default, second"), "{problem}");
    agent.get_with("/v1/crm/deals", &[("Zoho-Connection", "second")]).await.ok();
    agent
        .get_with("/v1/inventory/items", &[("Zoho-Connection", "second")])
        .await
        .problem("product_not_connected");
    let right = [("Zoho-Organization", "20098765432")];
    agent.get_with("/v1/inventory/items", &right).await.ok();
    let wrong = [("Zoho-Organization", "1")];
    agent.get_with("/v1/inventory/items", &wrong).await.problem("organization_mismatch");
}

#[tokio::test]
async fn items_come_whole_once_and_in_zohos_words() {
    let connector = Connector::with(Options { extra_items: 450, ..Options::new("") }).await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let found = all(&agent, "/v1/inventory/items", "item_id").await;
    let unique: BTreeSet<_> = found.iter().collect();
    assert!(found.len() > 450 && unique.len() == found.len(), "{} of {}", unique.len(), found.len());
    let small = all(&agent, "/v1/inventory/items?per_page=150&fields=sku", "item_id").await;
    assert_eq!(small, found);

    let item = agent.get("/v1/inventory/items/3300000000070001").await.ok();
    assert_eq!(item["rate"].to_string(), "49.9");
    assert_eq!(item["last_modified_time"], "2026-11-18T16:40:12+01:00");
    assert_eq!(item["reorder_level"], Value::Null);
    let stock = &item["stock"];
    assert_eq!(
        (stock["on_hand"].to_string(), stock["available"].to_string()),
        ("42.0".into(), "37.0".into())
    );
    assert_eq!(stock["locations"][0]["name"], "Main");
    assert!(item["untrusted"].as_array().unwrap().contains(&json!("name")));
    // An item is copied, and made of values where a field is named that it does not have: to the same text.
    for id in found.iter().take(3) {
        let path = format!("/v1/inventory/items/{id}");
        let whole = agent.get(&path).await.ok();
        let names: Vec<&str> = whole.as_object().unwrap().keys().map(String::as_str).collect();
        let named = agent.get(&format!("{path}?fields={}", names.join(","))).await.ok();
        assert_eq!(whole.to_string(), named.to_string());
        let mut read = agent.get(&format!("{path}?fields={},absent", names.join(","))).await.ok();
        assert!(read.as_object_mut().unwrap().shift_remove("notice").is_some());
        assert_eq!(whole.to_string(), read.to_string());
    }
    let whole = agent.get("/v1/inventory/items?per_page=50").await.ok();
    let rows = whole["data"].as_array().unwrap().iter().filter_map(Value::as_object);
    let names: BTreeSet<&str> = rows.flat_map(|row| row.keys().map(String::as_str)).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let named = agent.get(&format!("/v1/inventory/items?per_page=50&fields={}", names.join(","))).await.ok();
    assert_eq!(whole["data"].to_string(), named["data"].to_string());
    assert_eq!(whole["notice"], named["notice"]);
    let service = agent.get("/v1/inventory/items/3300000000070003").await.ok();
    assert_eq!(service["stock"], json!({"tracked": false}));
    let picked = agent.get("/v1/inventory/items/3300000000070001?fields=name").await.ok();
    assert_eq!(picked.as_object().unwrap().keys().collect::<Vec<_>>(), ["item_id", "name", "untrusted"]);
    // Neither the stock nor a word about it, where nobody asked for it.
    let listed = agent.get("/v1/inventory/items?per_page=2&fields=name").await.ok();
    assert!(listed["data"][0].get("stock").is_none() && listed.get("notice").is_none(), "{listed}");
    let listed = agent.get("/v1/inventory/items?per_page=2&fields=name,stock").await.ok();
    assert!(listed["data"][0]["stock"]["on_hand"].is_number() && listed["notice"].is_string(), "{listed}");
}

#[tokio::test]
async fn old_warehouses_and_the_other_spelling_of_lists_look_the_same() {
    let (connector, agent) = Connector::connected().await;
    connector.zoho.sandbox.switches(|switches| {
        switches.legacy_warehouses = true;
        switches.location_stock_as_text = true;
    });
    let item = agent.get("/v1/inventory/items/3300000000070001").await.ok();
    assert!(item["stock"]["locations"][0]["on_hand"].is_number(), "{}", item["stock"]);
    connector.zoho.sandbox.switches(|switches| {
        switches.legacy_warehouses = false;
        switches.stock_in_list_locations = true;
    });
    let list = agent.get("/v1/inventory/items?per_page=1").await.ok();
    assert_eq!(list["data"][0]["stock"]["tracked"], true, "{}", list["data"][0]);
}

/// Under each way in which Zoho may treat the filter, the same answers.
#[tokio::test]
async fn a_sku_is_exact_whatever_zoho_makes_of_the_filter() {
    let connector = Connector::with(Options { extra_items: 450, ..Options::new("") }).await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let add = |id: &str, sku: &str, status: &str| {
        connector.zoho.sandbox.add_item(json!({"item_id": id, "name": sku, "sku": sku, "status": status}));
    };
    add("3300000000990001", "Ü & +1%", "active");
    add("3300000000990002", "GONE-9", "inactive");
    add("3300000000990003", "BACK-9", "inactive");
    add("3300000000990004", "BACK-9", "active");
    for hostile in 0..4 {
        connector.zoho.sandbox.switches(|switches| {
            switches.sku_filter_ignored = hostile == 1;
            switches.sku_filter_substring = hostile == 2;
            switches.sku_filter_any_case = hostile == 3;
        });
        let found = agent.get("/v1/inventory/items?sku=SHELF-OAK-80").await.ok();
        assert_eq!(ids(&found, "item_id"), ["3300000000070001"], "{hostile}");
        assert_eq!(found["next"], Value::Null);
        let odd = agent.get("/v1/inventory/items?sku=%C3%9C%20%26%20%2B1%25").await.ok();
        assert_eq!(ids(&odd, "item_id"), ["3300000000990001"], "{hostile}");
        let back = agent.get("/v1/inventory/items?sku=BACK-9").await.ok();
        assert_eq!(ids(&back, "item_id"), ["3300000000990004"], "the active one of two");
        agent.get("/v1/inventory/items?sku=shelf-oak-80").await.problem("sku_not_found");
        agent.get("/v1/inventory/items?sku=SHELF-OAK").await.problem("sku_not_found");
        let twice = agent.get("/v1/inventory/items?sku=DUP-1").await.problem("sku_ambiguous");
        assert_eq!(twice["detail"].as_str().unwrap().matches("33000000000").count(), 2, "{twice}");
        let gone = agent.get("/v1/inventory/items?sku=GONE-9").await.problem("sku_inactive");
        assert!(gone["detail"].as_str().unwrap().contains("3300000000990002"), "{gone}");
    }
}

#[tokio::test]
async fn a_deal_is_flat_and_keeps_its_digits() {
    let (connector, agent) = Connector::connected().await;
    connector
        .zoho
        .sandbox
        .add_deal(serde_json::from_str(r#"{"id":"6100000000990001","Amount":1234567890123.45}"#).unwrap());
    let deal = agent.get("/v1/crm/deals/6100000000990001").await.ok();
    assert_eq!(deal["Amount"].to_string(), "1234567890123.45");
    let deal = agent.get("/v1/crm/deals/6100000000451001").await.ok();
    assert_eq!(deal["Contact_Name"], "Lea Sommer");
    assert!(deal["Contact_Name_id"].as_str().unwrap().parse::<u64>().is_ok());
    assert!(!deal.to_string().contains("$approval"));
    let picked = agent.get("/v1/crm/deals?fields=Deal_Name,Contact_Name&per_page=1").await.ok();
    let keys: Vec<_> = picked["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "Deal_Name", "Contact_Name_id", "Contact_Name", "untrusted"]);
    for hostile in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.crm_unknown_id_invalid_data = hostile);
        agent.get("/v1/crm/deals/6100000000000001").await.problem("record_not_found");
        agent.get("/v1/inventory/items/3300000000000001").await.problem("record_not_found");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_name() {
    let (connector, agent) = Connector::connected().await;
    let calls = connector.zoho.sandbox.requests().len();
    for (path, named) in [
        ("/v1/inventory/items?warehouse=1", "warehouse"),
        ("/v1/inventory/items?per_page=0", "per_page"),
        ("/v1/inventory/items?per_page=201", "per_page"),
        ("/v1/inventory/items?per_page=many", "per_page"),
        ("/v1/inventory/items?cursor=2", "cursor"),
        ("/v1/inventory/items?cursor=p-1", "cursor"),
        ("/v1/inventory/items?sku=", "sku"),
        ("/v1/inventory/items?sku=A&cursor=p2", "sku"),
        ("/v1/inventory/items?search=", "search"),
        ("/v1/inventory/contacts?email=", "email"),
        ("/v1/inventory/packages?salesorder_id=SO-00124", "salesorder_id"),
        ("/v1/inventory/items/SHELF-OAK-80", "sku"),
        ("/v1/inventory/items/..%2Forganizations", "id"),
        ("/v1/inventory/items/1%3Forganization_id=2", "id"),
        ("/v1/inventory/items/%FF", "id"),
        ("/v1/crm/deals?phase=Won", "phase"),
        ("/v1/crm/deals?cursor=p2", "cursor"),
        ("/v1/crm/deals?fields=Deal_Name%26page=2", "fields"),
        ("/v1/crm/deals/1?x=1", "x"),
        ("/v1/events?cursor=x", "cursor"),
        ("/v1/events/0?x=1", "x"),
        ("/v1/status?x=1", "x"),
    ] {
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        let problem = answer.problem("invalid_parameter");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{path}: {problem}");
    }
    // A guard that cannot be read is not taken for none.
    let (organization, connection) = ("Zoho-Organization", "Zoho-Connection");
    for guards in [
        [(organization, ""), ("x-other", "")],
        [(organization, "20098765432\u{e9}"), ("x-other", "")],
        [(connection, "default"), (connection, "second")],
    ] {
        let problem = agent.get_with("/v1/inventory/items", &guards).await.problem("invalid_parameter");
        assert!(problem["detail"].as_str().unwrap().contains(guards[0].0), "{problem}");
    }
    agent.get("/v1/nothing").await.problem("route_not_found");
    agent.write("POST", "/", &[], &Value::Null).await.problem("route_not_found");
    assert_eq!(connector.zoho.sandbox.requests().len(), calls, "nothing of it reached Zoho");
}

#[tokio::test]
async fn status_tells_everything_without_a_call() {
    let (connector, agent) = Connector::connected().await;
    let calls = connector.zoho.sandbox.requests().len();
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(connector.zoho.sandbox.requests().len(), calls);
    let found = &status["connections"][0];
    for (field, expected) in [
        ("state", json!("healthy")),
        ("data_centre", json!("eu")),
        ("products", json!(["inventory", "crm"])),
        ("last_event", Value::Null),
    ] {
        assert_eq!(found[field], expected, "{field}");
    }
    let allows = found["allows"].as_array().unwrap();
    assert!(allows.contains(&json!("GET /v1/inventory/purchaseorders")), "{found}");
    assert!(!allows.contains(&json!("POST /v1/crm/deals")), "{found}");
    assert_eq!(found["organization"]["name"], "Nordlicht Moebel");
    assert!(found["token_expires"].as_str().unwrap() > found["token_renewed_at"].as_str().unwrap());
    assert!(!status.to_string().contains("1000."), "no token, no client");
}

/// Zoho's official files have other keys than its answers: both are read.
#[tokio::test]
async fn documents_are_read_under_the_keys_of_the_official_files_too() {
    let (connector, agent) = Connector::connected().await;
    for official in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.official_file_keys = official);
        for (path, id) in [
            ("/v1/inventory/packages", "package_id"),
            ("/v1/inventory/salesorders", "salesorder_id"),
            ("/v1/inventory/purchaseorders", "purchaseorder_id"),
        ] {
            let listed = agent.get(&format!("{path}?per_page=1")).await.ok();
            let first = listed["data"][0][id].as_str().unwrap_or_else(|| panic!("{path}: {listed}"));
            let one = agent.get(&format!("{path}/{first}")).await.ok();
            assert_eq!(one[id], first, "{official}: {one}");
        }
    }
}
