//! Reading stock: what is low, and what is where.

use sandbox::{Fault, FaultKind, Options};
use serde_json::{Value, json};
use tests::connector::Connector;

fn skus(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|item| item["sku"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn low_stock_is_what_is_at_or_below_its_reorder_level() {
    let (connector, agent) = Connector::connected().await;
    let whole = agent.get("/v1/inventory/items").await.ok();
    let low = agent.get("/v1/inventory/items?stock=low").await.ok();
    assert!(!skus(&low).is_empty() && skus(&low).len() < skus(&whole).len(), "{low}");
    for item in low["data"].as_array().unwrap() {
        assert!(item["stock"]["on_hand"].as_f64() <= item["reorder_level"].as_f64(), "{item}");
    }
    // The official file shows lists without these figures.
    connector.zoho.sandbox.switches(|switches| switches.stock_in_list_locations = true);
    let other = agent.get("/v1/inventory/items?stock=low").await.ok();
    assert_eq!(skus(&other), skus(&low));
    agent.get("/v1/inventory/items?stock=high").await.problem("invalid_parameter");
    agent.get("/v1/inventory/items?sku=A&stock=low").await.problem("invalid_parameter");
}

#[tokio::test]
async fn stock_at_one_location_is_that_of_the_location() {
    let connector = Connector::with(Options { extra_items: 230, ..Options::new("") }).await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    let one = agent.get("/v1/inventory/items/3300000000070001").await.ok();
    let outlet = &one["stock"]["locations"][1];
    assert_eq!(outlet["name"], "Outlet");
    for place in ["Outlet", outlet["location_id"].as_str().unwrap()] {
        let found =
            agent.get(&format!("/v1/inventory/items?location={place}&search=SHELF-OAK-80")).await.ok();
        let item = &found["data"][0];
        assert_eq!(item["stock"]["locations"], json!([outlet]), "{place}");
        assert_eq!((&found["next"], item.get("locations")), (&Value::Null, None));
    }
    // The one item of a SKU, by two calls: one finds it, the other has its figures by location.
    connector.zoho.sandbox.clear_requests();
    let exact = agent.get("/v1/inventory/items?sku=SHELF-OAK-80&location=Outlet&fields=sku,stock").await.ok();
    let item = &exact["data"][0];
    assert_eq!((&item["sku"], &item["stock"]["locations"]), (&json!("SHELF-OAK-80"), &json!([outlet])));
    assert!(exact["data"].as_array().unwrap().len() == 1 && exact.get("notice").is_none(), "{exact}");
    assert_eq!(connector.zoho.sandbox.requests().len(), 2);
    let mars = agent.get("/v1/inventory/items?sku=SHELF-OAK-80&location=Mars").await;
    let mars = mars.problem("location_not_found");
    assert!(mars["detail"].as_str().unwrap().contains(r#""Main", "Outlet""#), "{mars}");
    assert_eq!(mars["untrusted"], json!(["detail"]), "people name locations");
    let service = agent.get("/v1/inventory/items?sku=SVC-MOUNT&location=Outlet").await.ok();
    assert_eq!(service["data"][0]["stock"], json!({ "tracked": false }));
    agent.get("/v1/inventory/items?sku=SHELF-OAK-80&location=").await.problem("invalid_parameter");
    let mut path = "/v1/inventory/items?location=Outlet&fields=sku".to_owned();
    let mut count = 0;
    loop {
        let page = agent.get(&path).await.ok();
        count += page["data"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    assert!(count > 230, "{count}");
    let none =
        agent.get("/v1/inventory/items?location=Mars&search=SHELF-OAK").await.problem("location_not_found");
    assert!(none["detail"].as_str().unwrap().contains("Outlet"), "{none}");
}

/// A hundred items with as many places each are more than 8 MB.
#[tokio::test]
async fn items_that_are_too_much_for_one_answer_are_read_in_parts() {
    let (connector, agent) = Connector::connected().await;
    let sandbox = &connector.zoho.sandbox;
    let detailed = "/v1/inventory/items?details=true";
    let whole = agent.get(detailed).await.ok();
    assert!(whole["data"].as_array().unwrap().len() > 1);
    let kind = FaultKind::Body(200, "application/json".to_owned(), " ".repeat(9 * 1024 * 1024));
    sandbox.inject(Fault { path_contains: "/itemdetails".to_owned(), times: 1, kind });
    sandbox.clear_requests();
    assert_eq!(agent.get(detailed).await.ok(), whole);
    let calls = sandbox.requests().iter().filter(|request| request.path.ends_with("/itemdetails")).count();
    assert_eq!(calls, 3, "all at once, and then each half");
}
