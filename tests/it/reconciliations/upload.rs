//! Counts are taken: whole or in parts, as JSON or as a table, once.

use sandbox::{Fault, FaultKind, Gate};
use serde_json::{Value, json};

use super::{PATH, counter, post, post_csv, rows};

#[tokio::test]
async fn what_is_wrong_with_counts_is_told_with_its_line_and_nothing_is_taken() {
    let (connector, agent) = counter(0).await;
    connector.zoho.sandbox.clear_requests();
    let json_of = |counts: Value| json!({ "counts": counts });
    for (body, code, said) in [
        (
            json_of(json!([{ "sku": "A", "quantity": "many" }])),
            "body_invalid",
            "count 1: \"many\" is no number",
        ),
        (
            json_of(json!([{ "sku": "B", "quantity": 1 }, { "sku": "A", "quantity": -1 }])),
            "body_invalid",
            "count 2: -1 is less than nothing",
        ),
        (json_of(json!([{ "sku": "A", "quantity": "1,5" }])), "body_invalid", "has a comma"),
        (json_of(json!([{ "sku": "A", "quantity": 0.0000001 }])), "body_invalid", "more than 6 decimals"),
        (json_of(json!([{ "sku": "A" }])), "body_invalid", "`counts[0].quantity` is missing"),
        (json_of(json!([])), "body_invalid", "There are no counts"),
        (
            json_of(
                json!([{ "sku": "A", "quantity": 1 }, { "sku": "B", "quantity": 1 }, { "sku": "A", "quantity": 2 }]),
            ),
            "body_invalid",
            "count 3: it counts the same item at the same place as count 1",
        ),
        (json!({ "counts": [{ "sku": "A", "quantity": 1 }], "basis": "true" }), "body_invalid", "`basis`"),
        (
            json!({ "counts": [{ "sku": "A", "quantity": 1 }], "counted_at": "yesterday" }),
            "body_invalid",
            "`counted_at`",
        ),
        (
            json!({ "counts": [{ "sku": "A", "quantity": 1 }], "counted_at": "2999-01-01T00:00:00Z" }),
            "body_invalid",
            "a count is not in the future",
        ),
        (
            json_of(
                json!([{ "sku": "A", "location": "Main", "quantity": 1 }, { "sku": "A", "location": "Mars", "quantity": 1 }]),
            ),
            "location_not_found",
            "count 2: there is no location \"Mars\". The locations are: \"Main\", \"Outlet\"",
        ),
        (
            json!({ "location": "Mars", "counts": [{ "sku": "A", "quantity": 1 }] }),
            "location_not_found",
            "\"Main\", \"Outlet\"",
        ),
    ] {
        let problem = post(&agent, PATH, &body).await.problem(code);
        assert!(problem["detail"].as_str().unwrap().contains(said), "{said}: {problem}");
    }
    for (table, said) in [
        ("sku,count\nA,1\n", "count"),
        ("sku,location\nA,Main\n", "quantity"),
        ("sku,quantity\nA,1\nB,x\n", "line 3: \"x\" is no number"),
        ("sku;quantity\nA;1,5\n", "line 2: \"1,5\" has a comma"),
        ("sku,quantity\nA,1,5\n", "line 2: it has 3"),
        ("sku,quantity\nA,1\nA,2\n", "line 3: it counts the same item at the same place as line 2"),
    ] {
        let (status, problem) = post_csv(&agent, "", table).await;
        assert_eq!((status, &problem["code"]), (400, &json!("body_invalid")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{said}: {problem}");
    }
    let many: String = (0..200_000).map(|row| format!("A{row},1\n")).collect();
    let (status, problem) = post_csv(&agent, "?calls=ok", &format!("sku,quantity\n{many}")).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("200000") && detail.contains("50000"), "{detail}");
    let large = "x".repeat(4 * 1024 * 1024 + 1);
    let (status, problem) = post_csv(&agent, "", &large).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")));
    assert!(problem["hint"].as_str().unwrap().contains("in parts"), "{problem}");
    let xml = agent.bytes("POST", PATH, &[("content-type", "text/xml")], b"<a/>".to_vec()).await;
    assert_eq!(xml.0, 400);
    agent
        .write("POST", &format!("{PATH}?name=x"), &[], &json_of(json!([])))
        .await
        .problem("invalid_parameter");
    assert_eq!(agent.get(PATH).await.ok()["data"], json!([]), "nothing half done");
    let others = |path: &str| !path.contains("/locations");
    assert!(
        !connector
            .zoho
            .sandbox
            .requests()
            .iter()
            .any(|request| request.path.contains("/items") && others(&request.path))
    );
}

#[tokio::test]
async fn a_table_is_taken_as_spreadsheets_write_it() {
    let (_connector, agent) = counter(0).await;
    let table = "\u{feff}SKU;Location;Quantity\r\n\"SHELF-OAK-80\";Main;29.5\r\n\r\nSTUHL-ÆRØ;Main;14.5\r\n";
    let (status, body) =
        post_csv(&agent, "?name=Herbst&basis=on_hand&counted_at=2020-11-29T10:00:00Z", table).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!((&body["name"], &body["basis"]), (&json!("Herbst"), &json!("on_hand")));
    let all = rows(&agent, body["id"].as_str().unwrap(), "all").await;
    let told: Vec<_> =
        all.iter().map(|row| (row["line"].as_u64().unwrap(), row["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [(2, "drifted"), (4, "matched")]);
}

#[tokio::test]
async fn counts_may_come_in_parts_and_each_part_counts_once() {
    let (_connector, agent) = counter(0).await;
    let part = |sku: &str, more: bool| json!({ "counts": [{ "sku": sku, "location": "Main", "quantity": 8 }], "more": more });
    let first = post(&agent, PATH, &part("SHELF-OAK-80-XL", true)).await;
    assert_eq!((first.status, &first.body["state"]), (202, &json!("uploading")), "{}", first.body);
    let next = first.body["next"].as_str().unwrap().to_owned();
    assert!(next.ends_with("/counts"));
    let id = first.body["id"].as_str().unwrap().to_owned();
    post(&agent, &format!("{PATH}/{id}/compare"), &Value::Null).await.problem("reconciliation_state");
    post(&agent, &format!("{PATH}/{id}/apply"), &json!({ "rows": "all" }))
        .await
        .problem("reconciliation_state");
    // Refused, and nothing of it stays.
    let twin = json!({ "counts": [{ "sku": "RUG-FJORD", "location": "Main", "quantity": 1 }, { "sku": "SHELF-OAK-80-XL", "location": "Main", "quantity": 1 }] });
    let problem = post(&agent, &next, &twin).await.problem("body_invalid");
    assert!(problem["detail"].as_str().unwrap().contains("count 3"), "as they go on counting: {problem}");
    for _ in 0..2 {
        let second = post(&agent, &next, &part("RUG-FJORD", true)).await;
        assert_eq!((second.status, &second.body["total"]), (202, &json!(2)), "{}", second.body);
    }
    let last = post(&agent, &next, &part("SHELF-OAK-80", false)).await;
    assert_eq!((last.status, &last.body["summary"]["rows"]), (200, &json!(3)), "{}", last.body);
    let all = rows(&agent, &id, "all").await;
    assert_eq!(all.iter().map(|row| row["line"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    post(&agent, &next, &part("STUHL-ÆRØ", false)).await.problem("reconciliation_state");

    // The first part of a table comes again without what stood beside it, as whoever goes on with a file sends it.
    let table = "sku,quantity\nRUG-FJORD,5\n";
    let (status, begun) = post_csv(&agent, "?name=Autumn&location=Main&more=true", table).await;
    assert_eq!(status, 202, "{begun}");
    let id = begun["id"].as_str().unwrap();
    for (query, total) in [("more=true", 1), ("location=Main&more=true", 1), ("location=Outlet&more=true", 2)]
    {
        let (status, again) = post_csv(&agent, &format!("/{id}/counts?{query}"), table).await;
        assert_eq!((status, &again["total"]), (202, &json!(total)), "{query}: {again}");
    }
}

/// A client that was killed, or heard no answer, sends the same again.
#[tokio::test]
async fn a_count_that_is_sent_again_with_its_key_is_one_reconciliation() {
    let (_connector, agent) = counter(0).await;
    let counts = json!({ "name": "Autumn", "location": "Main", "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }] });
    let send = async |key: &str, counts: &Value| {
        agent.write("POST", PATH, &[("idempotency-key", key)], counts).await
    };
    let first = send("autumn-1", &counts).await;
    assert_eq!((first.status, &first.body["state"]), (201, &json!("compared")), "{}", first.body);
    let again = send("autumn-1", &counts).await;
    assert_eq!((again.status, &again.body["id"]), (201, &first.body["id"]), "{}", again.body);
    assert_eq!(again.body["summary"], first.body["summary"]);
    let other = send("autumn-2", &counts).await;
    assert_ne!(other.body["id"], first.body["id"]);
    let mut changed = counts.clone();
    changed["counts"][0]["quantity"] = json!(30);
    send("autumn-1", &changed).await.problem("idempotency_key_reused");
    send("", &counts).await.problem("invalid_parameter");
    let all = agent.get(PATH).await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "{all}");

    // What was refused makes nothing, and the corrected count may have the same key.
    let wrong = json!({ "location": "Mars", "counts": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] });
    send("autumn-3", &wrong).await.problem("location_not_found");
    let right = json!({ "location": "Main", "counts": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] });
    let made = send("autumn-3", &right).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(send("autumn-3", &right).await.body["id"], made.body["id"]);
    // It goes on with what is being counted in parts.
    let part = json!({ "more": true, "counts": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] });
    let begun = send("autumn-4", &part).await;
    assert_eq!((begun.status, &begun.body["state"]), (202, &json!("uploading")), "{}", begun.body);
    let again = send("autumn-4", &part).await;
    assert_eq!((again.status, &again.body["id"], &again.body["total"]), (202, &begun.body["id"], &json!(1)));
}

/// A client that did not wait for the answer sends again while the first request is still under way, perhaps with other counts.
#[tokio::test]
async fn a_count_that_is_sent_twice_at_once_is_not_written_over() {
    let (connector, agent) = counter(0).await;
    let counts = |quantity: u32| json!({ "location": "Main", "counts": [{ "sku": "SHELF-OAK-80", "quantity": quantity }] });
    let gate = Gate::default();
    connector.zoho.sandbox.inject(Fault {
        path_contains: "/locations?".to_owned(),
        times: 1,
        kind: FaultKind::Held(gate.clone()),
    });
    let (first, second) = (counts(7), counts(4));
    let key = [("idempotency-key", "twice-1")];
    let slow = agent.write("POST", PATH, &key, &first);
    let quick = async {
        gate.reached_by(1).await;
        let made = agent.write("POST", PATH, &key, &second).await;
        gate.open();
        made
    };
    let (slow, made) = tokio::join!(slow, quick);
    assert_eq!((made.status, &made.body["state"]), (201, &json!("compared")), "{}", made.body);
    slow.problem("idempotency_in_progress");
    let kept = rows(&agent, made.body["id"].as_str().unwrap(), "all").await;
    assert_eq!((kept.len(), &kept[0]["counted"]), (1, &json!(4)), "{kept:?}");
    assert_eq!(kept[0]["outcome"], "drifted", "{kept:?}");
}
