//! Inventory adjustments: what they move, what they refuse, how they are found again.

use std::time::Duration;

use sandbox::{Entity, Fault, FaultKind, Options};
use serde_json::{Value, json};

use crate::support::{ORG, Reply, Zoho, code};

pub(crate) const SHELF: &str = "3300000000070001";
pub(crate) const BRACKET: &str = "3300000000070002";
pub(crate) const SERVICE: &str = "3300000000070003";
pub(crate) const PINE: &str = "3300000000070005";
pub(crate) const MAIN: &str = "3300000000038080";
pub(crate) const OUTLET: &str = "3300000000038095";

fn wanted(lines: Value) -> Value {
    let body = json!({ "date": "2026-11-20", "reason": "Stock count", "reference_number": "zc-1",
        "description": "part 1", "adjustment_type": "quantity" });
    with(body, "line_items", lines)
}

fn of(item: &str, quantity: Value) -> Value {
    wanted(Value::Array(vec![with(json!({ "item_id": item }), "quantity_adjusted", quantity)]))
}

pub(crate) fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

type Turn = fn(&mut sandbox::Switches);

/// A sandbox whose clock stands, and a token.
pub(crate) async fn start() -> (Zoho, String) {
    let standing = Some("2026-11-21T10:00:00Z".parse().unwrap());
    let zoho = Zoho::start_with(Options { standing, ..Options::new("") }).await;
    let token = zoho.connected().await;
    (zoho, token)
}

async fn adjust(zoho: &Zoho, token: &str, body: &Value) -> Reply {
    zoho.post_inventory("/inventoryadjustments", token, body).await
}

async fn delete(zoho: &Zoho, token: &str, id: &str) -> Reply {
    let path = format!("/inventory/v1/inventoryadjustments/{id}?{ORG}");
    zoho.call("DELETE", &path, token, &Value::Null).await
}

fn at(zoho: &Zoho, item: &str, place: &str) -> String {
    zoho.stock_at(item, place).unwrap()
}

/// References of the list, in order.
async fn references(zoho: &Zoho, token: &str, query: &str) -> Vec<String> {
    let list = zoho.inventory(&format!("/inventoryadjustments?{query}"), token).await.json();
    let rows = list["inventory_adjustments"].as_array().unwrap().clone();
    rows.iter().map(|row| row["reference_number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_adjustment_moves_its_stock_in_the_call() {
    let (zoho, token) = start().await;
    let body = wanted(json!([
        { "item_id": SHELF, "quantity_adjusted": -2, "location_id": OUTLET },
        { "item_id": BRACKET, "quantity_adjusted": "5.5" }]));
    let reply = adjust(&zoho, &token, &with(body, "location_id", json!(MAIN))).await;
    assert_eq!((reply.status, reply.at("/message")), (200, "Inventory Adjustment has been added".to_owned()));
    for (pointer, expected) in [
        ("/status", "adjusted"),
        ("/date", "2026-11-20"),
        ("/created_time", "2026-11-21T11:00:00+0100"),
        ("/location_name", "Main"),
        ("/line_items/0/quantity_adjusted", "-2.000000"),
        ("/line_items/0/quantity_adjusted_formatted", "-2.00"),
        ("/line_items/0/location_name", "Outlet"),
        ("/line_items/1/location_id", MAIN),
        ("/line_items/1/sku", "BRKT-STD"),
        ("/is_inventory_valuation_pending", "true"),
        ("/total", "0.00"),
    ] {
        assert_eq!(reply.at(&format!("/inventory_adjustment{pointer}")), expected, "{pointer}");
    }
    let shelf = zoho.inventory(&format!("/items/{SHELF}"), &token).await;
    for (pointer, expected) in [
        ("/stock_on_hand", "40.0"),
        ("/available_stock", "40.0"),
        ("/actual_available_stock", "40.0"),
        ("/available_for_sale_stock", "35.0"),
        ("/actual_available_for_sale_stock", "35.0"),
        ("/committed_stock", "5.0"),
        ("/locations/0/location_stock_on_hand", "30.0"),
        ("/locations/1/location_stock_on_hand", "10.0"),
        ("/locations/1/location_actual_available_stock", "10.0"),
        ("/last_modified_time", "2026-11-21T11:00:00+0100"),
    ] {
        assert_eq!(shelf.at(&format!("/item{pointer}")), expected, "{pointer}");
    }
    assert_eq!(at(&zoho, BRACKET, MAIN), "2.5");
    let id = reply.at("/inventory_adjustment/inventory_adjustment_id");
    zoho.advance(Duration::from_secs(4));
    let read = zoho.inventory(&format!("/inventoryadjustments/{id}"), &token).await;
    assert_eq!(read.at("/inventory_adjustment/is_inventory_valuation_pending"), "false");
    assert_eq!(read.at("/inventory_adjustment/line_items/0/item_total"), "-49.9");
    let again = adjust(&zoho, &token, &of(SHELF, json!(1))).await;
    assert_eq!(again.at("/inventory_adjustment/reason_id"), read.at("/inventory_adjustment/reason_id"));
    assert_eq!(zoho.adjustments().len(), 2, "a reference is not unique");
}

#[tokio::test]
async fn quantities_are_exact_decimals() {
    let (zoho, token) = start().await;
    for _ in 0..3 {
        adjust(&zoho, &token, &of(SHELF, json!(0.1))).await;
        adjust(&zoho, &token, &of(SHELF, json!("0.2"))).await;
    }
    assert_eq!(at(&zoho, SHELF, MAIN), "30.9");
    let item = zoho.inventory(&format!("/items/{SHELF}"), &token).await;
    assert_eq!(item.at("/item/stock_on_hand"), "42.9");
    let rounded = adjust(&zoho, &token, &of(SHELF, json!("0.3333333"))).await;
    assert_eq!(rounded.at("/inventory_adjustment/line_items/0/quantity_adjusted"), "0.330000");
    zoho.switches(|switches| switches.unit_decimals = vec![("pcs".to_owned(), 0)]);
    let whole = adjust(&zoho, &token, &of(SHELF, json!(1.5))).await;
    assert_eq!(whole.at("/inventory_adjustment/line_items/0/quantity_adjusted_formatted"), "2");
    zoho.switches(|switches| switches.decimals_refused = true);
    assert_eq!(adjust(&zoho, &token, &of(SHELF, json!(1.5))).await.status, 400);
    assert_eq!(at(&zoho, SHELF, MAIN), "33.23");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_moves() {
    let (zoho, token) = start().await;
    let good = || of(SHELF, json!(1));
    let line = |line: Value| wanted(json!([{ "item_id": SHELF, "quantity_adjusted": 1 }, line]));
    for (body, expected, text) in [
        (json!([]), (400, "4"), "JSONString"),
        (with(good(), "date", Value::Null), (400, "4"), "date"),
        (with(good(), "date", json!("20.11.2026")), (400, "2"), "date"),
        (with(good(), "reason", json!(" ")), (400, "4"), "reason"),
        (with(good(), "adjustment_type", Value::Null), (400, "4"), "adjustment_type"),
        (with(good(), "adjustment_type", json!("value")), (400, "2"), "adjustment_type"),
        (with(good(), "line_items", json!([])), (400, "4"), "line_items"),
        (with(good(), "location_id", json!("1")), (400, "2"), "location_id"),
        (line(json!({ "quantity_adjusted": 1 })), (400, "4"), "item_id"),
        (line(json!({ "item_id": SHELF })), (400, "4"), "quantity_adjusted"),
        (line(json!({ "item_id": SHELF, "quantity_adjusted": "1,5" })), (400, "2"), "quantity_adjusted"),
        (line(json!({ "item_id": SHELF, "quantity_adjusted": 0 })), (400, "4"), "should not be zero"),
        (line(json!({ "item_id": "3300000000079999", "quantity_adjusted": 1 })), (404, "1002"), "not exist"),
        (line(json!({ "item_id": PINE, "quantity_adjusted": 1 })), (400, "4"), "Pine Shelf"),
        (line(json!({ "item_id": SERVICE, "quantity_adjusted": 1 })), (400, "4"), "Mounting service"),
    ] {
        let reply = adjust(&zoho, &token, &body).await;
        assert_eq!(code(&reply), (expected.0, expected.1.to_owned()), "{body}");
        assert!(reply.at("/message").contains(text), "{reply:?}");
    }
    let many: Vec<Value> = (0..1001).map(|_| json!({ "item_id": SHELF, "quantity_adjusted": 1 })).collect();
    let reply = adjust(&zoho, &token, &wanted(many.into())).await;
    let text = "Looks like the key line_items has exceeded the size. Please check and try again.";
    assert_eq!((reply.status, reply.at("/message").as_str()), (400, text));
    zoho.switches(|switches| switches.missing_is_400 = true);
    assert_eq!(code(&adjust(&zoho, &token, &of("1", json!(1))).await), (400, "1002".to_owned()));
    assert_eq!((at(&zoho, SHELF, MAIN).as_str(), zoho.adjustments().len()), ("30.0", 0));
}

#[tokio::test]
async fn a_bad_line_may_be_dropped_silently() {
    let (zoho, token) = start().await;
    zoho.switches(|switches| switches.adjustment_bad_line_dropped = true);
    let lines = json!([{ "item_id": PINE, "quantity_adjusted": 1 }, { "item_id": SERVICE, "quantity_adjusted": 1 },
        { "item_id": SHELF, "quantity_adjusted": 0 }, { "item_id": "33", "quantity_adjusted": 4 },
        { "item_id": SHELF, "quantity_adjusted": 3 }]);
    let reply = adjust(&zoho, &token, &wanted(lines)).await;
    assert_eq!(reply.at("/inventory_adjustment/line_items/0/item_id"), SHELF);
    assert_eq!(reply.at("/inventory_adjustment/line_items/1"), "");
    assert_eq!(at(&zoho, SHELF, MAIN), "33.0");
    assert_eq!(adjust(&zoho, &token, &of(PINE, json!(1))).await.status, 400, "nothing is left of it");
}

#[tokio::test]
async fn stock_may_fall_below_zero_unless_zoho_minds() {
    let (zoho, token) = start().await;
    adjust(&zoho, &token, &of(SHELF, json!(-31))).await;
    assert_eq!(at(&zoho, SHELF, MAIN), "-1.0");
    zoho.switches(|switches| switches.adjustment_negative_refused = true);
    let two = json!([{ "item_id": BRACKET, "quantity_adjusted": 4, "location_id": OUTLET },
        { "item_id": SHELF, "quantity_adjusted": -12, "location_id": OUTLET },
        { "item_id": SHELF, "quantity_adjusted": -1, "location_id": OUTLET }]);
    let reply = adjust(&zoho, &token, &wanted(two)).await;
    assert!(reply.status == 400 && reply.at("/message").contains("Oak Shelf"), "{reply:?}");
    assert_eq!((at(&zoho, SHELF, OUTLET), at(&zoho, BRACKET, OUTLET)), ("12.0".to_owned(), "0.0".to_owned()));
    assert_eq!(adjust(&zoho, &token, &of(SHELF, json!(0.5))).await.status, 200, "a rise is no shortage");
}

#[tokio::test]
async fn what_else_may_be_refused() {
    let (zoho, token) = start().await;
    adjust(&zoho, &token, &of(SHELF, json!(1))).await;
    let twice =
        json!([{ "item_id": SHELF, "quantity_adjusted": 1 }, { "item_id": SHELF, "quantity_adjusted": 2 }]);
    let apart = json!([{ "item_id": SHELF, "quantity_adjusted": 1, "location_id": OUTLET }]);
    let cases: [(Turn, Value); 7] = [
        (|zoho| zoho.adjustment_reference_unique = true, of(SHELF, json!(1))),
        (|zoho| zoho.same_item_twice_refused = true, wanted(twice)),
        (|zoho| zoho.adjustment_places_must_agree = true, with(wanted(apart), "location_id", json!(MAIN))),
        (
            |zoho| zoho.adjustment_places_must_agree = true,
            with(with(of(SHELF, json!(1)), "location_id", json!(MAIN)), "warehouse_id", json!(MAIN)),
        ),
        (|zoho| zoho.reason_refused = true, with(of(SHELF, json!(1)), "reason", json!("x".repeat(101)))),
        (|zoho| zoho.odd_dates_refused = true, with(of(SHELF, json!(1)), "date", json!("2026-11-22"))),
        (|zoho| zoho.odd_dates_refused = true, with(of(SHELF, json!(1)), "date", json!("2026-03-01"))),
    ];
    for (turn, body) in cases {
        let taken = adjust(&zoho, &token, &body).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        zoho.switches(turn);
        let before = (zoho.adjustments().len(), at(&zoho, SHELF, MAIN));
        assert_eq!(adjust(&zoho, &token, &body).await.status, 400, "{body}");
        assert_eq!((zoho.adjustments().len(), at(&zoho, SHELF, MAIN)), before);
        zoho.switches(|switches| *switches = sandbox::Switches::default());
    }
    zoho.switches(|switches| switches.reason_refused = true);
    for (reason, status) in [("Counted", 400), ("Damaged goods", 200)] {
        let reply = adjust(&zoho, &token, &with(of(SHELF, json!(1)), "reason", json!(reason))).await;
        assert_eq!(reply.status, status, "{reason}");
    }
}

#[tokio::test]
async fn nothing_is_written_on_or_before_the_lock_date() {
    let (zoho, token) = start().await;
    let id =
        adjust(&zoho, &token, &of(SHELF, json!(1))).await.at("/inventory_adjustment/inventory_adjustment_id");
    zoho.switches(|switches| switches.lock_date = Some("2026-11-20".to_owned()));
    assert_eq!(adjust(&zoho, &token, &of(SHELF, json!(1))).await.status, 400);
    assert_eq!(delete(&zoho, &token, &id).await.status, 400);
    let later = with(of(SHELF, json!(1)), "date", json!("2026-11-21"));
    assert_eq!(adjust(&zoho, &token, &later).await.status, 200);
    zoho.switches(|switches| switches.lock_date_itself_open = true);
    assert_eq!(adjust(&zoho, &token, &of(SHELF, json!(1))).await.status, 200);
    assert_eq!(at(&zoho, SHELF, MAIN), "33.0");
}

#[tokio::test]
async fn the_list_is_newest_first_and_ignores_filters() {
    let (zoho, token) = start().await;
    for (reference, date) in [("a", "2026-11-20"), ("b", "2026-11-02"), ("c", "2026-11-10")] {
        zoho.advance(Duration::from_secs(1));
        let body = with(with(of(SHELF, json!(1)), "reference_number", json!(reference)), "date", json!(date));
        adjust(&zoho, &token, &body).await;
    }
    let own = json!({ "reference_number": "own", "date": "2026-11-05", "created_time": "2026-11-05T09:00:00+0100" });
    zoho.adjust_stock_with(SHELF, MAIN, "-1", own).unwrap();
    for ignored in ["", "reference_number=b", "sort_column=date&sort_order=A", "date_start=2026-11-15"] {
        assert_eq!(references(&zoho, &token, ignored).await, ["c", "b", "a", "own"], "{ignored}");
    }
    zoho.switches(|switches| switches.adjustments_sorted_by_date = true);
    assert_eq!(references(&zoho, &token, "reference_number=b").await, ["a", "c", "own", "b"]);
    zoho.switches(|switches| switches.adjustment_filters_honoured = true);
    assert_eq!(references(&zoho, &token, "reference_number=b").await, ["b"]);
    assert_eq!(references(&zoho, &token, "search_text=ow").await, ["own"]);
    assert_eq!(references(&zoho, &token, "date_start=2026-11-06&sort_column=created_time").await, ["a", "c"]);
    assert_eq!(references(&zoho, &token, "page=2&per_page=3").await, ["b"]);
}

#[tokio::test]
async fn a_row_has_no_lines() {
    let (zoho, token) = start().await;
    let two =
        json!([{ "item_id": SHELF, "quantity_adjusted": 1 }, { "item_id": BRACKET, "quantity_adjusted": 2 }]);
    adjust(&zoho, &token, &wanted(two)).await;
    adjust(&zoho, &token, &with(of(SHELF, json!(-3)), "reference_number", json!("zc-2"))).await;
    let list = zoho.inventory("/inventoryadjustments", &token).await;
    for (pointer, expected) in [
        ("/0/reference_number", "zc-2"),
        ("/0/item_id", SHELF),
        ("/0/quantity_adjusted", "-3.000000"),
        ("/0/created_time", "2026-11-21T11:00:00+0100"),
        ("/0/status", "adjusted"),
        ("/0/location_name", "Main"),
        ("/0/line_items", ""),
        ("/0/reason_id", ""),
        ("/1/reference_number", "zc-1"),
        ("/1/item_id", ""),
    ] {
        assert_eq!(list.at(&format!("/inventory_adjustments{pointer}")), expected, "{pointer}");
    }
    assert_eq!(references(&zoho, &token, "").await, ["zc-2", "zc-1"]);
    zoho.switches(|switches| switches.adjustment_row_per_line = true);
    assert_eq!(references(&zoho, &token, "").await, ["zc-2", "zc-1", "zc-1"]);
}

#[tokio::test]
async fn drafts_and_approvals_hold_stock_back() {
    let (zoho, token) = start().await;
    let draft = with(of(SHELF, json!(5)), "status", json!("draft"));
    let reply = adjust(&zoho, &token, &draft).await;
    assert_eq!(
        (reply.at("/inventory_adjustment/status").as_str(), at(&zoho, SHELF, MAIN).as_str()),
        ("draft", "30.0")
    );
    let id = reply.at("/inventory_adjustment/inventory_adjustment_id");
    assert!(zoho.approve_adjustment(&id) && !zoho.approve_adjustment(&id), "only once");
    assert_eq!(at(&zoho, SHELF, MAIN), "35.0");

    zoho.switches(|switches| switches.adjustment_approval = true);
    let reply = adjust(&zoho, &token, &of(SHELF, json!(1))).await;
    assert_eq!(
        (code(&reply), reply.at("/inventory_adjustment/status").as_str()),
        ((200, "0".to_owned()), "draft")
    );
    let path = format!("/inventoryadjustments/{}", reply.at("/inventory_adjustment/inventory_adjustment_id"));
    for (step, status, is) in [
        ("approve", 400, "draft"),
        ("submit", 200, "pending_approval"),
        ("submit", 400, "pending_approval"),
        ("approve", 200, "adjusted"),
        ("reject", 400, "adjusted"),
    ] {
        let reply = zoho.post_inventory(&format!("{path}/{step}"), &token, &json!({})).await;
        assert_eq!(reply.status, status, "{step}: {reply:?}");
        assert_eq!(zoho.inventory(&path, &token).await.at("/inventory_adjustment/status"), is, "{step}");
    }
    assert_eq!(at(&zoho, SHELF, MAIN), "36.0");
    let other =
        adjust(&zoho, &token, &of(SHELF, json!(1))).await.at("/inventory_adjustment/inventory_adjustment_id");
    for step in ["submit", "reject"] {
        zoho.post_inventory(&format!("/inventoryadjustments/{other}/{step}"), &token, &json!({})).await;
    }
    assert_eq!(zoho.adjustments()[2]["status"], "rejected");
    zoho.switches(|switches| {
        switches.approval_bypassed = true;
        switches.adjustment_draft_ignored = true;
    });
    assert_eq!(adjust(&zoho, &token, &draft).await.at("/inventory_adjustment/status"), "adjusted");
    assert_eq!(at(&zoho, SHELF, MAIN), "41.0");
}

#[tokio::test]
async fn a_deleted_adjustment_gives_its_stock_back() {
    let (zoho, token) = start().await;
    let id =
        adjust(&zoho, &token, &of(SHELF, json!(5))).await.at("/inventory_adjustment/inventory_adjustment_id");
    zoho.adjust_stock(SHELF, MAIN, "-34").unwrap();
    zoho.switches(|switches| switches.adjustment_delete_refused = true);
    assert_eq!(delete(&zoho, &token, &id).await.status, 400);
    assert_eq!(at(&zoho, SHELF, MAIN), "1.0");
    zoho.switches(|switches| switches.adjustment_delete_refused = false);
    let gone = delete(&zoho, &token, &id).await;
    assert_eq!(gone.at("/message"), "Inventory Adjustment(s) has been deleted");
    assert_eq!(at(&zoho, SHELF, MAIN), "-4.0");
    assert_eq!(code(&delete(&zoho, &token, &id).await), (404, "1002".to_owned()));
    assert_eq!(zoho.adjustments().len(), 1);
}

#[tokio::test]
async fn serials_batches_and_kits() {
    let (zoho, token) = start().await;
    for (id, key) in [("101", "track_serial_number"), ("102", "track_batch_number")] {
        zoho.add_item(json!({ "item_id": id, "name": id, key: true, "stock_on_hand": 4 }));
    }
    let kit = json!({ "item_id": "103", "name": "Set", "is_combo_product": true, "combo_type": "kit" });
    let assembly =
        json!({ "item_id": "104", "name": "Table", "is_combo_product": true, "combo_type": "assembly" });
    zoho.add_item(kit);
    zoho.add_item(assembly);
    let line = |key: &str, list: Value| {
        let mut line = json!({ "item_id": "101", "quantity_adjusted": 2 });
        line[key] = list;
        line
    };
    for (line, expected) in [
        (json!({ "item_id": "101", "quantity_adjusted": 2 }), (400, "2205")),
        (line("serial_numbers", json!(["S-1"])), (400, "2205")),
        (line("serial_numbers", json!(["S-1", "S-2"])), (200, "0")),
        (json!({ "item_id": "102", "quantity_adjusted": -2 }), (400, "2205")),
        (
            json!({ "item_id": "102", "quantity_adjusted": -2, "batches": [{ "batch_id": "7", "out_quantity": 2 }] }),
            (200, "0"),
        ),
        (json!({ "item_id": "103", "quantity_adjusted": 1 }), (400, "13084")),
        (json!({ "item_id": "104", "quantity_adjusted": 1 }), (200, "0")),
    ] {
        let reply = adjust(&zoho, &token, &wanted(json!([line]))).await;
        assert_eq!(code(&reply), (expected.0, expected.1.to_owned()), "{line}");
    }
    assert_eq!(["101", "102", "104"].map(|id| at(&zoho, id, MAIN)), ["6.0", "2.0", "1.0"]);
    zoho.switches(|switches| {
        switches.adjustment_tracked_bare_taken = true;
        switches.kit_moves_nothing = true;
    });
    let bare = adjust(&zoho, &token, &of("101", json!(2))).await;
    assert_eq!(bare.at("/inventory_adjustment/is_advanced_tracking_missing"), "true");
    assert_eq!(bare.at("/inventory_adjustment/line_items/0/advanced_tracking_missing_quantity"), "2.00");
    assert_eq!(adjust(&zoho, &token, &of("103", json!(2))).await.status, 200);
    assert_eq!(["101", "103"].map(|id| at(&zoho, id, MAIN)), ["8.0", "0.0"]);
}

#[tokio::test]
async fn places_have_their_names_and_rights() {
    let (zoho, token) = start().await;
    let at_outlet = |key: &str| with(of(SHELF, json!(1)), key, json!(OUTLET));
    assert_eq!(adjust(&zoho, &token, &at_outlet("warehouse_id")).await.status, 200, "the same place");
    assert_eq!(at(&zoho, SHELF, OUTLET), "13.0");
    zoho.switches(|switches| switches.read_only_locations = vec![OUTLET.to_owned()]);
    let refused = adjust(&zoho, &token, &at_outlet("location_id")).await;
    assert_eq!(code(&refused), (400, "400040".to_owned()));
    assert!(refused.at("/message").contains("associated location"));
    assert_eq!(adjust(&zoho, &token, &of(SHELF, json!(1))).await.status, 200, "Main is another place");
    zoho.add_item(json!({ "item_id": "201", "name": "Only here", "locations": [
        { "location_id": MAIN, "location_available_stock": 3, "location_actual_available_stock": 5 }] }));
    zoho.switches(|switches| *switches = sandbox::Switches::default());
    assert_eq!(
        adjust(&zoho, &token, &with(of("201", json!(1)), "location_id", json!(OUTLET))).await.status,
        400
    );
    adjust(&zoho, &token, &of("201", json!(1))).await;
    let stock = &zoho.stock("201")[0];
    assert_eq!((stock.accounting.as_str(), stock.physical.as_str()), ("4.0", "6.0"), "two bases");

    zoho.switches(|switches| switches.legacy_warehouses = true);
    assert_eq!(code(&adjust(&zoho, &token, &at_outlet("location_id")).await), (400, "9163".to_owned()));
    let reply = adjust(&zoho, &token, &at_outlet("warehouse_id")).await;
    assert_eq!(reply.at("/inventory_adjustment/line_items/0/warehouse_name"), "Outlet");
    assert_eq!(
        (reply.at("/inventory_adjustment/warehouse_id"), reply.text.contains("location_id")),
        (OUTLET.to_owned(), false)
    );
    zoho.switches(|switches| switches.legacy_location_ignored = true);
    let before = at(&zoho, SHELF, MAIN);
    adjust(&zoho, &token, &at_outlet("location_id")).await;
    assert_ne!(at(&zoho, SHELF, MAIN), before, "it is booked at the primary place");
}

#[tokio::test]
async fn an_organisation_without_locations_has_none() {
    let (zoho, token) = start().await;
    zoho.switches(|switches| switches.without_locations = true);
    assert_eq!(code(&zoho.inventory("/locations", &token).await), (404, "5".to_owned()));
    let reply = adjust(&zoho, &token, &with(of(SHELF, json!(1)), "location_id", json!(OUTLET))).await;
    assert!(reply.status == 200 && !reply.text.contains("location_id"), "{reply:?}");
    let item = zoho.inventory(&format!("/items/{SHELF}"), &token).await;
    assert_eq!((item.at("/item/stock_on_hand").as_str(), item.at("/item/locations").as_str()), ("43.0", ""));
    assert_eq!(at(&zoho, SHELF, MAIN), "31.0");
    zoho.switches(|switches| switches.location_refused_without_locations = true);
    let refused = adjust(&zoho, &token, &with(of(SHELF, json!(1)), "location_id", json!(OUTLET))).await;
    assert_eq!(code(&refused), (400, "2".to_owned()));
}

#[tokio::test]
async fn reads_may_lag_and_items_may_not_say_that_they_changed() {
    let (zoho, token) = start().await;
    zoho.switches(|switches| {
        switches.stock_lag = Duration::from_secs(5);
        switches.stock_moves_item_time = false;
    });
    let before = zoho.items()[0]["last_modified_time"].clone();
    let read = async || {
        let one = zoho.inventory(&format!("/items/{SHELF}"), &token).await.at("/item/stock_on_hand");
        let list =
            zoho.inventory(&format!("/items?item_id={SHELF}"), &token).await.at("/items/0/stock_on_hand");
        let several = zoho
            .inventory(&format!("/itemdetails?item_ids={SHELF}"), &token)
            .await
            .at("/items/0/stock_on_hand");
        assert_eq!((&one, &one), (&list, &several));
        one
    };
    adjust(&zoho, &token, &of(SHELF, json!(1))).await;
    zoho.advance(Duration::from_secs(3));
    adjust(&zoho, &token, &of(SHELF, json!(10))).await;
    assert_eq!((read().await.as_str(), at(&zoho, SHELF, MAIN).as_str()), ("42.0", "41.0"));
    zoho.advance(Duration::from_secs(2));
    assert_eq!(read().await, "43.0");
    zoho.advance(Duration::from_secs(3));
    assert_eq!(read().await, "53.0");
    assert_eq!(zoho.items()[0]["last_modified_time"], before);
}

#[tokio::test]
async fn each_document_fires_one_webhook() {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    zoho.add_webhook(sandbox::Webhook {
        url: format!("{}/hook", receiver.url()),
        secret: String::new(),
        entity: Entity::Adjustment,
        body: sandbox::BodyForm::Json,
        encoding: sandbox::SignatureEncoding::Hex,
    });
    let token = zoho.connected().await;
    let two =
        json!([{ "item_id": SHELF, "quantity_adjusted": 1 }, { "item_id": BRACKET, "quantity_adjusted": 2 }]);
    adjust(&zoho, &token, &wanted(two)).await;
    zoho.flush().await;
    assert_eq!(zoho.delivered().len(), 1);
    let body: Value = serde_json::from_str(&zoho.delivered()[0].body).unwrap();
    assert_eq!(body["inventory_adjustment"]["line_items"][1]["item_id"], BRACKET);
    zoho.switches(|switches| switches.adjustment_webhook = false);
    adjust(&zoho, &token, &of(SHELF, json!(1))).await;
    zoho.flush().await;
    assert_eq!(zoho.delivered().len(), 1, "the API's own are not told");
    zoho.adjust_stock(SHELF, MAIN, "1").unwrap();
    zoho.flush().await;
    assert_eq!(zoho.delivered().len(), 2, "a person's are");
}

#[tokio::test]
async fn an_adjustment_that_ends_in_silence_may_have_acted() {
    let (zoho, token) = start().await;
    let bearer = format!("Zoho-oauthtoken {token}");
    let path = format!("/eu/api/inventory/v1/inventoryadjustments?{ORG}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for (kind, status, documents) in [
        (FaultKind::ResetBefore, None, 0),
        (FaultKind::ResetAfter, None, 1),
        (FaultKind::Status(500), Some(500), 1),
        (FaultKind::StatusAfter(502), Some(502), 2),
        (FaultKind::Html200After, Some(200), 3),
    ] {
        zoho.inject_on("POST", Fault { path_contains: "/inventoryadjustments".to_owned(), times: 1, kind });
        let reply = zoho.send("POST", &path, &headers, &of(SHELF, json!(1)).to_string()).await;
        assert_eq!((reply.map(|reply| reply.status), zoho.adjustments().len()), (status, documents));
    }
    assert_eq!(at(&zoho, SHELF, MAIN), "33.0");
}

#[tokio::test]
async fn each_verb_has_its_scope() {
    let (zoho, token) = start().await;
    let id =
        adjust(&zoho, &token, &of(SHELF, json!(1))).await.at("/inventory_adjustment/inventory_adjustment_id");
    for (operation, get, post, submit, gone) in [
        ("READ", 200, 401, 401, 401),
        ("CREATE", 401, 201, 401, 401),
        ("UPDATE", 401, 401, 400, 401),
        ("DELETE", 401, 401, 401, 200),
    ] {
        let (own, _) = zoho.connect(&format!("ZohoInventory.inventoryadjustments.{operation}")).await;
        zoho.switches(|switches| switches.stock_create_status = 201);
        assert_eq!(zoho.inventory("/inventoryadjustments", &own).await.status, get, "{operation}");
        assert_eq!(adjust(&zoho, &own, &of(SHELF, json!(1))).await.status, post, "{operation}");
        let path = format!("/inventoryadjustments/{id}/submit");
        assert_eq!(zoho.post_inventory(&path, &own, &Value::Null).await.status, submit, "{operation}");
        assert_eq!(delete(&zoho, &own, &id).await.status, gone, "{operation}");
    }
}

#[tokio::test]
async fn a_batch_number_is_taken_once_and_a_batch_is_at_one_place() {
    let (zoho, token) = start().await;
    zoho.add_item(json!({ "item_id": "102", "name": "Paint", "track_batch_number": true }));
    let line = |quantity: i32, place: &str, batch: Value| {
        wanted(
            json!([{ "item_id": "102", "quantity_adjusted": quantity, "location_id": place, "batches": [batch] }]),
        )
    };
    let new = line(2, MAIN, json!({ "batch_number": "B-9", "in_quantity": 2 }));
    let made = adjust(&zoho, &token, &new).await;
    let id = made.at("/inventory_adjustment/line_items/0/batches/0/batch_id");
    assert_eq!(code(&adjust(&zoho, &token, &new).await), (400, "2303".to_owned()), "a repeated write");
    let out = |place: &str| line(-1, place, json!({ "batch_id": id, "out_quantity": 1 }));
    let elsewhere = adjust(&zoho, &token, &out(OUTLET)).await;
    assert_eq!(
        (elsewhere.at("/code").as_str(), elsewhere.at("/message").as_str()),
        ("2324", "Batch B-9 is not available in selected branch")
    );
    assert_eq!(adjust(&zoho, &token, &out(MAIN)).await.status, 200);
    assert_eq!(at(&zoho, "102", MAIN), "1.0");
}

#[tokio::test]
async fn two_writes_for_one_item_add_up_unless_zoho_minds() {
    let (zoho, token) = start().await;
    let together = async |item: &'static str| {
        let gate = sandbox::Gate::default();
        let kind = FaultKind::HeldAfter(gate.clone());
        zoho.inject(Fault { path_contains: "/inventoryadjustments".to_owned(), times: 1, kind });
        let second = async {
            gate.reached_by(1).await;
            let second = adjust(&zoho, &token, &of(item, json!(2))).await;
            gate.open();
            second
        };
        let body = of(SHELF, json!(1));
        let (first, second) = tokio::join!(adjust(&zoho, &token, &body), second);
        (first.status, code(&second))
    };
    assert_eq!(together(SHELF).await, (200, (200, "0".to_owned())));
    assert_eq!(at(&zoho, SHELF, MAIN), "33.0");
    zoho.switches(|switches| switches.concurrent_adjustment_refused = true);
    assert_eq!(together(SHELF).await, (200, (500, "900001".to_owned())));
    assert_eq!(at(&zoho, SHELF, MAIN), "34.0", "nothing of the second");
    assert_eq!(together(BRACKET).await, (200, (200, "0".to_owned())), "another item");
    assert_eq!(adjust(&zoho, &token, &of(SHELF, json!(1))).await.status, 200, "the first is over");
}

#[tokio::test]
async fn a_limit_may_come_after_the_work() {
    let (zoho, token) = start().await;
    zoho.switches(|switches| switches.concurrent_limit = Some(0));
    assert_eq!(code(&adjust(&zoho, &token, &of(SHELF, json!(1))).await), (429, "1070".to_owned()));
    assert_eq!(zoho.adjustments().len(), 0);
    zoho.switches(|switches| switches.concurrent_limit_after_write = true);
    assert_eq!(code(&adjust(&zoho, &token, &of(SHELF, json!(1))).await), (429, "1070".to_owned()));
    assert_eq!((zoho.adjustments().len(), at(&zoho, SHELF, MAIN).as_str()), (1, "31.0"));
}

#[tokio::test]
async fn messages_may_be_in_the_users_language() {
    let (zoho, token) = start().await;
    zoho.switches(|switches| switches.messages_localised = true);
    let done = adjust(&zoho, &token, &of(SHELF, json!(1))).await;
    assert_eq!((done.status, done.at("/inventory_adjustment/status").as_str()), (200, "adjusted"));
    let refused = adjust(&zoho, &token, &of(SHELF, json!(0))).await;
    assert_eq!(code(&refused), (400, "4".to_owned()));
    assert!(done.at("/message") != refused.at("/message") && !refused.at("/message").is_ascii());
}

#[tokio::test]
async fn people_order_and_move_stock_meanwhile() {
    let (zoho, token) = start().await;
    let order = json!({ "customer_id": "3300000000060210",
        "line_items": [{ "item_id": SHELF, "quantity": "2.5", "location_id": OUTLET }] });
    let id = zoho.make_order(order.clone()).unwrap();
    let outlet = |zoho: &Zoho| zoho.stock(SHELF)[1].clone();
    assert_eq!((outlet(&zoho).committed.as_str(), outlet(&zoho).on_hand.as_str()), ("2.5", "12.0"));
    adjust(&zoho, &token, &with(of(SHELF, json!(-11)), "location_id", json!(OUTLET))).await;
    let item = zoho.inventory(&format!("/items/{SHELF}"), &token).await;
    assert_eq!(
        item.at("/item/locations/1/location_available_for_sale_stock"),
        "-1.5",
        "promised, but not there"
    );
    assert!(zoho.set_order_status(&id, "void") && !zoho.set_order_status("33", "void"));
    assert_eq!(outlet(&zoho).committed, "0.0");
    assert!(zoho.make_order(json!({ "customer_id": "1" })).is_none());
    assert_eq!(zoho.adjust_stock(SHELF, "1", "1"), None);
    assert_eq!(zoho.adjust_stock(SERVICE, MAIN, "1"), None);
    assert_eq!(zoho.adjust_stock(SHELF, MAIN, "much"), None);
    zoho.change_item(SHELF, sandbox::ItemChange::Sku("OAK".to_owned())).await.unwrap();
    assert_eq!(zoho.inventory("/items?sku=OAK", &token).await.at("/items/0/item_id"), SHELF);
    zoho.change_item(SHELF, sandbox::ItemChange::Delete).await.unwrap();
    assert!(zoho.stock(SHELF).is_empty());
    assert_eq!(zoho.stock_at(BRACKET, MAIN).unwrap(), "-3.0", "the others are found where they now stand");
    assert_eq!(code(&adjust(&zoho, &token, &of(SHELF, json!(1))).await), (404, "1002".to_owned()));
}
