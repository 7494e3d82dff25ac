//! Transfer orders: when both places move, what is refused, how they are found again.

use serde_json::{Value, json};

use crate::adjustments::{MAIN, OUTLET, PINE, SERVICE, SHELF, start, with};
use crate::support::{ORG, Reply, Zoho, code};

fn wanted() -> Value {
    json!({ "date": "2026-11-20", "from_location_id": MAIN, "to_location_id": OUTLET, "description": "zc-1",
        "line_items": [{ "item_id": SHELF, "name": "Oak Shelf", "quantity_transfer": 4 }] })
}

async fn transfer(zoho: &Zoho, token: &str, body: &Value) -> Reply {
    zoho.post_inventory("/transferorders", token, body).await
}

async fn receive(zoho: &Zoho, token: &str, id: &str, query: &str) -> Reply {
    zoho.post_inventory(&format!("/transferorders/{id}/markastransferred?{query}"), token, &Value::Null).await
}

async fn delete(zoho: &Zoho, token: &str, path: &str) -> Reply {
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = format!("/inventory/v1/transferorders{path}{joint}{ORG}");
    zoho.call("DELETE", &path, token, &Value::Null).await
}

/// Main, Outlet, and what is on its way to Outlet.
fn shelves(zoho: &Zoho) -> [String; 3] {
    let stock = zoho.stock(SHELF);
    [stock[0].on_hand.clone(), stock[1].on_hand.clone(), stock[1].in_transit.clone()]
}

#[tokio::test]
async fn both_places_move_at_once_unless_told_otherwise() {
    let (zoho, token) = start().await;
    let reply = transfer(&zoho, &token, &wanted()).await;
    assert_eq!((reply.status, reply.at("/message").as_str()), (200, "Transfer Order added successfully."));
    for (pointer, expected) in [
        ("/transfer_order_number", "TO-00001"),
        ("/status", "transferred"),
        ("/transferred_date", "2026-11-20"),
        ("/from_location_name", "Main"),
        ("/to_location_id", OUTLET),
        ("/quantity_transfer", "4.0"),
        ("/line_items/0/name", "Oak Shelf 80 cm"),
        ("/line_items/0/quantity_transferred", "4.0"),
        ("/total", "99.8"),
    ] {
        assert_eq!(reply.at(&format!("/transfer_order{pointer}")), expected, "{pointer}");
    }
    assert_eq!(shelves(&zoho), ["26.0", "16.0", "0.0"]);
    assert_eq!(zoho.items()[0]["stock_on_hand"].to_string(), "42.0");
    assert_eq!(zoho.items()[0]["last_modified_time"], "2026-11-21T11:00:00+0100");
    let next = transfer(&zoho, &token, &with(wanted(), "is_intransit_order", json!(false))).await;
    assert_eq!(next.at("/transfer_order/transfer_order_number"), "TO-00002");
    assert_eq!(shelves(&zoho), ["22.0", "20.0", "0.0"]);
}

#[tokio::test]
async fn what_is_on_its_way_arrives_when_it_is_marked() {
    let (zoho, token) = start().await;
    let reply = transfer(&zoho, &token, &with(wanted(), "is_intransit_order", json!(true))).await;
    assert_eq!(reply.at("/transfer_order/status"), "in_transit");
    assert_eq!(reply.at("/transfer_order/quantity_transferred"), "0.0");
    assert_eq!(shelves(&zoho), ["26.0", "12.0", "4.0"]);
    let item = zoho.inventory(&format!("/items/{SHELF}"), &token).await;
    assert_eq!(item.at("/item/locations/1/location_quantity_in_transit"), "4.0");
    assert_eq!(item.at("/item/stock_on_hand"), "38.0");
    let id = reply.at("/transfer_order/transfer_order_id");
    assert_eq!(code(&receive(&zoho, &token, &id, "x=1").await), (400, "4".to_owned()), "it needs a date");
    for _ in 0..2 {
        let marked = receive(&zoho, &token, &id, "date=2026-11-21").await;
        let done = json!({ "code": 0, "message": "The status of the Transfer Order has been updated." });
        assert_eq!(marked.json(), done);
        assert_eq!(shelves(&zoho), ["26.0", "16.0", "0.0"]);
    }
    let read = zoho.inventory(&format!("/transferorders/{id}"), &token).await;
    assert_eq!(read.at("/transfer_order/transferred_date"), "2026-11-21");
    assert_eq!(read.at("/transfer_order/line_items/0/quantity_transferred"), "4.0");
    zoho.switches(|switches| switches.transfer_mark_repeated_refused = true);
    assert_eq!(receive(&zoho, &token, &id, "date=2026-11-21").await.status, 400);
    assert_eq!(code(&receive(&zoho, &token, "33", "date=2026-11-21").await), (404, "1002".to_owned()));
}

#[tokio::test]
async fn a_draft_moves_nothing_until_it_is_sent() {
    let (zoho, token) = start().await;
    let reply = transfer(&zoho, &token, &with(wanted(), "status", json!("draft"))).await;
    assert_eq!(reply.at("/transfer_order/status"), "draft");
    let id = reply.at("/transfer_order/transfer_order_id");
    assert_eq!(receive(&zoho, &token, &id, "date=2026-11-21").await.status, 200, "and changes nothing");
    assert_eq!(shelves(&zoho), ["30.0", "12.0", "0.0"]);
    let path = format!("/transferorders/{id}/intransit");
    for status in [200, 400] {
        assert_eq!(zoho.post_inventory(&path, &token, &Value::Null).await.status, status);
        assert_eq!(shelves(&zoho), ["26.0", "12.0", "4.0"]);
    }
}

#[tokio::test]
async fn numbers_are_unique_and_the_counter_passes_over_none() {
    let (zoho, token) = start().await;
    let own = |number: &str| with(wanted(), "transfer_order_number", json!(number));
    assert_eq!(code(&transfer(&zoho, &token, &own("ZC-1")).await), (400, "4097".to_owned()));
    let path = "/transferorders?ignore_auto_number_generation=true";
    for (number, expected) in [("ZC-1", 200), ("ZC-1", 400), ("TO-00001", 200)] {
        let reply = zoho.post_inventory(path, &token, &own(number)).await;
        assert_eq!(reply.status, expected, "{number}");
        if expected == 400 {
            assert_eq!(reply.at("/message"), "Transfer Order Number already exist");
        }
    }
    assert_eq!(code(&zoho.post_inventory(path, &token, &wanted()).await), (400, "6".to_owned()));
    let counter = transfer(&zoho, &token, &wanted()).await;
    assert_eq!(
        (counter.status, counter.at("/message").as_str()),
        (400, "Transfer Order Number already exist")
    );
    assert_eq!(zoho.transfer_orders().len(), 2);
    zoho.switches(|switches| switches.transfer_number_needed = true);
    assert_eq!(code(&transfer(&zoho, &token, &wanted()).await), (400, "6".to_owned()));
    assert_eq!(transfer(&zoho, &token, &own("TO-00009")).await.status, 200);
    zoho.switches(|switches| {
        switches.transfer_number_needed = false;
        switches.transfer_number_replaced = true;
    });
    delete(&zoho, &token, &format!("/{}", zoho.transfer_orders()[1]["transfer_order_id"].as_str().unwrap()))
        .await;
    let replaced = transfer(&zoho, &token, &own("ZC-2")).await;
    assert_eq!(replaced.at("/transfer_order/transfer_order_number"), "TO-00001");
}

#[tokio::test]
async fn all_of_it_or_nothing() {
    let (zoho, token) = start().await;
    zoho.add_item(json!({ "item_id": "101", "name": "Lamp", "track_serial_number": true }));
    let line = |line: Value| {
        let good = json!({ "item_id": SHELF, "name": "x", "quantity_transfer": 1 });
        with(wanted(), "line_items", json!([good, line]))
    };
    for (body, expected, text) in [
        (with(wanted(), "date", Value::Null), "4", "date"),
        (with(wanted(), "from_location_id", Value::Null), "4", "from_location_id"),
        (with(wanted(), "to_location_id", json!("1")), "2", "to_location_id"),
        (with(wanted(), "to_location_id", json!(MAIN)), "4", "same"),
        (with(wanted(), "line_items", json!([])), "4", "line_items"),
        (with(wanted(), "description", json!("x".repeat(501))), "2", "description"),
        (line(json!({ "item_id": SHELF, "quantity_transfer": 1 })), "4", "name"),
        (line(json!({ "name": "x", "quantity_transfer": 1 })), "4", "item_id"),
        (line(json!({ "item_id": SHELF, "name": "x", "quantity": 1 })), "4", "quantity_transfer"),
        (line(json!({ "item_id": SHELF, "name": "x", "quantity_transfer": -1 })), "2", "quantity_transfer"),
        (line(json!({ "item_id": SERVICE, "name": "x", "quantity_transfer": 1 })), "4", "Mounting service"),
        (line(json!({ "item_id": "101", "name": "x", "quantity_transfer": 1 })), "2205", "Lamp"),
        (
            line(json!({ "item_id": PINE, "name": "x", "quantity_transfer": 1 })),
            "4",
            "Transfer Order cannot be raised for item Pine Shelf 60 cm (discontinued) that has been deleted or marked as inactive",
        ),
        (line(json!({ "item_id": "33", "name": "Gone", "quantity_transfer": 1 })), "4", "for item Gone that"),
    ] {
        let reply = transfer(&zoho, &token, &body).await;
        assert_eq!(code(&reply), (400, expected.to_owned()), "{body}");
        assert!(reply.at("/message").contains(text), "{reply:?}");
    }
    zoho.switches(|switches| switches.transfer_line_cap = 1);
    let reply = transfer(&zoho, &token, &line(json!({}))).await;
    assert!(reply.status == 400 && reply.at("/message").contains("exceeded the size"), "{reply:?}");
    assert_eq!(
        (shelves(&zoho), zoho.transfer_orders().len()),
        (["30.0", "12.0", "0.0"].map(str::to_owned), 0)
    );
}

#[tokio::test]
async fn shortage_and_the_same_place() {
    let (zoho, token) = start().await;
    let much =
        with(wanted(), "line_items", json!([{ "item_id": SHELF, "name": "x", "quantity_transfer": "30.5" }]));
    zoho.switches(|switches| switches.transfer_shortage_refused = true);
    assert_eq!(transfer(&zoho, &token, &much).await.status, 400);
    zoho.switches(|switches| switches.transfer_shortage_refused = false);
    assert_eq!(transfer(&zoho, &token, &much).await.status, 200);
    assert_eq!(shelves(&zoho), ["-0.5", "42.5", "0.0"]);
    zoho.switches(|switches| switches.transfer_same_place_taken = true);
    let same = with(wanted(), "to_location_id", json!(MAIN));
    assert_eq!(transfer(&zoho, &token, &same).await.status, 200);
    assert_eq!(shelves(&zoho), ["-0.5", "42.5", "0.0"]);
}

#[tokio::test]
async fn a_deleted_transfer_gives_its_stock_back() {
    let (zoho, token) = start().await;
    let mut ids = Vec::new();
    for in_transit in [true, false] {
        let body = with(wanted(), "is_intransit_order", json!(in_transit));
        ids.push(transfer(&zoho, &token, &body).await.at("/transfer_order/transfer_order_id"));
    }
    assert_eq!(shelves(&zoho), ["22.0", "16.0", "4.0"]);
    zoho.switches(|switches| switches.transfer_delete_refused = true);
    assert_eq!(delete(&zoho, &token, &format!("/{}", ids[0])).await.status, 400);
    zoho.switches(|switches| switches.transfer_delete_refused = false);
    let several = format!("?transfer_order_ids={},{}", ids[0], ids[1]);
    let gone = delete(&zoho, &token, &several).await;
    assert_eq!(gone.json(), json!({ "code": 0, "message": "Transfer Order(s) has been deleted." }));
    assert_eq!(shelves(&zoho), ["30.0", "12.0", "0.0"]);
    assert_eq!(code(&delete(&zoho, &token, &several).await), (404, "1002".to_owned()));
    assert_eq!(code(&delete(&zoho, &token, "").await), (400, "2".to_owned()));
}

#[tokio::test]
async fn rights_locks_and_older_organisations() {
    let (zoho, token) = start().await;
    zoho.switches(|switches| switches.read_only_locations = vec![OUTLET.to_owned()]);
    assert_eq!(code(&transfer(&zoho, &token, &wanted()).await), (400, "400040".to_owned()));
    zoho.switches(|switches| {
        switches.read_only_locations.clear();
        switches.lock_date = Some("2026-11-20".to_owned());
    });
    assert_eq!(transfer(&zoho, &token, &wanted()).await.status, 400);
    zoho.switches(|switches| {
        switches.lock_date = None;
        switches.legacy_warehouses = true;
    });
    assert_eq!(code(&transfer(&zoho, &token, &wanted()).await), (400, "9163".to_owned()));
    let older = json!({ "date": "2026-11-20", "from_warehouse_id": MAIN, "to_warehouse_id": OUTLET,
        "line_items": [{ "item_id": SHELF, "name": "x", "quantity_transfer": 4 }] });
    let reply = transfer(&zoho, &token, &older).await;
    assert_eq!(reply.at("/transfer_order/to_warehouse_name"), "Outlet");
    assert!(reply.status == 200 && !reply.text.contains("location_id"), "{reply:?}");
    assert_eq!(shelves(&zoho), ["26.0", "16.0", "0.0"]);
    zoho.switches(|switches| {
        switches.legacy_warehouses = false;
        switches.without_locations = true;
    });
    assert_eq!(transfer(&zoho, &token, &wanted()).await.status, 400, "there is but one place");
}

#[tokio::test]
async fn a_new_place_takes_stock() {
    let (zoho, token) = start().await;
    let third = zoho.add_location("Harbour");
    zoho.add_item(
        json!({ "item_id": "301", "name": "Later", "sku": "L", "stock_on_hand": 2.5, "committed_stock": 1 }),
    );
    assert_eq!(zoho.stock("301").len(), 3);
    let list = zoho.inventory("/locations", &token).await;
    assert_eq!(list.at("/locations/2/location_name"), "Harbour");
    for item in [SHELF, "301"] {
        let lines = json!([{ "item_id": item, "name": "x", "quantity_transfer": "1.25" }]);
        let body = with(with(wanted(), "to_location_id", json!(third)), "line_items", lines);
        assert_eq!(transfer(&zoho, &token, &body).await.status, 200);
        assert_eq!(zoho.stock_at(item, &third).unwrap(), "1.25");
    }
    let later = zoho.inventory("/items/301", &token).await;
    assert_eq!(later.at("/item/available_for_sale_stock"), "1.5");
    assert_eq!(later.at("/item/locations/0/location_actual_available_for_sale_stock"), "0.25");
}

#[tokio::test]
async fn the_list_has_filters_that_may_be_ignored() {
    let (zoho, token) = start().await;
    for (date, in_transit) in [("2026-11-10", false), ("2026-11-02", true), ("2026-11-20", false)] {
        let body = with(with(wanted(), "date", json!(date)), "is_intransit_order", json!(in_transit));
        transfer(&zoho, &token, &body).await;
    }
    let numbers = async |query: &str| {
        let list = zoho.inventory(&format!("/transferorders?{query}"), &token).await.json();
        let rows = list["transfer_orders"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["transfer_order_number"].as_str().unwrap().replace("TO-0000", ""))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (query, expected) in [
        ("", "3 2 1"),
        ("transfer_order_number=TO-00002", "2"),
        ("transfer_order_number_startswith=to-", "3 2 1"),
        ("transfer_order_number_contains=3", "3"),
        ("status=in_transit", "2"),
        ("date_start=2026-11-05&date_end=2026-11-15", "1"),
        ("date_after=2026-11-10", "3"),
        ("date_before=2026-11-10", "2"),
        ("sort_column=date&sort_order=A", "2 1 3"),
        ("to_location_id=1", ""),
        ("item_id=33", ""),
        ("from_date=2030-01-01", "3 2 1"),
    ] {
        assert_eq!(numbers(query).await, expected, "{query}");
    }
    let row = zoho.inventory("/transferorders", &token).await;
    assert_eq!(
        (row.at("/transfer_orders/0/line_items"), row.at("/transfer_orders/0/quantity_transferred")),
        (String::new(), "4.0".to_owned())
    );
    zoho.switches(|switches| switches.transfer_filters_ignored = true);
    assert_eq!(numbers("status=in_transit").await, "3 2 1");
}

#[tokio::test]
async fn each_verb_has_its_scope() {
    let (zoho, token) = start().await;
    let id = transfer(&zoho, &token, &wanted()).await.at("/transfer_order/transfer_order_id");
    for (operation, get, post, gone) in
        [("READ", 200, 401, 401), ("CREATE", 401, 200, 401), ("DELETE", 401, 401, 200)]
    {
        let (own, _) = zoho.connect(&format!("ZohoInventory.transferorders.{operation}")).await;
        assert_eq!(zoho.inventory("/transferorders", &own).await.status, get, "{operation}");
        assert_eq!(transfer(&zoho, &own, &wanted()).await.status, post, "{operation}");
        assert_eq!(receive(&zoho, &own, &id, "date=2026-11-21").await.status, post, "{operation}");
        assert_eq!(delete(&zoho, &own, &format!("/{id}")).await.status, gone, "{operation}");
    }
}
