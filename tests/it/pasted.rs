//! What people paste and misspell: it is taken where it is plain what they meant, and else told with what was seen.

use tests::connector::{CLIENT_ID, CLIENT_SECRET, Connector};

/// What a request without a key that can be used is told.
async fn told(connector: &Connector, authorization: Option<&[u8]>, code: &str) -> String {
    let mut request = shared::zoho::http::browser().unwrap().get(format!("{}/v1/status", connector.url));
    if let Some(value) = authorization {
        request = request.header("authorization", reqwest::header::HeaderValue::from_bytes(value).unwrap());
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    let problem: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_header_without_a_key_is_told_by_what_it_holds() {
    let (connector, agent) = Connector::connected().await;
    let key = &agent.key;
    for (header, expected) in [
        (format!("Bearer \u{feff}{key}"), "U+FEFF"),
        (format!("Bearer {key}\u{200b}"), "U+200B"),
        (format!("Bearer \"{key}\""), "a quotation mark"),
        ("Bearer $ZOHO_KEY".to_owned(), "`$ZOHO_KEY`"),
        ("Bearer ${ZOHO_KEY}".to_owned(), "`${ZOHO_KEY}`"),
        ("Bearer ***".to_owned(), "masked"),
        ("Bearer ".to_owned(), "nothing behind it"),
        (key.clone(), "without the word `Bearer`"),
        (format!("Bearer {}", key.get(..50).unwrap()), "50 characters"),
    ] {
        let told = told(&connector, Some(header.as_bytes()), "key_invalid").await;
        assert!(told.contains(expected), "{header}: {told}");
        assert!(!told.contains(key.get(20..40).unwrap()), "{told}");
    }
    assert!(told(&connector, Some(b""), "key_missing").await.contains("empty"));
    assert!(told(&connector, None, "key_missing").await.contains("no `Authorization`"));
}

#[tokio::test]
async fn pasted_values_lose_what_nobody_sees() {
    let connector = Connector::unset(sandbox::Options::new(""), "http://localhost:8080".to_owned()).await;
    for (id, secret) in [
        (format!("\u{feff}{CLIENT_ID}"), format!("\u{feff}{CLIENT_SECRET}\r\n")),
        (format!("\u{201c}{CLIENT_ID}\u{201d}"), format!("\u{a0}{CLIENT_SECRET}\u{200b}")),
        (format!(" '{CLIENT_ID}'"), format!("\u{201e}{CLIENT_SECRET}\u{201c}")),
    ] {
        let set = connector.run(&["client", "set", "--id", &id], &secret).await;
        assert_eq!(set.code, 0, "{}", set.err);
        let link = connector.run(&["connect", "--paste"], "").await;
        assert!(link.out.contains(&format!("client_id={CLIENT_ID}&")), "{}", link.out);
    }
    let set = connector.run(&["client", "set", "--id", "1000.A B"], CLIENT_SECRET).await;
    assert!(set.code != 0 && set.err.contains("a space"), "{}", set.err);
    let set = connector.run(&["client", "set", "--id", CLIENT_ID], "two words").await;
    assert!(set.code != 0 && set.err.contains("a space") && !set.err.contains("words"), "{}", set.err);
}

#[tokio::test]
async fn a_typo_is_answered_with_what_is_near() {
    let (_connector, agent) = Connector::connected().await;
    let detail = |problem: serde_json::Value| problem["detail"].as_str().unwrap().to_owned();
    for (path, expected) in [
        ("/v1/inventory/item", "`/v1/inventory/items`"),
        ("/v1/inventory/sales-order/33", "`/v1/inventory/salesorders/{id}`"),
        ("/v1/inventory/items/", "`/v1/inventory/items`"),
        ("/crm/deals", "`/v1/crm/deals`"),
    ] {
        let told = detail(agent.get(path).await.problem("route_not_found"));
        assert!(told.contains(&format!("Did you mean {expected}?")), "{path}: {told}");
    }
    let told = detail(agent.get("/v1/books/invoices/7/lines").await.problem("route_not_found"));
    assert!(!told.contains("Did you mean"), "{told}");
    for (path, expected) in [
        ("/v1/inventory/items?serach=oak", "`search`"),
        ("/v1/crm/deals?Stage=x", "`stage`"),
        ("/v1/inventory/contacts?e-mail=x", "`email`"),
    ] {
        let told = detail(agent.get(path).await.problem("invalid_parameter"));
        assert!(told.contains(&format!("Did you mean {expected}?")), "{path}: {told}");
    }
    let told = detail(
        agent
            .write("DELETE", "/v1/crm/deals", &[], &serde_json::Value::Null)
            .await
            .problem("method_not_allowed"),
    );
    assert!(told.contains("GET") && told.contains("POST"), "{told}");
    let wrong = agent.get("/v1/crm/deals/web-1").await.problem("invalid_parameter");
    assert!(!detail(wrong.clone()).contains("sku"), "{wrong}");
    assert!(
        detail(agent.get("/v1/inventory/items/SHELF").await.problem("invalid_parameter")).contains("?sku=")
    );
    let page = agent.get("/v1/crm/deals?per_page=1").await.ok();
    let next = page["next"].as_str().unwrap();
    agent.get(next).await.ok();
    for made_up in ["i6100000000451001", "p2", "x", "00000000i6100000000451001", "äääääi6"] {
        let path = format!("/v1/crm/deals?cursor={made_up}");
        agent.get(&path).await.problem("invalid_parameter");
    }
}
