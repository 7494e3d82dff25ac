//! Sales orders: what a write needs, what it moves, what a list can find again.

use sandbox::{Entity, Fault, FaultKind};
use serde_json::{Value, json};

use crate::support::{Zoho, code};

const HARBOR: &str = "3300000000060210";
const SHELF: &str = "3300000000070001";

fn wanted() -> Value {
    json!({ "customer_id": HARBOR, "reference_number": "web-1", "date": "2026-11-20", "shipping_charge": 6.0,
        "line_items": [{ "item_id": SHELF, "quantity": 2, "rate": 49.9 },
            { "item_id": 3_300_000_000_070_002_u64, "quantity": 1 }] })
}

async fn stock(zoho: &Zoho, token: &str) -> [String; 4] {
    let item = zoho.inventory(&format!("/items/{SHELF}"), token).await;
    [
        "/item/stock_on_hand",
        "/item/committed_stock",
        "/item/available_for_sale_stock",
        "/item/locations/0/location_committed_stock",
    ]
    .map(|pointer| item.at(pointer))
}

#[tokio::test]
async fn an_order_is_created_as_a_draft_and_adds_up() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let reply = zoho.post_inventory("/salesorders", &token, &wanted()).await;
    assert_eq!(code(&reply), (201, "0".to_owned()), "{reply:?}");
    for (pointer, expected) in [
        ("/salesorder_number", "SO-00128"),
        ("/status", "draft"),
        ("/shipped_status", ""),
        ("/line_items/0/item_total", "99.8"),
        ("/line_items/1/rate", "7.25"),
        ("/line_items/1/sku", "BRKT-STD"),
        ("/sub_total", "107.05"),
        ("/total", "113.05"),
        ("/total_quantity", "3.0"),
        ("/location_name", "Main"),
        ("/customer_name", "Harbor Interiors GmbH"),
    ] {
        assert_eq!(reply.at(&format!("/salesorder{pointer}")), expected, "{pointer}");
    }
    let id = reply.at("/salesorder/salesorder_id");
    assert_eq!(
        zoho.inventory(&format!("/salesorders/{id}"), &token).await.json()["salesorder"],
        reply.json()["salesorder"]
    );
    assert_eq!(zoho.salesorders().last().unwrap()["reference_number"], "web-1");
    let again = zoho.post_inventory("/salesorders", &token, &wanted()).await;
    assert_eq!(again.at("/salesorder/salesorder_number"), "SO-00129", "a reference is not unique");
    assert_eq!(zoho.salesorders().len(), 6);
}

#[tokio::test]
async fn discounts_and_tax_are_part_of_the_total() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let order = json!({ "customer_id": HARBOR, "line_items": [
        { "item_id": SHELF, "quantity": 3, "rate": "49.90", "discount": "10%", "tax_id": "3300000000044019" },
        { "item_id": SHELF, "quantity": 1, "rate": 10, "discount": 2.5, "location_id": "3300000000038095" }] });
    let reply = zoho.post_inventory("/salesorders", &token, &order).await;
    for (pointer, expected) in [
        ("/line_items/0/item_total", "134.73"),
        ("/line_items/1/item_total", "7.5"),
        ("/line_items/1/location_name", "Outlet"),
        ("/tax_total", "25.6"),
        ("/total", "167.83"),
    ] {
        assert_eq!(reply.at(&format!("/salesorder{pointer}")), expected, "{pointer}");
    }
}

#[tokio::test]
async fn what_is_missing_or_unknown_is_refused_and_nothing_is_written() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let with = |key: &str, value: Value| {
        let mut order = wanted();
        order[key] = value;
        order
    };
    let line = |value: Value| with("line_items", json!([value]));
    for (order, expected) in [
        (json!([]), (400, "4")),
        (with("customer_id", Value::Null), (400, "4")),
        (with("customer_id", json!("Harbor")), (400, "4")),
        (with("customer_id", json!("3300000000069999")), (404, "1002")),
        (with("customer_id", json!("3300000000060212")), (400, "2")),
        (with("line_items", json!([])), (400, "4")),
        (with("date", json!("20.11.2026")), (400, "2")),
        (with("location_id", json!("1")), (400, "2")),
        (with("shipping_charge", json!("much")), (400, "2")),
        (line(json!({ "quantity": 1 })), (400, "4")),
        (line(json!({ "item_id": "3300000000079999", "quantity": 1 })), (404, "1002")),
        (line(json!({ "item_id": SHELF, "quantity": 0 })), (400, "2")),
        (line(json!({ "item_id": SHELF, "quantity": 1, "rate": -1 })), (400, "2")),
        (line(json!({ "item_id": SHELF, "quantity": 1, "discount": "101%" })), (400, "2")),
        (line(json!({ "item_id": SHELF, "quantity": 1, "tax_id": "7" })), (400, "2")),
        (with("salesorder_number", json!("X-1")), (400, "4097")),
    ] {
        let reply = zoho.post_inventory("/salesorders", &token, &order).await;
        assert_eq!(code(&reply), (expected.0, expected.1.to_owned()), "{order}");
    }
    zoho.switches(|switches| switches.missing_is_400 = true);
    let reply =
        zoho.post_inventory("/salesorders", &token, &with("customer_id", json!("3300000000069999"))).await;
    assert_eq!(code(&reply), (400, "1002".to_owned()));
    assert_eq!(zoho.salesorders().len(), 4);
}

#[tokio::test]
async fn numbers_are_unique_and_zohos_own_unless_told_otherwise() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let mut own = wanted();
    own["salesorder_number"] = json!("SO-00128");
    let path = "/salesorders?ignore_auto_number_generation=true";
    let reply = zoho.post_inventory(path, &token, &own).await;
    assert_eq!(reply.at("/salesorder/salesorder_number"), "SO-00128");
    assert_eq!(code(&zoho.post_inventory(path, &token, &own).await), (400, "36004".to_owned()));
    assert_eq!(code(&zoho.post_inventory(path, &token, &wanted()).await), (400, "4".to_owned()));
    let next = zoho.post_inventory("/salesorders", &token, &wanted()).await;
    assert_eq!(next.at("/salesorder/salesorder_number"), "SO-00129", "one taken by hand is passed over");
    zoho.switches(|switches| switches.order_number_replaced = true);
    own["salesorder_number"] = json!("MINE-1");
    let replaced = zoho.post_inventory("/salesorders", &token, &own).await;
    assert_eq!(replaced.at("/salesorder/salesorder_number"), "SO-00130");
    zoho.switches(|switches| {
        switches.order_number_replaced = false;
        switches.order_number_needed = true;
    });
    assert_eq!(code(&zoho.post_inventory("/salesorders", &token, &wanted()).await), (400, "4".to_owned()));
    assert_eq!(
        zoho.post_inventory("/salesorders", &token, &own).await.at("/salesorder/salesorder_number"),
        "MINE-1"
    );
}

#[tokio::test]
async fn a_confirmed_order_holds_stock_and_a_void_one_frees_it() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    assert_eq!(stock(&zoho, &token).await, ["42.0", "5.0", "37.0", "5.0"]);
    let id = zoho.post_inventory("/salesorders", &token, &wanted()).await.at("/salesorder/salesorder_id");
    assert_eq!(stock(&zoho, &token).await[1], "5.0", "a draft holds nothing");
    zoho.advance(std::time::Duration::from_secs(2));
    let reply =
        zoho.post_inventory(&format!("/salesorders/{id}/status/confirmed"), &token, &Value::Null).await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({ "code": 0, "message": "Sales order status has been changed to 'Confirmed'." }))
    );
    for _ in 0..2 {
        zoho.post_inventory(&format!("/salesorders/{id}/status/confirmed"), &token, &Value::Null).await;
        assert_eq!(stock(&zoho, &token).await, ["42.0", "7.0", "35.0", "7.0"]);
    }
    let order = zoho.inventory(&format!("/salesorders/{id}"), &token).await;
    let fields = ["status", "order_status", "invoiced_status", "paid_status", "shipped_status"];
    assert_eq!(
        fields.map(|key| order.at(&format!("/salesorder/{key}"))),
        ["confirmed", "confirmed", "not_invoiced", "unpaid", "pending"]
    );
    assert_ne!(order.at("/salesorder/last_modified_time"), order.at("/salesorder/created_time"));
    let void = format!("/salesorders/{id}/status/void");
    assert_eq!(zoho.post_inventory(&void, &token, &Value::Null).await.status, 200);
    assert_eq!(stock(&zoho, &token).await, ["42.0", "5.0", "37.0", "5.0"]);
    let back =
        zoho.post_inventory(&format!("/salesorders/{id}/status/confirmed"), &token, &Value::Null).await;
    assert_eq!(code(&back), (400, "36023".to_owned()));
    let draft = zoho.post_inventory("/salesorders", &token, &wanted()).await.at("/salesorder/salesorder_id");
    zoho.post_inventory(&format!("/salesorders/{draft}/status/void"), &token, &Value::Null).await;
    assert_eq!(stock(&zoho, &token).await[1], "5.0", "a draft has nothing to free");
    let missing = zoho.post_inventory("/salesorders/33/status/void", &token, &Value::Null).await;
    assert_eq!(code(&missing), (404, "1002".to_owned()));
}

#[tokio::test]
async fn several_are_confirmed_or_none() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(
            zoho.post_inventory("/salesorders", &token, &wanted()).await.at("/salesorder/salesorder_id"),
        );
    }
    let path = |ids: &str| format!("/salesorders/status/confirmed?salesorder_ids={ids}");
    let one_dead = zoho.post_inventory(&path(&format!("{},33", ids[0])), &token, &Value::Null).await;
    assert_eq!(code(&one_dead), (404, "1002".to_owned()));
    assert_eq!(stock(&zoho, &token).await[1], "5.0");
    assert_eq!(zoho.post_inventory(&path(&ids.join(",")), &token, &Value::Null).await.status, 200);
    assert_eq!(stock(&zoho, &token).await[1], "9.0");
    assert_eq!(code(&zoho.post_inventory(&path(""), &token, &Value::Null).await), (400, "4".to_owned()));
}

#[tokio::test]
async fn only_some_filters_of_the_list_do_anything() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let numbers = async |query: &str| -> String {
        let reply = zoho.inventory(&format!("/salesorders?{query}"), &token).await.json();
        let rows = reply["salesorders"].as_array().unwrap().clone();
        let last = |row: &Value| row["salesorder_number"].as_str().unwrap().replace("SO-00", "");
        rows.iter().map(last).collect::<Vec<_>>().join(" ")
    };
    for (query, expected) in [
        ("", "127 126 125 124"),
        ("status=void", "126"),
        ("customer_id=3300000000060211", "127 124"),
        ("search_text=558201", "126 125"),
        ("date_start=2026-11-17&date_end=2026-11-18", "126 125"),
        ("sort_column=salesorder_number", "124 125 126 127"),
        ("sort_column=total&sort_order=D", "125 127 126 124"),
        // Not seen to work anywhere: the whole list.
        ("reference_number=web-558340", "127 126 125 124"),
        ("salesorder_number=SO-00124", "127 126 125 124"),
        ("last_modified_time=2030-01-01T00:00:00%2B0100", "127 126 125 124"),
    ] {
        assert_eq!(numbers(query).await, expected, "{query}");
    }
    let row = zoho.inventory("/salesorders?search_text=SO-00125", &token).await;
    for (key, expected) in
        [("email", "orders@example.com"), ("quantity", "6.0"), ("balance", "369.45"), ("total", "369.45")]
    {
        assert_eq!(row.at(&format!("/salesorders/0/{key}")), expected);
    }
    assert_eq!(
        (row.at("/salesorders/0/line_items"), row.at("/page_context/sort_order")),
        (String::new(), "D".to_owned())
    );
    zoho.switches(|switches| {
        switches.order_dates_ignored = true;
        switches.order_search_without_reference = true;
    });
    assert_eq!(numbers("date_start=2026-11-18").await, "127 126 125 124");
    assert_eq!(numbers("search_text=558201").await, "");
    zoho.switches(|switches| switches.order_filters_ignored = true);
    assert_eq!(numbers("status=void").await, "127 126 125 124");
}

#[tokio::test]
async fn the_official_key_can_be_switched_on() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.switches(|switches| switches.official_file_keys = true);
    let reply = zoho.post_inventory("/salesorders", &token, &wanted()).await;
    assert_eq!((reply.at("/sales_order/status").as_str(), reply.at("/salesorder").as_str()), ("draft", ""));
    let id = reply.at("/sales_order/salesorder_id");
    let read = zoho.inventory(&format!("/salesorders/{id}"), &token).await;
    assert_eq!(read.at("/salesorder/salesorder_id"), id, "reading has the other key in the file too");
}

#[tokio::test]
async fn each_verb_has_its_scope() {
    let zoho = Zoho::start().await;
    let (reader, _) = zoho.connect("ZohoInventory.salesorders.READ").await;
    let (writer, _) = zoho.connect("ZohoInventory.salesorders.CREATE").await;
    let id = zoho.salesorders()[3]["salesorder_id"].as_str().unwrap().to_owned();
    let draft = format!("/salesorders/{id}/status/confirmed");
    for (token, read, write) in [(&reader, 200, 401), (&writer, 401, 200)] {
        assert_eq!(zoho.inventory("/salesorders", token).await.status, read);
        assert_eq!(zoho.inventory(&format!("/salesorders/{id}"), token).await.status, read);
        assert_eq!(zoho.post_inventory(&draft, token, &Value::Null).await.status, write);
    }
    assert_eq!(zoho.post_inventory("/salesorders", &reader, &wanted()).await.at("/code"), "57");
    assert_eq!(zoho.post_inventory("/salesorders", &writer, &wanted()).await.status, 201);
}

#[tokio::test]
async fn a_create_that_ends_in_silence_may_have_acted() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let path = format!("/eu/api/inventory/v1/salesorders?{}", crate::support::ORG);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    for (kind, orders) in [(FaultKind::ResetBefore, 4), (FaultKind::ResetAfter, 5)] {
        zoho.inject_on("POST", Fault { path_contains: "/salesorders".to_owned(), times: 1, kind });
        assert!(zoho.send("POST", &path, &headers, &wanted().to_string()).await.is_none());
        assert_eq!(zoho.salesorders().len(), orders);
    }
}

#[tokio::test]
async fn orders_fire_their_own_webhooks_and_items_only_if_switched_on() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    for (entity, path) in [(Entity::SalesOrder, "/order"), (Entity::Item, "/item")] {
        zoho.add_webhook(sandbox::Webhook {
            url: format!("{}{path}", receiver.url()),
            secret: String::new(),
            entity,
            body: sandbox::BodyForm::Json,
            encoding: sandbox::SignatureEncoding::Hex,
        });
    }
    let token = zoho.connected().await;
    let received = async |count: usize| {
        for _ in 0..100 {
            if receiver.requests().len() >= count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        receiver.requests().iter().map(|one| one.path.clone()).collect::<Vec<_>>()
    };
    let id = zoho.post_inventory("/salesorders", &token, &wanted()).await.at("/salesorder/salesorder_id");
    zoho.post_inventory(&format!("/salesorders/{id}/status/confirmed"), &token, &Value::Null).await;
    assert_eq!(received(2).await, ["/order", "/order"]);
    assert!(receiver.requests()[1].body.starts_with(r#"{"salesorder":{"#));
    receiver.clear_requests();
    zoho.switches(|switches| switches.orders_change_items = true);
    let before = zoho.items()[0]["last_modified_time"].clone();
    zoho.post_inventory(&format!("/salesorders/{id}/status/void"), &token, &Value::Null).await;
    assert_eq!(received(3).await, ["/item", "/item", "/order"]);
    assert_ne!(zoho.items()[0]["last_modified_time"], before);
}
