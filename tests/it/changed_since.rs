//! Lists of Inventory: what was changed since a moment, and fields that no record has.

use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

const KINDS: [(&str, &str); 6] = [
    ("salesorders", "salesorder_id"),
    ("contacts", "contact_id"),
    ("purchaseorders", "purchaseorder_id"),
    ("packages", "package_id"),
    ("adjustments", "inventory_adjustment_id"),
    ("transferorders", "transfer_order_id"),
];

/// A list to its end: ids and times of change.
async fn whole(agent: &Agent, first: &str, id: &str) -> Vec<(String, String)> {
    let (mut rows, mut path) = (Vec::new(), first.to_owned());
    loop {
        let page = agent.get(&path).await.ok();
        for row in page["data"].as_array().unwrap() {
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            rows.push((text(id), text("last_modified_time")));
        }
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    rows.sort();
    rows.dedup();
    rows
}

fn moment(text: &str) -> i64 {
    text.parse::<shared::base::clock::Timestamp>().unwrap().as_second()
}

/// Whether Zoho sorts or not, and filters or not, the list holds what was changed since, and nothing else.
#[tokio::test]
async fn a_list_of_inventory_holds_what_was_changed_since() {
    let (connector, agent) =
        Connector::start_without_limit().await.with_agent("write", "inventory:write").await;
    for (path, body) in [
        ("adjustments", json!({ "sku": "SHELF-OAK-80", "location": "Main", "delta": 1, "reason": "Found" })),
        (
            "transferorders",
            json!({ "from": "Main", "to": "Outlet", "lines": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] }),
        ),
    ] {
        let made = agent.write("POST", &format!("/v1/inventory/{path}"), &[], &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let mut judged = 0;
    for ignored in [false, true] {
        connector.zoho.sandbox.switches(|switches| switches.sort_by_change_ignored = ignored);
        for (kind, id) in KINDS {
            let all = whole(&agent, &format!("/v1/inventory/{kind}?per_page=2"), id).await;
            assert!(!all.is_empty(), "{kind}");
            for (_, since) in &all {
                let since = moment(since);
                let at = shared::base::clock::Timestamp::from_second(since).unwrap();
                let expected: Vec<_> =
                    all.iter().filter(|(_, time)| moment(time) >= since).cloned().collect();
                let path = format!("/v1/inventory/{kind}?per_page=2&modified_since={at}");
                assert_eq!(whole(&agent, &path, id).await, expected, "{kind} {at} {ignored}");
                judged += usize::from(expected.len() < all.len());
            }
            let none =
                agent.get(&format!("/v1/inventory/{kind}?modified_since=2126-01-01T00:00:00Z")).await.ok();
            assert_eq!((&none["data"], &none["next"]), (&json!([]), &Value::Null), "{kind}: {none}");
        }
    }
    assert!(judged > 0, "some lists hold older records, too");
    agent.get("/v1/inventory/salesorders?modified_since=today").await.problem("invalid_parameter");
    agent
        .get("/v1/inventory/locations?modified_since=2026-01-01T00:00:00Z")
        .await
        .problem("invalid_parameter");
}

/// Where Zoho sorts, one call is enough to know that nothing changed.
#[tokio::test]
async fn what_is_older_is_not_read_to_its_end() {
    let connector = Connector::start().await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    connector.zoho.sandbox.switches(|switches| {
        (switches.sort_by_change_ignored, switches.rows_in_a_page) = (false, 1);
    });
    connector.zoho.sandbox.clear_requests();
    let none = agent.get("/v1/inventory/salesorders?modified_since=2126-01-01T00:00:00Z").await.ok();
    assert_eq!((&none["data"], &none["next"]), (&json!([]), &Value::Null));
    let requests = connector.zoho.sandbox.requests();
    assert_eq!(requests.iter().filter(|one| one.path.ends_with("/salesorders")).count(), 1);
}

#[tokio::test]
async fn a_field_that_no_record_has_is_told() {
    let (_connector, agent) = Connector::connected().await;
    for (path, said) in [
        ("/v1/inventory/items?fields=nmae,sku&per_page=2", "`nmae`. Did you mean `name`?"),
        ("/v1/inventory/items?sku=SHELF-OAK-80&fields=nmae", "`nmae`. Did you mean `name`?"),
        ("/v1/inventory/items?fields=stock.available&per_page=2", "`stock.available`"),
        ("/v1/inventory/items/3300000000070001?fields=rates", "`rates`. Did you mean `rate`?"),
        ("/v1/inventory/salesorders?fields=totl&per_page=2", "`totl`. Did you mean `total`?"),
        ("/v1/inventory/salesorders/3300000000080407?fields=totl", "`totl`. Did you mean `total`?"),
    ] {
        let answer = agent.get(path).await.ok();
        let notice = answer["notice"].as_str().unwrap_or_else(|| panic!("{path}: {answer}"));
        assert!(notice.contains(&format!("No record here has {said}")), "{path}: {notice}");
    }
    for path in
        ["/v1/inventory/items/3300000000070001?fields=name,rate", "/v1/inventory/salesorders?fields=total"]
    {
        assert_eq!(agent.get(path).await.ok()["notice"], Value::Null, "{path}");
    }
}

#[tokio::test]
async fn an_order_has_days_for_dates() {
    let (_connector, agent) = Connector::start().await.with_agent("write", "inventory:write").await;
    let order = |field: &str, date: &str| {
        let mut order = json!({ "customer": "Harbor Interiors GmbH", "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] });
        order[field] = date.into();
        order
    };
    for field in ["date", "shipment_date"] {
        for date in ["tomorrow", "30.11.2026", "2026-02-30", "2026-11-30T10:00:00Z", ""] {
            let answer =
                agent.write("POST", "/v1/inventory/salesorders?dry_run=true", &[], &order(field, date)).await;
            let problem = answer.problem("body_invalid");
            assert!(problem["detail"].as_str().unwrap().contains(&format!("`{field}` is")), "{problem}");
        }
        agent
            .write("POST", "/v1/inventory/salesorders?dry_run=true", &[], &order(field, "2026-12-24"))
            .await
            .ok();
    }
}
