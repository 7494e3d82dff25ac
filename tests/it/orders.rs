//! Orders as callers write them: what is wrong is told with its line, and a preview says what it knows and what it does not.

use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

const ORDERS: &str = "/v1/inventory/salesorders";
const HARBOR: &str = "3300000000060210";
const SHELF: &str = "3300000000070001";
const BRACKET: &str = "3300000000070002";

async fn writer() -> (Connector, Agent) {
    Connector::start_without_limit().await.with_agent("write", "inventory:write").await
}

fn order(lines: &Value) -> Value {
    json!({ "customer": "Harbor Interiors GmbH", "line_items": lines })
}

async fn refused(agent: &Agent, body: &Value, code: &str) -> (String, String) {
    let path = format!("{ORDERS}?dry_run=true");
    let problem = agent.write("POST", &path, &[], body).await.problem(code);
    let text = |field: &str| problem[field].as_str().unwrap().to_owned();
    (text("detail"), text("hint"))
}

async fn preview(agent: &Agent, body: &Value) -> Value {
    agent.write("POST", &format!("{ORDERS}?dry_run=true"), &[], body).await.ok()
}

fn warnings(preview: &Value) -> String {
    preview["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" | ")
}

#[tokio::test]
async fn what_is_wrong_with_an_order_names_its_line() {
    let (_connector, agent) = writer().await;
    let good = json!({ "item_id": SHELF, "quantity": 1 });
    let (detail, hint) =
        refused(&agent, &order(&json!([good, { "sku": "DUP-1", "quantity": 1 }])), "sku_ambiguous").await;
    for part in [
        "`line_items[1].sku` \"DUP-1\"",
        "3300000000070006 (\"Hook, brass\")",
        "3300000000070007 (\"Hook, steel\")",
    ] {
        assert!(detail.contains(part), "{detail}");
    }
    assert!(hint.contains("`item_id`") && !hint.contains("/v1/inventory/items/"), "{hint}");

    let twice = json!([{ "sku": "NO-SUCH", "quantity": 1 }, good, { "sku": "NO-SUCH", "quantity": 1 }]);
    let (detail, _) = refused(&agent, &order(&twice), "sku_not_found").await;
    assert!(detail.starts_with("`line_items[0].sku`, `line_items[2].sku` \"NO-SUCH\": "), "{detail}");
    let inactive = json!([{ "sku": "SHELF-PINE-60", "quantity": 1 }]);
    let (detail, _) = refused(&agent, &order(&inactive), "sku_inactive").await;
    assert!(detail.starts_with("`line_items[0].sku` \"SHELF-PINE-60\": "), "{detail}");
    let unknown = json!([good, { "item_id": "3300000000079999", "quantity": 1 }]);
    let (detail, _) = refused(&agent, &order(&unknown), "record_not_found").await;
    assert!(detail.starts_with("`line_items[1].item_id` \"3300000000079999\": "), "{detail}");

    for (line, expected) in [
        (json!({ "item_id": SHELF, "quantity": 0 }), "`line_items[0].quantity` is 0"),
        (json!({ "item_id": "SHELF-OAK-80", "quantity": 1 }), "`line_items[0].item_id` must be Zoho's own"),
        (json!({ "quantity": 1 }), "`line_items[0]` must have"),
        (
            json!({ "item_id": SHELF, "quantity": "1.234,56" }),
            "`line_items[0].quantity` has invalid type: string \"1.234,56\"",
        ),
        (json!({ "item_id": SHELF, "quantity": 1, "rate": [] }), "`line_items[0].rate`"),
        (json!({ "item_id": SHELF, "quantity": 1, "discont": 3 }), "Did you mean `discount`?"),
        (json!({ "item_id": SHELF }), "`line_items[0].quantity` is missing"),
    ] {
        let (detail, _) = refused(&agent, &order(&json!([line])), "body_invalid").await;
        assert!(detail.contains(expected), "{detail}");
    }
    let nobody = json!({ "customer_id": "3300000000069999", "line_items": [good] });
    let (detail, _) = refused(&agent, &nobody, "customer_not_found").await;
    assert!(detail.contains("3300000000069999"), "{detail}");
    let name = json!({ "customer_id": "Harbor", "line_items": [good] });
    let (detail, _) = refused(&agent, &name, "body_invalid").await;
    assert!(detail.contains("`customer_id`") && detail.contains("`customer`"), "{detail}");
}

#[tokio::test]
async fn a_preview_says_whose_order_it_is_and_warns() {
    let (connector, agent) = writer().await;
    for customer in [json!({ "customer": "Harbor Interiors GmbH" }), json!({ "customer_id": HARBOR })] {
        let mut body = customer;
        body["line_items"] =
            json!([{ "item_id": BRACKET, "quantity": 3 }, { "item_id": BRACKET, "quantity": 1 }]);
        let shown = preview(&agent, &body).await;
        assert_eq!(
            (&shown["customer_id"], &shown["customer_name"], &shown["currency_code"]),
            (&json!(HARBOR), &json!("Harbor Interiors GmbH"), &json!("EUR"))
        );
        assert!(shown["untrusted"].as_array().unwrap().contains(&json!("customer_name")));
        assert_eq!(shown["lines"][0]["stock"], json!({ "available": -3, "after": -6 }));
        assert_eq!(
            shown["lines"][1]["stock"],
            json!({ "available": -6, "after": -7 }),
            "the same item again"
        );
        assert!(
            warnings(&shown)
                .contains("`line_items[1]`: -6 can be promised, so that the stock for sale would be -7")
        );
    }
    let bare = preview(&agent, &order(&json!([{ "item_id": SHELF, "quantity": 2 }]))).await;
    assert_eq!(
        (&bare["estimate"]["tax"], &bare["estimate"]["total"]),
        (&Value::Null, &Value::Null),
        "{bare}"
    );
    assert_eq!(bare["estimate"]["total_before_tax"].to_string(), "99.8");
    assert!(warnings(&bare).contains("tax is unknown"), "{bare}");

    connector.zoho.sandbox.add_item(json!({
        "item_id": "3300000000090001", "name": "Sample", "sku": "SAMPLE", "rate": 0, "tax_id": "3300000000050001", "tax_percentage": 19,
        "can_be_sold": false,
    }));
    let free = preview(&agent, &order(&json!([{ "item_id": "3300000000090001", "quantity": 1 }]))).await;
    assert!(warnings(&free).contains("cost nothing") && warnings(&free).contains("not for sale"), "{free}");
    let priced = json!([{ "item_id": "3300000000090001", "quantity": 3, "rate": 0.335 }]);
    let priced = preview(&agent, &order(&priced)).await;
    assert!(!warnings(&priced).contains("cost nothing"));
    // 3 × 0.335 is 1.005, and half of a cent goes up.
    assert_eq!(
        priced["estimate"],
        json!({ "subtotal": 1.01, "tax": 0.19, "total": 1.2, "total_before_tax": 1.01, "decimals": 2 })
    );
}

/// A connection that was made before the organisation's decimals were kept, or an order in another currency.
#[tokio::test]
async fn where_decimals_are_unknown_nothing_is_rounded() {
    let (connector, agent) = writer().await;
    connector.zoho.sandbox.add_contact(json!({
        "contact_id": "3300000000060298", "contact_name": "Tokyo Lamps", "currency_code": "JPY",
    }));
    let body = json!({
        "customer": "Tokyo Lamps", "line_items": [{ "item_id": SHELF, "quantity": 3, "rate": 0.335 }],
    });
    let shown = preview(&agent, &body).await;
    assert_eq!((&shown["currency_code"], &shown["estimate"]["decimals"]), (&json!("JPY"), &Value::Null));
    assert_eq!(shown["estimate"]["subtotal"].to_string(), "1.005");
    assert!(warnings(&shown).contains("not known how amounts are rounded"), "{shown}");
}

#[tokio::test]
async fn numbers_go_out_written_out() {
    let (connector, agent) = writer().await;
    let body = r#"{"customer_id":"3300000000060210","line_items":[{"item_id":"3300000000070001","quantity":1e1,"rate":1e15}],"adjustment":-2.5E-1}"#;
    let send = |path: String| {
        let agent = agent.clone();
        async move {
            let headers = [("content-type", "application/json")];
            let (status, _, answer) = agent.bytes("POST", &path, &headers, body.as_bytes().to_vec()).await;
            (status, String::from_utf8(answer).unwrap())
        }
    };
    connector.zoho.sandbox.clear_requests();
    let (status, answer) = send(ORDERS.to_owned()).await;
    assert_eq!(status, 201, "{answer}");
    let requests = connector.zoho.sandbox.requests();
    let sent = requests.iter().find(|request| request.method == "POST").unwrap();
    for part in [r#""quantity":10,"#, r#""rate":1000000000000000"#, r#""adjustment":-0.25"#] {
        assert!(sent.body.contains(part), "{}", sent.body);
    }
    let huge =
        json!({ "customer_id": HARBOR, "line_items": [{ "item_id": SHELF, "quantity": 1, "rate": 1e300 }] });
    let problem = agent.write("POST", ORDERS, &[], &huge).await.problem("body_invalid");
    assert!(problem["detail"].as_str().unwrap().contains("`line_items[0].rate`"), "{problem}");
}

#[tokio::test]
async fn a_changed_request_differs_from_its_preview() {
    let (_connector, agent) = writer().await;
    let body = order(&json!([{ "item_id": SHELF, "quantity": 1 }]));
    let shown = preview(&agent, &body).await;
    let id = [("idempotency-key", shown["preview_id"].as_str().unwrap())];
    let mut other = body.clone();
    other["line_items"][0]["quantity"] = 2.into();
    let problem = agent.write("POST", ORDERS, &id, &other).await.problem("preview_required");
    assert!(
        problem["detail"].as_str().unwrap().contains("differs from the one that was previewed"),
        "{problem}"
    );
    let unknown = [("idempotency-key", "zcp_000000000000000000000000")];
    let problem = agent.write("POST", ORDERS, &unknown, &body).await.problem("preview_required");
    assert!(problem["detail"].as_str().unwrap().contains("15 minutes are over"), "{problem}");
    assert_eq!(agent.write("POST", ORDERS, &id, &body).await.status, 201);
}

#[tokio::test]
async fn an_organisation_without_locations_has_none_of_any_name() {
    let (connector, agent) = Connector::connected().await;
    let body = r#"{"code":0,"message":"success","locations":[]}"#.to_owned();
    let fault = Fault {
        path_contains: "/locations".to_owned(),
        times: 10,
        kind: FaultKind::Body(200, "application/json".to_owned(), body),
    };
    connector.zoho.sandbox.inject(fault);
    connector.zoho.sandbox.inject(Fault {
        path_contains: "/itemdetails".to_owned(),
        times: 1,
        kind: FaultKind::Body(
            200,
            "application/json".to_owned(),
            json!({ "code": 0, "items": [{ "item_id": SHELF, "name": "Oak", "stock_on_hand": 3 }] })
                .to_string(),
        ),
    });
    let problem = agent.get("/v1/inventory/items?location=Mars").await.problem("location_not_found");
    assert!(problem["detail"].as_str().unwrap().contains("no locations"), "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("without `location`"), "{problem}");
    // Older organisations have warehouses, and no list of them.
    connector.zoho.sandbox.clear_faults();
    connector.zoho.sandbox.switches(|switches| switches.legacy_warehouses = true);
    let problem = agent.get("/v1/inventory/items?location=Mars").await.problem("location_not_found");
    assert!(problem["detail"].as_str().unwrap().contains("Outlet"), "{problem}");
    let found = agent.get("/v1/inventory/items?location=Outlet&search=SHELF-OAK-80").await.ok();
    assert!(!found["data"].as_array().unwrap().is_empty());
}
