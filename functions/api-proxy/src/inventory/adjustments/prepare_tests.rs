//! An adjustment as callers write it, and what is made of it.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::base::problem::Code;

use super::stand_in::{World, world};

/// What is said against a body.
async fn refusal(world: &World, asked: Value, dry_run: bool) -> String {
    let problem = world.create(asked, dry_run).await.unwrap_err();
    assert_eq!(problem.code(), Code::BodyInvalid, "{}", problem.detail());
    problem.detail().to_owned()
}

/// A preview.
async fn preview(world: &World, asked: Value) -> Value {
    let (status, shown) = world.create(asked, true).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    shown
}

#[tokio::test]
async fn an_adjustment_is_sent_as_it_was_asked_for() {
    let world = world(&[10, 4]).await;
    let asked = json!({
        "reason": " Damaged ",
        "reference_number": "R-7",
        "lines": [{ "item_id": "1", "delta": -2 }, { "item_id": "2", "target": 5, "expected": 4 }],
    });
    let (status, made) = world.create(asked, false).await.unwrap();
    assert_eq!((status, &made["inventory_adjustment_id"]), (StatusCode::CREATED, &json!("900")));
    let [sent]: [Value; 1] = world.posted().try_into().unwrap();
    assert_eq!((&sent["reason"], &sent["reference_number"]), (&json!("Damaged"), &json!("R-7")));
    let lines = r#"[{"item_id":"1","quantity_adjusted":-2},{"item_id":"2","quantity_adjusted":1}]"#;
    assert_eq!(sent["line_items"].to_string(), lines);
}

#[tokio::test]
async fn a_preview_shows_each_line_and_writes_nothing() {
    let world = world(&[10, 4]).await;
    let lines = json!([{ "item_id": "1", "delta": -2 }, { "item_id": "2", "target": 5 }]);
    let shown = preview(&world, json!({ "reason": "Count", "lines": lines })).await;
    let told = |line: &Value| json!([line["item_id"], line["outcome"], line["before"], line["after"]]);
    let told: Vec<_> = shown["lines"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(json!(told).to_string(), r#"[["1","ready",10,8],["2","ready",4,5]]"#);
    assert!(world.posted().is_empty());
}

#[tokio::test]
async fn where_no_reference_is_sent_one_is_made_up_that_nothing_else_has() {
    let world = world(&[10]).await;
    let reference = async || {
        let shown = preview(&world, json!({ "reason": "Count", "item_id": "1", "delta": 1 })).await;
        shown["reference_number"].as_str().unwrap().to_owned()
    };
    let (one, other) = (reference().await, reference().await);
    let digits = one.strip_prefix("ZC-").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{one}");
    assert_ne!(one, other);
}

#[tokio::test]
async fn a_location_is_named_in_one_of_three_fields() {
    let world = world(&[5]).await;
    world.zoho.lock().unwrap().items[0]["locations"] = json!([
        { "location_id": "10", "location_name": "Main", "location_stock_on_hand": 4 },
        { "location_id": "11", "location_name": "Shop", "location_stock_on_hand": 1 },
    ]);
    for (field, value) in [("location", "Shop"), ("location_id", "11"), ("warehouse_id", "11")] {
        let mut asked = json!({ "reason": "Count", "item_id": "1", "delta": 2 });
        asked[field] = json!(value);
        let shown = preview(&world, asked).await;
        let line = &shown["lines"][0];
        let told = json!([line["location_id"], line["location"], line["before"], line["after"]]);
        assert_eq!(told.to_string(), r#"["11","Shop",1,3]"#, "{field}");
    }
}

#[tokio::test]
async fn what_can_be_no_adjustment_is_refused_and_the_field_is_named() {
    let world = world(&[10]).await;
    let one = |reason: &str| json!({ "reason": reason, "item_id": "1", "delta": 1 });
    for reason in [String::new(), "  ".to_owned(), "ä".repeat(101)] {
        assert_eq!(refusal(&world, one(&reason), true).await, "`reason` must be 1 to 100 letters.");
    }
    for reason in ["ä".to_owned(), "ä".repeat(100)] {
        assert_eq!(preview(&world, one(&reason)).await["reason"], json!(reason));
    }
    let lines =
        |second: Value| json!({ "reason": "Count", "lines": [{ "item_id": "1", "delta": 1 }, second] });
    for (asked, said) in [
        (json!({ "reason": "Count", "delta": 1 }), "The body must have exactly one of"),
        (lines(json!({ "delta": 1 })), "`lines[1]` must have exactly one of"),
        (lines(json!({ "item_id": "2", "delta": 0 })), "`lines[1].delta` is 0"),
        (lines(json!({ "item_id": "1", "delta": 2 })), "`lines[1]` names an item that a line before it has"),
    ] {
        let found = refusal(&world, asked, true).await;
        assert!(found.starts_with(said), "{found}");
    }
    let target = json!({ "reason": "Count", "item_id": "1", "target": 1 });
    assert!(refusal(&world, target, false).await.starts_with("`target` needs `expected`"));
    assert!(world.posted().is_empty());
}
