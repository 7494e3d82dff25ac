//! Writes to CRM: deals made, changed and noted, and found where the answer was lost.

use std::time::Duration;

use sandbox::{Fault, FaultKind};
use serde_json::json;
use tests::agent::Agent;
use tests::connector::Connector;

const DEAL: &str = "/v1/crm/deals/6100000000451001";

async fn writer() -> (Connector, Agent) {
    Connector::start().await.with_agent("write", "crm:write").await
}

fn fault(connector: &Connector, method: &str, path: &str, times: usize, kind: FaultKind) {
    connector.zoho.sandbox.inject_on(method, Fault { path_contains: path.to_owned(), times, kind });
}

#[tokio::test]
async fn deals_are_made_changed_and_noted() {
    let (connector, agent) = writer().await;
    let deal = json!({ "Deal_Name": "Autumn", "Stage": "Qualification", "Amount": 120.50, "Account_Name_id": "6100000000440011" });
    let made = agent.write("POST", "/v1/crm/deals", &[("idempotency-key", "d")], &deal).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["Account_Name"], "Harbor Interiors GmbH");
    assert_eq!(made.body["Amount"].as_f64(), Some(120.5));
    let wrong = agent
        .write("POST", "/v1/crm/deals", &[], &json!({ "Deal_Name": "x", "Stage": "Qualifcation" }))
        .await;
    let problem = wrong.problem("value_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("Qualification, "), "{problem}");

    let path = format!("/v1/crm/deals/{}", made.body["id"].as_str().unwrap());
    let modified = made.body["Modified_Time"].as_str().unwrap();
    let since = [("if-unmodified-since", modified)];
    let changed = agent.write("PATCH", &path, &since, &json!({ "Stage": "Closed Won" })).await;
    assert_eq!((changed.status, &changed.body["Stage"]), (200, &json!("Closed Won")), "{}", changed.body);
    connector.zoho.sandbox.advance(Duration::from_secs(2));
    agent.write("PATCH", &path, &[], &json!({ "Amount": 99 })).await.ok();
    agent.write("PATCH", &path, &since, &json!({ "Amount": 1 })).await.problem("record_modified");
    let entry = &agent.get("/v1/audit?details=true").await.ok()["data"][0];
    assert_eq!(entry["before"]["Amount"].as_f64(), Some(120.5), "{entry}");

    let notes = format!("{path}/notes");
    let note = json!({ "Note_Title": "Call", "Note_Content": "Wants oak, not pine." });
    let made = agent.write("POST", &notes, &[("idempotency-key", "n")], &note).await;
    assert_eq!((made.status, &made.body["Note_Content"]), (201, &note["Note_Content"]), "{}", made.body);
    assert!(made.body["untrusted"].as_array().unwrap().contains(&json!("Note_Content")));
    let listed = agent.get(&notes).await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    agent.write("POST", &notes, &[], &json!({ "Note_Content": " " })).await.problem("body_invalid");
}

#[tokio::test]
async fn a_name_that_is_near_to_a_missing_one_is_told() {
    let (_connector, agent) = writer().await;
    for (body, detail) in [
        (
            json!({ "Deal_Name": "x", "stage": "Qualification" }),
            "A deal must have `Stage`, and has `stage`: did you mean `Stage`?",
        ),
        (
            json!({ "DealName": "x" }),
            "A deal must have `Deal_Name`, and has `DealName`: did you mean `Deal_Name`?",
        ),
        (json!({ "Deal_Name": "x", "Stage": null }), "A deal must have `Stage`."),
        (json!({ "Deal_Name": "x", "Amount": 1 }), "A deal must have `Stage`."),
    ] {
        let problem = agent.write("POST", "/v1/crm/deals", &[], &body).await.problem("body_invalid");
        assert_eq!(problem["detail"], detail, "{body}");
    }
}

/// No official file of CRM has `If-Unmodified-Since`: where CRM heeds it or not, nothing of others is written over.
#[tokio::test]
async fn what_others_changed_is_not_written_over_whatever_crm_makes_of_the_condition() {
    for ignored in [false, true] {
        let (connector, agent) = writer().await;
        let sandbox = &connector.zoho.sandbox;
        sandbox.switches(|switches| switches.crm_unmodified_since_ignored = ignored);
        let seen = agent.get(DEAL).await.ok()["Modified_Time"].as_str().unwrap().to_owned();
        let change = json!({ "Amount": 1 });
        let shown = agent.write("PATCH", &format!("{DEAL}?dry_run=true"), &[], &change).await.ok();
        sandbox.advance(Duration::from_secs(2));
        sandbox.change_deal("6100000000451001", json!({ "Amount": 77 }));
        let preview = ("idempotency-key", shown["preview_id"].as_str().unwrap());
        agent
            .write("PATCH", DEAL, &[("if-unmodified-since", &seen)], &change)
            .await
            .problem("record_modified");
        agent.write("PATCH", DEAL, &[preview], &change).await.problem("record_modified");
        assert_eq!(agent.get(DEAL).await.ok()["Amount"], 77);
        let writes = sandbox.requests().into_iter().filter(|request| request.method == "PUT");
        assert_eq!(writes.count(), 0, "nobody asks CRM for what is known");
    }
}

/// A preview needs no call to Zoho, and an answer that is given again needs none either: the guards hold all the same.
#[tokio::test]
async fn a_preview_heeds_the_organisation_and_the_scopes() {
    let (connector, agent) = writer().await;
    let deal = json!({ "Deal_Name": "Autumn", "Stage": "Qualification" });
    let made = agent.write("POST", "/v1/crm/deals", &[("idempotency-key", "d")], &deal).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let wrong = ("zoho-organization", "1");
    agent.write("POST", "/v1/crm/deals?dry_run=true", &[wrong], &deal).await.problem("organization_mismatch");
    let again = [("idempotency-key", "d"), wrong];
    agent.write("POST", "/v1/crm/deals", &again, &deal).await.problem("organization_mismatch");

    connector.connect(&["--connection", "reading"]).await;
    let reading = connector.agent(&["--can", "crm:write", "--connections", "reading"]).await;
    let previewed = reading.write("POST", "/v1/crm/deals?dry_run=true", &[], &deal).await;
    previewed.problem("scope_missing");
}

#[tokio::test]
async fn lost_answers_of_crm_are_found_too() {
    let (connector, agent) = writer().await;
    let sandbox = &connector.zoho.sandbox;
    let count = || sandbox.deals().len();
    let before = count();
    fault(&connector, "POST", "/Deals", 1, FaultKind::ResetAfter);
    let deal = json!({ "Deal_Name": "Lost and found", "Stage": "Qualification" });
    let made = agent.write("POST", "/v1/crm/deals", &[("idempotency-key", "d")], &deal).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(count(), before + 1);
    fault(&connector, "POST", "/Notes", 1, FaultKind::StatusAfter(500));
    let note = json!({ "Note_Content": "Heard nothing back." });
    let noted = agent.write("POST", &format!("{DEAL}/notes"), &[], &note).await;
    assert_eq!(noted.status, 201, "{}", noted.body);
    fault(&connector, "PUT", "/Deals", 1, FaultKind::Html200After);
    let changed = agent.write("PATCH", DEAL, &[], &json!({ "Next_Step": "Call on Monday" })).await;
    assert_eq!((changed.status, &changed.body["Next_Step"]), (200, &json!("Call on Monday")));
    fault(&connector, "PUT", "/Deals", 1, FaultKind::ResetBefore);
    agent
        .write("PATCH", DEAL, &[], &json!({ "Next_Step": "Call on Tuesday" }))
        .await
        .problem("write_uncertain");
}

/// The same words twice, with two keys: the second write finds only what is its own.
#[tokio::test]
async fn a_lost_write_is_not_taken_for_its_twin() {
    let (connector, agent) = writer().await;
    let path = format!("{DEAL}/notes");
    let note = json!({ "Note_Title": "", "Note_Content": "Called, nobody there.\r\n" });
    let first = agent.write("POST", &path, &[("idempotency-key", "a")], &note).await;
    assert_eq!(first.status, 201, "{}", first.body);
    fault(&connector, "POST", "/Notes", 1, FaultKind::ResetBefore);
    agent.write("POST", &path, &[("idempotency-key", "b")], &note).await.problem("write_uncertain");
    agent.write("POST", &path, &[("idempotency-key", "b")], &note).await.problem("write_uncertain");
    fault(&connector, "POST", "/Notes", 1, FaultKind::ResetAfter);
    let third = agent.write("POST", &path, &[("idempotency-key", "c")], &note).await;
    assert_eq!(third.status, 201, "{}", third.body);
    assert_ne!(third.body["id"], first.body["id"]);
    let audit = agent.get("/v1/audit").await.ok();
    let outcomes: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["done", "uncertain", "done"], "one entry a write");
}

#[tokio::test]
async fn an_upsert_makes_once_and_changes_after() {
    let (connector, agent) = writer().await;
    let count = || connector.zoho.sandbox.deals().len();
    let before = count();
    let path = "/v1/crm/deals/upsert?by=External_Order_ID";
    let deal = json!({ "Deal_Name": "Web order", "Stage": "Qualification", "External_Order_ID": "W-1" });
    let shown = agent.write("POST", &format!("{path}&dry_run=true"), &[], &deal).await.ok();
    assert_eq!((&shown["action"], &shown["before"]), (&json!("create"), &serde_json::Value::Null), "{shown}");
    assert_eq!(count(), before);
    let made = agent.write("POST", path, &[], &deal).await;
    assert_eq!((made.status, count()), (201, before + 1), "{}", made.body);
    let more = json!({ "Deal_Name": "Web order", "Stage": "Closed Won", "External_Order_ID": "W-1" });
    let shown = agent.write("POST", &format!("{path}&dry_run=true"), &[], &more).await.ok();
    assert_eq!((&shown["action"], &shown["before"]["Stage"]), (&json!("change"), &json!("Qualification")));
    let changed = agent.write("POST", path, &[], &more).await;
    assert_eq!((changed.status, &changed.body["id"], count()), (200, &made.body["id"], before + 1));
    assert_eq!(changed.body["Stage"], "Closed Won");
    let row = &agent.get("/v1/audit?per_page=1").await.ok()["data"][0];
    assert_eq!(row["change"]["Stage"], json!({ "before": "Qualification", "after": "Closed Won" }), "{row}");
    assert_eq!(row["untrusted"], json!(["change"]));
    assert!(row.get("before").is_none() && row.get("after").is_none() && row.get("key").is_none(), "{row}");
    let entry = &agent.get("/v1/audit?details=true").await.ok()["data"][0];
    assert_eq!(
        (&entry["before"]["Stage"], &entry["after"]["Stage"]),
        (&json!("Qualification"), &json!("Closed Won"))
    );

    // A preview holds only while it is true.
    let count_now = count();
    let other = json!({ "Deal_Name": "Other order", "Stage": "Qualification", "External_Order_ID": "W-9" });
    let shown = agent.write("POST", &format!("{path}&dry_run=true"), &[], &other).await.ok();
    assert_eq!(agent.write("POST", path, &[], &other).await.status, 201);
    let key = [("idempotency-key", shown["preview_id"].as_str().unwrap())];
    agent.write("POST", path, &key, &other).await.problem("record_modified");
    assert_eq!(count(), count_now + 1);

    let wrong = agent.write("POST", "/v1/crm/deals/upsert?by=Deal_Name", &[], &deal).await;
    let wrong = wrong.problem("value_not_allowed");
    assert!(wrong["detail"].as_str().unwrap().contains("External_Order_ID"), "{wrong}");
    agent.write("POST", path, &[], &json!({ "Deal_Name": "x" })).await.problem("body_invalid");
    agent.write("POST", "/v1/crm/deals/upsert", &[], &deal).await.problem("invalid_parameter");
}

#[tokio::test]
async fn a_lost_answer_of_an_upsert_is_found() {
    let (connector, agent) = writer().await;
    let path = "/v1/crm/deals/upsert?by=External_Order_ID";
    let deal = json!({ "Deal_Name": "Web order", "Stage": "Qualification", "External_Order_ID": "W-2" });
    fault(&connector, "POST", "/Deals/upsert", 1, FaultKind::ResetAfter);
    let made = agent.write("POST", path, &[], &deal).await;
    assert_eq!((made.status, &made.body["Deal_Name"]), (201, &json!("Web order")), "{}", made.body);
    let sent = || {
        let upserts = |request: &&sandbox::Recorded| request.path.ends_with("/upsert");
        connector.zoho.sandbox.requests().iter().filter(upserts).count()
    };
    assert_eq!(sent(), 1);
    fault(&connector, "POST", "/Deals/upsert", 1, FaultKind::ResetBefore);
    let deal = json!({ "Deal_Name": "Web order", "Stage": "Closed Won", "External_Order_ID": "W-2" });
    let key = [("idempotency-key", "u")];
    agent.write("POST", path, &key, &deal).await.problem("write_uncertain");
    agent.write("POST", path, &key, &deal).await.problem("write_uncertain");
    assert_eq!(sent(), 2, "never sent again");
}
