//! Adjustments and transfers: stock moves once, from what it was to what was asked, and the answer shows both.

use std::time::Duration;

use futures::future::join_all;
use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use tests::agent::{Agent, Answer};
use tests::connector::Connector;

const ADJUSTMENTS: &str = "/v1/inventory/adjustments";
const TRANSFERS: &str = "/v1/inventory/transferorders";
const OAK: &str = "3300000000070001";

async fn keeper() -> (Connector, Agent) {
    Connector::start_without_limit().await.with_agent("stock", "inventory:stock").await
}

async fn post(agent: &Agent, path: &str, key: &str, body: &Value) -> Answer {
    agent.write("POST", path, &[("idempotency-key", key)], body).await
}

/// What is on hand at a location, as a read tells.
async fn on_hand(agent: &Agent, item: &str, location: &str) -> f64 {
    let item = agent.get(&format!("/v1/inventory/items/{item}")).await.ok();
    let places = item["stock"]["locations"].as_array().unwrap();
    places.iter().find(|place| place["name"] == location).unwrap()["on_hand"].as_f64().unwrap()
}

fn fault(connector: &Connector, path: &str, kind: FaultKind) {
    let fault = Fault { path_contains: path.to_owned(), times: 1, kind };
    connector.zoho.sandbox.inject_on("POST", fault);
}

#[tokio::test]
async fn a_delta_moves_one_place_and_shows_before_and_after() {
    let (_connector, agent) = keeper().await;
    let body = json!({ "sku": "SHELF-OAK-80", "location": "Main", "reason": "Damaged goods", "delta": -2.5 });
    let answer = post(&agent, ADJUSTMENTS, "one", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let line = &answer.body["lines"][0];
    assert_eq!(
        (&line["before"], &line["delta"], &line["after"], &line["outcome"]),
        (&json!(30), &json!(-2.5), &json!(27.5), &json!("adjusted"))
    );
    assert_eq!((&line["location"], &line["item_id"]), (&json!("Main"), &json!(OAK)));
    assert_eq!(answer.body["status"], "adjusted");
    assert!(answer.body["reference_number"].as_str().unwrap().starts_with("ZC-"));
    assert!(answer.body["untrusted"].as_array().unwrap().contains(&json!("lines")));
    assert!((on_hand(&agent, OAK, "Main").await, on_hand(&agent, OAK, "Outlet").await) == (27.5, 12.0));

    let again = post(&agent, ADJUSTMENTS, "one", &body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert!(on_hand(&agent, OAK, "Main").await == 27.5, "twice is once");
    let id = answer.body["inventory_adjustment_id"].as_str().unwrap();
    let read = agent.get(&format!("{ADJUSTMENTS}/{id}")).await.ok();
    assert_eq!(read["reason"], "Damaged goods");
    let list = agent.get(&format!("{ADJUSTMENTS}?per_page=50")).await.ok();
    assert!(list["data"].as_array().unwrap().iter().any(|row| row["inventory_adjustment_id"] == id));
    let audit = agent.get("/v1/audit?details=true").await.ok();
    assert_eq!(audit["data"][0]["subject"], format!("inventory_adjustment/{id}"));
    assert_eq!(audit["data"][0]["after"]["lines"][0]["before"], 30);
}

#[tokio::test]
async fn a_target_is_set_only_from_what_was_expected() {
    let (_connector, agent) = keeper().await;
    let body = |target: i32, expected: Option<i32>| {
        let mut body =
            json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "target": target });
        if let Some(expected) = expected {
            body["expected"] = expected.into();
        }
        body
    };
    let refused = post(&agent, ADJUSTMENTS, "a", &body(25, Some(29))).await.problem("stock_changed");
    assert!(refused["detail"].as_str().unwrap().contains("there is 30, and you expected 29"), "{refused}");
    let unsaid = post(&agent, ADJUSTMENTS, "b", &body(25, None)).await.problem("body_invalid");
    assert!(unsaid["detail"].as_str().unwrap().contains("needs `expected`"));
    let set = post(&agent, ADJUSTMENTS, "c", &body(25, Some(30))).await;
    assert_eq!((set.status, &set.body["lines"][0]["delta"]), (201, &json!(-5)), "{}", set.body);
    let nothing = post(&agent, ADJUSTMENTS, "d", &body(25, Some(25))).await;
    assert_eq!((nothing.status, &nothing.body["lines"][0]["outcome"]), (200, &json!("unchanged")));
    assert!(nothing.body["notice"].as_str().unwrap().contains("nothing was written"));

    // A preview takes the stock that it shows for what is expected.
    let path = format!("{ADJUSTMENTS}?dry_run=true");
    let preview = agent.write("POST", &path, &[], &body(20, None)).await.ok();
    assert_eq!((&preview["lines"][0]["before"], &preview["lines"][0]["after"]), (&json!(25), &json!(20)));
    post(
        &agent,
        ADJUSTMENTS,
        "e",
        &json!({ "item_id": OAK, "location": "Main", "reason": "Damaged goods", "delta": -1 }),
    )
    .await;
    let id = preview["preview_id"].as_str().unwrap();
    post(&agent, ADJUSTMENTS, id, &body(20, None)).await.problem("stock_changed");
    assert!(on_hand(&agent, OAK, "Main").await == 24.0);
}

#[tokio::test]
async fn what_cannot_be_adjusted_is_said_before_anything_is_sent() {
    let (connector, agent) = keeper().await;
    let with = |more: Value| {
        let mut body =
            json!({ "sku": "SHELF-OAK-80", "location": "Main", "reason": "Stock Written off", "delta": 1 });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        body
    };
    for (more, code, says) in [
        (json!({ "delta": 0 }), "body_invalid", "is 0"),
        (json!({ "delta": "1,5" }), "body_invalid", "has a comma"),
        (json!({ "delta": "many" }), "body_invalid", "is no number"),
        (json!({ "delta": 0.1234567 }), "body_invalid", "6 decimals"),
        (json!({ "delta": null }), "body_invalid", "must be there"),
        (json!({ "expected": 3 }), "body_invalid", "stands alone"),
        (json!({ "reason": "  " }), "body_invalid", "`reason`"),
        (json!({ "reason": "x".repeat(101) }), "body_invalid", "`reason`"),
        (json!({ "date": "30.11.2026" }), "body_invalid", "a day like"),
        (json!({ "date": "2026-02-30" }), "body_invalid", "a day like"),
        (json!({ "location": null }), "body_invalid", r#""Main", "Outlet""#),
        (json!({ "location_id": "3300000000038080" }), "body_invalid", "send one of them"),
        (json!({ "location": null, "location_id": "Main" }), "body_invalid", "Zoho's own"),
        (json!({ "location": "Mars" }), "location_not_found", r#""Main", "Outlet""#),
        (json!({ "sku": "SVC-MOUNT" }), "item_not_adjustable", "not tracked"),
        (json!({ "sku": "SHELF-PINE-60" }), "sku_inactive", ""),
        (json!({ "sku": null, "item_id": "3300000000070005" }), "item_not_adjustable", "is inactive"),
        (json!({ "sku": null, "item_id": "3300000000079999" }), "item_not_adjustable", "is not in Zoho"),
        (json!({ "sku": "DUP-1" }), "sku_ambiguous", ""),
        (json!({ "sku": "NONE" }), "sku_not_found", ""),
        (json!({ "item_id": OAK }), "body_invalid", "exactly one of"),
        (json!({ "lines": [{ "sku": "BRKT-STD", "delta": 1 }] }), "body_invalid", "not both"),
        (json!({ "sku": null, "delta": null, "lines": [] }), "body_invalid", "1 to 100"),
        (
            json!({ "sku": null, "delta": null, "lines": [{ "item_id": OAK, "delta": 1 }, { "sku": "SHELF-OAK-80", "delta": 1 }] }),
            "body_invalid",
            "`lines[1]` names an item",
        ),
    ] {
        let answer = post(&agent, ADJUSTMENTS, "same", &with(more.clone())).await.problem(code);
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{more}: {detail}");
    }
    let reader = connector.agent(&["--can", "inventory:read"]).await;
    reader.write("POST", ADJUSTMENTS, &[], &with(json!({}))).await.problem("key_not_allowed");
    let requests = connector.zoho.sandbox.requests();
    assert!(!requests.iter().any(|request| request.method == "POST" && request.path.contains("/inventory/")));
}

#[tokio::test]
async fn lines_that_zoho_would_not_take_are_left_out_and_told() {
    let (_connector, agent) = keeper().await;
    let body = json!({
        "location": "Main",
        "reason": "Stock Written off",
        "lines": [
            { "sku": "SHELF-OAK-80", "target": 31, "expected": 30 },
            { "sku": "SVC-MOUNT", "delta": 1 },
            { "sku": "RUG-FJORD", "target": 9, "expected": 5 },
            { "sku": "SHELF-OAK-80-XL", "delta": "0.1" },
            { "sku": "STUHL-ÆRØ", "target": 14.5, "expected": 14.5 },
        ],
    });
    let preview = agent.write("POST", &format!("{ADJUSTMENTS}?dry_run=true"), &[], &body).await.ok();
    assert_eq!(preview["warnings"].as_array().unwrap().len(), 2, "{preview}");
    let answer = post(&agent, ADJUSTMENTS, "batch", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let outcomes: Vec<_> =
        answer.body["lines"].as_array().unwrap().iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes, ["adjusted", "refused", "changed", "adjusted", "unchanged"]);
    assert_eq!(answer.body["lines"][3]["after"], 8.1);
    assert_eq!(answer.body["line_items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_adjustment_whose_answer_is_lost_is_found_and_never_made_twice() {
    let (connector, agent) = keeper().await;
    for (number, kind) in [
        FaultKind::ResetAfter,
        FaultKind::StatusAfter(500),
        FaultKind::Html200After,
        FaultKind::SlowAfter(Duration::from_secs(20)),
    ]
    .into_iter()
    .enumerate()
    {
        for (path, body) in [
            (
                ADJUSTMENTS,
                json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "delta": -1 }),
            ),
            (
                ADJUSTMENTS,
                json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "delta": 2, "reference_number": format!("count-{number}") }),
            ),
            (
                TRANSFERS,
                json!({ "from": "Main", "to": "Outlet", "lines": [{ "item_id": OAK, "quantity": 1 }] }),
            ),
        ] {
            let before = (on_hand(&agent, OAK, "Main").await, on_hand(&agent, OAK, "Outlet").await);
            let moved = match (path, body["delta"].as_f64()) {
                (_, Some(delta)) => (delta, 0.0),
                _ => (-1.0, 1.0),
            };
            let zoho = if path == TRANSFERS { "/transferorders" } else { "/inventoryadjustments" };
            fault(&connector, zoho, kind.clone());
            let key = format!("{path}-{number}-{}", body["delta"]);
            let answer = post(&agent, path, &key, &body).await;
            assert_eq!(answer.status, 201, "{kind:?} {path}: {}", answer.body);
            assert!(answer.body["notice"].as_str().unwrap().contains("was found in Zoho"), "{}", answer.body);
            let again = post(&agent, path, &key, &body).await;
            assert_eq!(again.body, answer.body);
            let after = (on_hand(&agent, OAK, "Main").await, on_hand(&agent, OAK, "Outlet").await);
            assert!(
                after == (before.0 + moved.0, before.1 + moved.1),
                "{kind:?} {path}: {before:?} {after:?}"
            );
        }
    }
    // Nothing was done: nothing is found, and nobody claims that it was.
    let before = on_hand(&agent, OAK, "Main").await;
    fault(&connector, "/inventoryadjustments", FaultKind::Status(500));
    let body = json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "delta": -1 });
    post(&agent, ADJUSTMENTS, "lost", &body).await.problem("write_uncertain");
    assert!(on_hand(&agent, OAK, "Main").await == before);
}

#[tokio::test]
async fn targets_of_many_callers_never_build_on_the_same_figure() {
    let (_connector, agent) = keeper().await;
    let body = |number: i32| json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "target": 30 + number, "expected": 30 });
    let bodies: Vec<Value> = (1..=8).map(body).collect();
    let keys: Vec<String> = (1..=8).map(|number| format!("racer-{number}")).collect();
    let answers =
        join_all(bodies.iter().zip(&keys).map(|(body, key)| post(&agent, ADJUSTMENTS, key, body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for other in answers.iter().filter(|answer| answer.status != 201) {
        let code = other.body["code"].as_str().unwrap();
        assert!(["stock_changed", "stock_in_progress"].contains(&code), "{}", other.body);
    }
    assert!(on_hand(&agent, OAK, "Main").await == made[0].body["lines"][0]["after"].as_f64().unwrap());
}

#[tokio::test]
async fn a_transfer_moves_both_places_at_once_or_on_its_way() {
    let (_connector, agent) = keeper().await;
    let mut body = json!({ "from": "Main", "to": "3300000000038095", "lines": [{ "sku": "SHELF-OAK-80", "quantity": 4 }] });
    let preview = agent.write("POST", &format!("{TRANSFERS}?dry_run=true"), &[], &body).await.ok();
    assert_eq!((&preview["lines"][0]["from"]["before"], &preview["warnings"]), (&json!(30), &json!([])));
    let moved = post(&agent, TRANSFERS, "at-once", &body).await;
    assert_eq!(moved.status, 201, "{}", moved.body);
    let line = &moved.body["lines"][0];
    assert_eq!((&line["from"]["after"], &line["to"]["after"]), (&json!(26), &json!(16)), "{line}");
    assert_eq!((&moved.body["status"], &line["outcome"]), (&json!("transferred"), &json!("transferred")));

    body["in_transit"] = true.into();
    let under_way = post(&agent, TRANSFERS, "under-way", &body).await;
    assert_eq!(
        (under_way.status, &under_way.body["status"]),
        (201, &json!("in_transit")),
        "{}",
        under_way.body
    );
    assert!((on_hand(&agent, OAK, "Main").await, on_hand(&agent, OAK, "Outlet").await) == (22.0, 16.0));
    let id = under_way.body["transfer_order_id"].as_str().unwrap();
    let receive = format!("{TRANSFERS}/{id}/receive");
    // The day stands in the query: in a body it would be lost, and the goods arrive today.
    let day = agent.write("POST", &receive, &[], &json!({ "date": "2026-11-30" })).await;
    assert!(day.problem("body_invalid")["detail"].as_str().unwrap().contains("path and query"));
    let received = agent.write("POST", &receive, &[], &Value::Null).await;
    assert_eq!(
        (received.status, &received.body["status"]),
        (200, &json!("transferred")),
        "{}",
        received.body
    );
    assert!(on_hand(&agent, OAK, "Outlet").await == 20.0);
    let again = agent.write("POST", &receive, &[], &json!({})).await.problem("item_not_adjustable");
    assert!(again["hint"].as_str().unwrap().contains("have arrived already"), "{again}");

    let line = |line: Value| json!({ "from": "Main", "to": "Outlet", "lines": [line] });
    for (body, code, says) in [
        (
            json!({ "from": "Main", "to": "Main", "lines": [{ "item_id": OAK, "quantity": 1 }] }),
            "body_invalid",
            "one location",
        ),
        (
            json!({ "from": "Main", "to": "3300000000038080", "lines": [{ "item_id": OAK, "quantity": 1 }] }),
            "item_not_adjustable",
            "one location",
        ),
        (
            json!({ "from": "Mars", "to": "Main", "lines": [{ "item_id": OAK, "quantity": 1 }] }),
            "location_not_found",
            r#""Main", "Outlet""#,
        ),
        (line(json!({ "item_id": OAK, "quantity": 0 })), "body_invalid", "more than 0"),
        (line(json!({ "item_id": OAK, "quantity": -1 })), "body_invalid", "more than 0"),
        (line(json!({ "sku": "SVC-MOUNT", "quantity": 1 })), "item_not_adjustable", "not tracked"),
    ] {
        let answer = post(&agent, TRANSFERS, "wrong", &body).await.problem(code);
        assert!(answer["detail"].as_str().unwrap().contains(says), "{answer}");
    }
    let short = agent
        .write(
            "POST",
            &format!("{TRANSFERS}?dry_run=true"),
            &[],
            &line(json!({ "item_id": OAK, "quantity": 100 })),
        )
        .await
        .ok();
    assert!(short["warnings"][0].as_str().unwrap().contains("would be left with -78"), "{short}");
}

#[tokio::test]
async fn what_waits_for_approval_is_not_told_as_moved_also_when_its_answer_was_lost() {
    let (connector, agent) = keeper().await;
    connector.zoho.sandbox.switches(|switches| {
        switches.adjustment_approval = true;
        switches.approval_bypassed = false;
    });
    let before = on_hand(&agent, OAK, "Main").await;
    for lost in [false, true] {
        if lost {
            fault(&connector, "/inventoryadjustments", FaultKind::ResetAfter);
        }
        let body = json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "delta": -1 });
        let answer = post(&agent, ADJUSTMENTS, &format!("waits-{lost}"), &body).await;
        assert_eq!(
            (answer.status, &answer.body["lines"][0]["outcome"]),
            (201, &json!("awaits_approval")),
            "{}",
            answer.body
        );
        assert!(
            answer.body["notice"].as_str().unwrap().contains("has not moved any stock yet"),
            "{}",
            answer.body
        );
    }
    assert!(on_hand(&agent, OAK, "Main").await == before);
}

#[tokio::test]
async fn figures_that_lag_behind_are_waited_for_or_told() {
    let (connector, agent) = keeper().await;
    connector.zoho.sandbox.switches(|switches| switches.stock_lag = Duration::from_secs(3));
    let body = json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "target": 28, "expected": 30 });
    let answer = post(&agent, ADJUSTMENTS, "lag", &body).await;
    assert_eq!((answer.status, &answer.body["lines"][0]["after"]), (201, &json!(28)), "{}", answer.body);
    connector.zoho.sandbox.switches(|switches| switches.stock_lag = Duration::from_secs(3600));
    let body = json!({ "item_id": OAK, "location": "Main", "reason": "Stock Written off", "delta": -1 });
    let answer = post(&agent, ADJUSTMENTS, "long", &body).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body["notice"].as_str().unwrap().contains("does not show it yet"), "{}", answer.body);
}
