//! Every error that an agent can get, provoked, and kept in `docs/errors.md` for people to read and judge.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use event_delivery::EventDelivery;
use sandbox::{Fault, FaultKind, Gate, Limit, Options};
use serde_json::{Value, json};
use shared::base::clock::{SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::base::problem::Code;
use shared::base::secret::Secret;
use shared::base::settings::Settings;
use shared::base::web::{Deadline, finish};
use shared::core::access::key::{DayLimits, NewKey};
use shared::core::events::Events;
use shared::core::events::ledger::{ClaimTarget, Ending, Ledger};
use shared::core::mappings::{Mapping, Mappings};
use shared::core::services::Services;
use shared::core::writes::turns::Turns;
use shared::store::{Key, Outcome, Page, Query, Row, StoreError, Stores, Table, Write as Step};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};
use tests::changes;
use tests::clock::pass;
use tests::in_process;
use tests::inside::{Inside, any_key};
use tokio::time::Instant;
use tower::ServiceExt;

const ORDERS: &str = "/v1/inventory/salesorders";
const ITEMS: &str = "/v1/inventory/items";
const MAPPINGS: &str = "/v1/inventory/mappings";
const DEALS: &str = "/v1/crm/deals";
const DEAL: &str = "/v1/crm/deals/6100000000451001";

/// What agents do not get, and what nobody can provoke.
const OTHERS: &[&str] = &[
    "webhook_unsigned",
    "webhook_signature_invalid",
    "webhook_token_invalid",
    "webhook_unknown",
    "webhook_unreadable",
    "webhook_query_refused",
];

/// Seconds that a caller has whose time is made to pass.
const IN_TIME: u64 = 60;

/// As soon as Zoho is asked, the caller's time is over.
async fn time_is_up(gate: &Gate) {
    gate.reached_by(1).await;
    pass(Duration::from_secs(IN_TIME)).await;
}

/// A request.
#[derive(Clone)]
struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Value,
    within: Option<Duration>,
}

impl<'a> Ask<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: Vec::new(), body: Value::Null, within: None }
    }

    fn post(path: &'a str, body: Value) -> Self {
        Self { method: "POST", body, ..Self::get(path) }
    }

    fn with(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn within(self, seconds: u64) -> Self {
        Self { within: Some(Duration::from_secs(seconds)), ..self }
    }
}

/// What was provoked, by code.
#[derive(Default)]
struct Book(BTreeMap<String, Vec<String>>);

impl Book {
    /// Asks, and writes down what comes: it must be the problem of this code, whole and true to the table.
    async fn note(&mut self, code: Code, why: &str, api: Router, key: &Secret, ask: Ask<'_>) -> Value {
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        if !ask.headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        for (name, value) in ask.headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }
        let body = match &ask.body {
            Value::Null => Body::empty(),
            Value::String(text) => Body::from(text.clone()),
            other => Body::from(other.to_string()),
        };
        let mut request = request.body(body).unwrap();
        if let Some(within) = ask.within {
            request.extensions_mut().insert(Deadline(Instant::now() + within));
        }
        let told = in_process::ask(&api, request).await;
        let problem = told.json().unwrap();
        let (status, headers) = (told.status, told.headers);
        let what = format!("{} {} {why}: {problem}", ask.method, ask.path);
        assert_eq!(problem["code"], code.as_str(), "{what}");
        assert_eq!(headers["content-type"], "application/problem+json", "{what}");
        assert_eq!(
            (status, problem["status"].as_u64()),
            (code.status(), Some(status.as_u16().into())),
            "{what}"
        );
        // Where Zoho's own words, or the fields of CRM, ask for something else, the hint fits these. So do the words that say what
        // stands in a key's place, and those on a connection that is not there at all.
        let of_fields = problem["hint"].as_str().is_some_and(|hint| hint.contains("/v1/crm/fields?module="));
        let fits = problem["zoho"].is_object() || of_fields;
        let fits = fits || matches!(code, Code::KeyInvalid | Code::ProductNotConnected);
        assert!(problem["hint"] == code.hint() || fits, "{what}");
        assert_eq!(problem["request_id"].as_str(), headers["x-request-id"].to_str().ok(), "{what}");
        let seconds = headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(problem["retry_after"].as_u64().map(|seconds| seconds.to_string()), seconds, "{what}");
        assert!(
            problem["retryable"] == json!(true) || problem["hint"].as_str().unwrap().len() > 20,
            "{what}"
        );

        // Ids of reconciliations differ from run to run.
        let is_id = |part: &&str| part.len() == 31 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path: Vec<&str> =
            ask.path.split('/').map(|part| if is_id(&part) { "{id}" } else { part }).collect();
        let mut line = format!("- `{} {}`", ask.method, path.join("/"));
        if !why.is_empty() {
            let _ = write!(line, " ({why})");
        }
        let _ = write!(line, ": {}", steady(problem["detail"].as_str().unwrap()));
        if let Some(zoho) = problem.get("zoho") {
            let _ = write!(
                line,
                " · `zoho` {}: {}",
                zoho["code"].as_str().unwrap(),
                zoho["message"].as_str().unwrap()
            );
        }
        if problem.get("reconnect_url").is_some() {
            let _ = write!(line, " · with `reconnect_url`");
        }
        let lines = self.0.entry(code.as_str().to_owned()).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
        problem
    }

    fn text(&self) -> String {
        let mut text = String::from(HEAD);
        let again = |code: Code| if code.is_retryable() { "can be tried again" } else { "final" };
        let known = || Code::ALL.iter().copied().filter(|code| self.0.contains_key(code.as_str()));
        for code in known() {
            let (name, status, again) = (code.as_str(), code.status().as_u16(), again(code));
            let heading = format!("{name}-{status}-{}", again.replace(' ', "-"));
            let fault = code.fault().as_str();
            let _ = writeln!(text, "| [`{name}`](#{heading}) | {status} | {again} | {fault} |");
        }
        for code in known() {
            let lines = &self.0[code.as_str()];
            let _ = write!(text, "\n## `{}`: {}, {}\n\n", code.as_str(), code.status().as_u16(), again(code));
            let _ = writeln!(text, "{}. {}\n", code.title(), code.hint());
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

const HEAD: &str = "# Every error that an agent can get

Each is a document (RFC 9457) with `type`, `title`, `status`, `detail`, `code`, `hint`, `retryable` and `request_id`;
`retry_after` in seconds where waiting helps, `zoho` with Zoho's own words, and `reconnect_url` where a person must consent
again. A program goes by `code`, which stays what it is. Below the table, each with its hint, and the details that tests
provoke. `tests/it/errors.rs` keeps this file true. On AWS, the gateway in front has [a few answers of its
own](guides/aws.md#what-the-gateway-answers-by-itself), which are no such documents: 404, 413, 429, 500 and 503 with a `message`.

Whose fault an error is says who can keep it from coming again: the **agent** sends another request; the **operator** of the
connector corrects a key, the client, a scope or the connection; a **user of Zoho** consents again, or changes a right or a record there;
**Zoho** fails or is slow; the **connector** or its store fails; **nobody**: two things met at a bad moment, or a limit that many share
is reached.

| code | status | same request again | whose fault |
|---|---|---|---|
";

/// Without what differs from run to run.
fn steady(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let hex = matches!(bare.len(), 12 | 31) && bare.bytes().all(|b| b.is_ascii_hexdigit());
        let time = bare.len() >= 19 && bare.as_bytes().get(10) == Some(&b'T') && bare.starts_with("20");
        match (hex, time) {
            (true, _) => word.replace(bare, "0123456789ab"),
            (_, true) => word.replace(bare, "2026-11-21T10:00:00Z"),
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn can(permissions: &[&str]) -> NewKey {
    NewKey { permissions: permissions.iter().map(|text| text.parse().unwrap()).collect(), ..any_key() }
}

async fn with_scopes(scopes: &str) -> Inside {
    let inside = Inside::start().await;
    inside.connect_with(ScopeSet::parse(scopes)).await;
    inside
}

fn order() -> Value {
    json!({ "customer": "Harbor Interiors GmbH", "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }] })
}

#[tokio::test]
async fn every_error_is_in_the_book() {
    let mut book = Book::default();
    who_is_calling(&mut book).await;
    what_is_asked_for(&mut book).await;
    writes(&mut book).await;
    reconciliations(&mut book).await;
    passed_through(&mut book).await;
    events(&mut book).await;
    the_connection(&mut book).await;
    zoho(&mut book).await;
    ourselves(&mut book).await;

    for code in Code::ALL {
        let known = book.0.contains_key(code.as_str()) != OTHERS.contains(&code.as_str());
        assert!(known, "{} is neither provoked nor among those that cannot be, or both", code.as_str());
    }
    // The book has the words that Zoho documents.
    if std::env::var_os("ZOHO_SANDBOX").is_some() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let text = book.text();
    if std::env::var_os("UPDATE_ERRORS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    for (new, old) in text.lines().zip(kept.lines()) {
        assert_eq!(new, old, "docs/errors.md is made anew with UPDATE_ERRORS=1; read what changed");
    }
    assert_eq!(text.lines().count(), kept.lines().count());
}

async fn who_is_calling(book: &mut Book) {
    let inside = Inside::connected().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let wrong = Secret::new(format!("zck_000000000000_{}", "0".repeat(64)));
    let status = || Ask::get("/v1/status");
    book.note(Code::KeyMissing, "no header", api.clone(), &key, status().with("authorization", "")).await;
    book.note(
        Code::KeyInvalid,
        "other scheme",
        api.clone(),
        &key,
        status().with("authorization", "Basic eA=="),
    )
    .await;
    book.note(Code::KeyInvalid, "unknown key", api.clone(), &wrong, status()).await;
    let short = NewKey {
        expires: Some(later(inside.services.clock.now(), SignedDuration::from_mins(1))),
        ..any_key()
    };
    let short = inside.key(short).await;
    inside.advance(Duration::from_secs(61));
    book.note(Code::KeyExpired, "", api.clone(), &short, status()).await;
    let crm = inside.key(can(&["crm:read"])).await;
    book.note(Code::KeyNotAllowed, "key for CRM", api.clone(), &crm, Ask::get(ITEMS)).await;
    book.note(Code::KeyNotAllowed, "key for CRM", api.clone(), &crm, Ask::get("/v1/events")).await;
    book.note(Code::KeyNotAllowed, "key for reading", api.clone(), &key, Ask::post(ORDERS, order())).await;
    let limits = DayLimits { calls: Some(1), writes: None };
    let small = inside.key(NewKey { limits, ..any_key() }).await;
    inside.ask(api.clone(), &small, ITEMS).await;
    book.note(Code::KeyDailyLimit, "", api.clone(), &small, Ask::get(ITEMS)).await;
    let hidden = inside.key(NewKey { redact_contacts: true, ..any_key() }).await;
    let query = json!({ "query": "select Email from Contacts where id is not null" });
    book.note(
        Code::KeyNotAllowed,
        "key with `--redact contacts`",
        api,
        &hidden,
        Ask::post("/v1/crm/query", query),
    )
    .await;
}

async fn what_is_asked_for(book: &mut Book) {
    let inside = Inside::connected().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let invalid = [
        ("/v1/inventory/items?colour=red", ""),
        ("/v1/inventory/items?per_page=500", ""),
        ("/v1/inventory/items?per_page=many", ""),
        ("/v1/inventory/items?cursor=2", ""),
        ("/v1/inventory/items?sku=", ""),
        ("/v1/inventory/items?sku=A&per_page=5", ""),
        ("/v1/inventory/items?status=gone", ""),
        ("/v1/inventory/items?stock=high", ""),
        ("/v1/inventory/items/SHELF-OAK-80", ""),
        ("/v1/inventory/items/%FF", ""),
        ("/v1/inventory/salesorders?colour=red", ""),
        ("/v1/inventory/salesorders?per_page=many", ""),
        ("/v1/crm/deals?search=%5C", ""),
        ("/v1/crm/deals?fields=Deal-Name", ""),
        ("/v1/crm/deals?cursor=2", ""),
        ("/v1/crm/contacts?email=a%40b.example&phone=123", ""),
        ("/v1/crm/contacts?search=Lea&cursor=1", ""),
        ("/v1/crm/fields", ""),
        ("/v1/crm/fields?module=De-als", ""),
        ("/v1/events?cursor=2", ""),
        ("/v1/audit?cursor=2", ""),
        ("/v1/audit?since=yesterday", ""),
    ];
    for (path, why) in invalid {
        book.note(Code::InvalidParameter, why, api.clone(), &key, Ask::get(path)).await;
    }
    let writer = inside.key(can(&["inventory:write", "crm:write"])).await;
    let long = "x".repeat(300);
    let asks = Ask::post(ORDERS, order()).with("idempotency-key", &long);
    book.note(Code::InvalidParameter, "an `Idempotency-Key` of 300 characters", api.clone(), &writer, asks)
        .await;
    let change = Ask { method: "PATCH", ..Ask::post(DEAL, json!({ "Amount": 1 })) };
    let since = change.clone().with("if-unmodified-since", "yesterday");
    book.note(Code::InvalidParameter, "`If-Unmodified-Since: yesterday`", api.clone(), &writer, since).await;
    book.note(Code::RouteNotFound, "", api.clone(), &key, Ask::get("/v1/inventory/things")).await;
    let delete = Ask { method: "DELETE", ..Ask::get(DEAL) };
    book.note(Code::MethodNotAllowed, "", api.clone(), &writer, delete).await;
    let large = Ask::post(DEALS, Value::String("x".repeat(200_000)));
    book.note(Code::BodyTooLarge, "200 KB", api.clone(), &writer, large).await;

    let named = Ask::get(ITEMS).with("zoho-connection", "other");
    book.note(Code::ConnectionUnknown, "`Zoho-Connection: other`", api.clone(), &key, named).await;
    let both = vec!["default".parse().unwrap(), "second".parse().unwrap()];
    let none = inside.key(NewKey { connections: vec!["second".parse().unwrap()], ..any_key() }).await;
    book.note(Code::ProductNotConnected, "nothing is connected", api.clone(), &none, Ask::get(ITEMS)).await;
    let two = inside.key(NewKey { connections: both, ..any_key() }).await;
    book.note(
        Code::ConnectionAmbiguous,
        "a key of two connections",
        api.clone(),
        &two,
        Ask::get("/v1/events"),
    )
    .await;
    let other = Ask::get(ITEMS).with("zoho-organization", "12345");
    book.note(Code::OrganizationMismatch, "`Zoho-Organization: 12345`", api.clone(), &key, other).await;

    let missing = "/v1/inventory/items/3300000000000001";
    book.note(Code::RecordNotFound, "", api.clone(), &key, Ask::get(missing)).await;
    book.note(Code::RecordNotFound, "", api.clone(), &key, Ask::get("/v1/crm/deals/6100000000000001")).await;
    book.note(Code::RecordNotFound, "", api.clone(), &key, Ask::get("/v1/crm/contacts/6100000000000001"))
        .await;
    book.note(Code::EventNotFound, "", api.clone(), &key, Ask::get("/v1/events/0")).await;
    for (id, sku, status) in [(1, "DUP-1", "active"), (2, "DUP-1", "active"), (3, "GONE-9", "inactive")] {
        let item = json!({ "item_id": format!("330000000099000{id}"), "name": "Twin", "sku": sku, "status": status });
        inside.zoho.sandbox.add_item(item);
    }
    for (code, sku) in
        [(Code::SkuNotFound, "NOPE"), (Code::SkuAmbiguous, "DUP-1"), (Code::SkuInactive, "GONE-9")]
    {
        let path = format!("{ITEMS}?sku={sku}");
        book.note(code, "", api.clone(), &key, Ask::get(&path)).await;
    }
    let nope = Ask::get("/v1/inventory/items?product_id=NOPE");
    book.note(Code::ProductUnmapped, "", api.clone(), &key, nope).await;
    let mappings = Mappings::new(inside.services.stores.state.clone(), inside.services.clock.clone());
    for (product_id, sku, item_id) in
        [("SHOP-1", "SHELF-OLD", "3300000000070001"), ("SHOP-2", "LAMP", "3300000000000001")]
    {
        let (sku, item_id) = (Some(sku.to_owned()), Some(item_id.to_owned()));
        let mapping = Mapping::new(product_id.to_owned(), sku, item_id, None);
        mappings.put(&ConnectionName::default(), mapping).await.unwrap();
        let path = format!("{ITEMS}?product_id={product_id}");
        book.note(Code::MappingStale, "", api.clone(), &key, Ask::get(&path)).await;
    }
    let mars = "/v1/inventory/items?location=Mars";
    book.note(Code::LocationNotFound, "", api.clone(), &key, Ask::get(mars)).await;

    let many = Inside::with(Options { extra_items: 41, ..Options::new("") }).await;
    many.connect().await;
    // As many pages as 4,100 items have, from a handful: a slow machine answers these in time, too.
    many.zoho.sandbox.switches(|switches| (switches.sku_filter_ignored, switches.rows_in_a_page) = (true, 2));
    let key = many.key(any_key()).await;
    let nope = Ask::get("/v1/inventory/items?sku=NOPE");
    book.note(Code::SkuUnresolved, "21 pages of items, and Zoho ignores the filter", many.api(), &key, nope)
        .await;
}

async fn reconciliations(book: &mut Book) {
    const PATH: &str = "/v1/inventory/reconciliations";
    let inside = Inside::start().await;
    inside.connect_with(ScopeSet::of(&Product::ALL, Access::Stock)).await;
    let key = inside.key(can(&["inventory:stock"])).await;
    let made = async |body: Value| -> String {
        let told = in_process::call(&inside.api(), &key, ("POST", PATH), &[], &body).await;
        let body = told.json().unwrap();
        body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    };
    let counts = json!([{ "sku": "SHELF-OAK-80", "location": "Main", "quantity": 29 }]);
    let none = format!("{PATH}/019acf3d1c0d5e2b8f4a7c6d9e1f203");
    book.note(Code::ReconciliationNotFound, "", inside.api(), &key, Ask::get(&none)).await;
    let open = made(json!({ "counts": counts, "more": true })).await;
    let compare = format!("{PATH}/{open}/compare");
    let ask = || Ask::post(&compare, Value::Null);
    book.note(Code::ReconciliationState, "more counts were announced", inside.api(), &key, ask()).await;
    let apply = format!("{PATH}/{open}/apply");
    let all = json!({ "rows": "all" });
    let ask = Ask::post(&apply, all.clone());
    book.note(Code::ReconciliationState, "", inside.api(), &key, ask).await;
    let many: Vec<Value> = (0..10_001)
        .map(|row| json!({ "item_id": (3_300_000_000_900_000_u64 + row).to_string(), "quantity": 1 }))
        .collect();
    let ask = Ask::post(PATH, json!({ "counts": many }));
    book.note(Code::CallsUnconfirmed, "10,001 counts", inside.api(), &key, ask).await;
    let compared = made(json!({ "counts": counts })).await;
    stock(book, &inside, &key).await;
    inside.advance(Duration::from_secs(8 * 24 * 3600));
    let apply = format!("{PATH}/{compared}/apply");
    book.note(Code::ReconciliationExpired, "after 8 days", inside.api(), &key, Ask::post(&apply, all)).await;
}

async fn stock(book: &mut Book, inside: &Inside, key: &Secret) {
    const PATH: &str = "/v1/inventory/adjustments";
    let oak = |more: Value| {
        let mut body = json!({ "sku": "SHELF-OAK-80", "location": "Main", "reason": "Count" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let ask = Ask::post(PATH, oak(json!({ "target": 3, "expected": 4 })));
    book.note(Code::StockChanged, "", inside.api(), key, ask).await;
    let service = json!({ "sku": "SVC-MOUNT", "reason": "Count", "delta": 1 });
    book.note(Code::ItemNotAdjustable, "a service", inside.api(), key, Ask::post(PATH, service)).await;
    let turns = Turns::new(inside.services.stores.state.clone(), inside.services.clock.clone());
    let soon = tokio::time::Instant::now() + Duration::from_secs(1);
    let turn = turns.take(DataCentre::Eu, "20098765432", soon).await.unwrap().ok().unwrap();
    let ask = Ask::post(PATH, oak(json!({ "delta": 1 })));
    book.note(Code::StockInProgress, "", inside.api(), key, ask).await;
    turns.end(turn).await.unwrap();
}

async fn writes(book: &mut Book) {
    let inside = Inside::start().await;
    inside.connect_to_write().await;
    inside.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let (api, key) = (inside.api(), inside.key(can(&["inventory:write", "crm:write"])).await);
    let line = |line: Value| json!({ "customer": "Harbor Interiors GmbH", "line_items": [line] });
    let bodies = [
        (ORDERS, Value::String("{".to_owned())),
        (ORDERS, json!([])),
        (ORDERS, json!({ "customer": "Harbor Interiors GmbH", "lines": [] })),
        (ORDERS, json!({ "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] })),
        (ORDERS, json!({ "customer": "Harbor Interiors GmbH", "line_items": [] })),
        (ORDERS, line(json!({ "quantity": 1 }))),
        (MAPPINGS, json!({ "mappings": [{ "product_id": "1" }, { "product_id": "1", "sku": "" }] })),
        (ORDERS, line(json!({ "sku": "SHELF-OAK-80", "quantity": 0 }))),
        (ORDERS, line(json!({ "sku": "SHELF-OAK-80", "quantity": "two" }))),
        (DEALS, json!({ "Deal_Name": "x" })),
        (DEALS, json!({ "Deal_Name": "x", "stage": "Qualification" })),
        (DEALS, json!({ "Deal_Name": "x", "Stage": "Qualification", "id": "1" })),
        (DEALS, json!({ "Deal_Name": "x", "Stage": "Qualification", "Account_Name_id": "Harbor" })),
        ("/v1/crm/deals/upsert?by=External_Order_ID", json!({ "Deal_Name": "x" })),
        ("/v1/crm/deals/6100000000451001/notes", json!({ "Note_Content": "" })),
        ("/v1/crm/query", json!({ "query": "delete from Deals" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where Stage = :stage" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where id > 0 limit 500" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where id > 0", "max_rows": 9000 })),
    ];
    for (path, body) in bodies {
        let why = format!("`{}`", body.as_str().map_or_else(|| body.to_string(), str::to_owned));
        book.note(Code::BodyInvalid, &why, api.clone(), &key, Ask::post(path, body)).await;
    }
    let customer =
        |name: &str| json!({ "customer": name, "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 1 }] });
    book.note(Code::CustomerNotFound, "", api.clone(), &key, Ask::post(ORDERS, customer("Nobody"))).await;
    for id in 1..=2 {
        let contact = json!({ "contact_id": format!("330000000098000{id}"), "contact_name": "Twin", "contact_type": "customer" });
        inside.zoho.sandbox.add_contact(contact);
    }
    book.note(Code::CustomerAmbiguous, "", api.clone(), &key, Ask::post(ORDERS, customer("Twin"))).await;
    let stage = json!({ "Deal_Name": "x", "Stage": "Won" });
    book.note(Code::ValueNotAllowed, "`Stage` is Won", api.clone(), &key, Ask::post(DEALS, stage)).await;
    book.note(Code::ValueNotAllowed, "", api.clone(), &key, Ask::get("/v1/crm/deals?stage=Won")).await;
    let by =
        Ask::post("/v1/crm/deals/upsert?by=Deal_Name", json!({ "Deal_Name": "x", "Stage": "Qualification" }));
    book.note(Code::ValueNotAllowed, "", api.clone(), &key, by).await;
    let careful = inside.key(NewKey { confirm: true, ..can(&["inventory:write"]) }).await;
    book.note(
        Code::PreviewRequired,
        "key with `--confirm`",
        api.clone(),
        &careful,
        Ask::post(ORDERS, order()),
    )
    .await;

    let note = |text: &str, key: &str| {
        Ask::post("/v1/crm/deals/6100000000451001/notes", json!({ "Note_Content": text }))
            .with("idempotency-key", key)
    };
    let fault = |path: &str, kind: FaultKind| Fault { path_contains: path.to_owned(), times: 1, kind };
    let notes = |kind| inside.zoho.sandbox.inject_on("POST", fault("/Notes", kind));
    let gate = Gate::default();
    notes(FaultKind::HeldAfter(gate.clone()));
    let first = {
        let request = Request::post("/v1/crm/deals/6100000000451001/notes")
            .header("authorization", format!("Bearer {}", key.expose()))
            .header("idempotency-key", "twin")
            .body(Body::from(r#"{"Note_Content":"one"}"#))
            .unwrap();
        tokio::spawn(api.clone().oneshot(request))
    };
    gate.reached_by(1).await;
    book.note(Code::IdempotencyInProgress, "a twin is at work", api.clone(), &key, note("one", "twin")).await;
    gate.open();
    assert_eq!(first.await.unwrap().unwrap().status(), 201);
    book.note(Code::IdempotencyKeyReused, "the key of another body", api.clone(), &key, note("two", "twin"))
        .await;
    let change = Ask { method: "PATCH", ..Ask::post(DEAL, json!({ "Amount": 1 })) };
    let since = change.with("if-unmodified-since", "2026-01-01T00:00:00Z");
    book.note(Code::RecordModified, "", api.clone(), &key, since).await;
    for key_text in ["", "lost"] {
        notes(FaultKind::ResetBefore);
        let why = if key_text.is_empty() {
            "the connection breaks; no `Idempotency-Key`"
        } else {
            "the connection breaks"
        };
        let ask = note("lost", key_text).within(9);
        book.note(Code::WriteUncertain, why, api.clone(), &key, ask).await;
    }
}

async fn passed_through(book: &mut Book) {
    let inside = Inside::connected().await;
    let api = inside.api();
    let plain = inside.key(any_key()).await;
    let groups = "/v1/zoho/inventory/itemgroups";
    book.note(Code::KeyNotAllowed, "key without a pattern", api.clone(), &plain, Ask::get(groups)).await;
    let key = inside.key(can(&["zoho:*:inventory/**", "zoho:*:crm/**"])).await;
    book.note(Code::RouteNotFound, "", api.clone(), &key, Ask::get("/v1/zoho/books/invoices")).await;
    let hooks = "/v1/zoho/inventory/settings/webhooks";
    book.note(Code::PathDenied, "whatever the key may do", api.clone(), &key, Ask::get(hooks)).await;
    for path in [
        "/v1/zoho/inventory/items/../organizations",
        "/v1/zoho/inventory/items//1",
        "/v1/zoho/inventory/items%2F1",
        "/v1/zoho/inventory/items?organization_id=1",
        "/v1/zoho/inventory/items?dry_run=true",
    ] {
        book.note(Code::InvalidParameter, "", api.clone(), &key, Ask::get(path)).await;
    }
    let post = Ask::post(groups, json!({ "organization_id": "1" })).with("content-type", "application/json");
    book.note(Code::BodyInvalid, "`{\"organization_id\":\"1\"}`", api.clone(), &key, post).await;
    let text = Ask::post(groups, Value::String("x".to_owned())).with("content-type", "text/plain");
    book.note(Code::BodyInvalid, "`Content-Type: text/plain`", api.clone(), &key, text).await;
    let large = Ask::post(groups, Value::String("x".repeat(5_000_000)));
    book.note(Code::BodyTooLarge, "5 MB", api.clone(), &key, large).await;
    let delete = Ask { method: "DELETE", ..Ask::get("/v1/zoho/crm/Deals/6100000000451001") };
    book.note(Code::PreviewRequired, "every DELETE", api, &key, delete).await;
}

async fn the_connection(book: &mut Book) {
    let token = |times, kind| Fault { path_contains: "/oauth/v2/token".to_owned(), times, kind };
    let slow = Inside::connected().await;
    let key = slow.key(any_key()).await;
    slow.zoho.sandbox.expire_access_tokens();
    let gate = Gate::default();
    slow.zoho.sandbox.inject(token(1, FaultKind::Held(gate.clone())));
    let ask = Ask::get(ITEMS).within(IN_TIME);
    let why = "the renewal takes longer than the caller has";
    tokio::join!(book.note(Code::TokenPending, why, slow.api(), &key, ask), time_is_up(&gate));
    gate.open();

    let down = Inside::connected().await;
    let key = down.key(any_key()).await;
    down.zoho.sandbox.expire_access_tokens();
    down.zoho.sandbox.inject(token(9, FaultKind::Status(503)));
    book.note(Code::TokenCoolingDown, "Zoho's accounts server fails", down.api(), &key, Ask::get(ITEMS))
        .await;

    let dead = Inside::connected().await;
    let key = dead.key(any_key()).await;
    dead.zoho.sandbox.revoke_user_grants();
    book.note(Code::ReconnectRequired, "revoked in Zoho", dead.api(), &key, Ask::get(ITEMS)).await;
    book.note(Code::ReconnectRequired, "revoked in Zoho", dead.api(), &key, Ask::get(DEALS)).await;

    let misconfigured = Inside::connected().await;
    let key = misconfigured.key(any_key()).await;
    let kind = FaultKind::Body(
        200,
        "application/json".to_owned(),
        r#"{"error":"invalid_client_secret"}"#.to_owned(),
    );
    misconfigured.zoho.sandbox.inject(token(1, kind));
    misconfigured.zoho.sandbox.expire_access_tokens();
    let ask = Ask::get(ITEMS);
    book.note(Code::ConnectionMisconfigured, "the client secret was changed", misconfigured.api(), &key, ask)
        .await;

    let crm = with_scopes("ZohoCRM.modules.deals.READ,ZohoCRM.org.READ").await;
    let key = crm.key(any_key()).await;
    book.note(Code::ProductNotConnected, "connected to CRM only", crm.api(), &key, Ask::get(ITEMS)).await;
    for path in ["/v1/crm/deals?stage=Qualification", "/v1/crm/contacts", "/v1/crm/fields?module=Deals"] {
        book.note(Code::ScopeMissing, "", crm.api(), &key, Ask::get(path)).await;
    }
}

async fn zoho(book: &mut Book) {
    let inside = Inside::connected().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let kind_of =
        |status: u16, text: &str| FaultKind::Body(status, "application/json".to_owned(), text.to_owned());
    let crm = |code: &str, message: &str| {
        json!({ "code": code, "details": {}, "message": message, "status": "error" }).to_string()
    };
    let cases = [
        (Code::ZohoRejected, ITEMS, kind_of(400, r#"{"code":2,"message":"Invalid value passed for page"}"#)),
        (Code::ZohoForbidden, DEALS, kind_of(403, &crm("NO_PERMISSION", "permission denied"))),
        (
            Code::RecordLocked,
            DEALS,
            kind_of(400, r#"{"data":[{"code":"RECORD_LOCKED","message":"record locked","status":"error"}]}"#),
        ),
        (
            Code::OrganizationRefused,
            ITEMS,
            kind_of(400, r#"{"code":6041,"message":"This user is not associated with the CompanyID."}"#),
        ),
        (Code::ZohoRateLimited, DEALS, FaultKind::RateLimit(Limit::CrmTooMany)),
        (Code::ZohoRateLimited, ITEMS, FaultKind::RateLimit(Limit::Concurrent)),
        (Code::ZohoDailyLimit, ITEMS, FaultKind::RateLimit(Limit::PerDay)),
        (Code::ZohoUnavailable, ITEMS, FaultKind::Status(500)),
        (Code::ZohoUnavailable, ITEMS, FaultKind::ResetBefore),
        (Code::ZohoUnreadable, ITEMS, FaultKind::Html200),
        (Code::ZohoUnreadable, DEALS, kind_of(200, "{}")),
    ];
    for (code, path, kind) in cases {
        let why = match &kind {
            FaultKind::RateLimit(limit) => format!("{limit:?}"),
            FaultKind::Body(status, ..) | FaultKind::Status(status) => format!("Zoho answers {status}"),
            FaultKind::Html200 => "a maintenance page".to_owned(),
            _ => "the connection breaks".to_owned(),
        };
        inside.zoho.sandbox.inject(Fault { path_contains: "/api/".to_owned(), times: 30, kind });
        book.note(code, &why, inside.cold(), &key, Ask::get(path).within(9)).await;
        inside.zoho.sandbox.clear_faults();
        // What Zoho said of its limits is remembered.
        inside.advance(Duration::from_secs(2 * 3600));
    }
    let gate = Gate::default();
    let slow = FaultKind::Held(gate.clone());
    inside.zoho.sandbox.inject(Fault { path_contains: "/api/".to_owned(), times: 1, kind: slow });
    let ask = Ask::get(ITEMS).within(IN_TIME);
    tokio::join!(book.note(Code::ZohoTimeout, "Zoho is slow", api.clone(), &key, ask), time_is_up(&gate));
    inside.zoho.sandbox.add_item(
        json!({ "item_id": "3300000000990009", "name": "Long", "description": "x".repeat(9_000_000) }),
    );
    let large = Ask::get("/v1/inventory/items/3300000000990009");
    book.note(Code::ResponseTooLarge, "a description of 9 MB", api.clone(), &key, large).await;
    inside.zoho.sandbox.add_item(
        json!({ "item_id": "3300000000990008", "name": "Long", "description": "x".repeat(5_000_000) }),
    );
    let large = Ask::get("/v1/inventory/items/3300000000990008");
    book.note(Code::ResponseTooLarge, "a description of 5 MB", api, &key, large).await;
}

/// A table that does not answer.
struct Broken;

#[async_trait]
impl Table for Broken {
    async fn get(&self, _: &Key) -> Result<Option<Row>, StoreError> {
        Err(StoreError::Unavailable("the disk is full".to_owned()))
    }

    async fn query(&self, _: Query) -> Result<Page, StoreError> {
        Err(StoreError::Unavailable("the disk is full".to_owned()))
    }

    async fn transact(&self, _: Vec<Step>) -> Result<Outcome, StoreError> {
        Err(StoreError::Unavailable("the disk is full".to_owned()))
    }
}

async fn events(book: &mut Book) {
    const CLAIM: &str = "/v1/events/claim";
    const ACK: &str = "/v1/events/ack";
    let inside = Inside::start().await;
    let (api, key) = (inside.api(), inside.key(any_key()).await);
    let api = || api.clone();
    let name = ConnectionName::default();
    let store = Events::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    let id = store.store(changes::of_item("1", 0)).await.unwrap().event_id;
    inside.advance(Duration::from_secs(16));
    let delivery = EventDelivery::new(
        &inside.services_of("event-delivery"),
        std::sync::Arc::new(inside.token_refresh.clone()),
    );
    delivery.sweep(&[name.clone()].into()).await.unwrap();
    let ledger = Ledger::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    let told = ledger.freeze(&name, |_| true, |_, _| String::new()).await.unwrap().unwrap().batch.id;

    let ack = json!({ "ids": [id], "outcome": "done" });
    book.note(Code::EventNotClaimed, "", api(), &key, Ask::post(ACK, ack.clone())).await;
    ledger.claim(&name, ClaimTarget::Oldest, 1, 60, "another").await.unwrap();
    let claim = json!({ "delivery": told });
    book.note(Code::EventsClaimed, "another run has them", api(), &key, Ask::post(CLAIM, claim.clone()))
        .await;
    ledger.ack(&name, std::slice::from_ref(&id), Ending::Done, None, "another", None).await.unwrap();
    book.note(Code::EventsClaimed, "all is done", api(), &key, Ask::post(CLAIM, claim)).await;
    let unknown = json!({ "delivery": "x" });
    book.note(Code::EventNotFound, "", api(), &key, Ask::post(CLAIM, unknown)).await;
    let unknown = json!({ "ids": ["0".repeat(31)], "outcome": "done" });
    book.note(Code::EventNotFound, "", api(), &key, Ask::post(ACK, unknown)).await;
    for body in [json!({ "limit": 0 }), json!({ "seconds": 5 })] {
        book.note(Code::BodyInvalid, "", api(), &key, Ask::post(CLAIM, body)).await;
    }
    for body in [json!({ "ids": [], "outcome": "done" }), json!({ "ids": [id], "outcome": "perhaps" })] {
        book.note(Code::BodyInvalid, "", api(), &key, Ask::post(ACK, body)).await;
    }
    let key = inside.key(can(&["crm:read"])).await;
    book.note(Code::KeyNotAllowed, "", api(), &key, Ask::post(ACK, ack)).await;
}

async fn ourselves(book: &mut Book) {
    let inside = Inside::connected().await;
    let key = inside.key(any_key()).await;
    let stores = Stores { state: std::sync::Arc::new(Broken), ..inside.services.stores.clone() };
    let services = Services { stores, ..inside.services.clone() };
    let api = api_proxy::router(&services, std::sync::Arc::new(inside.token_refresh.clone()));
    book.note(Code::StoreUnavailable, "", api, &key, Ask::get("/v1/status")).await;
    let settings = Settings { calls_at_once: 0, ..(*inside.services.settings).clone() };
    let services = Services { settings: std::sync::Arc::new(settings), ..inside.services.clone() };
    let api = api_proxy::router(&services, std::sync::Arc::new(inside.token_refresh.clone()));
    book.note(Code::ConnectorBusy, "", api, &key, Ask::get("/v1/status")).await;
    // A bug cannot be provoked, but what it would look like can be shown.
    async fn panics() {
        panic!("as a bug would");
    }
    let faulty = finish(Router::new().route("/v1/status", get(panics)), None);
    book.note(Code::Internal, "a bug", faulty, &key, Ask::get("/v1/status")).await;
}
