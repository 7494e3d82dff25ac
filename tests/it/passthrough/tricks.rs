//! Paths and bodies that want to be read in two ways.

use serde_json::Value;
use tests::agent::Agent;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ALL, GROUPS, ORGANIZATION, SCOPES, all_of_zoho, sent};

/// Sends a request whose target no client library would send as it stands; the status.
async fn send_target(url: &str, agent: &Agent, target: &str) -> u16 {
    send_bytes(url, agent, &format!("GET {target}"), "", "").await
}

/// Sends a request with these headers and this body, as they stand; the status.
async fn send_bytes(url: &str, agent: &Agent, line: &str, headers: &str, body: &str) -> u16 {
    let host = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let key = &agent.key;
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("{line}: {answer}")).parse().unwrap()
}

/// Several clients send one with every request.
#[tokio::test]
async fn an_empty_body_in_chunks_is_none() {
    let (connector, agent) = all_of_zoho().await;
    let chunked = "transfer-encoding: chunked\r\n";
    let get = format!("GET {GROUPS}");
    assert_eq!(send_bytes(&connector.url, &agent, &get, chunked, "0\r\n\r\n").await, 200);
    let calls = sent(&connector, "/itemgroups");
    let [read] = calls.as_slice() else { panic!("{calls:?}") };
    assert!(!read.headers.iter().any(|(name, _)| name == "transfer-encoding"), "{:?}", read.headers);
    let delete = "DELETE /v1/zoho/crm/Deals/6100000000451001?dry_run=true";
    assert_eq!(send_bytes(&connector.url, &agent, delete, chunked, "0\r\n\r\n").await, 200);
    for line in [get.as_str(), delete] {
        let status = send_bytes(&connector.url, &agent, line, chunked, "2\r\n{}\r\n0\r\n\r\n").await;
        assert_eq!(status, 400, "what was to be passed on must not be lost: {line}");
    }
    // Nothing is passed on here, and by HTTP the body of a GET says nothing.
    for (headers, body) in [(chunked, "2\r\n{}\r\n0\r\n\r\n"), ("content-length: 2\r\n", "{}")] {
        assert_eq!(
            send_bytes(&connector.url, &agent, "GET /v1/status", headers, body).await,
            200,
            "{body:?}"
        );
    }
}

/// A target below `/v1/zoho/`, and the path and query with which it reaches Zoho through API Gateway, if it does.
#[rustfmt::skip]
const TRICKS: &[(&str, Option<&str>)] = &[
    // Dot segments
    ("inventory/../itemgroups", None),
    ("inventory/items/../itemgroups", None),
    ("inventory/items/./itemgroups", None),
    ("inventory/itemgroups/..", None),
    ("inventory/itemgroups/.", None),
    ("inventory/%2e%2e/crm/v8/org", None),
    ("inventory/.%2e/.%2E/crm/v8/org", None),
    ("inventory/%252e%252e/crm/v8/org", None),
    ("inventory/%25252e%25252e/crm", None),
    ("inventory/..%2Fcrm%2Fv8%2Forg", None),
    ("inventory/..%5C..%5Ccrm", None),
    // Slashes: two, encoded, doubly encoded. Behind API Gateway an encoded slash is a slash: what it makes is judged.
    ("inventory//itemgroups", None),
    ("inventory/itemgroups/", None),
    ("inventory/itemgroups//33", None),
    ("inventory/itemgroups%2F%2F33", None),
    ("inventory/%2Fitemgroups", None),
    ("inventory/items%2F3300000000070001", Some("items/3300000000070001")),
    ("inventory/itemgroups%252F33", None),
    ("inventory/itemgroups%25252F33", None),
    ("inventory%2Fitemgroups", Some("itemgroups")),
    // Backslashes
    ("inventory/itemgroups\\33", None),
    ("inventory/itemgroups%5C33", None),
    ("inventory/itemgroups%255C33", None),
    // Another host: userinfo, absolute forms, ports
    ("inventory/@evil.example/items", None),
    ("inventory@evil.example/items", None),
    ("inventory/user:password@evil.example/items", None),
    ("inventory/%40evil.example/items", None),
    ("inventory/http://evil.example/items", None),
    ("inventory/https%3A%2F%2Fevil.example%2Fitems", None),
    ("inventory//evil.example/items", None),
    ("inventory/:443/items", None),
    ("https://evil.example/items", None),
    // NUL and other controls
    ("inventory/itemgroups%00", None),
    ("inventory/itemgroups%00.json", None),
    ("inventory/itemgroups%2500", None),
    ("inventory/itemgroups%0d%0aX-Evil:%20yes", None),
    ("inventory/itemgroups%09", None),
    ("inventory/item%20groups", None),
    // A query or fragment that is not one
    ("inventory/itemgroups%3Forganization_id=1", Some("itemgroups")),
    ("inventory/itemgroups%253Forganization_id=1", None),
    ("inventory/itemgroups%23", None),
    ("inventory/itemgroups%2523", None),
    ("inventory/itemgroups;organization_id=1", None),
    ("inventory/itemgroups&organization_id=1", None),
    // Overlong and other wrong UTF-8, letters that look like syntax
    ("inventory/%c0%ae%c0%ae/crm", None),
    ("inventory/items%c0%af33", None),
    ("inventory/items%e0%80%af33", None),
    ("inventory/items%f0%80%80%af33", None),
    ("inventory/items%ff", None),
    ("inventory/items%ef%bc%8f33", None),
    ("inventory/items%e2%88%9533", None),
    ("inventory/%e2%80%a5/crm", None),
    ("inventory/items%u002f33", None),
    ("inventory/items%", None),
    ("inventory/items%2", None),
    // An organisation that is not ours
    ("inventory/itemgroups?organization_id=1", None),
    ("inventory/itemgroups?page=1&ORGANIZATION_ID=1", None),
    ("inventory/itemgroups?organization%5fid=1", None),
    ("inventory/itemgroups?organization%255Fid=1", None),
    ("inventory/itemgroups?organization_id%00=1", None),
    ("inventory/itemgroups?organization_id%20=1", None),
    ("inventory/itemgroups?+organization_id=1", None),
    ("inventory/itemgroups?organization_id[]=1", None),
    ("inventory/itemgroups?organization_id", None),
    ("inventory/itemgroups?organization_id=20098765432&organization_id=1", None),
    ("inventory/itemgroups?JSONString=%7B%22organization_id%22%3A%221%22%7D", None),
    ("inventory/itemgroups?X-com-zoho-inventory-organizationid=1", None),
    ("inventory/itemgroups?a=%C0%AF", None),
    ("inventory/itemgroups?a=%0d%0aX-Evil:%20yes", None),
    ("inventory/itemgroups?authtoken=1", None),
    ("inventory/itemgroups?_method=DELETE", None),
    ("inventory/itemgroups?dry_run=true", None),
    ("crm/Deals?organization_id=1", None),
];

/// Every trick is refused, or, behind a gateway that decodes, is just the call that it has become.
async fn tricks_are_refused(connector: &Connector, agent: &Agent, decoded: bool) {
    for (target, arrives) in TRICKS {
        connector.zoho.sandbox.clear_requests();
        let status = send_target(&connector.url, agent, &format!("/v1/zoho/{target}")).await;
        let calls = sent(connector, "/");
        match arrives.filter(|_| decoded) {
            None => {
                assert!((400..500).contains(&status), "{target}: {status}");
                assert!(calls.is_empty(), "{target}: {calls:?}");
            }
            Some(path) => {
                let [call] = calls.as_slice() else { panic!("{target}: {status} {calls:?}") };
                assert_eq!(call.path, format!("/eu/api/inventory/v1/{path}"), "{target}");
                assert_eq!(call.query, ORGANIZATION, "{target}");
            }
        }
    }
    // The absolute form names a host, which is nobody's business but the connection's.
    connector.zoho.sandbox.clear_requests();
    let status = send_target(&connector.url, agent, &format!("http://evil.example{GROUPS}")).await;
    let calls = sent(connector, "/");
    assert!(calls.iter().all(|call| call.path == "/eu/api/inventory/v1/itemgroups"), "{status} {calls:?}");
    // An encoded slash opens nothing that the key may not call.
    let narrow = connector.agent(&["--can", "zoho:GET:inventory/items,zoho:GET:inventory/*"]).await;
    connector.zoho.sandbox.clear_requests();
    for target in
        ["inventory/items%2F3300000000070001", "inventory/items%2F..%2Fusers", "inventory%2Fitems%2F33"]
    {
        let status = send_target(&connector.url, &narrow, &format!("/v1/zoho/{target}")).await;
        assert!((400..500).contains(&status), "{target}: {status}");
    }
    assert!(sent(connector, "/").is_empty());
}

#[tokio::test]
async fn path_tricks_are_refused() {
    let (connector, agent) = all_of_zoho().await;
    tricks_are_refused(&connector, &agent, false).await;
}

#[tokio::test]
async fn path_tricks_are_refused_behind_api_gateway() {
    let deployed = Deployed::on(Cloud::start().await).await;
    let connector = &deployed.connector;
    connector.connect(&["--scopes", SCOPES]).await;
    connector.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let agent = connector.agent(&["--can", ALL]).await;
    tricks_are_refused(connector, &agent, true).await;
}

#[tokio::test]
async fn bodies_that_name_an_organisation_are_refused() {
    let (connector, agent) = all_of_zoho().await;
    let form = "application/x-www-form-urlencoded";
    for (kind, body) in [
        ("application/json", r#"{"group_name":"x","organization_id":"1"}"#),
        ("application/json", r#"{"Organization\u005fId":"1"}"#),
        ("application/json", "{"),
        (form, "group_name=x&organization%5Fid=1"),
        (form, "JSONString=%7B%22organization_id%22%3A%221%22%7D"),
        ("text/plain", r#"{"organization_id":"1"}"#),
        ("application/octet-stream", "x"),
    ] {
        let (status, _, answer) =
            agent.bytes("POST", GROUPS, &[("content-type", kind)], body.as_bytes().to_vec()).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let refused = ["body_invalid", "invalid_parameter"].map(Value::from).contains(&answer["code"]);
        assert!(status == 400 && refused, "{kind} {body}: {answer}");
    }
    assert!(sent(&connector, "/itemgroups").is_empty());
    // The older form of a body passes.
    let body = b"JSONString=%7B%22group_name%22%3A%22Oak%22%2C%22unit%22%3A%22pcs%22%7D".to_vec();
    let (status, _, answer) = agent.bytes("POST", GROUPS, &[("content-type", form)], body.clone()).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    let call = sent(&connector, "/itemgroups").pop().unwrap();
    assert_eq!(call.body.as_bytes(), body);
    assert!(call.headers.contains(&("content-type".to_owned(), form.to_owned())));
}
