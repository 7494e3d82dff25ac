//! Messages of the Model Context Protocol: each answer is one of JSON-RPC under the id that was asked with, or a problem; a
//! notification gets none.
//!
//! The input: the headers `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`, each on a line, where an empty one is not sent; then the
//! body.

#![no_main]

use fuzz::{Api, Desk, lines, problem, send};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

async fn take(api: &Api, input: &[u8]) {
    let Some(([version, method, name], body)) = lines(input) else { return };
    let item = br#"{"code":0,"message":"success","item":{"item_id":"33","name":"Oak","stock_on_hand":1.0}}"#;
    api.line.answer(200, "application/json", item);
    let all = [
        ("authorization", &*api.authorization),
        ("content-type", "application/json"),
        ("mcp-protocol-version", version),
        ("mcp-method", method),
        ("mcp-name", name),
    ];
    let headers: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let Some(told) = send(&api.router, "POST", "/mcp", &headers, body).await else { return };
    assert_ne!(told.status, 500, "{}", told.text());
    if told.header("content-type") == "application/problem+json" {
        return problem::demand(&told);
    }
    let asked = serde_json::from_slice::<Value>(body);
    if told.status == 202 {
        let asked = asked.expect("accepted, but no JSON");
        assert!(asked.get("id").is_none() || asked.get("method").is_none(), "no answer to {asked}");
        assert!(told.body.is_empty());
        return;
    }
    let answer = told.json().unwrap_or_else(|| panic!("no JSON: {}", told.text()));
    assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
    let (result, error) = (answer.get("result"), answer.get("error"));
    assert!(result.is_some() != error.is_some(), "{answer}");
    if let Some(error) = error {
        assert!(error["code"].is_i64() && error["message"].is_string(), "{answer}");
        assert!(answer["id"].is_null() || asked.is_ok_and(|asked| asked["id"] == answer["id"]), "{answer}");
        return;
    }
    let asked = asked.expect("an answer to what is no JSON");
    assert_eq!(told.status, 200, "{answer}");
    assert_eq!(asked["id"], answer["id"], "another id");
    if asked["method"] == "tools/call" {
        let result = &answer["result"];
        assert!(result["content"].as_array().is_some_and(|content| !content.is_empty()), "{answer}");
        assert!(result.get("isError").is_none_or(Value::is_boolean), "{answer}");
    }
}

thread_local! {
    static DESK: Desk<Api> = Desk::open();
}

fuzz_target!(|input: &[u8]| {
    DESK.with(|desk| desk.take(async |api| take(api, input).await));
});
