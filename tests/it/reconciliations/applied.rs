//! Applying a reconciliation: what drifted is adjusted once, from what was compared, whatever happens on the way.

use sandbox::{Fault, FaultKind, Gate, Limit};
use serde_json::{Value, json};
use shared::core::access::key::NewKey;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tests::agent::{Agent, Answer};
use tests::connector::Connector;
use tests::in_process::call;
use tests::inside::{Inside, any_key};

use super::{PATH, calls, counter, in_its_turn, many, post, rows, to_the_end};

const OAK: &str = "3300000000070001";
const RUG: &str = "3300000000070009";
const MAIN: &str = "3300000000038080";
const OUTLET: &str = "3300000000038095";

/// A comparison of a shelf and a rug at Main, and a shelf at Outlet, all of which drifted.
async fn compared(agent: &Agent) -> String {
    let body = json!({
        "location": "Main",
        "reason": "Stock Written off",
        "counts": [
            { "sku": "SHELF-OAK-80", "quantity": 29.5 },
            { "sku": "RUG-FJORD", "quantity": 7 },
            { "sku": "SHELF-OAK-80", "location": "Outlet", "quantity": 10 },
        ],
    });
    let made = to_the_end(agent, post(agent, PATH, &body).await).await;
    assert_eq!(made["summary"]["drifted"], 3, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn apply(agent: &Agent, id: &str, rows: Value) -> Answer {
    post(agent, &format!("{PATH}/{id}/apply"), &json!({ "rows": rows })).await
}

fn stock(connector: &Connector, item: &str, place: &str) -> f64 {
    connector.zoho.sandbox.stock_at(item, place).unwrap().parse().unwrap()
}

fn on_post(connector: &Connector, kind: FaultKind) {
    let fault = Fault { path_contains: "/inventoryadjustments".to_owned(), times: 1, kind };
    connector.zoho.sandbox.inject_on("POST", fault);
}

fn endings(rows: &[Value]) -> Vec<(u64, String)> {
    let ended = rows.iter().filter(|row| !row["adjustment"].is_null());
    ended
        .map(|row| (row["line"].as_u64().unwrap(), row["adjustment"]["outcome"].as_str().unwrap().to_owned()))
        .collect()
}

fn all(ending: &str, lines: &[u64]) -> Vec<(u64, String)> {
    lines.iter().map(|line| (*line, ending.to_owned())).collect()
}

#[tokio::test]
async fn what_drifted_is_adjusted_once() {
    let (connector, agent) = counter(0).await;
    let id = compared(&agent).await;
    let before = connector.zoho.sandbox.adjustments().len();
    connector.zoho.sandbox.clear_requests();
    let done = to_the_end(&agent, apply(&agent, &id, json!("all")).await).await;
    assert_eq!(
        (&done["state"], &done["summary"]["applied"]["adjusted"]),
        (&json!("applied"), &json!(3)),
        "{done}"
    );
    assert_eq!((&done["done"], &done["total"]), (&json!(3), &json!(3)));
    let figures =
        || [stock(&connector, OAK, MAIN), stock(&connector, RUG, MAIN), stock(&connector, OAK, OUTLET)];
    assert_eq!(figures(), [29.5, 7.0, 10.0]);
    let made = connector.zoho.sandbox.adjustments().split_off(before);
    assert_eq!(made.len(), 2, "one for each place");
    assert!(made.iter().all(|one| one["reason"] == "Stock Written off"), "{made:?}");
    // For each of the two parts a look, the adjustment, and another look.
    assert_eq!(calls(&connector), 6);
    let shown = rows(&agent, &id, "drifted").await;
    assert_eq!(endings(&shown), all("adjusted", &[1, 2, 3]));
    let adjustment = &shown[0]["adjustment"];
    assert_eq!((&adjustment["before"], &adjustment["after"]), (&json!(30), &json!(29.5)));
    assert!(made.iter().any(|one| one["inventory_adjustment_id"] == adjustment["id"]));

    // Once more, and by its lines: nothing is done twice.
    let again = apply(&agent, &id, json!("all")).await.ok();
    assert!(again["notice"].as_str().unwrap().contains("nothing to apply"), "{again}");
    let twice = apply(&agent, &id, json!([2])).await.problem("body_invalid");
    assert!(twice["detail"].as_str().unwrap().contains("line 2: it was applied before: adjusted"), "{twice}");
    assert_eq!(connector.zoho.sandbox.adjustments().len(), before + 2);
    let page = agent.bytes("GET", &format!("{PATH}/{id}"), &[("accept", "text/html")], Vec::new()).await.2;
    assert!(String::from_utf8(page).unwrap().contains("Adjusted: 30 → 29.5"));
    let audit = agent.get("/v1/audit").await.ok();
    assert_eq!(audit["data"][0]["action"], "POST /v1/inventory/reconciliations/{id}/apply");
    assert_eq!(
        (&audit["data"][0]["outcome"], &audit["data"][1]["outcome"]),
        (&json!("done"), &json!("done"))
    );
}

#[tokio::test]
async fn a_row_whose_stock_has_changed_since_is_left_out_and_told() {
    let (connector, agent) = counter(0).await;
    let id = compared(&agent).await;
    connector.zoho.sandbox.adjust_stock(OAK, MAIN, "-1").unwrap();
    let done = to_the_end(&agent, apply(&agent, &id, json!("all")).await).await;
    let sums = &done["summary"]["applied"];
    assert_eq!(*sums, json!({ "adjusted": 2, "changed": 1, "uncertain": 0 }), "{done}");
    assert_eq!((stock(&connector, OAK, MAIN), stock(&connector, RUG, MAIN)), (29.0, 7.0));
    let shown = rows(&agent, &id, "drifted").await;
    assert_eq!(
        (&shown[0]["adjustment"]["outcome"], &shown[0]["adjustment"]["before"]),
        (&json!("changed"), &json!(29))
    );
    assert_eq!(shown[0]["adjustment"]["why"], "compared was 30");
    // Not even by its line: it must be counted again.
    apply(&agent, &id, json!([1])).await.problem("body_invalid");
}

#[tokio::test]
async fn rows_are_chosen_by_their_lines_and_only_one_choice_is_at_work() {
    let (connector, agent) = counter(0).await;
    let id = compared(&agent).await;
    for (wrong, said) in [
        (json!([9]), "line 9: there is no such line"),
        (json!([]), "`rows`"),
        (json!("some"), "`rows`"),
        (json!([0.5]), "`rows`"),
    ] {
        let problem = apply(&agent, &id, wrong).await.problem("body_invalid");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    let missing = post(&agent, &format!("{PATH}/{id}/apply"), &Value::Null).await.problem("body_invalid");
    assert!(missing["detail"].as_str().unwrap().contains("`rows` is missing"), "{missing}");
    // While Zoho works on the first part, others use up the minute: its second look fails, and the second part must wait.
    let gate = Gate::default();
    on_post(&connector, FaultKind::Held(gate.clone()));
    let asking = tokio::spawn({
        let (agent, id) = (agent.clone(), id.clone());
        async move { apply(&agent, &id, json!([2, 3])).await }
    });
    gate.reached_by(1).await;
    let limit = FaultKind::RateLimit(Limit::PerMinute);
    connector.zoho.sandbox.inject(Fault { path_contains: "/itemdetails".to_owned(), times: 2, kind: limit });
    gate.open();
    let answer = asking.await.unwrap();
    assert_eq!(
        (answer.status, &answer.body["state"], &answer.body["done"]),
        (202, &json!("applying"), &json!(1)),
        "{}",
        answer.body
    );
    assert!(answer.body["retry_after"].as_u64().is_some(), "{}", answer.body);
    let other = apply(&agent, &id, json!("all")).await.problem("reconciliation_state");
    assert!(other["detail"].as_str().unwrap().contains("Other rows are being applied"), "{other}");
    assert_eq!(stock(&connector, OAK, MAIN), 30.0, "line 1 was not asked for");
}

#[tokio::test]
async fn a_part_whose_answer_is_lost_is_found_or_uncertain_and_never_sent_again() {
    let (connector, agent) = counter(0).await;
    let id = compared(&agent).await;
    on_post(&connector, FaultKind::ResetAfter);
    let done = to_the_end(&agent, apply(&agent, &id, json!([1, 2])).await).await;
    assert_eq!(done["summary"]["applied"]["adjusted"], 2, "{done}");
    assert_eq!((stock(&connector, OAK, MAIN), stock(&connector, RUG, MAIN)), (29.5, 7.0));

    let before = connector.zoho.sandbox.adjustments().len();
    on_post(&connector, FaultKind::ResetBefore);
    let done = to_the_end(&agent, apply(&agent, &id, json!([3])).await).await;
    assert_eq!(done["summary"]["applied"]["uncertain"], 1, "{done}");
    let shown = rows(&agent, &id, "drifted").await;
    assert!(
        shown[2]["adjustment"]["why"].as_str().unwrap().contains("count these rows again"),
        "{}",
        shown[2]
    );
    // The same again looks again, other words for it do not send it.
    for asked in [json!([3]), json!([3])] {
        let again = to_the_end(&agent, apply(&agent, &id, asked).await).await;
        assert_eq!(again["summary"]["applied"]["uncertain"], 1, "{again}");
    }
    let all = apply(&agent, &id, json!("all")).await.ok();
    assert!(all["notice"].is_string(), "{all}");
    assert_eq!((connector.zoho.sandbox.adjustments().len(), stock(&connector, OAK, OUTLET)), (before, 12.0));
}

#[tokio::test]
async fn who_is_killed_while_applying_goes_on_and_adjusts_nothing_twice() {
    let (mut connector, agent) = counter(0).await;
    let id = compared(&agent).await;
    let before = connector.zoho.sandbox.adjustments().len();
    let gate = Gate::default();
    on_post(&connector, FaultKind::HeldAfter(gate.clone()));
    let asking = tokio::spawn({
        let (agent, path) = (agent.clone(), format!("{PATH}/{id}/apply"));
        async move { agent.try_write("POST", &path, &[], &json!({ "rows": "all" })).await }
    });
    gate.reached_by(1).await;
    connector.kill().await;
    assert!(asking.await.unwrap().is_none(), "nobody answered");
    connector.boot().await;
    // An empty body goes on with what was begun.
    let answer = in_its_turn(&agent, &format!("{PATH}/{id}/apply")).await;
    let done = to_the_end(&agent, answer).await;
    assert_eq!(done["summary"]["applied"]["adjusted"], 3, "{done}");
    assert_eq!(connector.zoho.sandbox.adjustments().len(), before + 2);
    let figures =
        [stock(&connector, OAK, MAIN), stock(&connector, RUG, MAIN), stock(&connector, OAK, OUTLET)];
    assert_eq!(figures, [29.5, 7.0, 10.0]);
}

#[tokio::test]
async fn what_was_changed_while_it_was_counted_is_applied_only_by_its_line() {
    let (connector, agent) = counter(0).await;
    let body = json!({
        "location": "Main",
        "counted_at": "2020-01-01T00:00:00Z",
        "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }],
    });
    let made = to_the_end(&agent, post(&agent, PATH, &body).await).await;
    assert_eq!(
        (&made["summary"]["changed_while_counting"], &made["summary"]["drifted"]),
        (&json!(1), &json!(1)),
        "{made}"
    );
    let id = made["id"].as_str().unwrap();
    let none = apply(&agent, id, json!("all")).await.ok();
    assert!(none["notice"].is_string() && none["state"] == "compared", "{none}");
    to_the_end(&agent, apply(&agent, id, json!([1])).await).await;
    assert_eq!(stock(&connector, OAK, MAIN), 29.0);
}

#[tokio::test]
async fn a_document_that_is_too_large_for_zoho_is_cut_smaller() {
    let (connector, agent) = counter(40).await;
    connector.zoho.sandbox.switches(|switches| switches.adjustment_line_cap = 10);
    let counts: Vec<Value> =
        (1..=40).map(|row| json!({ "sku": format!("GEN-{row:05}"), "quantity": 4 })).collect();
    let made =
        to_the_end(&agent, post(&agent, PATH, &json!({ "location": "Main", "counts": counts })).await).await;
    let id = made["id"].as_str().unwrap();
    let before = connector.zoho.sandbox.adjustments().len();
    let done = to_the_end(&agent, apply(&agent, id, json!("all")).await).await;
    assert_eq!((&done["summary"]["applied"]["adjusted"], &done["total"]), (&json!(40), &json!(40)), "{done}");
    assert_eq!(connector.zoho.sandbox.adjustments().len(), before + 4);
}

#[tokio::test]
async fn what_is_uncertain_is_not_cut_smaller_and_sent_anew() {
    let (connector, agent) = counter(40).await;
    let counts: Vec<Value> =
        (1..=40).map(|row| json!({ "sku": format!("GEN-{row:05}"), "quantity": 4 })).collect();
    let made =
        to_the_end(&agent, post(&agent, PATH, &json!({ "location": "Main", "counts": counts })).await).await;
    let id = made["id"].as_str().unwrap();
    let lines = |first: u32, last: u32| json!((first..=last).collect::<Vec<_>>());
    on_post(&connector, FaultKind::ResetBefore);
    let done = to_the_end(&agent, apply(&agent, id, lines(1, 20)).await).await;
    assert_eq!(done["summary"]["applied"]["uncertain"], 20, "{done}");
    // From other rows it is learnt that Zoho takes fewer lines than these were.
    connector.zoho.sandbox.switches(|switches| switches.adjustment_line_cap = 10);
    let done = to_the_end(&agent, apply(&agent, id, lines(21, 40)).await).await;
    assert_eq!(done["summary"]["applied"]["adjusted"], 20, "{done}");
    let before = connector.zoho.sandbox.adjustments().len();
    let again = to_the_end(&agent, post(&agent, &format!("{PATH}/{id}/apply"), &Value::Null).await).await;
    let sums = &again["summary"]["applied"];
    assert_eq!((&sums["uncertain"], &sums["adjusted"]), (&json!(20), &json!(20)), "{again}");
    assert_eq!(connector.zoho.sandbox.adjustments().len(), before);
}

#[tokio::test]
async fn five_in_a_hundred_of_a_large_count_are_adjusted_with_three_calls_a_part() {
    let count = many();
    let (connector, agent) = counter(count).await;
    let counts: Vec<Value> = (1..=count)
        .map(|row| json!({ "item_id": format!("33000000001{row:05}"), "quantity": if row % 20 == 0 { 4 } else { 5 } }))
        .collect();
    let body = json!({ "location": "Main", "counts": counts });
    let made = to_the_end(&agent, post(&agent, &format!("{PATH}?calls=ok"), &body).await).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["summary"]["drifted"], count / 20, "{made}");
    connector.zoho.sandbox.clear_requests();
    let done = to_the_end(&agent, apply(&agent, id, json!("all")).await).await;
    assert_eq!(done["summary"]["applied"]["adjusted"], count / 20, "{done}");
    let parts = (count / 20).div_ceil(100);
    let calls = calls(&connector);
    println!("{} rows in {parts} parts are adjusted with {calls} calls", count / 20);
    assert!(calls <= 3 * parts + 1, "{calls} calls for {parts} parts");
}

here_and_on_aws! {
    /// The rights of the role are those that a reconciliation takes.
    async fn a_reconciliation_goes_its_whole_way() {
        let inside = Inside::start().await;
        inside.connect_with(ScopeSet::of(&Product::ALL, Access::Stock)).await;
        let key = NewKey { permissions: vec!["inventory:stock".parse().unwrap()], ..any_key() };
        let key = inside.key(key).await;
        let ask = async |method: &str, path: &str, body: Value| -> Value {
            let told = call(&inside.api(), &key, (method, path), &[], &body).await;
            assert!(told.status.is_success(), "{method} {path}: {} {}", told.status, told.text());
            told.json().unwrap()
        };
        let counts = |sku: &str, more: bool| json!({ "counts": [{ "sku": sku, "location": "Main", "quantity": 5 }], "more": more });
        let made = ask("POST", PATH, counts("SHELF-OAK-80", true)).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let compared = ask("POST", &format!("{PATH}/{id}/counts"), counts("RUG-FJORD", false)).await;
        assert_eq!(compared["summary"]["drifted"], 2, "{compared}");
        let done = ask("POST", &format!("{PATH}/{id}/apply"), json!({ "rows": "all" })).await;
        assert_eq!(done["summary"]["applied"]["adjusted"], 2, "{done}");
        let shown = ask("GET", &format!("{PATH}/{id}"), Value::Null).await;
        assert_eq!(shown["data"][0]["adjustment"]["after"], 5, "{shown}");
        assert_eq!(ask("GET", PATH, Value::Null).await["data"][0]["id"], json!(id));
        // What Zoho refuses was not done, and its part is free again.
        inside.zoho.sandbox.switches(|switches| switches.lock_date = Some("2999-12-31".to_owned()));
        let locked = ask("POST", PATH, counts("SHELF-OAK-80-XL", false)).await["id"].as_str().unwrap().to_owned();
        let refused = ask("POST", &format!("{PATH}/{locked}/apply"), json!({ "rows": "all" })).await;
        assert_eq!(refused["summary"]["applied"]["refused"], 1, "{refused}");
        assert_eq!(inside.zoho.sandbox.stock_at(OAK, MAIN).as_deref().map(|stock| stock.parse::<f64>().unwrap()), Some(5.0));
    }
}
