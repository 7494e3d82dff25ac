//! The operator's console: who gets in, what its pages show, a replay by a click, and what a stack's logs are asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use sandbox::Options;
use serde_json::{Value, json};
use shared::base::clock::{Clock, SharedClock, SignedDuration, SystemClock, Timestamp, earlier};
use shared::base::id::ConnectionName;
use shared::core::events::{Delivery, Events};
use shared::store::Stores;
use shared::store::sqlite::Sqlite;
use tests::browser::{Browser, Seen};
use tests::clock::until;
use tests::connector::{Connector, free_port};
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tests::process::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The clock of an hour ago: what arrived then waits for nothing any more.
struct HourAgo;

impl Clock for HourAgo {
    fn now(&self) -> Timestamp {
        earlier(SystemClock.now(), SignedDuration::from_hours(1))
    }
}

/// The link that a console prints, and its address.
pub(crate) async fn link(console: &mut Running) -> (String, String) {
    let lines = console.until("http").await;
    let link = lines.last().unwrap().trim().to_owned();
    let url = link.split("/?token=").next().unwrap().to_owned();
    (link, url)
}

/// An open console, and the browser that it opened.
struct Open {
    _console: Running,
    url: String,
    browser: Browser,
}

impl Open {
    async fn of(connector: &Connector) -> Self {
        Self::with(connector.start_command(&["console"])).await
    }

    async fn with(mut console: Running) -> Self {
        let (link, url) = link(&mut console).await;
        let browser = Browser::default();
        let entered = browser.get(&link).await;
        assert_eq!((entered.status, entered.location.as_deref()), (303, Some("/")), "{}", entered.text);
        Self { _console: console, url, browser }
    }

    /// A page, which holds no script, no foreign thing and no markup of others.
    async fn page(&self, path: &str) -> String {
        let seen = self.browser.get(&format!("{}{path}", self.url)).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        let policy = &seen.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
        for never in ["<script", " style=", "<b>Agent", "<b>Shelves", "<b>November", "<i>noted", "src="] {
            assert!(!seen.text.contains(never), "{path} holds {never}: {}", seen.text);
        }
        seen.text
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.browser.post_with(&format!("{}{path}", self.url), &[("origin", self.url.as_str())], form).await
    }
}

/// A connector in which things happened: calls, writes, an event that the agent is done with, and a count. Its server has ended; with
/// it the event's id.
pub(crate) async fn eventful() -> (Connector, String) {
    let url = format!("http://127.0.0.1:{}", free_port());
    let mut connector = Connector::prepare(Options::new(""), url).await;
    let id = {
        let system: SharedClock = Arc::new(SystemClock);
        let stores: Stores = Sqlite::open(connector.folder(), system).unwrap().into();
        let delivery = Delivery {
            connection: ConnectionName::default(),
            source: "custom",
            digest: "0".repeat(64),
            kind: "custom.counted".to_owned(),
            subject: None,
            time: None,
            data: json!({}),
            body: "{}".to_owned(),
        };
        Events::new(stores.events, Arc::new(HourAgo)).store(delivery).await.unwrap().event_id
    };
    connector.boot().await;
    connector.connect(&["--access", "write"]).await;
    let can = "inventory:write,crm:write,events";
    let agent = connector.agent(&["--can", can, "--label", "<b>Agent"]).await;

    // What arrives now wakes the delivery, which finds what has waited.
    connector.webhook_secret().await;
    let sent = connector.run(&["webhooks", "send-test"], "").await;
    assert_eq!(sent.code, 0, "{} {}", sent.out, sent.err);
    until("the event can be claimed", async || {
        let claim = json!({ "limit": 1 });
        agent.write("POST", "/v1/events/claim", &[], &claim).await.ok()["data"][0]["id"] == id.as_str()
    })
    .await;
    let ack = json!({ "ids": [id], "outcome": "done", "note": "<i>noted" });
    agent.write("POST", "/v1/events/ack", &[], &ack).await.ok();

    agent.get("/v1/inventory/items?sku=SHELF-OAK-80").await.ok();
    agent.get("/v1/inventory/items?sku=NO-SUCH").await.problem("sku_not_found");
    agent.get("/no/such/route").await.problem("route_not_found");
    let tool = json!({ "name": "status", "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": tool });
    agent.write("POST", "/mcp", &[], &message).await.ok();

    let deal = json!({ "Deal_Name": "<b>Shelves", "Stage": "Qualification", "Amount": 120 });
    let made = agent.write("POST", "/v1/crm/deals", &[("idempotency-key", "d")], &deal).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/v1/crm/deals/{}", made.body["id"].as_str().unwrap());
    agent.write("PATCH", &path, &[], &json!({ "Stage": "Closed Won" })).await.ok();

    let counts = json!({
        "name": "<b>November", "location": "Main", "counts": [{ "sku": "SHELF-OAK-80", "quantity": 1 }],
    });
    let counted = agent.write("POST", "/v1/inventory/reconciliations", &[], &counts).await;
    assert_eq!((counted.status, &counted.body["state"]), (201, &json!("compared")), "{}", counted.body);
    assert_eq!(connector.interrupt().await, 0);
    (connector, id)
}

fn assert_says(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "nothing says {part}: {page}");
    }
}

#[tokio::test]
async fn the_pages_show_what_happened_and_an_event_is_replayed_by_a_click() {
    let (connector, id) = eventful().await;
    let open = Open::of(&connector).await;

    let overview = open.page("/").await;
    assert_says(&overview, &["healthy", "Nordlicht Moebel", "owner@example.com", "min left", "of 100 calls"]);
    assert_says(
        &overview,
        &["no daily limit is set", "CRM, 24 hours", "half ended within", "&lt;b&gt;Agent"],
    );
    assert!(!overview.contains("1000."), "a token or the client's id is shown: {overview}");

    let calls = open.page("/calls?period=week").await;
    assert_says(&calls, &["7 days", "v1/<wbr>inventory/<wbr>items", "sku_<wbr>not_<wbr>found 1", "no route"]);
    assert_says(
        &calls,
        &["v1/<wbr>status", "/<wbr>mcp", "PATCH /<wbr>v1/<wbr>crm/<wbr>deals/<wbr>{id}", "f-refused"],
    );
    assert!(!calls.contains("SHELF-OAK-80"), "an address is shown whole: {calls}");

    let events = open.page("/events").await;
    // However long the set-up took, the page says the lag that the event has.
    let shown = connector.run(&["events", "show", id.as_str(), "--json"], "").await.out;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let lag = time(&shown["life"]["ended"]).duration_since(time(&shown["receivedtime"]));
    assert!(lag >= SignedDuration::from_hours(1), "{shown}");
    let lag = format!("{} h {} min<svg", lag.as_secs() / 3600, lag.as_secs() % 3600 / 60);
    assert_says(&events, &["custom.<wbr>counted", lag.as_str(), "&lt;i&gt;noted", "half ended within"]);
    let form = [("connection", "default"), ("id", id.as_str())];
    let again = open.post("/events/replay", &form).await;
    assert_eq!(again.status, 303, "{}", again.text);
    let events = open.page(&again.location.unwrap()).await;
    assert_says(&events, &["can be delivered again", "open for 1 h"]);
    let again = open.post("/events/replay", &form).await;
    assert_says(&open.page(&again.location.unwrap()).await, &["is open already"]);
    let nobody = "0".repeat(31);
    let unknown = open.post("/events/replay", &[("connection", "default"), ("id", nobody.as_str())]).await;
    assert_says(&open.page(&unknown.location.unwrap()).await, &["not in the queue"]);
    for (connection, id) in [("default", "<b>"), ("../x", id.as_str())] {
        let refused = open.post("/events/replay", &[("connection", connection), ("id", id)]).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }

    let writes = open.page("/writes").await;
    assert_says(&writes, &["<del><bdi>Qualification</bdi></del>", "<ins><bdi>Closed Won</bdi></ins>"]);
    assert_says(
        &writes,
        &["&lt;b&gt;Shelves", "PATCH /<wbr>v1/<wbr>crm/<wbr>deals/<wbr>{id}", "only this record"],
    );
    let one = writes.split("href=\"/writes?connection=default&amp;record=").nth(1).unwrap();
    let one = one.split('"').next().unwrap();
    let one = open.page(&format!("/writes?connection=default&record={one}")).await;
    assert_says(&one, &["Closed Won", "All records"]);
    assert!(open.page("/writes?record=deal%2F1").await.contains("No writes here"));

    let counts = open.page("/reconciliations").await;
    assert_says(&counts, &["&lt;b&gt;November", "compared"]);
    let report = counts.split("href=\"/reconciliations/default/").nth(1).unwrap();
    let report = format!("/reconciliations/default/{}", report.split('"').next().unwrap());
    assert_says(&open.page(&report).await, &["SHELF-OAK-80", "What drifted"]);
    for path in
        ["/reconciliations/default/019acf3d1c0d5e2b8f4a7c6d9e1f203", "/reconciliations/..%2f/1", "/no"]
    {
        assert_eq!(open.browser.get(&format!("{}{path}", open.url)).await.status, 404, "{path}");
    }
}

/// Sends these very lines, and reads to the end.
async fn raw(url: &str, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let request = format!("{}\r\nconnection: close\r\n\r\n", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_dead_connection_says_where_it_is_connected_again() {
    let (connector, _) = Connector::connected().await;
    let open = Open::of(&connector).await;
    let none = open.page("/events").await;
    assert_says(&none, &["No event of default came", "webhooks setup --connection default"]);
    let none = open.page("/reconciliations").await;
    assert_says(&none, &["reconcile counts.csv --connection default"]);

    connector.zoho.sandbox.revoke_user_grants();
    assert_eq!(connector.run(&["refresh"], "").await.code, 1);
    let link = format!("<a href=\"{}/oauth/start?connection=default\">", connector.url);
    let code = "<code>zoho-connector connect --connection default</code>";
    assert_says(&open.page("/").await, &["reconnect required", link.as_str(), code]);
}

#[tokio::test]
async fn the_printed_link_opens_one_browser_once_and_nothing_else_gets_in() {
    let connector = Connector::prepare(Options::new(""), "http://localhost:1".to_owned()).await;
    let mut console = connector.start_command(&["console"]);
    let (link, url) = link(&mut console).await;
    let host = url.trim_start_matches("http://");
    assert!(host.starts_with("127.0.0.1:"), "{url}");
    let (browser, other) = (Browser::default(), Browser::default());
    assert_eq!(other.get(&url).await.status, 403);
    let entered = browser.get(&link).await;
    let cookie = entered.headers["set-cookie"].clone();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let used = other.get(&link).await;
    assert!(used.status == 403 && used.text.contains("has been used"), "{}", used.text);
    let page = browser.get(&url).await;
    let begins = "Nothing is connected. Begin with <code>zoho-connector connect --data ";
    assert!(page.status == 200 && page.text.contains(begins), "{}", page.text);
    assert_eq!(
        (page.headers["cache-control"].as_str(), page.headers["referrer-policy"].as_str()),
        ("no-store", "same-origin")
    );
    for path in ["/calls", "/events", "/writes", "/reconciliations", "/no"] {
        assert_eq!(other.get(&format!("{url}{path}")).await.status, 403, "{path}");
    }

    // A name of somebody else that leads to this machine, even with the cookie.
    let cookie = format!("cookie: {}", cookie.split(';').next().unwrap());
    let rebound = raw(&url, &["GET / HTTP/1.1", "host: rebound.example", &cookie]).await;
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    let own = raw(&url, &["GET / HTTP/1.1", &format!("host: {host}"), &cookie]).await;
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");

    // A form of another page of this machine, which brings the cookie along.
    let form = [("period", "day")];
    for origin in ["http://127.0.0.1:8080", "null", "https://evil.example"] {
        let refused = browser.post_with(&format!("{url}/calls"), &[("origin", origin)], &form).await;
        assert!(refused.status == 403 && refused.text.contains("Nothing was done"), "{}", refused.text);
    }
    assert_eq!(browser.post(&format!("{url}/calls"), &form).await.status, 403, "without an origin");
    let sent = browser.post_with(&format!("{url}/calls"), &[("origin", url.as_str())], &form).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert_eq!(console.interrupt().await, 0);
}

#[tokio::test]
async fn where_no_store_is_or_the_port_is_taken_the_console_says_so() {
    let empty = tempfile::tempdir().unwrap();
    let data = empty.path().to_str().unwrap();
    let ended = tests::process::run(&["console", "--data", data], &[], "").await;
    assert!(ended.code == 1 && ended.err.contains("there is no store"), "{}", ended.err);
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let connector = Connector::prepare(Options::new(""), "http://localhost:1".to_owned()).await;
    let ended = connector.run(&["console", "--port", &port], "").await;
    assert!(ended.code == 1 && ended.err.contains("choose another with --port"), "{}", ended.err);
}

/// A stand-in for CloudWatch Logs, which remembers what it was asked: the emulator knows no Logs Insights.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<Value>>>);

impl Logs {
    async fn start(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    /// The queries, without those that only estimate.
    fn asked(&self) -> Vec<Value> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|query| !is_estimate(query)).cloned().collect()
    }
}

fn is_estimate(query: &Value) -> bool {
    query["queryString"].as_str().unwrap().ends_with("| estimate")
}

async fn answer(
    State(logs): State<Logs>,
    headers: HeaderMap,
    body: Bytes,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let field = |name: &str, value: &str| json!({ "field": name, "value": value });
    let answer = match headers["x-amz-target"].to_str().unwrap() {
        "Logs_20140328.StartQuery" => {
            let id = if is_estimate(&body) { "estimate" } else { "count" };
            logs.0.lock().unwrap().push(body);
            json!({ "queryId": id })
        }
        "Logs_20140328.GetQueryResults" if body["queryId"] == "estimate" => json!({
            "status": "Complete", "results": [[field("estimatedBytes", "12400000")]],
        }),
        "Logs_20140328.GetQueryResults" => {
            let hour = SystemClock.now().to_string();
            let hour = format!("{}:00:00.000", hour.get(..13).unwrap().replace('T', " "));
            let row = |status: &str, code: &str, calls: &str| {
                json!([
                    field("start", &hour),
                    field("method", "GET"),
                    field("route", "/v1/crm/deals"),
                    field("status", status),
                    field("code", code),
                    field("calls", calls),
                    field("took", "4100"),
                    field("slowest", "900"),
                ])
            };
            json!({
                "status": "Complete", "results": [row("200", "", "41"), row("429", "zoho_rate_limited", "6")],
                "statistics": { "bytesScanned": 12_400_000.0, "recordsMatched": 47.0, "recordsScanned": 900.0 },
            })
        }
        other => panic!("{other} is asked"),
    };
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.1")], answer.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_a_stack_are_asked_by_a_click_after_their_price_is_shown() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let connector = &deployed.connector;
    connector.connect(&[]).await;
    let logs = Logs::default();
    let url = logs.start().await;
    let variables = [("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", url.as_str())];
    let open = Open::with(connector.start_command_with(&["console"], &variables)).await;
    assert_says(&open.page("/").await, &["the stack", "healthy", "See what asking costs"]);
    let offer = open.page("/calls").await;
    assert_says(&offer, &["about 12.4 MB", "at most 1 cent", "Ask for 24 hours"]);
    assert!(logs.asked().is_empty(), "{:?}", logs.asked());

    let asked = open.post("/calls", &[("period", "day")]).await;
    assert_eq!(asked.status, 303, "{}", asked.text);
    let calls = open.page("/calls?period=day").await;
    assert_says(
        &calls,
        &["12.4 MB were read", "v1/<wbr>crm/<wbr>deals", "zoho_<wbr>rate_<wbr>limited 6", ">47<"],
    );
    open.page("/calls?period=day").await;
    let queries = logs.asked();
    assert_eq!(queries.len(), 1, "loading the page again asks nothing: {queries:?}");
    let groups: Vec<_> =
        queries[0]["logGroupNames"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert!(groups.len() == 3 && groups.iter().any(|group| group.ends_with("-api-proxy\"")), "{groups:?}");
    assert_eq!(queries[0]["limit"], 10_000);
}
