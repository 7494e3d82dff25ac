//! Reconciliations: counts are taken whole or not at all, found with the fewest calls, and compared with what Zoho says.

mod applied;
mod deployed;

use std::time::Duration;

use sandbox::{Fault, FaultKind, Gate, Limit, Options};
use serde_json::{Value, json};
use tests::agent::{Agent, Answer};
use tests::connector::{Connector, free_port};

const PATH: &str = "/v1/inventory/reconciliations";

/// Rows of the large count: `RECONCILIATION_ROWS=10000` for the whole of it.
fn many() -> usize {
    std::env::var("RECONCILIATION_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1000)
}

async fn counter(extra_items: usize) -> (Connector, Agent) {
    let url = format!("http://127.0.0.1:{}", free_port());
    let mut connector = Connector::prepare(Options { extra_items, ..Options::new("") }, url).await;
    connector.lift_the_limit();
    connector.boot().await;
    connector.with_agent("stock", "inventory:stock").await
}

async fn post(agent: &Agent, path: &str, body: &Value) -> Answer {
    agent.write("POST", path, &[], body).await
}

async fn post_csv(agent: &Agent, query: &str, table: &str) -> (u16, Value) {
    let path = format!("{PATH}{query}");
    let headers = [("content-type", "text/csv")];
    let (status, _, body) = agent.bytes("POST", &path, &headers, table.as_bytes().to_vec()).await;
    (status, serde_json::from_slice(&body).unwrap())
}

/// Goes on with it, as soon as the process that died can no longer be at it.
async fn in_its_turn(agent: &Agent, path: &str) -> Answer {
    loop {
        let answer = post(agent, path, &Value::Null).await;
        if answer.status != 409 {
            return answer;
        }
        let wait = answer.problem("idempotency_in_progress")["retry_after"].as_u64().unwrap();
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

/// Goes on until it is done.
async fn to_the_end(agent: &Agent, answer: Answer) -> Value {
    let mut answer = answer;
    for _ in 0..200 {
        if answer.status != 202 {
            assert!([200, 201].contains(&answer.status), "{}: {}", answer.status, answer.body);
            assert_eq!(answer.body["next"], Value::Null, "{}", answer.body);
            return answer.body;
        }
        if let Some(seconds) = answer.body["retry_after"].as_f64() {
            tokio::time::sleep(Duration::from_secs_f64(seconds.min(1.0))).await;
        }
        let next = answer.body["next"].as_str().unwrap().to_owned();
        answer = post(agent, &next, &Value::Null).await;
    }
    panic!("it never ends: {}", answer.body)
}

async fn rows(agent: &Agent, id: &str, show: &str) -> Vec<Value> {
    let mut path = format!("{PATH}/{id}?show={show}");
    let mut all = Vec::new();
    loop {
        let page = agent.get(&path).await.ok();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return all,
        }
    }
}

/// Calls to Inventory that read items.
fn calls(connector: &Connector) -> usize {
    let requests = connector.zoho.sandbox.requests();
    requests.iter().filter(|request| request.path.contains("/inventory/v1/")).count()
}

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
async fn who_may_only_read_sees_reconciliations_and_makes_none() {
    let (connector, agent) = counter(0).await;
    let body = json!({ "counts": [{ "sku": "SHELF-OAK-80", "location": "Main", "quantity": 30 }] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let id = made["id"].as_str().unwrap();
    let reader = connector.agent(&["--can", "inventory:read"]).await;
    assert_eq!(reader.get(&format!("{PATH}/{id}")).await.ok()["data"][0]["outcome"], "matched");
    for path in [
        PATH.to_owned(),
        format!("{PATH}/{id}/counts"),
        format!("{PATH}/{id}/compare"),
        format!("{PATH}/{id}/apply"),
    ] {
        post(&reader, &path, &body).await.problem("key_not_allowed");
    }
}

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
            "count 2: there is no location \"Mars\". The locations are: Main, Outlet",
        ),
        (
            json!({ "location": "Mars", "counts": [{ "sku": "A", "quantity": 1 }] }),
            "location_not_found",
            "Main, Outlet",
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

#[tokio::test]
async fn a_near_sku_is_named_however_few_are_counted() {
    let (_connector, agent) = counter(0).await;
    let (status, found) = post_csv(&agent, "", "sku,location,quantity\nbrkt-std,Main,4\n").await;
    assert_eq!(status, 201, "{found}");
    let rows = rows(&agent, found["id"].as_str().unwrap(), "unknown").await;
    assert!(rows[0]["why"].as_str().unwrap().contains(r#"Near to it: "BRKT-STD""#), "{}", rows[0]);
}

#[tokio::test]
async fn one_item_under_two_names_is_counted_by_neither() {
    let (_connector, agent) = counter(0).await;
    let body = json!({ "location": "Main", "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }, { "item_id": "3300000000070001", "quantity": 3 }] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    assert_eq!(made["summary"]["ambiguous"], 2);
    let all = rows(&agent, made["id"].as_str().unwrap(), "ambiguous").await;
    assert!(all[0]["why"].as_str().unwrap().contains("Line 2"), "{}", all[0]);
    assert!(all[1]["why"].as_str().unwrap().contains("Line 1"), "{}", all[1]);
}

#[tokio::test]
async fn many_skus_are_found_in_the_list_of_all_items_with_their_near_twins() {
    let (connector, agent) = counter(250).await;
    let mut counts: Vec<Value> =
        (1..=30).map(|row| json!({ "sku": format!("GEN-{row:05}"), "quantity": 5 })).collect();
    counts.push(json!({ "sku": "gen-00031", "quantity": 5 }));
    counts.push(json!({ "sku": "DUP-1", "quantity": 5 }));
    connector.zoho.sandbox.clear_requests();
    let body = json!({ "location": "Main", "counts": counts });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    assert_eq!((&made["summary"]["matched"], &made["summary"]["unknown"]), (&json!(30), &json!(1)), "{made}");
    let requests = connector.zoho.sandbox.requests();
    let of = |path: &str| requests.iter().filter(|request| request.path.ends_with(path)).count();
    // Two pages, and one more because Zoho's word for the end is not believed.
    assert!((2..=3).contains(&of("/items")), "{}", of("/items"));
    assert_eq!((of("/itemdetails"), of("/locations")), (1, 1));
    let unknown = rows(&agent, made["id"].as_str().unwrap(), "unknown").await;
    assert!(unknown[0]["why"].as_str().unwrap().contains("\"GEN-00031\""), "{}", unknown[0]);
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

#[tokio::test]
async fn an_organisation_without_locations_is_counted_as_a_whole() {
    let (connector, agent) = counter(0).await;
    connector.zoho.sandbox.switches(|switches| switches.legacy_warehouses = true);
    let body = json!({ "counts": [{ "sku": "SHELF-OAK-80", "location": "Main", "quantity": 29 }, { "sku": "RUG-FJORD", "quantity": 6 }] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let all = rows(&agent, made["id"].as_str().unwrap(), "all").await;
    assert_eq!((&all[0]["outcome"], &all[0]["location"]), (&json!("drifted"), &json!("Main")), "{}", all[0]);
    assert_eq!(all[1]["outcome"], "ambiguous", "{}", all[1]);
    assert!(all[1]["why"].as_str().unwrap().contains("\"Main\", \"Outlet\""), "{}", all[1]);
}

/// Without a list of places, only the items show that Zoho has the name for another one.
#[tokio::test]
async fn a_mapped_name_that_is_another_warehouses_own_is_not_counted_at_either() {
    let (connector, agent) = counter(0).await;
    connector.zoho.sandbox.switches(|switches| switches.legacy_warehouses = true);
    let main = "3300000000038080";
    let named = json!({ "locations": [{ "name": "Outlet", "location_id": main }, { "name": "till 1", "location_id": main }] });
    agent.write("POST", "/v1/inventory/mappings", &[], &named).await.ok();
    let body = json!({ "counts": [
        { "sku": "SHELF-OAK-80", "location": "Outlet", "quantity": 29 },
        { "sku": "SHELF-OAK-80", "location": "till 1", "quantity": 29 },
    ] });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let all = rows(&agent, made["id"].as_str().unwrap(), "all").await;
    assert_eq!(
        (&all[0]["outcome"], &all[0]["location"]),
        (&json!("ambiguous"), &json!("Outlet")),
        "{}",
        all[0]
    );
    assert!(all[0]["why"].as_str().unwrap().contains("Zoho's own name of another"), "{}", all[0]);
    assert_eq!((&all[1]["outcome"], &all[1]["location"]), (&json!("drifted"), &json!("Main")), "{}", all[1]);
}

#[tokio::test]
async fn the_report_is_a_table_and_a_page_for_people() {
    let (_connector, agent) = counter(0).await;
    let body = json!({
        "name": "<b>Autumn</b> & more",
        "location": "Main",
        "counts": [
            { "sku": "RUG-FJORD", "quantity": 5 },
            { "sku": "SHELF-OAK-80", "quantity": 31 },
            { "sku": "STUHL-ÆRØ", "quantity": 14.5 },
            { "sku": "=cmd", "quantity": 1 },
        ],
    });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let (status, headers, table) = agent.bytes("GET", &path, &[("accept", "text/csv")], Vec::new()).await;
    let table = String::from_utf8(table).unwrap();
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("\u{feff}line,sku,item_id"), "{}", lines[0]);
    assert!(
        lines[2]
            .starts_with("2,SHELF-OAK-80,3300000000070001,,Oak Shelf 80 cm,pcs,3300000000038080,Main,31,30,"),
        "{}",
        lines[2]
    );
    assert!(lines[4].starts_with("4,'=cmd,"), "{}", lines[4]);
    assert_eq!(lines.len(), 5);

    let (status, headers, page) = agent.bytes("GET", &path, &[("accept", "text/html")], Vec::new()).await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(
        page.contains("<h1>&lt;b&gt;Autumn&lt;/b&gt; &amp; more</h1>") && page.contains("<html lang=\"en\">")
    );
    assert!(
        !page.contains("<script") && !page.contains("http://") && !page.contains("https://"),
        "it loads nothing"
    );
    // What is worth most comes first: a rug of 95.00, then a shelf of 24.95.
    let (rug, oak) = (page.find("Fjord").unwrap(), page.find("Oak Shelf 80 cm").unwrap());
    assert!(rug < oak);
    for part in
        ["−95.00", "+24.95", "−70.05", "missing", "found", "<details>", "No item has exactly this SKU"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn counts_name_items_and_places_as_another_system_does() {
    let (connector, agent) = counter(0).await;
    let mappings = "/v1/inventory/mappings";
    let body = json!({
        "mappings": [
            { "product_id": "shop-7", "sku": "SHELF-OAK-80" },
            { "product_id": "shop-8", "item_id": "3300000000070009" },
            { "product_id": "shop-9", "sku": "STUHL-ÆRØ", "item_id": "3300000000070010" },
        ],
        "locations": [{ "name": "Warehouse 1", "location_id": "3300000000038080" }],
    });
    assert_eq!(post(&agent, mappings, &body).await.status, 200);
    let renamed = sandbox::ItemChange::Sku("STUHL-2".to_owned());
    connector.zoho.sandbox.change_item("3300000000070010", renamed).await.unwrap();
    let counts = json!({
        "location": "Warehouse 1",
        "counts": [
            { "product_id": "shop-7", "quantity": 30 },
            { "product_id": "shop-8", "quantity": 6 },
            { "product_id": "shop-9", "quantity": 14.5 },
            { "product_id": "SHOP-7", "quantity": 1 },
        ],
    });
    let made = to_the_end(&agent, post(&agent, PATH, &counts).await).await;
    let all = rows(&agent, made["id"].as_str().unwrap(), "all").await;
    let told: Vec<_> = all.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(told, ["matched", "matched", "unknown", "unknown"], "{all:?}");
    assert_eq!(
        (&all[0]["location"], &all[0]["sku"], &all[0]["product_id"]),
        (&json!("Main"), &json!("SHELF-OAK-80"), &json!("shop-7"))
    );
    assert!(all[2]["why"].as_str().unwrap().contains("another SKU"), "{}", all[2]);
    assert!(all[3]["why"].as_str().unwrap().contains("\"shop-7\""), "{}", all[3]);
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
