//! `/openapi.json`, and whether the API is what it says: all that is in it is served, with just these parameters and fields.
//! `contract.rs` tries the rest.

use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use reqwest::Method;
use serde_json::{Value, json};
use shared::zoho::http::browser;
use tests::agent::Agent;
use tests::connector::Connector;

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document(agent: &Agent) -> Value {
    agent.get("/openapi.json").await.ok()
}

/// Method, path with its examples filled in, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut path = path.clone();
            for parameter in parameters(document, operation, "path") {
                let name = parameter["name"].as_str().unwrap();
                let example = parameter["example"].as_str().unwrap();
                path = path.replace(&format!("{{{name}}}"), example);
            }
            assert!(!path.contains('{'), "{path} has a parameter that is not described");
            found.push((method.to_uppercase(), path, operation.clone()));
        }
    }
    found
}

fn parameters(document: &Value, operation: &Value, place: &str) -> Vec<Value> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    let resolved = all.map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => parameter.clone(),
    });
    resolved.filter(|parameter| parameter["in"] == place).collect()
}

/// «… The parameters are `a`, `b`.»: the names.
fn expected(detail: &str) -> Option<BTreeSet<String>> {
    let (_, names) =
        detail.split_once("The parameters are ").or_else(|| detail.split_once("The fields are "))?;
    Some(names.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[tokio::test]
async fn the_document_needs_no_key_and_is_fetched_once() {
    let connector = Connector::start().await;
    let url = format!("{}/openapi.json", connector.url);
    let first = browser().unwrap().get(&url).send().await.unwrap();
    assert_eq!(first.status(), 200);
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let strong = etag.strip_prefix("W/").unwrap();
    assert!(strong.starts_with('"') && strong.len() > 20, "{etag}");
    assert_eq!(first.headers()["cache-control"], "public, max-age=3600");
    assert_eq!(first.headers()["content-type"], "application/json");
    let document: Value = serde_json::from_str(&first.text().await.unwrap()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for (sent, status) in
        [(etag.as_str(), 304), (strong, 304), (&format!("\"x\", {etag}"), 304), ("*", 304), ("\"x\"", 200)]
    {
        let again = browser().unwrap().get(&url).header("if-none-match", sent).send().await.unwrap();
        assert_eq!(again.status(), status, "{sent}");
        assert_eq!(again.headers()["etag"], etag.as_str());
        assert_eq!(again.text().await.unwrap().is_empty(), status == 304);
    }
}

#[tokio::test]
async fn the_document_is_compressed_for_those_who_take_that() {
    let connector = Connector::start().await;
    let address = connector.url.strip_prefix("http://").unwrap().to_owned();
    let mut sizes = Vec::new();
    for (encoding, is_compressed) in [
        ("gzip", true),
        ("br;q=1, GZIP;q=0.5", true),
        ("*", true),
        ("gzip;q=0", false),
        ("identity", false),
        ("br", false),
    ] {
        // By hand: clients decompress what they get, and do not say so.
        let mut line = TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "GET /openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
        );
        line.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        line.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let headers = text.split("\r\n\r\n").next().unwrap();
        assert_eq!(headers.contains("content-encoding: gzip"), is_compressed, "{encoding}: {headers}");
        assert!(headers.contains("vary: accept-encoding"), "{headers}");
        sizes.push(answer.len());
    }
    assert!(sizes[0] * 8 < sizes[5], "{sizes:?}");
}

#[tokio::test]
async fn what_is_documented_is_served_and_nothing_else_is() {
    let (connector, agent) = Connector::connected().await;
    let document = document(&agent).await;
    let calls = connector.zoho.sandbox.requests().len();
    let operations = operations(&document);
    assert!(operations.len() > 25, "{}", operations.len());
    let known: BTreeSet<_> =
        operations.iter().map(|(method, path, _)| (method.to_lowercase(), path.clone())).collect();
    for (method, path, operation) in &operations {
        let open = operation["security"] == json!([]);
        let call = |method: &str| {
            let method: Method = method.to_uppercase().parse().unwrap();
            browser().unwrap().request(method, format!("{}{path}", connector.url)).send()
        };
        let answer = call(method).await.unwrap();
        assert_eq!(answer.status(), if open { 200 } else { 401 }, "{method} {path}");
        for verb in VERBS {
            if known.contains(&(verb.to_owned(), path.clone())) {
                continue;
            }
            let refused = call(verb).await.unwrap();
            assert_eq!(refused.status(), 405, "{verb} {path}");
            assert!(refused.headers()["allow"].to_str().unwrap().contains(method.as_str()), "{verb} {path}");
        }
    }
    assert_eq!(connector.zoho.sandbox.requests().len(), calls, "nothing of it reached Zoho");
}

/// An unknown parameter, and an unknown field where the body is closed, are refused with the names of those that are known.
#[tokio::test]
async fn parameters_and_fields_are_those_that_are_documented() {
    let (connector, agent) =
        Connector::start().await.with_agent("write", "inventory:write,crm:write,events").await;
    let document = document(&agent).await;
    let calls = connector.zoho.sandbox.requests().len();
    for (method, path, operation) in operations(&document) {
        // What passes through takes what Zoho takes.
        if operation["security"] == json!([]) || operation["tags"] == json!(["Pass-through"]) {
            continue;
        }
        let names = |parameters: Vec<Value>| -> BTreeSet<String> {
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
        };
        let content = &operation["requestBody"]["content"]["application/json"];
        let url = format!("{path}?zz=1");
        let answer = agent.write(&method, &url, &[], &content["example"]).await;
        assert_eq!(answer.status, 400, "{method} {url}: {}", answer.body);
        let detail = answer.problem("invalid_parameter")["detail"].as_str().unwrap().to_owned();
        let documented = names(parameters(&document, &operation, "query"));
        match expected(&detail) {
            Some(known) => assert_eq!(known, documented, "{method} {path}"),
            None => assert!(documented.is_empty(), "{method} {path}: {detail}"),
        }
        let Some(reference) = content["schema"]["$ref"].as_str() else { continue };
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        if schema["additionalProperties"] != false {
            continue;
        }
        let must =
            parameters(&document, &operation, "query").into_iter().filter(|one| one["required"] == true);
        let must: Vec<String> = must
            .map(|one| format!("{}={}", one["name"].as_str().unwrap(), one["example"].as_str().unwrap()))
            .collect();
        let url = format!("{path}?{}", must.join("&"));
        let answer = agent.write(&method, &url, &[], &json!({ "zz": 1 })).await;
        let detail = answer.problem("body_invalid")["detail"].as_str().unwrap().to_owned();
        let documented: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(expected(&detail).as_ref(), Some(&documented), "{method} {path}: {detail}");
    }
    assert_eq!(connector.zoho.sandbox.requests().len(), calls, "nothing of it reached Zoho");
}
