//! `/mcp`: the protocol, and that a tool is a call of the API, with its permissions, previews, idempotency and problems.
//! `sdks.rs` tries it with the official clients.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::browser::Browser;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::lambda::Cloud;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn message(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

/// What a method gives, in answer to its own message.
async fn rpc(agent: &Agent, method: &str, params: Value) -> Value {
    let answer = agent.write("POST", "/mcp", &[], &message(method, &params)).await.ok();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)), "{answer}");
    answer
}

/// Whether a tool failed, and what it said.
async fn call(agent: &Agent, tool: &str, arguments: Value) -> (bool, Value) {
    let answer = rpc(agent, "tools/call", json!({ "name": tool, "arguments": arguments })).await;
    let result = &answer["result"];
    assert_eq!(result["content"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!((&result["content"][0]["type"], &result["structuredContent"]), (&json!("text"), &Value::Null));
    let text = result["content"][0]["text"].as_str().unwrap();
    (result["isError"] == true, serde_json::from_str(text).unwrap())
}

/// What a tool gives that must succeed.
async fn ok(agent: &Agent, tool: &str, arguments: Value) -> Value {
    let (is_error, body) = call(agent, tool, arguments).await;
    assert!(!is_error, "{tool}: {body}");
    body
}

/// The problem of a tool that must fail.
async fn problem(agent: &Agent, tool: &str, arguments: Value, code: &str) -> Value {
    let (is_error, body) = call(agent, tool, arguments).await;
    assert!(is_error && body["code"] == code, "{tool}: {body}");
    for field in ["type", "title", "detail", "hint", "request_id"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {body}");
    }
    body
}

async fn tools(agent: &Agent) -> Vec<String> {
    names(&rpc(agent, "tools/list", json!({})).await)
}

fn names(listed: &Value) -> Vec<String> {
    let tools = listed["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn the_protocol_is_spoken_as_clients_expect() {
    let (_connector, agent) = Connector::connected().await;
    let wanted = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    let begun = rpc(&agent, "initialize", wanted).await;
    assert_eq!(begun["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(begun["result"]["serverInfo"]["name"], "zoho-connector");
    assert_eq!(begun["result"]["capabilities"], json!({ "tools": {} }));
    assert_eq!(rpc(&agent, "ping", json!({})).await["result"], json!({}));
    let second = rpc(&agent, "tools/list", json!({ "cursor": "x" })).await;
    assert_eq!(names(&second), tools(&agent).await, "there is one page");

    for notification in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 0 } }),
        json!({ "jsonrpc": "2.0", "id": 0, "result": {} }),
    ] {
        let (status, _, body) = agent.bytes("POST", "/mcp", &JSON, notification.to_string().into()).await;
        assert_eq!((status, body.len()), (202, 0), "{notification}");
    }
    for (method, params, code) in [
        ("resources/list", json!({}), -32601),
        ("server/discover", json!({}), -32601),
        ("tools/call", json!({}), -32602),
        ("tools/call", json!({ "name": "find_planets" }), -32602),
        ("tools/call", json!({ "name": "status", "arguments": [] }), -32602),
        ("tools/list", json!([]), -32602),
    ] {
        let refused = rpc(&agent, method, params).await;
        assert_eq!(refused["error"]["code"], code, "{refused}");
    }
    for (text, code) in
        [("{", -32700), ("[]", -32600), (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600)]
    {
        let refused = agent.post_text("/mcp", text).await;
        assert_eq!((refused.status, &refused.body["error"]["code"]), (400, &json!(code)), "{text}");
    }
    for method in ["GET", "DELETE", "PUT"] {
        let (status, headers, body) = agent.bytes(method, "/mcp", &[], Vec::new()).await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &body["code"]), (405, &json!("method_not_allowed")), "{method}");
        assert_eq!(header(&headers, "allow"), "POST", "{method}");
    }
    let ping = message("ping", &json!({})).to_string();
    type Tried<'a> = (&'a [(&'a str, &'a str)], u16, Value);
    let tried: [Tried<'_>; 6] = [
        (&[("mcp-protocol-version", "2025-11-25"), JSON[0]], 200, Value::Null),
        (&[("mcp-protocol-version", "2030-01-01"), JSON[0]], 400, json!(-32022)),
        (&[("origin", "http://rebound.example"), JSON[0]], 403, json!(-32600)),
        (&[("accept", "text/event-stream"), JSON[0]], 406, json!(-32600)),
        (&[("accept", "application/json, text/event-stream"), JSON[0]], 200, Value::Null),
        (&[("content-type", "text/plain")], 415, json!(-32600)),
    ];
    for (headers, status, code) in tried {
        let (seen, _, body) = agent.bytes("POST", "/mcp", headers, ping.clone().into()).await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((seen, &body["error"]["code"]), (status, &code), "{headers:?}");
    }
    let large = message("ping", &json!({ "x": "x".repeat(1024 * 1024) })).to_string();
    agent.post_text("/mcp", &large).await.problem("body_too_large");
}

#[tokio::test]
async fn clients_without_handshake_are_served_too() {
    let (_connector, agent) = Connector::connected().await;
    let send = async |method: &str, more: Value, headers: &[(&str, &str)]| {
        let mut params = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        let headers = [&[("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)], headers].concat();
        agent.write("POST", "/mcp", &headers, &message(method, &params)).await
    };
    let found = send("server/discover", json!({}), &[]).await.ok();
    assert_eq!(found["result"]["supportedVersions"][0], "2026-07-28");
    assert_eq!(found["result"]["resultType"], "complete");
    let listed = send("tools/list", json!({}), &[]).await.ok();
    assert_eq!((names(&listed), &listed["result"]["cacheScope"]), (tools(&agent).await, &json!("private")));
    let status = json!({ "name": "status", "arguments": {} });
    let called = send("tools/call", status.clone(), &[("mcp-name", "status")]).await.ok();
    assert_eq!(called["result"]["resultType"], "complete");
    let other = send("tools/call", status, &[("mcp-name", "get")]).await;
    assert_eq!((other.status, &other.body["error"]["code"]), (400, &json!(-32020)));
    let gone = send("ping", json!({}), &[]).await;
    assert_eq!((gone.status, &gone.body["error"]["code"]), (404, &json!(-32601)));
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_anything_is_read() {
    let (connector, agent) = Connector::connected().await;
    let wrong = agent.with_key(&format!("zck_{}_{}", "0".repeat(12), "0".repeat(64)));
    for text in [message("tools/list", &json!({})).to_string(), "{".to_owned()] {
        let refused = wrong.post_text("/mcp", &text).await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
        refused.problem("key_invalid");
    }
    let nobody = Browser::default().get(&format!("{}/mcp", connector.url)).await;
    assert_eq!(nobody.status, 405, "there is nothing to see without a key either");
    let keyless = connector.post("/mcp", &JSON, message("ping", &json!({})).to_string()).await;
    assert_eq!(keyless.status, 401, "{}", keyless.text);
}

#[tokio::test]
async fn a_key_sees_the_tools_that_it_may_call() {
    let (connector, everything) = Connector::connected().await;
    let reader = connector.agent(&["--can", "inventory:read,crm:read"]).await;
    let seen = tools(&reader).await;
    for tool in ["status", "get", "get_record", "find_items", "find_deals", "query_crm", "list_audit"] {
        assert!(seen.iter().any(|name| name == tool), "{tool}: {seen:?}");
    }
    for tool in ["create_order", "adjust_stock", "start_count", "update_deal", "add_note", "claim_events"] {
        assert!(!seen.iter().any(|name| name == tool), "{tool}: {seen:?}");
    }
    let hidden = json!({ "id": "6100000000451001", "fields": { "Stage": "Qualification" } });
    let refused = problem(&reader, "update_deal", hidden, "key_not_allowed").await;
    assert!(refused["detail"].as_str().unwrap().contains("crm:write"), "{refused}");
    let events = connector.agent(&["--can", "events"]).await;
    assert_eq!(tools(&events).await, ["status", "get", "claim_events", "ack_events"]);
    assert!(tools(&everything).await.len() > seen.len());
}

/// A tool gives what its call gives: the same document, and the same problem.
#[tokio::test]
async fn a_tool_answers_what_the_api_answers() {
    let (_connector, agent) = Connector::connected().await;
    for (tool, arguments, path) in [
        (
            "find_items",
            json!({ "sku": "SHELF-OAK-80", "details": true }),
            "/v1/inventory/items?sku=SHELF-OAK-80&details=true",
        ),
        (
            "find_items",
            json!({ "search": "Æ", "fields": ["name", "sku"], "status": null }),
            "/v1/inventory/items?search=%C3%86&fields=name%2Csku",
        ),
        (
            "get_record",
            json!({ "kind": "inventory/items", "id": "3300000000070001" }),
            "/v1/inventory/items/3300000000070001",
        ),
        (
            "get_record",
            json!({ "kind": "crm/deals", "id": "6100000000451001" }),
            "/v1/crm/deals/6100000000451001",
        ),
        ("brief_deal", json!({ "id": "6100000000451001" }), "/v1/crm/deals/6100000000451001/brief"),
        ("sum_deals", json!({ "open": true }), "/v1/crm/deals/summary?open=true"),
        ("find_deals", json!({ "per_page": 2.0 }), "/v1/crm/deals?per_page=2"),
        (
            "find_orders",
            json!({ "modified_since": "2026-01-01T00:00:00+01:00" }),
            "/v1/inventory/salesorders?modified_since=2026-01-01T00:00:00%2B01:00",
        ),
        ("find_people", json!({ "module": "accounts" }), "/v1/crm/accounts"),
        ("get", json!({ "path": "/v1/crm/fields?module=Deals" }), "/v1/crm/fields?module=Deals"),
    ] {
        let (mut expected, mut told) = (agent.get(path).await.ok(), ok(&agent, tool, arguments).await);
        // Where a list of CRM goes on, Zoho draws anew for each call.
        for answer in [&mut expected, &mut told] {
            if let Some(next) = answer.get_mut("next").filter(|next| next.is_string()) {
                *next = "a page".into();
            }
        }
        assert_eq!(told, expected, "{tool} {path}");
    }
    // Lists go on with what they give.
    let first = ok(&agent, "find_deals", json!({ "per_page": 2 })).await;
    let rest = ok(&agent, "get", json!({ "path": first["next"] })).await;
    assert_ne!(first["data"][0]["id"], rest["data"][0]["id"]);
    // What people wrote is marked.
    assert!(
        first["data"][0]["untrusted"].as_array().unwrap().iter().any(|name| name == "Deal_Name"),
        "{first}"
    );

    let mut said = problem(&agent, "find_items", json!({ "sku": "NO-SUCH" }), "sku_not_found").await;
    let mut same = agent.get("/v1/inventory/items?sku=NO-SUCH").await.problem("sku_not_found");
    for document in [&mut said, &mut same] {
        document["request_id"] = Value::Null;
    }
    assert_eq!(said, same);
    for (tool, arguments, word) in [
        ("find_items", json!({ "skus": "x" }), "Did you mean `sku`?"),
        ("status", json!({ "x": 1 }), "`x` is unknown here"),
        ("brief_deal", json!({}), "`id` is missing."),
        ("get_record", json!({ "kind": "crm/deal", "id": "1" }), "Did you mean `crm/deals`?"),
        ("get", json!({ "path": "/health" }), "begins with `/v1/`"),
        ("find_deals", json!({ "per_page": 0 }), "must be 1 to 200"),
        ("find_deals", json!({ "per_page": "2; drop" }), "must be a whole number"),
        ("get_record", json!({ "kind": "crm/deals", "id": "6100000000451001/brief" }), "1 to 19 digits"),
        ("find_deals", json!({ "connection": "x\r\nZoho-Organization: 1" }), "one line of plain text"),
        ("brief_deal", json!({ "id": "../../status" }), "1 to 19 digits"),
    ] {
        let said = problem(&agent, tool, arguments, "invalid_parameter").await;
        assert!(said["detail"].as_str().unwrap().contains(word), "{tool}: {said}");
    }
    problem(&agent, "find_deals", json!({ "connection": "other" }), "connection_unknown").await;
    problem(&agent, "get", json!({ "path": "/v1/nothing" }), "route_not_found").await;
}

#[tokio::test]
async fn a_previewed_write_is_done_once() {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    let agent = connector.agent(&["--can", "inventory:write,crm:write", "--confirm"]).await;
    let writes = |path: &str| {
        let requests = connector.zoho.sandbox.requests();
        requests.iter().filter(|one| one.method != "GET" && one.path.contains(path)).count()
    };
    let change = |more: Value| {
        let mut change =
            json!({ "sku": "SHELF-OAK-80", "location": "Main", "delta": -2, "reason": "Damaged goods" });
        for (name, value) in more.as_object().unwrap() {
            change[name] = value.clone();
        }
        change
    };
    problem(&agent, "adjust_stock", change(json!({})), "preview_required").await;
    let preview = ok(&agent, "adjust_stock", change(json!({ "dry_run": true }))).await;
    assert_eq!(writes("inventoryadjustments"), 0);
    let id = &preview["preview_id"];
    let done = ok(&agent, "adjust_stock", change(json!({ "idempotency_key": id }))).await;
    assert_eq!(done["lines"][0]["outcome"], "adjusted", "{done}");
    assert_eq!(ok(&agent, "adjust_stock", change(json!({ "idempotency_key": id }))).await, done);
    assert_eq!(writes("inventoryadjustments"), 1);
    // `fields` says what is answered of it.
    let short =
        ok(&agent, "adjust_stock", change(json!({ "idempotency_key": id, "fields": "status" }))).await;
    assert!(!done["line_items"].is_null() && short["line_items"].is_null(), "{short}");
    assert_eq!((&short["status"], &short["lines"]), (&done["status"], &done["lines"]));
    assert_eq!(writes("inventoryadjustments"), 1);
    let other = json!({ "idempotency_key": id, "delta": -3 });
    problem(&agent, "adjust_stock", change(other), "idempotency_key_reused").await;

    // The fields of a deal are the body, whatever they are called; what CRM refuses is said with what it takes.
    let deal = |stage: &str, more: Value| {
        let mut arguments = json!({ "id": "6100000000451001", "fields": { "Stage": stage } });
        for (name, value) in more.as_object().unwrap() {
            arguments[name] = value.clone();
        }
        arguments
    };
    problem(&agent, "update_deal", deal("Nearly there", json!({ "dry_run": true })), "value_not_allowed")
        .await;
    let preview = ok(&agent, "update_deal", deal("Proposal/Price Quote", json!({ "dry_run": true }))).await;
    let key = json!({ "idempotency_key": preview["preview_id"] });
    let moved = ok(&agent, "update_deal", deal("Proposal/Price Quote", key)).await;
    assert_eq!(moved["Stage"], "Proposal/Price Quote", "{moved}");
    let audit = ok(&agent, "list_audit", json!({ "per_page": 5, "key": "mine" })).await;
    assert_eq!(audit["data"].as_array().unwrap().len(), 2, "{audit}");
    let later = ok(&agent, "list_audit", json!({ "since": "2126-01-01T00:00:00Z" })).await;
    assert_eq!(later["data"], json!([]));
    // What was done before is given again, and a client can see that it is.
    let arguments = change(json!({ "idempotency_key": id }));
    let again = rpc(&agent, "tools/call", json!({ "name": "adjust_stock", "arguments": arguments })).await;
    let meta = &again["result"]["_meta"];
    assert_eq!(
        (&meta["zoho-connector/replayed"], &meta["zoho-connector/connection"]),
        (&json!("true"), &json!("default"))
    );
}

/// A key that hides the data of contacts hides it here, too, and an agent learns nothing by asking for it.
#[tokio::test]
async fn what_a_key_hides_is_hidden_in_tools() {
    let connector = Connector::start().await;
    connector.connect(&[]).await;
    let agent = connector.agent(&["--redact", "contacts"]).await;
    let people = ok(&agent, "find_people", json!({ "module": "contacts" })).await.to_string();
    assert!(people.contains("[redacted]") && !people.contains('@'), "{people}");
    problem(
        &agent,
        "find_people",
        json!({ "module": "contacts", "email": "a@b.example" }),
        "key_not_allowed",
    )
    .await;
}

#[tokio::test]
async fn a_recount_and_events_are_worked_through_by_tools() {
    let (_connector, agent) = Connector::start().await.with_agent("stock", "inventory:stock,events").await;
    let counts = json!({ "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }], "location": "Main", "reason": "Stock count" });
    let mut count = ok(&agent, "start_count", counts).await;
    while count["state"] != "compared" {
        count = ok(&agent, "continue_count", json!({ "id": count["id"] })).await;
    }
    let applied = ok(&agent, "apply_count", json!({ "id": count["id"], "rows": "all" })).await;
    assert_eq!(applied["id"], count["id"], "{applied}");
    let claimed = ok(&agent, "claim_events", json!({})).await;
    assert!(claimed["data"].is_array(), "{claimed}");
}

#[tokio::test]
async fn lambda_serves_it_as_this_machine_does() {
    let (_deployed, agent) = Deployed::connected(Cloud::start().await).await;
    assert!(tools(&agent).await.len() > 10);
    let items = ok(&agent, "find_items", json!({ "sku": "SHELF-OAK-80", "fields": "sku" })).await;
    assert_eq!(items["data"][0]["sku"], "SHELF-OAK-80");
    problem(&agent, "find_items", json!({ "sku": "NO-SUCH" }), "sku_not_found").await;
}
