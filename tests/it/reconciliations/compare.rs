//! Counts are compared with what Zoho says, with few calls and none twice: not for a limit on the way, not for a death.

use sandbox::{Fault, FaultKind, Gate, Limit};
use serde_json::{Value, json};
use tests::agent::Answer;

use super::{PATH, calls, counter, in_its_turn, many, post, post_csv, rows, to_the_end};

#[tokio::test]
async fn counts_are_compared_with_what_zoho_says_and_nothing_is_written() {
    let (connector, agent) = counter(0).await;
    connector.zoho.sandbox.clear_requests();
    let answer = post(
        &agent,
        PATH,
        &json!({
            "name": "Autumn count",
            "location": "Main",
            "counts": [
                { "sku": "SHELF-OAK-80", "quantity": 29.5 },
                { "item_id": "3300000000070004", "quantity": "8.0" },
                { "sku": "BRKT-STD", "quantity": 0 },
                { "sku": "shelf-oak-80", "quantity": 1 },
                { "sku": "DUP-1", "quantity": 1 },
                { "sku": "SHELF-PINE-60", "quantity": 1 },
                { "sku": "SVC-MOUNT", "quantity": 1 },
                { "item_id": "3300000000079999", "quantity": 1 },
                { "sku": "SHELF-OAK-80", "location": "Outlet", "quantity": 12 },
                { "product_id": "shop-7", "quantity": 1 },
            ],
        }),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let body = answer.body;
    assert_eq!((&body["state"], &body["name"]), (&json!("compared"), &json!("Autumn count")));
    assert_eq!((&body["done"], &body["total"]), (&json!(10), &json!(10)));
    let expected = json!({
        "rows": 10, "matched": 2, "drifted": 2, "unknown": 3, "ambiguous": 1, "unfit": 2, "surplus": 3, "shortage": 0.5,
        "value": -1.615,
    });
    assert_eq!(body["summary"], expected);
    let id = body["id"].as_str().unwrap();
    let all = rows(&agent, id, "all").await;
    let told: Vec<_> =
        all.iter().map(|row| (row["line"].as_u64().unwrap(), row["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            (1, "drifted"),
            (2, "matched"),
            (3, "drifted"),
            (4, "unknown"),
            (5, "ambiguous"),
            (6, "unfit"),
            (7, "unfit"),
            (8, "unknown"),
            (9, "matched"),
            (10, "unknown"),
        ]
    );
    let oak = &all[0];
    assert_eq!(
        (&oak["counted"], &oak["zoho"]["on_hand"], &oak["difference"]),
        (&json!(29.5), &json!(30), &json!(-0.5))
    );
    assert_eq!(
        (&oak["value"], &oak["location"], &oak["name"]),
        (&json!(-12.475), &json!("Main"), &json!("Oak Shelf 80 cm"))
    );
    assert_eq!((&oak["location_id"], &oak["unit"]), (&json!("3300000000038080"), &json!("pcs")));
    // What says nothing is left out: what is null, false, 0 on its way, or the same figure once more.
    let figures: Vec<&String> = oak["zoho"].as_object().unwrap().keys().collect();
    assert_eq!(figures, ["on_hand", "available", "committed"]);
    for absent in ["sku", "name", "zoho", "difference", "value", "changed_while_counting", "adjustment"] {
        assert!(all[7].get(absent).is_none(), "{absent}: {}", all[7]);
    }
    let why = |row: usize| all[row]["why"].as_str().unwrap().to_owned();
    assert!(why(4).contains("3300000000070006") && why(4).contains("Hook, steel"), "{}", why(4));
    assert!(why(5).contains("is inactive"), "{}", why(5));
    assert!(why(6).contains("not tracked"), "{}", why(6));
    assert!(why(7).contains("no item of this id"), "{}", why(7));
    assert!(why(9).contains("mapped"), "{}", why(9));
    assert_eq!(rows(&agent, id, "drifted").await.len(), 2);
    assert_eq!(rows(&agent, id, "changed").await.len(), 0);
    agent.get(&format!("{PATH}/{id}?show=nothing")).await.problem("invalid_parameter");

    let list = agent.get(PATH).await.ok();
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["next"]), (&json!(id), &Value::Null));
    assert!(connector.zoho.sandbox.requests().iter().all(|request| request.method == "GET"));
    agent.get(&format!("{PATH}/019acf3d1c0d5e2b8f4a7c6d9e1f203")).await.problem("reconciliation_not_found");
    agent.get(&format!("{PATH}/nothing")).await.problem("reconciliation_not_found");
}

#[tokio::test]
async fn a_large_count_takes_as_many_calls_as_it_must_and_asks_first() {
    let count = many();
    let (connector, agent) = counter(count).await;
    let table: String = (1..=count)
        .map(|row| format!("GEN-{row:05},Main,{}\n", if row % 20 == 0 { "4" } else { "5" }))
        .collect();
    let table = format!("sku,location,quantity\n{table}");
    if count >= 7000 {
        let (status, problem) = post_csv(&agent, "", &table).await;
        assert_eq!((status, &problem["code"]), (428, &json!("calls_unconfirmed")), "{problem}");
        let least = format!("at least {} calls", count.div_ceil(200) + count.div_ceil(100) + 1);
        assert!(problem["detail"].as_str().unwrap().contains(&least), "{problem}");
    }
    connector.zoho.sandbox.clear_requests();
    let (status, body) = post_csv(&agent, "?calls=ok", &table).await;
    let answer = Answer { status, body, ..agent.get(PATH).await };
    let made = to_the_end(&agent, answer).await;
    assert_eq!(made["summary"]["drifted"], count / 20, "{made}");
    assert_eq!(made["summary"]["matched"], count - count / 20);
    let made_calls = calls(&connector);
    // The generated items and ten others, a page to see that there is no other; the details; the locations.
    let least = (count + 10).div_ceil(200) + 1 + count.div_ceil(100) + 1;
    println!("{count} counts by SKU are compared with {made_calls} calls; the fewest possible are {least}");
    assert!(made_calls <= least, "{made_calls} calls, and {least} would do");
    assert_eq!(made["calls"], made_calls);
}

#[tokio::test]
async fn a_free_plan_is_not_used_up_without_asking() {
    let (connector, agent) = counter(0).await;
    let counts: Vec<Value> = (0..10_001)
        .map(|row| json!({ "item_id": (3_300_000_000_900_000_u64 + row).to_string(), "quantity": 1 }))
        .collect();
    connector.zoho.sandbox.clear_requests();
    let problem = post(&agent, PATH, &json!({ "counts": counts })).await.problem("calls_unconfirmed");
    assert!(problem["detail"].as_str().unwrap().contains("at least 101 calls"), "{problem}");
    assert_eq!(calls(&connector), 0);
    post(&agent, &format!("{PATH}?calls=many"), &json!({ "counts": [] })).await.problem("invalid_parameter");
}

#[tokio::test]
async fn who_is_killed_on_the_way_goes_on_where_it_was() {
    let (mut connector, agent) = counter(600).await;
    let counts: Vec<Value> =
        (1..=600).map(|row| json!({ "sku": format!("GEN-{row:05}"), "quantity": 5 })).collect();
    let body = json!({ "location": "Main", "counts": counts });
    // Zoho holds the first answer with figures back.
    let gate = Gate::default();
    connector.zoho.sandbox.inject(Fault {
        path_contains: "/itemdetails".to_owned(),
        times: 1,
        kind: FaultKind::Held(gate.clone()),
    });
    let asking = tokio::spawn({
        let agent = agent.clone();
        async move { agent.try_write("POST", PATH, &[], &body).await }
    });
    gate.reached_by(1).await;
    // Somebody else hears that it is at work.
    let list = agent.get(PATH).await.ok();
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    let busy =
        post(&agent, &format!("{PATH}/{id}/compare"), &Value::Null).await.problem("idempotency_in_progress");
    assert!(busy["retry_after"].as_u64().is_some_and(|seconds| seconds <= 35), "{busy}");
    connector.kill().await;
    assert!(asking.await.unwrap().is_none(), "nobody answered");
    connector.boot().await;
    let answer = in_its_turn(&agent, &format!("{PATH}/{id}/compare")).await;
    let made = to_the_end(&agent, answer).await;
    assert_eq!((&made["summary"]["matched"], &made["total"]), (&json!(600), &json!(600)), "{made}");
}

#[tokio::test]
async fn a_limit_on_the_way_is_waited_for_and_nothing_is_read_twice() {
    let (connector, agent) = counter(0).await;
    let counts = json!([{ "sku": "SHELF-OAK-80", "quantity": 30 }, { "sku": "RUG-FJORD", "quantity": 6 }]);
    let limit = FaultKind::RateLimit(Limit::PerMinute);
    connector.zoho.sandbox.inject(Fault { path_contains: "/itemdetails".to_owned(), times: 1, kind: limit });
    connector.zoho.sandbox.clear_requests();
    let answer = post(&agent, PATH, &json!({ "location": "Main", "counts": counts })).await;
    assert_eq!((answer.status, &answer.body["state"]), (202, &json!("comparing")), "{}", answer.body);
    assert!(answer.body["retry_after"].as_u64().is_some(), "{}", answer.body);
    assert_eq!(answer.body["done"], 1, "two rows are half done");
}
