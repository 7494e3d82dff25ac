//! As many calls as `serve` works on at a time, and one more: it is refused before anything is done, and who needs no place finds the
//! door open all the same. How this is at ten times the load is measured in `measurements/overload.rs`.

use futures::future::{join_all, select_all};
use sandbox::{Fault, FaultKind, Gate, Options};
use serde_json::{Value, json};
use tests::agent::{Agent, Answer};
use tests::browser::Browser;
use tests::connector::{Connector, free_port};
use tests::hooks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ITEMS: &str = "/v1/inventory/items";
const ORDERS: &str = "/v1/inventory/salesorders";

/// One that works on two calls at a time, and an agent that may write.
async fn for_two() -> (Connector, Agent) {
    let mut connector =
        Connector::prepare(Options::new(""), format!("http://127.0.0.1:{}", free_port())).await;
    connector.calls_at_once = "2";
    connector.boot().await;
    connector.connect(&["--access", "write"]).await;
    let agent = connector.agent(&["--can", "inventory:write,crm:write,events"]).await;
    // What is read once is known from now on.
    agent.get(ITEMS).await.ok();
    (connector, agent)
}

/// The next so many calls for items wait at the gate.
fn hold(connector: &Connector, times: usize) -> Gate {
    let gate = Gate::default();
    let kind = FaultKind::Held(gate.clone());
    connector.zoho.sandbox.inject_on("GET", Fault { path_contains: "/items".to_owned(), times, kind });
    gate
}

fn order() -> Value {
    json!({ "customer": "Harbor Interiors GmbH", "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }] })
}

fn is_busy(answer: Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.body);
    answer.problem("connector_busy");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_more_than_there_are_places_is_refused_and_nothing_is_done() {
    let (connector, agent) = for_two().await;
    let gate = hold(&connector, 2);
    let at_work =
        [agent.clone(), agent.clone()].map(|agent| tokio::spawn(async move { agent.get(ITEMS).await }));
    gate.reached_by(2).await;

    let before = connector.zoho.sandbox.salesorders().len();
    let key = [("idempotency-key", "once")];
    is_busy(agent.get("/v1/status").await);
    is_busy(agent.write("POST", ORDERS, &key, &order()).await);
    is_busy(agent.write("POST", "/mcp", &[], &json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await);
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before);

    gate.open();
    for answer in join_all(at_work).await {
        answer.unwrap().ok();
    }
    agent.get("/v1/status").await.ok();
    let made = agent.write("POST", ORDERS, &key, &order()).await;
    assert_eq!((made.status, made.header("idempotency-replayed")), (201, None), "{}", made.body);
    assert_eq!(connector.zoho.sandbox.salesorders().len(), before + 1);
    let audit = agent.get("/v1/audit").await.ok();
    assert_eq!(
        audit["data"].as_array().unwrap().len(),
        1,
        "of what was refused, nothing is written down: {audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_key_neither_needs_a_place_nor_takes_one() {
    let (connector, agent) = for_two().await;
    let secret = connector.webhook_secret().await;
    let gate = hold(&connector, 2);
    let ask = |agent: &Agent| {
        let agent = agent.clone();
        tokio::spawn(async move { agent.get(ITEMS).await })
    };
    let first = ask(&agent);
    gate.reached_by(1).await;
    // The last place is free whatever strangers do.
    let other = if agent.key.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{other}", agent.key.get(..agent.key.len() - 1).unwrap());
    for key in ["", "zck_", &forged] {
        let refused = agent.with_key(key).get(ITEMS).await;
        assert_eq!(refused.status, 401, "{}", refused.body);
    }
    agent.get("/v1/status").await.ok();

    let second = ask(&agent);
    gate.reached_by(2).await;
    is_busy(agent.get("/v1/status").await);
    for key in ["", "zck_", &forged] {
        let refused = agent.with_key(key).get(ITEMS).await;
        assert_eq!(refused.status, 401, "it is still not its key's turn: {}", refused.body);
    }
    agent.get("/health").await.ok();
    let hook = hooks::numbered(0);
    let signature = hooks::sign(&secret, &hook.body);
    let body = String::from_utf8(hook.body).unwrap();
    let taken = connector.post(&hook.path, &[("x-zoho-webhook-signature", signature.as_str())], body).await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    let begun = Browser::default().get(&connector.link(&["--access", "write"]).await).await;
    assert!(begun.location.is_some(), "a consent begins: {begun:?}");

    gate.open();
    first.await.unwrap().ok();
    second.await.unwrap().ok();
    agent.get("/v1/status").await.ok();
}

/// A call whose body is on its way: it was sent with `Expect: 100-continue`, and so the connector says when it waits for the body.
struct Sending(TcpStream);

impl Sending {
    async fn begin(connector: &Connector, path: &str, key: &str, body: &str) -> Self {
        let size = u64::try_from(body.len()).unwrap();
        Self::announce(connector, &format!("POST {path}"), key, size).await
    }

    /// So many bytes are to come.
    async fn announce(connector: &Connector, call: &str, key: &str, size: u64) -> Self {
        let mut stream = TcpStream::connect(connector.url.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "{call} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: {size}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// The connector waits for the body.
    async fn is_waited_for(&mut self) {
        let mut line = [0; 25];
        self.0.read_exact(&mut line).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&line), "HTTP/1.1 100 Continue\r\n\r\n");
    }

    async fn send(&mut self, part: &str) {
        self.0.write_all(part.as_bytes()).await.unwrap();
    }

    async fn answer(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_slowly_takes_a_place_when_all_is_there() {
    let (connector, agent) = for_two().await;
    let query = json!({ "query": "select Deal_Name from Deals where Amount > 0" }).to_string();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let mut slow = Vec::new();
    for (path, body) in [("/v1/crm/query", &query), ("/mcp", &ping), ("/v1/crm/query", &query)] {
        let mut sending = Sending::begin(&connector, path, &agent.key, body).await;
        sending.is_waited_for().await;
        let (first, rest) = body.split_at(body.len() / 2);
        sending.send(first).await;
        slow.push((sending, rest));
    }
    agent.get("/v1/status").await.ok();

    let gate = hold(&connector, 2);
    let at_work =
        [agent.clone(), agent.clone()].map(|agent| tokio::spawn(async move { agent.get(ITEMS).await }));
    gate.reached_by(2).await;
    let (mut late, rest) = slow.pop().unwrap();
    late.send(rest).await;
    let refused = late.answer().await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("connector_busy"), "{refused}");
    // Neither is a body waited for that there is no room for, nor one without a key.
    let refused = Sending::begin(&connector, "/v1/crm/query", &agent.key, &query).await.answer().await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("connector_busy"), "{refused}");
    let refused = Sending::begin(&connector, "/v1/crm/query", "zck_", &query).await.answer().await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");

    gate.open();
    for answer in join_all(at_work).await {
        answer.unwrap().ok();
    }
    for (mut sending, rest) in slow {
        sending.send(rest).await;
        let answer = sending.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let (connector, agent) = for_two().await;
    for (call, status, code) in [
        (format!("GET {ITEMS}"), 200, ""),
        ("GET /health".to_owned(), 200, ""),
        ("DELETE /v1/inventory/mappings?product_id=none".to_owned(), 404, "product_unmapped"),
        ("POST /v1/crm/query".to_owned(), 413, "body_too_large"),
        ("POST /v1/inventory/mappings".to_owned(), 413, "body_too_large"),
        ("POST /mcp".to_owned(), 413, "body_too_large"),
        ("POST /webhooks/default/inventory/item.updated".to_owned(), 413, "body_too_large"),
    ] {
        let answer = Sending::announce(&connector, &call, &agent.key, 99_999_999_999).await.answer().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(code),
            "{call}: {answer}"
        );
    }
}

/// What has arrived of them lies in memory.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_large_bodies_arrive_than_there_are_places() {
    const LARGE: usize = 128 * 1024;
    let (connector, agent) = for_two().await;
    let (sent, rest) = ("x".repeat(LARGE + 1), "x".repeat(9));
    let whole = format!("{sent}{rest}");
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut sending = Sending::begin(&connector, "/v1/inventory/mappings", &agent.key, &whole).await;
        sending.is_waited_for().await;
        sending.send(&sent).await;
        answers.push(Box::pin(sending.answer()));
    }
    let (refused, _, on_their_way) = select_all(answers).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("connector_busy"), "{refused}");
    let query = json!({ "query": "select Deal_Name from Deals where Amount > 0" });
    agent.write("POST", "/v1/crm/query", &[], &query).await.ok();
    // Whoever sends slowly with one key has half of the places, and another key the rest.
    let other = connector.agent(&["--can", "inventory:write"]).await;
    let mut sending = Sending::begin(&connector, "/v1/inventory/mappings", &other.key, &whole).await;
    sending.is_waited_for().await;
    sending.send(&whole).await;
    let answer = sending.answer().await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("body_invalid"), "{answer}");
    drop(on_their_way);
}

/// The call that a tool makes has the place of the tool's own call.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_takes_one_place() {
    let (connector, agent) = for_two().await;
    let gate = hold(&connector, 1);
    let held = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.get(ITEMS).await })
    };
    gate.reached_by(1).await;
    let params = json!({ "name": "status", "arguments": {} });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    for _ in 0..3 {
        let answer = agent.write("POST", "/mcp", &[], &call).await.ok();
        assert_ne!(answer["result"]["isError"], true, "{answer}");
    }
    gate.open();
    held.await.unwrap().ok();
}
