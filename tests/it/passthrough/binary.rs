//! Bytes that are no text, in both ways, up to the limit.

use sandbox::FaultKind;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::deployed::Deployed;
use tests::lambda::Cloud;

use super::{ALL, IMAGE, SCOPES, all_of_zoho, fault, noise, post_image, sent, upload};

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
