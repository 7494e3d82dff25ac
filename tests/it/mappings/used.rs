//! Mappings are used: events are completed from them, and items are named by another system's ids.

use sandbox::{Fault, FaultKind, ItemChange};
use serde_json::{Value, json};
use tests::connector::Connector;
use tests::inside::Inside;

use super::{BRACKET, MAPPINGS, SHELF, import, shop, stock_key};

const ITEMS: &str = "/v1/inventory/items";
const ORDERS: &str = "/v1/inventory/salesorders";

here_and_on_aws! {
async fn events_are_completed_from_mappings() {
    let inside = Inside::connected().await;
    let key = stock_key(&inside).await;
    let given = format!("product_id,item_id\nP1,{SHELF}\nP2,{BRACKET}\nP3,{BRACKET}\n");
    import(&inside, &key, &given).await;
    let events = shared::core::events::Events::new(
        inside.services_of("webhook-intake").stores.events.clone(),
        inside.services.clock.clone(),
    );
    for (number, item_id) in [SHELF, BRACKET, SHELF].into_iter().enumerate() {
        events.store(tests::changes::of_item(item_id, number)).await.unwrap();
        inside.advance(std::time::Duration::from_secs(1));
    }
    inside.advance(std::time::Duration::from_secs(20));
    let (_, list) = inside.ask(inside.api(), &key, "/v1/events").await;
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|event| event["data"].get("product_id").cloned()).collect();
    assert_eq!(ids, [Some(json!("P1")), None, Some(json!("P1"))], "what two lead to is neither: {list}");
    assert_eq!(list["data"][0]["data"]["untrusted"], json!(["product_id"]));
    let one = format!("/v1/events/{}", list["data"][0]["id"].as_str().unwrap());
    let (_, event) = inside.ask(inside.api(), &key, &one).await;
    assert_eq!(event["data"]["product_id"], "P1", "{event}");
}
}

fn order(lines: &Value) -> Value {
    json!({ "customer": "Harbor Interiors GmbH", "line_items": lines })
}

#[tokio::test]
async fn an_order_and_an_item_are_named_by_another_systems_id() {
    let (connector, agent) = shop().await;
    let item = agent.get(&format!("{ITEMS}?product_id=shelf&fields=sku")).await.ok();
    assert_eq!((&item["data"][0]["item_id"], &item["next"]), (&json!(SHELF), &Value::Null));
    let mapping = agent.get(&format!("{MAPPINGS}?product_id=shelf")).await.ok();
    assert_eq!(mapping["data"][0]["item_id"], SHELF, "what was found is kept");

    let before = connector.zoho.sandbox.requests().len();
    let lines = json!([
        { "product_id": "shelf", "quantity": 2 },
        { "product_id": "bracket", "quantity": 1 },
        { "sku": "BRKT-STD", "quantity": 3 },
        { "item_id": SHELF, "quantity": 1 },
    ]);
    let made = agent.write("POST", ORDERS, &[], &order(&lines)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let ids: Vec<_> = made.body["line_items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["item_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [SHELF, BRACKET, BRACKET, SHELF]);
    let asked = connector.zoho.sandbox.requests();
    let items = asked[before..].iter().filter(|request| request.path.contains("/item")).count();
    assert_eq!(items, 2, "one by SKU, one for all that are mapped");

    let preview = agent.write("POST", &format!("{ORDERS}?dry_run=true"), &[], &order(&lines)).await;
    assert_eq!(preview.body["lines"][0]["sku"], "SHELF-OAK-80", "{}", preview.body);
    let found = agent.get(&format!("{ITEMS}?product_id=shelf&sku=A")).await.problem("invalid_parameter");
    assert!(found["detail"].as_str().unwrap().contains("finds one item"), "{found}");
    let two = json!([{ "product_id": "shelf", "sku": "BRKT-STD", "quantity": 1 }]);
    agent.write("POST", ORDERS, &[], &order(&two)).await.problem("body_invalid");
}

#[tokio::test]
async fn a_stale_mapping_is_told_and_never_remapped() {
    let (connector, agent) = shop().await;
    let sandbox = &connector.zoho.sandbox;
    let line = |id: &str| order(&json!([{ "product_id": id, "quantity": 1 }]));
    let item = json!({ "name": "Lamp", "sku": "LAMP" });
    let lamp = sandbox.insert_item(item).await.unwrap().0;
    let path = format!("{MAPPINGS}?product_id=lamp");
    agent.write("PUT", &path, &[], &json!({ "sku": "LAMP-OLD", "item_id": lamp })).await.ok();
    let orders = sandbox.salesorders().len();
    let told = agent.write("POST", ORDERS, &[], &line("lamp")).await.problem("mapping_stale");
    let detail = told["detail"].as_str().unwrap();
    for words in ["`line_items[0].product_id` \"lamp\"", &lamp, "\"LAMP\"", "\"LAMP-OLD\""] {
        assert!(detail.contains(words), "{words}: {detail}");
    }
    agent.get(&format!("{ITEMS}?product_id=lamp")).await.problem("mapping_stale");
    agent.write("PUT", &path, &[], &json!({ "sku": "LAMP", "item_id": lamp })).await.ok();
    agent.get(&format!("{ITEMS}?product_id=lamp")).await.ok();

    sandbox.change_item(&lamp, ItemChange::Active(false)).await.unwrap();
    agent.write("POST", ORDERS, &[], &line("lamp")).await.problem("sku_inactive");
    sandbox.change_item(&lamp, ItemChange::Delete).await.unwrap();
    // Another item has the SKU by now: the order must not go there.
    sandbox.insert_item(json!({ "name": "Other lamp", "sku": "LAMP" })).await.unwrap();
    let told = agent.write("POST", ORDERS, &[], &line("lamp")).await.problem("mapping_stale");
    assert!(told["detail"].as_str().unwrap().contains("is gone from Zoho"), "{told}");
    agent.get(&format!("{ITEMS}?product_id=lamp")).await.problem("mapping_stale");
    let kept = agent.get(&path).await.ok();
    assert_eq!(kept["data"][0]["item_id"], json!(lamp), "nothing is remapped");
    assert_eq!(sandbox.salesorders().len(), orders);
}

/// It is no other place's when it is imported; people make and rename places afterwards.
#[tokio::test]
async fn a_name_that_zoho_has_for_another_place_by_now_leads_to_neither() {
    let (connector, agent) =
        Connector::start_without_limit().await.with_agent("stock", "inventory:stock").await;
    let sandbox = &connector.zoho.sandbox;
    let (main, outlet) = ("3300000000038080", "3300000000038095");
    // Where Zoho's list cannot be read, the name is taken as if the other place had got it later.
    let none = r#"{"code":0,"message":"success","locations":[]}"#.to_owned();
    let kind = FaultKind::Body(200, "application/json".to_owned(), none);
    sandbox.inject(Fault { path_contains: "/locations".to_owned(), times: 1, kind });
    let named = json!({ "locations": [{ "name": "Outlet", "location_id": main }, { "name": "till 1", "location_id": main }] });
    agent.write("POST", MAPPINGS, &[], &named).await.ok();

    let before = sandbox.requests().len();
    let adjust =
        |place: &str| json!({ "item_id": SHELF, "location": place, "reason": "Damaged goods", "delta": -1 });
    let transfer = |from: &str, to: &str| json!({ "from": from, "to": to, "lines": [{ "item_id": SHELF, "quantity": 1 }] });
    let (adjustments, transfers) = ("/v1/inventory/adjustments", "/v1/inventory/transferorders");
    for (path, body) in [
        (adjustments, adjust("Outlet")),
        (transfers, transfer("Outlet", outlet)),
        (transfers, transfer(outlet, "Outlet")),
    ] {
        for path in [path.to_owned(), format!("{path}?dry_run=true")] {
            let told = agent.write("POST", &path, &[], &body).await.problem("mapping_stale");
            assert_eq!(
                told["detail"],
                format!(
                    "The name \"Outlet\" is mapped to location {main}, and is Zoho's own name of location {outlet} now."
                ),
                "{path}"
            );
        }
    }
    for query in ["location=Outlet", "sku=SHELF-OAK-80&location=Outlet"] {
        agent.get(&format!("{ITEMS}?{query}")).await.problem("mapping_stale");
    }
    let asked = sandbox.requests();
    let mut calls = asked[before..].iter().filter(|request| request.path.contains("/inventory/"));
    assert!(calls.all(|request| request.method == "GET"), "nothing was written");

    let moved = agent.write("POST", adjustments, &[], &adjust("till 1")).await;
    assert_eq!((moved.status, &moved.body["lines"][0]["location_id"]), (201, &json!(main)), "{}", moved.body);
    let moved = agent.write("POST", transfers, &[], &transfer("till 1", outlet)).await;
    assert_eq!(
        (moved.status, &moved.body["lines"][0]["to"]["location_id"]),
        (201, &json!(outlet)),
        "{}",
        moved.body
    );
}

#[tokio::test]
async fn near_twins_are_named_and_never_chosen() {
    let (connector, agent) = shop().await;
    let sandbox = &connector.zoho.sandbox;
    for (name, sku) in [("Zero", "123"), ("Accent", "CAF\u{c9}-1"), ("Blank", "TWO WORDS")] {
        sandbox.insert_item(json!({ "name": name, "sku": sku })).await.unwrap();
    }
    for (asked, named) in [
        ("shelf-oak-80", "\"SHELF-OAK-80\", \"Oak Shelf 80 cm\""),
        ("00123", "\"123\", \"Zero\""),
        ("CAFE%CC%81-1", "\"CAF\u{c9}-1\", \"Accent\""),
        ("TWO%20WORDS%20", "\"TWO WORDS\", \"Blank\""),
    ] {
        let before = sandbox.requests().len();
        let problem = agent.get(&format!("{ITEMS}?sku={asked}")).await.problem("sku_not_found");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("These differ only by") && detail.contains(named), "{asked}: {detail}");
        assert!(sandbox.requests().len() - before <= 2, "one call more at most");
    }
    let none = agent.get(&format!("{ITEMS}?sku=SHELF-OAK")).await.problem("sku_not_found");
    assert_eq!(none["detail"], "No item in Zoho Inventory has exactly this SKU.");
    let id = agent.get(&format!("{ITEMS}?sku=3300000000070001")).await.problem("sku_not_found");
    assert!(id["detail"].as_str().unwrap().contains("looks like an item's id"), "{id}");
    let unmapped = agent.get(&format!("{ITEMS}?product_id=%20Shelf")).await.problem("product_unmapped");
    let detail = unmapped["detail"].as_str().unwrap();
    assert!(detail.contains("\"shelf\" (SKU \"SHELF-OAK-80\")"), "{detail}");
    let lines = json!([{ "product_id": "twin", "quantity": 1 }]);
    let refused = agent.write("POST", ORDERS, &[], &order(&lines)).await.problem("sku_not_found");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("is mapped to the SKU \"shelf-oak-80\"") && detail.contains("\"SHELF-OAK-80\""),
        "{detail}"
    );
}
