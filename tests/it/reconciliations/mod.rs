//! Reconciliations: counts are taken whole or not at all, found with the fewest calls, and compared with what Zoho says.

mod applied;
mod compare;
mod deployed;
mod report;
mod resolve;
mod upload;

use std::time::Duration;

use sandbox::Options;
use serde_json::Value;
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
