//! Writes: sent once, previewed where they cannot be taken back, stopped by a condition.

use sandbox::FaultKind;
use serde_json::{Value, json};

use super::{
    ALL, BOUNDARY, GROUPS, IMAGE, ORGANIZATION, all_of_zoho, fault, noise, post_form, post_image, sent,
    upload,
};

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
