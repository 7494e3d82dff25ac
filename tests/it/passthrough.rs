//! The pass-through: the rest of Zoho, as Zoho writes it, and nowhere else.

use sandbox::{Fault, FaultKind, Recorded};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const GROUPS: &str = "/v1/zoho/inventory/itemgroups";
const IMAGE: &str = "/v1/zoho/inventory/items/3300000000070001/image";
const SCOPES: &str = "ZohoInventory.FullAccess.all,ZohoCRM.modules.ALL,ZohoCRM.org.READ";
const ALL: &str = "inventory:read,crm:read,zoho:*:inventory/**,zoho:*:crm/**";
const ORGANIZATION: &str = "organization_id=20098765432";

async fn all_of_zoho() -> (Connector, Agent) {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", SCOPES]).await;
    connector.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let agent = connector.agent(&["--can", ALL]).await;
    (connector, agent)
}

/// The calls to Zoho's products whose path contains this.
fn sent(connector: &Connector, path: &str) -> Vec<Recorded> {
    let requests = connector.zoho.sandbox.requests().into_iter();
    requests.filter(|request| request.path.contains("/api/") && request.path.contains(path)).collect()
}

fn fault(connector: &Connector, path: &str, kind: FaultKind) {
    connector.zoho.sandbox.inject(Fault { path_contains: path.to_owned(), times: 1, kind });
}

/// Bytes that are no text, and differ.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes().get(3).copied().unwrap_or_default()
    };
    std::iter::repeat_with(next).take(size).collect()
}

const BOUNDARY: &str = "----zoho-connector-0123456789";

fn upload(image: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"oak.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    [head.as_bytes(), image, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

async fn post_image(agent: &Agent, path: &str, headers: &[(&str, &str)], image: &[u8]) -> (u16, Value) {
    post_form(agent, path, headers, upload(image), BOUNDARY).await
}

/// Posts an upload with another boundary.
async fn post_form(
    agent: &Agent,
    path: &str,
    headers: &[(&str, &str)],
    mut form: Vec<u8>,
    boundary: &str,
) -> (u16, Value) {
    let own = BOUNDARY.as_bytes();
    while let Some(at) = form.windows(own.len()).position(|here| here == own).filter(|_| boundary != BOUNDARY)
    {
        form.splice(at..at + own.len(), boundary.bytes());
    }
    let kind = format!("multipart/form-data; boundary={boundary}");
    let headers = [headers, &[("content-type", kind.as_str())]].concat();
    let (status, _, body) = agent.bytes("POST", path, &headers, form).await;
    (status, serde_json::from_slice(&body).unwrap())
}

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
async fn a_key_passes_through_what_its_patterns_say() {
    let (connector, _) = all_of_zoho().await;
    let agent = connector.agent(&["--allow", "zoho:GET:inventory/itemgroups/*,zoho:POST:crm/Leads"]).await;
    let problem = agent.get(GROUPS).await.problem("key_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("zoho:GET:inventory/itemgroups,"), "{problem}");
    agent.get(&format!("{GROUPS}/3300000000072001")).await.ok();
    agent.get("/v1/inventory/items?per_page=1").await.ok();
    let write = agent.write("POST", &format!("{GROUPS}/33"), &[], &json!({})).await;
    let problem = write.problem("key_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("zoho:POST:inventory/itemgroups/33,"), "{problem}");
    agent.get("/v1/zoho/crm/Leads").await.problem("key_not_allowed");
    // Nothing is said of what stands in a body or query that nobody may send there.
    let kind = [("content-type", "application/json")];
    for body in [b"{".to_vec(), vec![b' '; 5 * 1024 * 1024]] {
        let (status, _, _) = agent.bytes("POST", &format!("{GROUPS}?organization_id=1"), &kind, body).await;
        assert_eq!(status, 403);
    }
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(
        status["key"]["pass_through"],
        json!(["GET /v1/zoho/inventory/itemgroups/*", "POST /v1/zoho/crm/Leads"])
    );
    // No level of a product opens it, and it opens none.
    let writer = connector.agent(&["--can", "inventory:write,crm:write"]).await;
    writer.get(GROUPS).await.problem("key_not_allowed");
    let narrow = connector.agent(&["--can", "zoho:*:inventory/**"]).await;
    narrow.get("/v1/inventory/items").await.problem("key_not_allowed");
    assert!(writer.get("/v1/status").await.ok()["key"].get("pass_through").is_none());
    writer.with_key("zck_000000000000_0").get(GROUPS).await.problem("key_invalid");

    for wrong in ["zoho:GET:inventory/item*", "zoho:get:inventory/items", "zoho:GET:books/items"] {
        let ended = connector.run(&["keys", "create", "--allow", wrong], "").await;
        assert_ne!(ended.code, 0, "{wrong}");
        assert!(ended.err.contains("zoho:GET:inventory/itemgroups/*"), "{}", ended.err);
    }
    let listed = connector.run(&["keys", "list"], "").await.out;
    assert!(listed.contains("zoho:GET:inventory/itemgroups/*,zoho:POST:crm/Leads"), "{listed}");
}

#[tokio::test]
async fn what_would_undo_the_connector_never_passes() {
    let (connector, agent) = all_of_zoho().await;
    connector.zoho.sandbox.clear_requests();
    for (method, path) in [
        ("GET", "inventory/settings/webhooks"),
        ("POST", "inventory/Users"),
        ("PUT", "inventory/organizations/20098765432"),
        ("DELETE", "inventory/items?item_ids=1,2"),
        ("POST", "crm/actions/watch"),
        ("PATCH", "crm/ACTIONS/watch.json"),
        ("POST", "crm/__composite_requests"),
        ("DELETE", "crm/Deals?ids=1,2"),
    ] {
        let answer = agent.write(method, &format!("/v1/zoho/{path}"), &[], &Value::Null).await;
        let problem = answer.problem("path_denied");
        assert!(problem["detail"].as_str().unwrap().contains(" is not passed through: "), "{problem}");
    }
    for (method, path) in [("GET", "books/items"), ("GET", "Inventory/items")] {
        agent.write(method, &format!("/v1/zoho/{path}"), &[], &Value::Null).await.problem("route_not_found");
    }
    agent.write("OPTIONS", GROUPS, &[], &Value::Null).await.problem("method_not_allowed");
    assert!(connector.zoho.sandbox.requests().is_empty());
}

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

#[tokio::test]
async fn a_write_is_sent_once_and_its_answer_given_again() {
    let (connector, agent) = all_of_zoho().await;
    let body = json!({ "group_name": "Ash shelf", "unit": "pcs" });
    let key = [("idempotency-key", "k1")];
    let first = agent.write("POST", GROUPS, &key, &body).await;
    assert_eq!((first.status, &first.body["message"]), (201, &json!("The Item Group has been created.")));
    let again = agent.write("POST", GROUPS, &key, &body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(
        (&again.seen.text, again.header("content-type")),
        (&first.seen.text, first.header("content-type"))
    );
    let other = json!({ "group_name": "Elm shelf", "unit": "pcs" });
    agent.write("POST", GROUPS, &key, &other).await.problem("idempotency_key_reused");
    agent.write("POST", &format!("{GROUPS}?x=1"), &key, &body).await.problem("idempotency_key_reused");
    assert_eq!(sent(&connector, "/itemgroups").len(), 1);

    // Zoho's refusal is a problem in Zoho's words, and frees the key.
    let twice = agent.write("POST", GROUPS, &[("idempotency-key", "k2")], &body).await;
    let problem = twice.problem("zoho_rejected");
    assert_eq!(problem["zoho"], json!({ "code": "1001", "message": "Item group name already exists." }));
    assert_eq!(agent.write("POST", GROUPS, &[("idempotency-key", "k2")], &other).await.status, 201);

    let audit = agent.get("/v1/audit?details=true").await.ok();
    let entries: Vec<_> = audit["data"].as_array().unwrap().iter().collect();
    let outcomes: Vec<_> = entries.iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["done", "refused", "done"]);
    let entry = entries[2];
    assert_eq!((&entry["action"], &entry["before"]), (&json!(format!("POST {GROUPS}")), &Value::Null));
    assert_eq!(entry["after"]["body"]["json"], body, "{entry}");
    assert_eq!(entry["after"]["body"]["bytes"], body.to_string().len());
    assert_eq!(entry["after"]["answered"]["status"], 201);
    // Who may only read CRM sees nothing of Inventory.
    let other = connector.agent(&["--can", "crm:read"]).await;
    assert_eq!(other.get("/v1/audit").await.ok()["data"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_previewed() {
    let (connector, agent) = all_of_zoho().await;
    let order = "/v1/zoho/inventory/salesorders/3300000000080407";
    agent.write("DELETE", order, &[], &Value::Null).await.problem("preview_required");
    agent
        .write("DELETE", order, &[("idempotency-key", "mine")], &Value::Null)
        .await
        .problem("preview_required");
    for void in ["Void", "void.json"] {
        let void = format!("{order}/status/{void}");
        agent.write("POST", &void, &[], &Value::Null).await.problem("preview_required");
    }
    let preview = agent.write("DELETE", &format!("{order}?dry_run=true"), &[], &Value::Null).await.ok();
    assert_eq!(
        preview["call"],
        json!({ "method": "DELETE", "path": "inventory/salesorders/3300000000080407", "query": [],
            "if_unmodified_since": null, "body": null })
    );
    assert!(sent(&connector, "/salesorders").is_empty(), "nothing was sent");
    let id = [("idempotency-key", preview["preview_id"].as_str().unwrap())];
    let elsewhere = "/v1/zoho/inventory/salesorders/3300000000080409";
    agent.write("DELETE", elsewhere, &id, &Value::Null).await.problem("preview_required");
    let done = agent.write("DELETE", order, &id, &Value::Null).await;
    assert_eq!((done.status, &done.body["message"]), (200, &json!("The sales order has been deleted.")));
    let again = agent.write("DELETE", order, &id, &Value::Null).await;
    assert_eq!((again.status, &again.body), (200, &done.body));
    let calls = sent(&connector, "/salesorders");
    assert_eq!((calls.len(), calls[0].query.as_str()), (1, ORGANIZATION), "`dry_run` is ours");

    let deal = "/v1/zoho/crm/Deals/6100000000451001";
    let preview = agent.write("DELETE", &format!("{deal}?dry_run=true"), &[], &Value::Null).await.ok();
    let id = [("idempotency-key", preview["preview_id"].as_str().unwrap())];
    assert_eq!(agent.write("DELETE", deal, &id, &Value::Null).await.status, 200);
    assert_eq!(agent.get("/v1/audit").await.ok()["data"][0]["subject"], "deal/6100000000451001");

    // A cautious key previews everything; the body is sent again with the preview's id.
    let careful = connector.agent(&["--can", "zoho:POST:inventory/**", "--confirm"]).await;
    let image = noise(300_000);
    let (status, problem) = post_image(&careful, IMAGE, &[], &image).await;
    assert_eq!((status, &problem["code"]), (428, &json!("preview_required")));
    let (status, preview) = post_image(&careful, &format!("{IMAGE}?dry_run=true"), &[], &image).await;
    let told = &preview["call"]["body"];
    assert_eq!((status, &told["content_type"]), (200, &json!("multipart/form-data")), "{preview}");
    assert!(told["bytes"].as_u64().is_some_and(|bytes| bytes > 300_000), "{preview}");
    assert_eq!(preview["call"]["body"]["sha256"].as_str().unwrap().len(), 64);
    let id = [("idempotency-key", preview["preview_id"].as_str().unwrap())];
    let (status, problem) = post_image(&careful, IMAGE, &id, &image[1..]).await;
    assert_eq!((status, &problem["code"]), (428, &json!("preview_required")));
    // Clients draw a new boundary for each request; it is the same request all the same.
    for boundary in ["another", BOUNDARY] {
        let (status, done) = post_form(&careful, IMAGE, &id, upload(&image), boundary).await;
        assert_eq!((status, &done["code"]), (200, &json!(0)), "{done}");
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_uncertain_and_never_repeated() {
    let (connector, agent) = all_of_zoho().await;
    for (number, kind) in
        [FaultKind::ResetAfter, FaultKind::StatusAfter(502), FaultKind::Html200After, FaultKind::GarbageJson]
            .into_iter()
            .enumerate()
    {
        connector.zoho.sandbox.clear_requests();
        fault(&connector, "/itemgroups", kind.clone());
        let (key, body) = (format!("u{number}"), json!({ "group_name": key_name(number), "unit": "pcs" }));
        let key = [("idempotency-key", key.as_str())];
        let problem = agent.write("POST", GROUPS, &key, &body).await.problem("write_uncertain");
        assert!(problem["detail"].as_str().unwrap().contains("cannot look for it"), "{problem}");
        assert_eq!(sent(&connector, "/itemgroups").len(), 1, "nothing is looked for");
        agent.write("POST", GROUPS, &key, &body).await.problem("write_uncertain");
        assert_eq!(sent(&connector, "/itemgroups").len(), 1, "{kind:?}");
    }
    // Only Zoho's own words refuse: a page in their place may stand before a write that was done.
    for status in [400, 403, 404, 429] {
        connector.zoho.sandbox.clear_requests();
        fault(&connector, "/itemgroups", FaultKind::Status(status));
        let body = json!({ "group_name": format!("x{status}"), "unit": "pcs" });
        agent.write("POST", GROUPS, &[], &body).await.problem("write_uncertain");
        assert_eq!(sent(&connector, "/itemgroups").len(), 1, "{status}");
    }
}

fn key_name(number: usize) -> String {
    format!("Group {number}")
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
    agent.get("/v1/zoho/crm/Deals?fields=Deal_Name").await.ok();
    assert_eq!(connector.token_calls(), minted, "no token was wasted");
}

/// 2 MB of bytes that are no text, in and out, unchanged.
async fn bytes_survive(agent: &Agent) {
    let image = noise(2_000_000);
    let key = [("idempotency-key", "image")];
    let (status, done) = post_image(agent, IMAGE, &key, &image).await;
    assert_eq!((status, &done["message"]), (200, &json!("The item image has been uploaded.")), "{done}");
    assert_eq!(post_image(agent, IMAGE, &key, &image).await, (200, done));
    let (status, headers, found) = agent.bytes("GET", IMAGE, &[], Vec::new()).await;
    assert_eq!((status, headers["content-type"].as_bytes()), (200, b"image/png".as_slice()));
    assert_eq!(headers["content-disposition"], "attachment; filename=\"oak.png\"");
    assert!(found == image, "{} bytes, not {}", found.len(), image.len());
}

#[tokio::test]
async fn bytes_survive_both_ways() {
    let (connector, agent) = all_of_zoho().await;
    bytes_survive(&agent).await;
    // Even where they call themselves text.
    let kind = "text/csv; charset=iso-8859-1".to_owned();
    fault(&connector, "/export", FaultKind::Body(200, kind, "a;b\nü".to_owned()));
    let (_, headers, body) = agent.bytes("GET", "/v1/zoho/inventory/export", &[], Vec::new()).await;
    assert_eq!(
        (headers["content-type"].as_bytes(), body),
        (b"text/csv; charset=iso-8859-1".as_slice(), "a;b\nü".into())
    );
}

#[tokio::test]
async fn bytes_survive_both_ways_on_lambda() {
    let deployed = Deployed::on(Cloud::start().await).await;
    let connector = &deployed.connector;
    connector.connect(&["--scopes", SCOPES]).await;
    let agent = connector.agent(&["--can", ALL]).await;
    bytes_survive(&agent).await;
    let kind = "text/csv; charset=iso-8859-1".to_owned();
    fault(connector, "/export", FaultKind::Body(200, kind, "a;b\nü".to_owned()));
    let (_, headers, body) = agent.bytes("GET", "/v1/zoho/inventory/export", &[], Vec::new()).await;
    assert_eq!(
        (headers["content-type"].as_bytes(), body),
        (b"text/csv; charset=iso-8859-1".as_slice(), "a;b\nü".into())
    );
    // The worst that a body can be for JSON, at the limit, fits into what Lambda takes.
    for text in ["\"".repeat(4 * 1024 * 1024), "\n".repeat(4 * 1024 * 1024)] {
        fault(connector, "/export", FaultKind::Body(200, "text/plain".to_owned(), text.clone()));
        let (status, _, body) = agent.bytes("GET", "/v1/zoho/inventory/export", &[], Vec::new()).await;
        assert!(status == 200 && body == text.as_bytes(), "{status} {}", body.len());
    }
}

#[tokio::test]
async fn four_megabytes_are_the_limit_both_ways() {
    const LIMIT: usize = 4 * 1024 * 1024;
    let (connector, agent) = all_of_zoho().await;
    let frame = upload(b"").len();
    let (status, problem) = post_image(&agent, IMAGE, &[], &noise(LIMIT - frame + 1)).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")), "{problem}");
    let (status, done) = post_image(&agent, IMAGE, &[], &noise(LIMIT - frame)).await;
    assert_eq!(status, 200, "{done}");
    // Other routes keep their own.
    let large = json!({ "note": "x".repeat(200_000) });
    let writer = connector.agent(&["--can", "crm:write"]).await;
    writer.write("POST", "/v1/crm/deals", &[], &large).await.problem("body_too_large");

    let body = |size: usize| FaultKind::Body(200, "application/pdf".to_owned(), "x".repeat(size));
    fault(&connector, "/export", body(LIMIT));
    assert_eq!(agent.bytes("GET", "/v1/zoho/inventory/export", &[], Vec::new()).await.0, 200);
    for size in [LIMIT + 1, 9 * 1024 * 1024] {
        fault(&connector, "/export", body(size));
        agent.get("/v1/zoho/inventory/export").await.problem("response_too_large");
    }
    // Of our own answers, too.
    let item =
        json!({ "code": 0, "items": [{ "item_id": "1", "name": "x", "description": "x".repeat(LIMIT) }] });
    fault(&connector, "/items", FaultKind::Body(200, "application/json".to_owned(), item.to_string()));
    agent.get("/v1/inventory/items").await.problem("response_too_large");

    // A write that was done says so, at once and when it is asked again; so does one whose answer is too large to keep.
    let key = [("idempotency-key", "large")];
    fault(&connector, "/large", body(LIMIT + 1));
    let problem = agent.write("POST", "/v1/zoho/inventory/large", &key, &Value::Null).await;
    let problem = problem.problem("response_too_large");
    assert!(problem["detail"].as_str().unwrap().starts_with("Zoho has done this"), "{problem}");
    let again = agent.write("POST", "/v1/zoho/inventory/large", &key, &Value::Null).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert!(again.body["notice"].as_str().unwrap().contains("too large to keep"), "{}", again.body);
    assert_eq!(sent(&connector, "/large").len(), 1);
}

#[tokio::test]
async fn a_condition_stops_a_write_or_is_refused() {
    let (connector, agent) = all_of_zoho().await;
    connector.zoho.sandbox.switches(|switches| {
        switches.crm_unmodified_since_ignored = false;
        switches.crm_picklists_unchecked = false;
    });
    let since = [("if-unmodified-since", "2020-01-01T00:00:00+00:00")];
    let body = json!({ "data": [{ "Next_Step": "Call" }] });
    let deal = "/v1/zoho/crm/Deals/6100000000451001";
    agent.write("PUT", deal, &since, &body).await.problem("record_modified");
    let call = sent(&connector, "/Deals/").pop().unwrap();
    assert!(call.headers.contains(&("if-unmodified-since".to_owned(), since[0].1.to_owned())), "{call:?}");
    // Inventory would not know it, and write.
    let item = "/v1/zoho/inventory/items/3300000000070001";
    agent.write("PUT", item, &since, &json!({ "name": "x" })).await.problem("invalid_parameter");
    // CRM refuses a record under a status of success.
    let wrong = json!({ "data": [{ "Stage": "No such stage" }] });
    agent.write("PUT", deal, &[], &wrong).await.problem("zoho_rejected");
}

/// By it, the id in the path is another system's: without it, the wrong record would be changed.
#[tokio::test]
async fn the_fields_of_external_ids_go_on_to_crm() {
    let (connector, agent) = all_of_zoho().await;
    let path = "/v1/zoho/crm/Deals/4711";
    let external = ("x-external", "Deals.External_Order_ID");
    let body = json!({ "data": [{ "Amount": 5 }] });
    let preview = agent.write("PUT", &format!("{path}?dry_run=true"), &[external], &body).await.ok();
    assert_eq!(preview["call"]["x_external"], "Deals.External_Order_ID", "{preview}");
    let id = ("idempotency-key", preview["preview_id"].as_str().unwrap());
    agent.write("PUT", path, &[id], &body).await.problem("preview_required");
    for headers in [vec![external], vec![external, id]] {
        agent.write("PUT", path, &headers, &body).await;
        let call = sent(&connector, "/Deals/4711").pop().unwrap();
        assert!(
            call.headers.contains(&("x-external".to_owned(), "Deals.External_Order_ID".to_owned())),
            "{:?}",
            call.headers
        );
    }
    agent.bytes("GET", path, &[external], Vec::new()).await;
    let call = sent(&connector, "/Deals/4711").pop().unwrap();
    assert!(call.method == "GET" && call.headers.iter().any(|(name, _)| name == "x-external"));
    let before = sent(&connector, "").len();
    for header in [("x-external", "x y"), ("x-http-method-override", "DELETE"), ("x-upsert", "true")] {
        agent.write("PUT", path, &[header], &body).await.problem("invalid_parameter");
    }
    agent
        .write("PUT", "/v1/zoho/inventory/items/33", &[external], &json!({}))
        .await
        .problem("invalid_parameter");
    let careful = connector.agent(&["--can", ALL, "--redact", "contacts"]).await;
    careful
        .get_with("/v1/zoho/crm/Contacts/1", &[("x-external", "Contacts.Phone_Key")])
        .await
        .problem("key_not_allowed");
    assert_eq!(sent(&connector, "").len(), before, "nothing is sent");
}
