//! What a key may call, and what no key may.

use serde_json::{Value, json};

use super::{GROUPS, all_of_zoho};

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
