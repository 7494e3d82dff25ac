//! Reads: answered as Zoho answers, refused as Zoho refuses.

use sandbox::FaultKind;
use serde_json::Value;
use tests::connector::Connector;

use super::{ALL, GROUPS, ORGANIZATION, all_of_zoho, fault, sent};

#[tokio::test]
async fn a_read_is_answered_in_zohos_own_words() {
    let (connector, agent) = all_of_zoho().await;
    let headers = [
        ("x-request-id", "1"),
        ("accept", "text/html"),
        ("cookie", "a=b"),
        ("if-modified-since", "2026-11-21T10:00:00+01:00"),
    ];
    let (status, answered, body) =
        agent.bytes("GET", &format!("{GROUPS}?name_contains=a%26b%20c&page=1"), &headers, Vec::new()).await;
    let text = String::from_utf8(body).unwrap();
    assert_eq!(
        (status, &answered["content-type"]),
        (200, &"application/json;charset=UTF-8".parse().unwrap()),
        "{text}"
    );
    assert!(text.starts_with(r#"{"code":0,"message":"success","itemgroups":[{"group_id":"#), "{text}");
    let calls = sent(&connector, "/itemgroups");
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(call.path, "/eu/api/inventory/v1/itemgroups");
    assert_eq!(call.query, format!("{ORGANIZATION}&name_contains=a%26b+c&page=1"));
    let mut names: Vec<_> = call.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "authorization", "host", "user-agent"]);
    assert!(call.headers.contains(&("accept".to_owned(), "*/*".to_owned())));

    // CRM's condition goes along, and its empty answers stay empty.
    let since = [("if-modified-since", "2099-01-01T00:00:00+00:00")];
    let deal = "/v1/zoho/crm/Deals/6100000000451001";
    let (status, _, body) = agent.bytes("GET", deal, &since, Vec::new()).await;
    assert!(matches!(status, 204 | 304) && body.is_empty(), "{status}");
    let (status, headers, body) =
        agent.bytes("GET", "/v1/zoho/crm/users?type=DeletedUsers", &[], Vec::new()).await;
    assert_eq!(status, 403, "{headers:?} {body:?}");
    connector.zoho.sandbox.switches(|switches| switches.crm_unknown_id_invalid_data = false);
    let (status, _, body) = agent.bytes("GET", "/v1/zoho/crm/Deals/1", &[], Vec::new()).await;
    assert_eq!((status, body.len()), (204, 0));
    // What CRM sees is what was asked for, without an organisation.
    assert_eq!(sent(&connector, "/crm/v8/Deals/1")[0].query, "");
}

/// As Zoho's own SDKs send it.
#[tokio::test]
async fn json_that_does_not_say_so_is_passed_on_as_json() {
    let (connector, agent) = all_of_zoho().await;
    let group = br#"{"group_name":"Shelves","unit":"pcs"}"#;
    let key = ("idempotency-key", "shelves-1");
    let (status, _, answer) = agent.bytes("POST", GROUPS, &[key], group.to_vec()).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    let calls = sent(&connector, "/itemgroups");
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert!(call.headers.contains(&("content-type".to_owned(), "application/json".to_owned())), "{call:?}");
    assert_eq!(call.body.as_bytes(), group);
    // What it says of itself makes no other request of it: this one is not sent again.
    let kind = [key, ("content-type", "application/json")];
    let (status, _, _) = agent.bytes("POST", GROUPS, &kind, group.to_vec()).await;
    assert_eq!((status, sent(&connector, "/itemgroups").len()), (201, 1));
    for other in ["group_name=Shelves", "\"Shelves\"", "{", r#"{"organization_id":"1"}"#] {
        let (status, _, _) = agent.bytes("POST", GROUPS, &[], other.as_bytes().to_vec()).await;
        assert!((400..500).contains(&status), "{other}");
    }
}

#[tokio::test]
async fn refusals_of_zoho_are_problems_and_reads_are_tried_again() {
    let (connector, agent) = all_of_zoho().await;
    let refusal =
        |status: u16, body: &str| FaultKind::Body(status, "application/json".to_owned(), body.to_owned());
    for (kind, code) in [
        (refusal(200, r#"{"code":1002,"message":"No."}"#), "record_not_found"),
        (refusal(200, r#"{"code":9,"message":"No."}"#), "zoho_rejected"),
        (refusal(400, r#"{"code":2,"message":"No."}"#), "zoho_rejected"),
        (FaultKind::Html200, "zoho_unreadable"),
        (FaultKind::GarbageJson, "zoho_unreadable"),
    ] {
        fault(&connector, "/itemgroups", kind.clone());
        let problem = agent.get(GROUPS).await.problem(code);
        if matches!(kind, FaultKind::Body(..)) {
            assert_eq!(problem["zoho"]["message"], "No.");
        }
    }
    connector.zoho.sandbox.clear_requests();
    fault(&connector, "/itemgroups", FaultKind::Status(503));
    agent.get(GROUPS).await.ok();
    assert_eq!(sent(&connector, "/itemgroups").len(), 2);
    // A dead token is replaced here as everywhere.
    connector.zoho.sandbox.expire_access_tokens();
    agent.get(GROUPS).await.ok();
}

#[tokio::test]
async fn a_missing_scope_is_told_and_closes_no_other_path() {
    let connector = Connector::start().await;
    connector.connect(&[]).await;
    let agent = connector.agent(&["--can", ALL]).await;
    let minted = connector.token_calls();
    let order = "/v1/zoho/inventory/salesorders/3300000000080407";
    let preview = agent.write("DELETE", &format!("{order}?dry_run=true"), &[], &Value::Null).await.ok();
    let id = [("idempotency-key", preview["preview_id"].as_str().unwrap())];
    let problem = agent.write("DELETE", order, &id, &Value::Null).await.problem("scope_missing");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("DELETE inventory/salesorders/3300000000080407"), "{problem}");
    assert_eq!(problem["zoho"]["code"], "57");
    agent.get(order).await.ok();
    agent.get("/v1/inventory/salesorders/3300000000080407").await.ok();
    let before = sent(&connector, "/salesorders").len();
    agent.write("DELETE", order, &id, &Value::Null).await.problem("scope_missing");
    assert_eq!(sent(&connector, "/salesorders").len(), before, "known, and not asked again");

    let problem = agent.get("/v1/zoho/crm/users").await.problem("scope_missing");
    assert!(problem["detail"].as_str().unwrap().contains("GET crm/users"), "{problem}");
    let hint = problem["hint"].as_str().unwrap();
    assert!(hint.contains("--scopes") && !hint.contains("named in `detail`"), "{hint}");
    agent.get("/v1/zoho/crm/Deals?fields=Deal_Name").await.ok();
    assert_eq!(connector.token_calls(), minted, "no token was wasted");
}
