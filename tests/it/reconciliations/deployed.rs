//! A large count on Lambda, whose processes are killed at any moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sandbox::Options;
use serde_json::{Value, json};
use tests::agent::{Agent, Answer};
use tests::deployed::Deployed;
use tests::dice::Dice;
use tests::lambda::Cloud;

use super::{PATH, rows};

/// Rows, one in twenty of which drifted: `RECONCILIATION_ROWS=2000` for fewer of them.
fn all() -> usize {
    std::env::var("RECONCILIATION_ROWS").map_or(10_000, |rows| rows.parse().expect("a number"))
}

/// What a function may hold in memory, in KiB.
const MEMORY: u64 = 64 * 1024;

/// Asks until it is answered: whoever is killed answers nothing.
async fn insist(agent: &Agent, path: &str, body: &Value) -> Answer {
    for _ in 0..400 {
        let answer = agent.write("POST", path, &[], body).await;
        if answer.status < 400 {
            return answer;
        }
        let code = answer.body["code"].as_str().unwrap_or("no answer of ours");
        let again =
            ["idempotency_in_progress", "stock_in_progress", "no answer of ours", "store_unavailable"];
        assert!(again.contains(&code), "{path}: {} {}", answer.status, answer.body);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{path} is never answered")
}

async fn to_the_end(agent: &Agent, path: &str, body: &Value) -> (Value, usize) {
    let (mut answer, mut asked) = (insist(agent, path, body).await, 1);
    while answer.status == 202 {
        let next = answer.body["next"].as_str().unwrap().to_owned();
        answer = insist(agent, &next, &Value::Null).await;
        asked += 1;
    }
    (answer.body, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: --ignored ten_thousand_rows --nocapture"]
async fn ten_thousand_rows_are_set_right_once_however_often_the_function_dies() {
    let options = Options { extra_items: all(), ..Options::new("") };
    let deployed = Deployed::with(Cloud::start().await, options).await.without_limit();
    deployed.connector.connect(&["--access", "stock"]).await;
    let agent = deployed.connector.agent(&["--can", "inventory:stock"]).await;
    let sandbox = &deployed.connector.zoho.sandbox;
    sandbox.clear_requests();
    let counts: Vec<Value> = (1..=all())
        .map(|row| json!({ "sku": format!("GEN-{row:05}"), "quantity": if row % 20 == 0 { 4 } else { 5 } }))
        .collect();

    let is_over = AtomicBool::new(false);
    let work = async {
        // As the command line sends them: nothing is compared before the id is known.
        let body = json!({ "location": "Main", "counts": counts, "more": true });
        let begun = insist(&agent, &format!("{PATH}?calls=ok"), &body).await.body;
        let next = begun["next"].as_str().unwrap().to_owned();
        let (made, asked) = to_the_end(&agent, &next, &json!({ "counts": [] })).await;
        let preview = calls(&deployed);
        println!("compared in {asked} requests and {preview} calls to Zoho: {}", made["summary"]);
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!(made["summary"]["drifted"], all() / 20, "{made}");
        let (done, asked) =
            to_the_end(&agent, &format!("{PATH}/{id}/apply"), &json!({ "rows": "all" })).await;
        println!(
            "applied in {asked} requests and {} calls: {}",
            calls(&deployed) - preview,
            done["summary"]["applied"]
        );
        is_over.store(true, Ordering::SeqCst);
        id
    };
    let reaper = async {
        let (mut dice, mut killed) = (Dice(14), 0);
        while !is_over.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1500 + dice.roll() % 6000)).await;
            if let Some(last) = deployed.cloud.figures("api-proxy").last() {
                Cloud::kill(last.pid);
                killed += 1;
            }
        }
        killed
    };
    let (id, killed) = tokio::join!(work, reaper);
    let peak = deployed.cloud.figures("api-proxy").iter().map(|process| process.peak_kib).max().unwrap();
    println!("{killed} times killed; at most {peak} KiB in memory");
    assert!(peak < MEMORY, "{peak} KiB");

    // Whoever was killed last is found to be dead by this.
    while agent.get(&format!("{PATH}/{id}")).await.status != 200 {}
    let drifted = rows(&agent, &id, "drifted").await;
    let of = |outcome: &str| drifted.iter().filter(|row| row["adjustment"]["outcome"] == outcome).count();
    let (adjusted, uncertain) = (of("adjusted"), of("uncertain"));
    println!("{adjusted} adjusted, {uncertain} uncertain");
    assert_eq!(adjusted + uncertain, all() / 20);
    for row in 1..=all() {
        let stock = sandbox.stock_at(&format!("33000000001{row:05}"), "3300000000038080").unwrap();
        let stock: f64 = stock.parse().unwrap();
        let expected = if row % 20 == 0 { 4.0 } else { 5.0 };
        assert!(stock == expected || (uncertain > 0 && stock == 5.0), "{row}: {stock}");
    }
}

fn calls(deployed: &Deployed) -> usize {
    let requests = deployed.connector.zoho.sandbox.requests();
    requests.iter().filter(|request| request.path.contains("/inventory/v1/")).count()
}
