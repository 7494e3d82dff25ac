//! Inventory: envelopes, odd JSON, filters, limits.

use std::time::Duration;

use sandbox::{ItemChange, Options};
use serde_json::{Value, json};

use crate::support::{ORG, Reply, Zoho, code};

fn skus(reply: &Reply) -> Vec<String> {
    let rows = reply.json()["items"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["sku"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn tokens_scopes_and_organisations_are_checked() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let items = format!("/eu/api/inventory/v1/items?{ORG}");
    let with = |value: String| [("authorization", value)];
    for (header, expected) in [
        (String::new(), (401, "14")),
        (format!("Token {token}"), (401, "14")),
        ("Zoho-oauthtoken nonsense".to_owned(), (401, "14")),
        (format!("Zoho-oauthtoken 1000.{}.{}", "a".repeat(32), "b".repeat(32)), (401, "57")),
        (format!("Bearer {token}"), (200, "0")),
        (format!("Zoho-oauthtoken {token}"), (200, "0")),
    ] {
        let headers = with(header);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = zoho.send("GET", &items, &headers, "").await.unwrap();
        assert_eq!(code(&reply), (expected.0, expected.1.to_owned()), "{headers:?}");
    }
    zoho.switches(|switches| switches.bearer_refused = true);
    let bearer = format!("Bearer {token}");
    let reply = zoho.send("GET", &items, &[("authorization", &bearer)], "").await.unwrap();
    assert_eq!(code(&reply), (401, "14".to_owned()));
    assert_eq!(code(&zoho.get("/inventory/v1/items", &token).await), (400, "4029".to_owned()));
    let other = zoho.get("/inventory/v1/items?organization_id=1", &token).await;
    assert_eq!(code(&other), (400, "6041".to_owned()));
    let (narrow, _) = zoho.connect("ZohoInventory.items.READ").await;
    assert_eq!(code(&zoho.get("/inventory/v1/organizations", &narrow).await), (401, "57".to_owned()));
    for path in ["/itmes", "/items/1/2", "/"] {
        assert_eq!(code(&zoho.inventory(path, &token).await), (404, "5".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn the_second_organisation_is_empty() {
    let zoho = Zoho::start_with(Options { organizations: 2, ..Options::new("") }).await;
    let token = zoho.connected().await;
    let reply = zoho.get("/inventory/v1/organizations", &token).await;
    assert_eq!(reply.at("/organizations/1/organization_id"), "20098765433");
    let reply = zoho.get("/inventory/v1/items?organization_id=20098765433", &token).await;
    assert_eq!((reply.status, reply.at("/items").as_str()), (200, "[]"));
}

#[tokio::test]
async fn empty_is_a_string_and_untracked_has_no_stock() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let shelf = zoho.inventory("/items/3300000000070001", &token).await.json();
    let shelf = &shelf["item"];
    assert_eq!((&shelf["reorder_level"], &shelf["item_code"]), (&json!(""), &json!({})));
    assert_eq!(shelf["stock_on_hand"].to_string(), "42.0");
    assert_eq!(shelf["locations"][1]["location_stock_on_hand"].to_string(), "12.0");
    assert!(shelf["last_modified_time"].as_str().unwrap().ends_with("+0100"));
    let service = zoho.inventory("/items/3300000000070003", &token).await.json();
    let keys: Vec<_> = service["item"].as_object().unwrap().keys().cloned().collect();
    assert!(!keys.iter().any(|key| key.contains("stock") || key == "locations" || key == "reorder_level"));
    let row = zoho.inventory("/items?item_id=3300000000070001", &token).await.json();
    assert_eq!(row["items"][0]["available_stock"].to_string(), "42.0");
    assert_eq!(
        (row["items"][0].get("locations"), &row["items"][0]["cf_external_id"]),
        (None, &json!("ext-1001"))
    );
}

#[tokio::test]
async fn the_official_and_the_older_shape_can_be_switched_on() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    zoho.switches(|switches| {
        switches.stock_in_list_locations = true;
        switches.location_stock_as_text = true;
    });
    let list = zoho.inventory("/items?sku=SHELF-OAK-80", &token).await.json();
    let row = &list["items"][0];
    assert_eq!(
        (row.get("stock_on_hand"), &row["locations"][0]["location_stock_on_hand"]),
        (None, &json!("30.0"))
    );
    zoho.switches(|switches| switches.legacy_warehouses = true);
    let item = zoho.inventory("/items/3300000000070001", &token).await.json();
    assert_eq!(item["item"]["warehouses"][0]["warehouse_name"], "Main");
    assert_eq!(item["item"].get("locations"), None);
    assert_eq!(code(&zoho.inventory("/locations", &token).await), (404, "5".to_owned()));
}

#[tokio::test]
async fn filters_narrow_and_unknown_ones_do_nothing() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (query, expected) in [
        ("sku=SHELF-OAK-80", vec!["SHELF-OAK-80"]),
        ("sku=DUP-1", vec!["DUP-1", "DUP-1"]),
        ("sku=NONE", vec![]),
        ("sku_contains=oak-80", vec!["SHELF-OAK-80", "SHELF-OAK-80-XL"]),
        ("sku_startswith=RUG", vec!["RUG-FJORD"]),
        ("name_contains=k%C3%BCchen", vec!["STUHL-ÆRØ"]),
        ("search_text=bracket", vec!["BRKT-STD"]),
        ("status=inactive", vec!["SHELF-PINE-60"]),
        ("filter_by=Status.Lowstock", vec!["BRKT-STD"]),
        ("filter_by=ItemType.NonInventory", vec!["SVC-MOUNT"]),
        ("rate_greater_equals=119.95&sort_column=rate&sort_order=D", vec!["RUG-FJORD", "STUHL-ÆRØ"]),
        ("last_modified_time=2026-11-18T16:40:12%2B0100", vec![]),
    ] {
        assert_eq!(skus(&zoho.inventory(&format!("/items?{query}"), &token).await), expected, "{query}");
    }
    assert_eq!(skus(&zoho.inventory("/items?barcode=1", &token).await).len(), 10);
    zoho.switches(|switches| switches.sku_filter_any_case = true);
    assert_eq!(skus(&zoho.inventory("/items?sku=DUP-1", &token).await).len(), 3);
    zoho.switches(|switches| switches.sku_filter_substring = true);
    assert_eq!(skus(&zoho.inventory("/items?sku=SHELF-OAK-80", &token).await).len(), 2);
    zoho.switches(|switches| switches.sku_filter_ignored = true);
    assert_eq!(skus(&zoho.inventory("/items?sku=SHELF-OAK-80", &token).await).len(), 10);
    let vendors = zoho.inventory("/contacts?filter_by=Status.Vendors", &token).await;
    assert_eq!(vendors.at("/contacts/0/contact_name"), "Sägewerk Lindholm");
}

#[tokio::test]
async fn pages_follow_each_other_without_a_total() {
    let zoho = Zoho::start_with(Options { extra_items: 395, ..Options::new("") }).await;
    let token = zoho.connected().await;
    let mut seen = std::collections::HashSet::new();
    for (page, more) in [(1, true), (2, true), (3, false), (4, false)] {
        let reply =
            zoho.inventory(&format!("/items?page={page}&sort_column=created_time"), &token).await.json();
        let context = &reply["page_context"];
        assert_eq!((&context["has_more_page"], &context["per_page"]), (&json!(more), &json!(200)), "{page}");
        assert_eq!(context.get("total"), None);
        seen.extend(reply["items"].as_array().unwrap().iter().map(|row| row["item_id"].to_string()));
    }
    assert_eq!(seen.len(), 405);
    assert_eq!(zoho.inventory("/items?per_page=500", &token).await.at("/page_context/per_page"), "200");
    zoho.switches(|switches| switches.per_page_over_200_refused = true);
    for query in ["per_page=500", "per_page=x", "page=0"] {
        assert_eq!(code(&zoho.inventory(&format!("/items?{query}"), &token).await), (400, "2".to_owned()));
    }
}

#[tokio::test]
async fn what_does_not_exist_is_1002() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    assert_eq!(code(&zoho.inventory("/items/33", &token).await), (404, "1002".to_owned()));
    zoho.switches(|switches| switches.missing_is_400 = true);
    assert_eq!(code(&zoho.inventory("/items/33", &token).await), (400, "1002".to_owned()));
    assert_eq!(code(&zoho.inventory("/items/abc", &token).await), (400, "2".to_owned()));
    zoho.change_item("3300000000070001", ItemChange::Delete).await.unwrap();
    assert_eq!(code(&zoho.inventory("/items/3300000000070001", &token).await), (400, "1002".to_owned()));
}

#[tokio::test]
async fn an_item_is_changed_by_put_but_not_its_stock() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let auth = ("authorization", token.as_str());
    let path = format!("/eu/api/inventory/v1/items/3300000000070001?{ORG}");
    let body = r#"{"rate":51.50,"stock_on_hand":1,"name":"Oak Shelf"}"#;
    let kind = ("content-type", "application/json");
    let reply = zoho.send("PUT", &path, &[auth, kind], body).await.unwrap();
    assert_eq!(
        (reply.at("/item/rate").as_str(), reply.at("/item/stock_on_hand").as_str()),
        ("51.50", "42.0")
    );
    assert_eq!(reply.at("/message"), "Item details have been updated.");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let reply =
        zoho.send("PUT", &path, &[auth, form], "JSONString=%7B%22sku%22%3A%22S-1%22%7D").await.unwrap();
    assert_eq!(reply.at("/item/sku"), "S-1");
    for (body, expected) in [("{", "4"), (r#"{"name":""}"#, "2"), (r#"{"rate":"much"}"#, "2")] {
        let reply = zoho.send("PUT", &path, &[auth, kind], body).await.unwrap();
        assert_eq!(code(&reply), (400, expected.to_owned()), "{body}");
    }
    let (narrow, _) = zoho.connect("ZohoInventory.items.READ").await;
    let narrow = format!("Zoho-oauthtoken {narrow}");
    let reply = zoho.send("PUT", &path, &[("authorization", &narrow)], "{}").await.unwrap();
    assert_eq!(code(&reply), (401, "57".to_owned()));
}

#[tokio::test]
async fn the_minute_and_the_day_have_limits() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for number in 1..=101 {
        let reply = zoho.inventory("/items/3300000000070002", &token).await;
        assert_eq!(reply.status, if number == 101 { 429 } else { 200 }, "{number}");
    }
    let reply = zoho.inventory("/items", &token).await;
    assert_eq!((reply.at("/code").as_str(), reply.header("retry-after")), ("44", ""));
    zoho.switches(|switches| {
        switches.limits_status_200 = true;
        switches.retry_after = Some(30);
    });
    let reply = zoho.inventory("/items", &token).await;
    assert_eq!((code(&reply), reply.header("retry-after")), ((200, "44".to_owned()), "30"));
    zoho.advance(Duration::from_secs(61));
    assert_eq!(zoho.inventory("/items", &token).await.at("/code"), "0");
    zoho.switches(|switches| switches.per_day_limit = Some(1));
    assert_eq!(zoho.inventory("/items", &token).await.at("/code"), "45");
    zoho.switches(|switches| switches.per_minute_fixed_window = true);
    zoho.switches(|switches| switches.per_day_limit = None);
    assert_eq!(zoho.inventory("/items", &token).await.at("/code"), "0");
}

#[tokio::test]
async fn the_date_header_is_the_sandboxs_own() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let date = |reply: &Reply| reply.header("date").to_owned();
    let before = date(&zoho.inventory("/items", &token).await);
    zoho.advance(Duration::from_secs(86_400 * 400));
    let after = date(&zoho.inventory("/items", &token).await);
    assert!(before.ends_with(" GMT") && before.len() == 29 && before != after, "{before} {after}");
    zoho.add_item(
        json!({ "name": "New", "sku": "NEW-1", "rate": "9.990".parse::<serde_json::Number>().unwrap() }),
    );
    let token = zoho.connected().await;
    let added: Value = zoho.inventory("/items?sku=NEW-1", &token).await.json();
    assert_eq!(added["items"][0]["rate"].to_string(), "9.990");
}

#[tokio::test]
async fn what_changed_comes_in_the_order_of_time() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    // As text they would be in the opposite order.
    for (sku, time) in [
        ("B", "2026-11-19T11:30:00+0100"),
        ("A", "2026-11-19T12:00:00+0200"),
        ("C", "2026-11-19T10:45:00+0000"),
    ] {
        zoho.add_item(json!({ "name": sku, "sku": sku, "last_modified_time": time }));
    }
    zoho.change_item("3300000000070004", ItemChange::Active(true)).await.unwrap();
    let (_, _) = zoho.insert_item(json!({ "name": "New", "sku": "NEW" })).await.unwrap();
    zoho.advance(Duration::from_secs(5));
    zoho.change_item("3300000000070002", ItemChange::Active(true)).await.unwrap();
    let list = "/items?sort_column=last_modified_time&per_page=2";
    let newest = zoho.inventory(&format!("{list}&sort_order=D"), &token).await;
    assert_eq!(skus(&newest)[0], "BRKT-STD");
    assert_eq!(newest.at("/page_context/sort_order"), "D");
    let last = zoho.inventory(&format!("{list}&sort_order=A&page=7"), &token).await;
    assert_eq!(skus(&last), ["NEW", "BRKT-STD"]);
    assert_eq!(last.at("/page_context/has_more_page"), "false");
    let since =
        |time: &str| format!("/items?sort_column=last_modified_time&sort_order=A&last_modified_time={time}");
    let changed = zoho.inventory(&since("2026-11-19T09:59:59%2B0000"), &token).await;
    let changed = skus(&changed);
    assert_eq!((&changed[..3], changed.len()), (&["A".to_owned(), "B".to_owned(), "C".to_owned()][..], 6));
    zoho.switches(|switches| switches.modified_filter_ignored = true);
    assert_eq!(skus(&zoho.inventory(&since("2026-11-19T09:59:59%2B0000"), &token).await).len(), 14);

    let order = |sort: char| format!("/salesorders?sort_column=last_modified_time&sort_order={sort}");
    let confirmed = "/salesorders/3300000000080417/status/confirmed";
    assert_eq!(zoho.post_inventory(confirmed, &token, &Value::Null).await.status, 200);
    let newest = zoho.inventory(&order('D'), &token).await;
    assert_eq!(newest.at("/salesorders/0/salesorder_id"), "3300000000080417");
    let oldest = zoho.inventory(&order('A'), &token).await;
    assert_eq!(oldest.at("/salesorders/3/salesorder_id"), "3300000000080417");
    assert_eq!(oldest.at("/salesorders/0/date"), "2026-11-09");
}

#[tokio::test]
async fn a_list_says_what_was_searched_for() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let context = async |query: &str| {
        zoho.inventory(&format!("/items{query}"), &token).await.json()["page_context"].clone()
    };
    assert!(context("?page=1&filter_by=Status.All").await.get("search_criteria").is_none());
    let searched = context("?sku=SHELF-OAK-80&name_contains=oak").await;
    assert_eq!(searched["applied_filter"], "Status.All");
    assert_eq!(
        searched["search_criteria"],
        serde_json::json!([
            { "column_name": "sku", "search_text": "SHELF-OAK-80", "search_text_formatted": "SHELF-OAK-80",
                "comparator": "equal" },
            { "column_name": "name", "search_text": "oak", "search_text_formatted": "oak", "comparator": "contains" },
        ])
    );
    zoho.switches(|switches| switches.search_criteria_left_out = true);
    assert!(context("?sku=SHELF-OAK-80").await.get("search_criteria").is_none());
}
