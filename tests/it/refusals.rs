//! Zoho's refusals as an agent hears them: with Zoho's words and what stands beside them, in every form and under every status;
//! and answers that Zoho cut, which are read all the same.

use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;

const DEALS: &str = "/v1/crm/deals";
const DEAL: &str = "/v1/crm/deals/6100000000451001";
const DEAL_AT_ZOHO: &str = "/v1/zoho/crm/Deals";
const ITEMS: &str = "/v1/inventory/items";
const ITEM: &str = "/v1/inventory/items/3300000000070001";

async fn connected(key: &[&str]) -> (Connector, Agent) {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    let mut args = vec!["--can", "crm:write,inventory:read,zoho:*:crm/**"];
    args.extend(key);
    let agent = connector.agent(&args).await;
    (connector, agent)
}

fn answer(connector: &Connector, method: &str, path: &str, status: u16, body: impl Into<String>) {
    let kind = FaultKind::Body(status, "application/json".to_owned(), body.into());
    connector.zoho.sandbox.inject_on(method, Fault { path_contains: path.to_owned(), times: 1, kind });
}

fn deal(order: &str) -> Value {
    json!({ "Deal_Name": "Web", "Stage": "Qualification", "External_Order_ID": order })
}

#[tokio::test]
async fn a_refused_record_keeps_zohos_words_and_details() {
    let (connector, agent) = connected(&[]).await;
    for status in [400, 202] {
        connector.zoho.sandbox.switches(|switches| switches.crm_refused_record_status = status);
        let first = agent.write("POST", DEALS, &[], &deal(&format!("web-{status}"))).await;
        assert_eq!(first.status, 201, "{}", first.body);
        let id = &first.body["id"];
        for path in [DEALS, DEAL_AT_ZOHO] {
            let one = deal(&format!("web-{status}"));
            let body = if path == DEALS { one } else { json!({ "data": [one] }) };
            let problem = agent.write("POST", path, &[], &body).await.problem("zoho_rejected");
            assert_eq!(problem["zoho"]["code"], "DUPLICATE_DATA", "{problem}");
            assert_eq!(problem["zoho"]["message"], "duplicate data");
            let details = &problem["zoho"]["details"];
            assert_eq!((&details["api_name"], &details["id"]), (&json!("External_Order_ID"), id));
            assert_eq!(&details["duplicate_record"]["id"], id);
            assert!(problem["hint"].as_str().unwrap().contains("zoho.details"), "{problem}");
        }
        let long = json!({ "data": [{ "Next_Step": "x".repeat(101) }] });
        let path = format!("{DEAL_AT_ZOHO}/6100000000451001");
        let problem = agent.write("PUT", &path, &[], &long).await.problem("zoho_rejected");
        assert_eq!(problem["zoho"]["details"]["maximum_length"], 100, "{problem}");
        assert_eq!(problem["zoho"]["details"]["api_name"], "Next_Step");
    }
}

#[tokio::test]
async fn a_key_that_sees_no_contacts_gets_code_and_field_only() {
    let (_connector, agent) = connected(&["--redact", "contacts"]).await;
    assert_eq!(agent.write("POST", DEALS, &[], &deal("web-1")).await.status, 201);
    let problem = agent.write("POST", DEALS, &[], &deal("web-1")).await.problem("zoho_rejected");
    let expected = json!({
        "code": "DUPLICATE_DATA", "message": "[redacted]", "details": { "api_name": "External_Order_ID" },
    });
    assert_eq!(problem["zoho"], expected, "{problem}");
}

#[tokio::test]
async fn a_change_that_comes_too_late_is_told_so_in_either_form() {
    let (connector, agent) = connected(&[]).await;
    let since = [("if-unmodified-since", "2020-01-01T00:00:00+00:00")];
    for at_top in [false, true] {
        connector.zoho.sandbox.switches(|switches| {
            switches.crm_unmodified_since_ignored = false;
            switches.crm_modified_at_top = at_top;
        });
        // Zoho's own check, by which nobody comes between the connector's read and its write.
        let path = format!("{DEAL_AT_ZOHO}/6100000000451001");
        let body = json!({ "data": [{ "Amount": 1 }] });
        let problem = agent.write("PUT", &path, &since, &body).await.problem("record_modified");
        let code = if at_top { "RECORD_MODIFIED" } else { "ALREADY_MODIFIED" };
        assert_eq!(problem["zoho"]["code"], code, "{problem}");
    }
}

#[tokio::test]
async fn what_a_code_means_is_what_the_hint_says() {
    let (connector, agent) = connected(&[]).await;
    let row = |code: &str, message: &str| {
        json!({ "data": [{ "code": code, "message": message, "details": { "id": "7" }, "status": "error" }] })
            .to_string()
    };
    for (status, body, code, hint) in [
        (
            403,
            row("AUTHORIZATION_FAILED", "User does not have sufficient privilege"),
            "zoho_forbidden",
            "role",
        ),
        (400, row("RECORD_IN_BLUEPRINT", "record is in blueprint"), "zoho_rejected", "transition"),
        (400, row("RECORD_LOCKED", "record is locked"), "record_locked", "locked"),
        (
            400,
            row("INVALID_DATA", "the related id given seems to be invalid"),
            "record_not_found",
            "belong to",
        ),
        (400, row("A_NEW_ONE", "new words"), "zoho_rejected", "zoho.message"),
        (
            404,
            json!({ "code": "INVALID_URL_PATTERN", "message": "x" }).to_string(),
            "zoho_rejected",
            "no such call",
        ),
    ] {
        answer(&connector, "PUT", "/Deals", status, body.clone());
        let problem = agent.write("PATCH", DEAL, &[], &json!({ "Amount": 1 })).await.problem(code);
        assert!(problem["hint"].as_str().unwrap().contains(hint), "{problem}");
        assert!(problem["zoho"]["code"].is_string(), "{problem}");
        assert_eq!(problem["retryable"], json!(code == "record_locked"));
        answer(&connector, "PUT", "/Deals", status, body);
        let path = format!("{DEAL_AT_ZOHO}/6100000000451001");
        let body = json!({ "data": [{ "Amount": 1 }] });
        let preview = agent.write("PUT", &format!("{path}?dry_run=true"), &[], &body).await.ok();
        let id = [("idempotency-key", preview["preview_id"].as_str().unwrap())];
        agent.write("PUT", &path, &id, &body).await.problem(code);
    }
}

/// Only JSON with a code of Zoho refuses: of all else nobody knows whether it was done.
#[tokio::test]
async fn a_page_in_place_of_an_answer_refuses_no_write() {
    let (connector, agent) = connected(&[]).await;
    for (number, status) in [400, 401, 403, 404, 429].into_iter().enumerate() {
        let fault = Fault { path_contains: "/Deals".to_owned(), times: 1, kind: FaultKind::Status(status) };
        connector.zoho.sandbox.inject_on("POST", fault);
        let made = deal(&format!("page-{number}"));
        agent.write("POST", DEALS, &[], &made).await.problem("write_uncertain");
    }
}

#[tokio::test]
async fn text_that_zoho_cut_is_read() {
    let (connector, agent) = connected(&[]).await;
    let item = |name: &str| {
        format!(
            r#"{{"code":0,"items":[{{"item_id":"3300000000070001","name":"{name}","sku":"A"}}],"page_context":{{"has_more_page":false}}}}"#
        )
    };
    for (name, expected) in [(r"gift \uD83C", "gift \u{fffd}"), (r"\uDF81", "\u{fffd}")] {
        answer(&connector, "GET", "/items", 200, item(name));
        assert_eq!(agent.get(ITEMS).await.ok()["data"][0]["name"], expected);
    }
    answer(&connector, "GET", "/items", 200, format!("\u{feff}{}", item("marked")));
    assert_eq!(agent.get(ITEMS).await.ok()["data"][0]["name"], "marked");
    answer(
        &connector,
        "GET",
        "/Deals/6100",
        200,
        r#"{"data":[{"id":"6100000000451001","Deal_Name":"\ud83c!"}]}"#,
    );
    assert_eq!(agent.get(DEAL).await.ok()["Deal_Name"], "\u{fffd}!");
    // The answer to a write: what was done is not told as uncertain.
    let made = r#"{"data":[{"code":"SUCCESS","status":"success","details":{"id":"6100000000451001","Created_By":{"name":"\uD83C"}}}]}"#;
    answer(&connector, "POST", "/Deals", 201, made);
    assert_eq!(agent.write("POST", DEALS, &[], &deal("cut")).await.status, 201);
}

#[tokio::test]
async fn a_list_that_is_none_is_not_an_empty_one() {
    let (connector, agent) = connected(&[]).await;
    for items in ["null", "{}", "[[]]", r#"[],"items":[]"#] {
        for path in ["/v1/inventory/items", "/v1/inventory/items?sku=SHELF-OAK-80"] {
            answer(&connector, "GET", "/items", 200, format!(r#"{{"code":0,"items":{items}}}"#));
            agent.get(path).await.problem("zoho_unreadable");
        }
        let list = items.replace("items", "data");
        answer(&connector, "GET", "/Deals", 200, format!(r#"{{"data":{list}}}"#));
        agent.get(DEALS).await.problem("zoho_unreadable");
    }
}

/// For a moment, Zoho refuses what it allows before and after: nobody is kept out for longer than that moment.
#[tokio::test]
async fn a_moment_of_refusals_locks_nobody_out() {
    let (connector, agent) = connected(&[]).await;
    agent.get(ITEM).await.ok();
    for (path, asked, refusal) in [
        (
            "/inventory/v1/",
            ITEM,
            r#"{"code":57,"message":"You are not authorized to perform this operation"}"#,
        ),
        ("/crm/v8/", DEAL, r#"{"code":"INVALID_TOKEN","message":"invalid oauth token","status":"error"}"#),
        ("/api/", ITEM, r#"{"code":57,"message":"You are not authorized to perform this operation"}"#),
        ("/api/", DEAL, r#"{"code":"INVALID_TOKEN","message":"invalid oauth token","status":"error"}"#),
    ] {
        let kind = FaultKind::Body(401, "application/json".to_owned(), refusal.to_owned());
        connector.zoho.sandbox.inject(Fault { path_contains: path.to_owned(), times: 1000, kind });
        let refused = agent.get(asked).await;
        assert!(refused.status >= 400, "{}", refused.body);
        connector.zoho.sandbox.clear_faults();
        if path == "/api/" {
            // Refused everywhere, and the new token too: no proof that it is denied.
            refused.problem("zoho_unavailable");
            agent.get(asked).await.ok();
        }
    }
}

/// Something in front of Zoho answers 401 with a page: that says nothing of scopes or rights, and is not remembered.
#[tokio::test]
async fn a_page_under_401_denies_nothing() {
    let (connector, agent) = connected(&[]).await;
    agent.get(ITEM).await.ok();
    let tokens = connector.token_calls();
    let fault = Fault { path_contains: "/v1/items".to_owned(), times: 1000, kind: FaultKind::Status(401) };
    connector.zoho.sandbox.inject(fault);
    for _ in 0..2 {
        agent.get(ITEM).await.problem("zoho_unreadable");
    }
    assert_eq!(connector.token_calls(), tokens, "the token lives elsewhere");
    connector.zoho.sandbox.clear_faults();
    agent.get(ITEM).await.ok();
}
