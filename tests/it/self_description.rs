//! `GET /v1`, `allows` of the status and `/openapi.json?for=key`: what a key can do on its connections, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::zoho::http::browser;
use tests::agent::Agent;
use tests::connector::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Some 1,500 tokens.
const LONGEST: usize = 6_000;

const EVERYTHING: [&str; 2] = ["--can", "inventory:write,crm:write,events"];

/// One with all scopes.
async fn writable() -> Connector {
    let connector = Connector::start().await;
    connector.connect(&["--access", "write"]).await;
    connector
}

async fn text(agent: &Agent, path: &str) -> String {
    let (status, headers, text) = agent.bytes("GET", path, &[], Vec::new()).await;
    let text = String::from_utf8(text).unwrap();
    assert_eq!(status, 200, "{text}");
    assert_eq!(headers["content-type"], "text/markdown; charset=utf-8");
    assert!(text.len() <= LONGEST, "{} bytes: {text}", text.len());
    text
}

async fn as_json(agent: &Agent, path: &str) -> Value {
    let described = agent.get_with(path, &[("accept", "application/json")]).await.ok();
    let length = described.to_string().len();
    assert!(length <= LONGEST, "{length} bytes: {described}");
    described
}

/// Method and path of a line; two paths where a list and its single records share it.
fn calls(line: &str) -> Vec<String> {
    let (method, rest) = line.split_once(' ').unwrap();
    let path: String = rest.chars().take_while(|letter| !matches!(letter, '?' | ' ')).collect();
    let path = path.trim_end_matches(':');
    match path.split_once('[') {
        Some((list, one)) => {
            vec![format!("{method} {list}"), format!("{method} {list}{}", one.trim_end_matches(']'))]
        }
        None => vec![format!("{method} {path}")],
    }
}

/// All that a description lists.
fn listed(text: &str) -> BTreeSet<String> {
    let is_route = |line: &&str| {
        ["GET ", "POST ", "PUT ", "PATCH ", "DELETE "].iter().any(|method| line.starts_with(method))
    };
    text.lines().filter(is_route).flat_map(calls).collect()
}

/// The operations of a document that need a permission, and are no pass-through.
fn documented(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let needs = operation["x-permissions"].as_array().map_or(0, Vec::len);
            if needs > 0 && !path.starts_with("/v1/zoho/") {
                found.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    found
}

/// What the status says of a connection.
async fn allowed(agent: &Agent, place: usize) -> BTreeSet<String> {
    let status = agent.get("/v1/status").await.ok();
    let allows = status["connections"][place]["allows"].as_array().unwrap().clone();
    allows.iter().map(|route| route.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_full_key_reads_of_every_route_in_few_words() {
    let connector = writable().await;
    let agent = connector.agent(&EVERYTHING).await;
    let calls = connector.zoho.sandbox.requests().len();
    let described = text(&agent, "/v1").await;
    let document = agent.get("/openapi.json").await.ok();
    let listed = listed(&described);
    assert!(listed.len() > 45, "{listed:?}");
    assert_eq!(listed, documented(&document));
    assert_eq!(listed, allowed(&agent, 0).await);
    assert!(!described.contains("Left out"), "{described}");
    for part in [
        "- default: healthy, eu, Inventory \"Nordlicht Moebel\" (20098765432), CRM ",
        "\n## Inventory, writes to Zoho\n",
        "\nGET /v1/crm/fields?module=: ",
        "\nPOST /v1/crm/deals?[fields] {Deal_Name,Stage,Amount}: ",
        "?dry_run=true",
        "Key \"agent\": inventory:write, crm:write, events\n",
    ] {
        assert!(described.contains(part), "{part}: {described}");
    }
    assert_eq!(connector.zoho.sandbox.requests().len(), calls, "nothing of it reached Zoho");

    // The same as JSON.
    let described_json = as_json(&agent, "/v1").await;
    let routes = described_json["routes"].as_array().unwrap();
    let lines: Vec<&str> = routes
        .iter()
        .flat_map(|group| group["routes"].as_array().unwrap())
        .map(|line| line.as_str().unwrap())
        .collect();
    assert!(lines.iter().all(|line| described.contains(line)), "{described_json}");
    assert_eq!(lines.join("\n").lines().flat_map(self::calls).collect::<BTreeSet<_>>(), listed);
    for (part, expected) in [
        ("/connection_count", json!(1)),
        ("/connections/0/organization/untrusted", json!(["name"])),
        ("/connections/0/state", json!("healthy")),
        ("/left_out/by_key", json!(0)),
        ("/key/redact", Value::Null),
        ("/routes/1/writes", json!(true)),
    ] {
        assert_eq!(described_json.pointer(part), Some(&expected), "{part}: {described_json}");
    }
    agent.get("/v1?zz=1").await.problem("invalid_parameter");
}

#[tokio::test]
async fn a_key_that_reads_sees_no_writes() {
    let connector = writable().await;
    let agent = connector.agent(&[]).await;
    let described = text(&agent, "/v1").await;
    let listed = listed(&described);
    assert!(listed.contains("GET /v1/inventory/items/{item_id}") && listed.contains("POST /v1/events/claim"));
    assert!(!listed.contains("POST /v1/crm/deals") && !listed.contains("PUT /v1/inventory/mappings"));
    assert!(!described.contains("dry_run") && !described.contains("writes to Zoho"), "{described}");
    let lacks = "for which this key lacks a permission (crm:write, inventory:stock, inventory:write)";
    assert!(described.contains(lacks), "{described}");
    assert_eq!(listed, allowed(&agent, 0).await, "`allows` is cut by the key");

    let document = agent.get("/openapi.json").await.ok();
    let left_out = as_json(&agent, "/v1").await["left_out"].clone();
    assert_eq!(left_out["by_key"], documented(&document).len() - listed.len());
    assert_eq!(left_out["by_scopes"], 0);

    // A consent to reading keeps a key for everything from writing.
    let (connector, _) = Connector::connected().await;
    let agent = connector.agent(&EVERYTHING).await;
    let described = text(&agent, "/v1").await;
    assert!(!described.contains("writes to Zoho"), "{described}");
    assert!(described.contains("for which no connection has the scopes"), "{described}");
    assert!(self::listed(&described).contains("PUT /v1/inventory/mappings"), "it is the connector's own");
    assert_eq!(self::listed(&described), allowed(&agent, 0).await);
}

#[tokio::test]
async fn a_key_reads_of_its_own_rules() {
    let connector = writable().await;
    let hidden = connector.agent(&["--redact", "contacts"]).await;
    let described = text(&hidden, "/v1").await;
    assert!(described.contains("no mail addresses"), "{described}");
    assert!(
        described
            .contains("\nGET /v1/inventory/contacts[/{id}]?[contact_type,search,modified_since,fields]: "),
        "{described}"
    );
    let described = as_json(&hidden, "/v1").await;
    assert_eq!(described["key"]["redact"], "contacts");
    assert!(!described.to_string().contains("[redacted]"), "{described}");
    let document = hidden.get("/openapi.json?for=key").await.ok();
    assert!(!document.to_string().contains("[redacted]"));

    let careful = connector.agent(&["--can", "crm:write", "--confirm"]).await;
    assert!(text(&careful, "/v1").await.contains("must preview each write"));

    let passing = connector.agent(&["--allow", "zoho:GET:inventory/itemgroups/*"]).await;
    let route = "GET /v1/zoho/inventory/itemgroups/*";
    assert!(text(&passing, "/v1").await.contains(&format!("\n{route}\n")));
    assert!(allowed(&passing, 0).await.contains(route));
    let document = passing.get("/openapi.json?for=key").await.ok();
    let methods = document["paths"]["/v1/zoho/{product}/{path}"].as_object().unwrap();
    assert_eq!(methods.keys().collect::<Vec<_>>(), ["get"]);
}

#[tokio::test]
async fn a_key_reads_of_its_own_connections() {
    let (connector, _) = Connector::connected().await;
    connector.connect(&["--connection", "second", "--products", "crm"]).await;
    let one = connector.agent(&["--connections", "second"]).await;
    let described = text(&one, "/v1").await;
    assert!(described.contains("\n- second: healthy, ") && !described.contains("default"), "{described}");
    assert!(!described.contains("/v1/inventory/"), "{described}");
    assert!(described.contains("GET /v1/crm/deals[/{id}]") && described.contains("GET /v1/audit"));
    let document = one.get("/openapi.json?for=key").await.ok();
    assert_eq!(documented(&document), listed(&described));

    let both = connector.agent(&["--connections", "default,second"]).await;
    let described = text(&both, "/v1").await;
    assert!(described.contains("name one with the header `Zoho-Connection`"), "{described}");
    assert!(described.contains("\n## Inventory, only on default\n"), "{described}");
    assert!(described.contains("\n## CRM\n") && described.contains("\n- second: "), "{described}");
    assert_eq!(listed(&described), allowed(&both, 0).await);
    for (path, headers) in [("/v1?connection=second", vec![]), ("/v1", vec![("zoho-connection", "second")])] {
        let (_, _, narrowed) = both.bytes("GET", path, &headers, Vec::new()).await;
        let narrowed = String::from_utf8(narrowed).unwrap();
        assert_eq!(listed(&narrowed), allowed(&both, 1).await, "{narrowed}");
        assert!(!narrowed.contains("\n- default: "), "{narrowed}");
    }
    both.get("/v1?connection=third").await.problem("connection_unknown");
    both.get_with("/v1?connection=second", &[("zoho-connection", "default")])
        .await
        .problem("invalid_parameter");
    one.get("/v1?connection=default").await.problem("connection_unknown");
    one.get_with("/v1", &[("zoho-connection", "default")]).await.problem("connection_unknown");
}

#[tokio::test]
async fn ten_connections_are_told_and_eleven_are_counted() {
    let (connector, _) = Connector::connected().await;
    let names = |count: usize| {
        let more = (1..count).map(|number| format!(",shop-{number}")).collect::<String>();
        format!("default{more}")
    };
    let ten = connector.agent(&["--connections", &names(10)]).await;
    let described = text(&ten, "/v1").await;
    assert_eq!(described.matches(": not_connected. Not connected yet: ").count(), 9, "{described}");
    assert!(described.contains("\n## Inventory, only on default\n"), "{described}");
    assert!(described.contains("\n## Events and audit\n"), "events are on all of them: {described}");
    assert_eq!(as_json(&ten, "/v1").await["connections"].as_array().unwrap().len(), 10);

    let eleven = connector.agent(&["--connections", &names(11)]).await;
    let described = text(&eleven, "/v1").await;
    assert!(described.contains("11 in all, among them default, shop-1, "), "{described}");
    assert!(described.contains("GET /v1?connection=<name>") && listed(&described).is_empty(), "{described}");
    let counted = as_json(&eleven, "/v1").await;
    assert_eq!((&counted["connection_count"], &counted["connections"]), (&json!(11), &json!([])));
    let described = text(&eleven, "/v1?connection=default").await;
    assert_eq!(listed(&described), allowed(&eleven, 0).await);
    let described = text(&eleven, "/v1?connection=shop-10").await;
    assert!(described.contains("\n- shop-10: not_connected"), "{described}");
    assert!(!described.contains("/v1/crm/") && described.contains("GET /v1/events"), "{described}");
    // Which of so many allows what is not looked up for the document.
    let document = eleven.get("/openapi.json?for=key").await.ok();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/inventory/items") && paths["/v1/crm/deals"].get("post").is_none());
}

#[tokio::test]
async fn without_a_key_nothing_is_told() {
    let (connector, agent) = Connector::connected().await;
    for path in ["/v1", "/openapi.json?for=key"] {
        for method in ["GET", "HEAD"] {
            let url = format!("{}{path}", connector.url);
            let request = browser().unwrap().request(method.parse().unwrap(), url);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            let (status, ..) = agent.bytes(method, path, &[], Vec::new()).await;
            assert_eq!(status, 200, "{method} {path}");
        }
        agent
            .with_key(&format!("zck_000000000000_{}", "0".repeat(64)))
            .get(path)
            .await
            .problem("key_invalid");
    }
    agent.get("/openapi.json?for=me").await.problem("invalid_parameter");
    agent.get("/openapi.json?key=1").await.problem("invalid_parameter");
    // Whose hints lead here.
    let problem = agent.get("/v1/nothing").await.problem("route_not_found");
    assert!(problem["hint"].as_str().unwrap().starts_with("`GET /v1` lists"), "{problem}");
}

#[tokio::test]
async fn the_document_of_a_key_is_smaller_and_compressed_too() {
    let (connector, agent) = Connector::connected().await;
    let address = connector.url.strip_prefix("http://").unwrap().to_owned();
    let mut sizes = Vec::new();
    for (path, encoding) in [
        ("/openapi.json", "identity"),
        ("/openapi.json?for=key", "identity"),
        ("/openapi.json?for=key", "gzip"),
    ] {
        // By hand: clients decompress what they get, and do not say so.
        let mut line = TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n",
            agent.key
        );
        line.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        line.read_to_end(&mut answer).await.unwrap();
        let seen = String::from_utf8_lossy(&answer);
        let (headers, body) = seen.split_once("\r\n\r\n").unwrap();
        let headers = headers.to_lowercase();
        assert_eq!(headers.contains("content-encoding: gzip"), encoding == "gzip", "{headers}");
        if path.contains('?') {
            assert!(headers.contains("cache-control: no-store"), "{headers}");
            assert!(headers.contains("vary: accept-encoding, authorization"), "{headers}");
        }
        if encoding == "identity" {
            let begin: String = body.chars().take(80).collect();
            assert!(begin.starts_with("{\"openapi\":\"3.1.0\",\"info\":{"), "{begin}");
        }
        sizes.push(answer.len());
    }
    assert!(sizes[1] < sizes[0] && sizes[2] * 5 < sizes[1], "{sizes:?}");
    let document = agent.get("/openapi.json?for=key").await.ok();
    assert_eq!(documented(&document), allowed(&agent, 0).await);
}
