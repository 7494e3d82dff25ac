//! CRM's notifications, received by a second sandbox because it writes down what it gets.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Zoho;

const DEAL: &str = "6100000000451001";
const OTHER: &str = "6100000000451002";
const THIRD: &str = "6100000000451003";

/// A Zoho with a channel to a receiver, changed as the test needs it.
async fn watched(changes: Value) -> (Zoho, Zoho, String) {
    let (zoho, receiver) = (Zoho::start().await, Zoho::start().await);
    let token = zoho.connected().await;
    let mut channel = json!({ "channel_id": 77, "events": ["Deals.all"], "token": "t0ken",
        "notify_url": format!("{}/webhooks/default/crm", receiver.url()), "notify_on_related_action": false });
    channel.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap_or_default());
    let reply = zoho.post_crm("/actions/watch", &token, &json!({ "watch": [channel] })).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    (zoho, receiver, token)
}

/// What the receiver got since the last time.
async fn received(zoho: &Zoho, receiver: &Zoho) -> Vec<Value> {
    zoho.flush().await;
    let got = receiver.requests();
    receiver.clear_requests();
    got.iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect()
}

fn told(body: &Value) -> (String, Vec<String>) {
    let ids = body["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
    (body["operation"].as_str().unwrap().to_owned(), ids.collect())
}

fn of(operation: &str, ids: &[&str]) -> (String, Vec<String>) {
    (operation.to_owned(), ids.iter().map(|id| (*id).to_owned()).collect())
}

#[tokio::test]
async fn a_new_record_is_told_by_its_id_alone() {
    let (zoho, receiver, token) = watched(json!({})).await;
    let wanted = json!({ "data": [{ "Deal_Name": "New", "Stage": "Qualification" }] });
    let id = zoho.post_crm("/Deals", &token, &wanted).await.at("/data/0/details/id");
    zoho.flush().await;
    let got = receiver.requests();
    let [request] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/webhooks/default/crm"));
    assert!(request.headers.contains(&("content-type".to_owned(), "application/json".to_owned())));
    assert!(!request.headers.iter().any(|(name, _)| name.contains("signature")));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    assert!((now - 10_000..=now).contains(&body["server_time"].as_i64().unwrap()));
    assert_eq!(
        body,
        json!({ "server_time": body["server_time"], "query_params": {}, "module": "Deals",
        "resource_uri": format!("{}/eu/api/crm/v2/Deals", zoho.url()), "ids": [id], "affected_fields": [],
        "operation": "insert", "channel_id": "77", "token": "t0ken" })
    );
    let [delivered] = &zoho.delivered()[..] else { panic!("{:?}", zoho.delivered()) };
    assert_eq!((delivered.status, &delivered.body), (Some(404), &request.body));
}

#[tokio::test]
async fn several_records_of_one_call_are_one_notification() {
    let (zoho, receiver, token) = watched(json!({ "return_affected_field_values": true })).await;
    let wanted = json!({ "data": [
        { "id": DEAL, "Stage": "Closed Won", "Deal_Name": "Spring reorder" },
        { "id": OTHER, "Next_Step": "Call" },
        { "id": "1", "Next_Step": "Call" },
    ] });
    zoho.call("PUT", "/crm/v8/Deals", &token, &wanted).await;
    let got = received(&zoho, &receiver).await;
    assert_eq!(got.iter().map(told).collect::<Vec<_>>(), [of("update", &[DEAL, OTHER])]);
    let values = &got[0]["affected_values"];
    assert_eq!(
        (&values[0]["record_id"], &values[0]["values"]["Stage"]),
        (&json!(DEAL), &json!("Closed Won"))
    );
    assert_eq!(values[0]["values"].get("Deal_Name"), None, "it was called that before");
    assert_eq!(values[1], json!({ "record_id": OTHER, "values": { "Next_Step": "Call" } }));

    let wanted = json!({ "data": [
        { "Deal_Name": "Spring reorder", "Stage": "Qualification" },
        { "Deal_Name": "Brand new", "Stage": "Qualification" },
    ] });
    let reply = zoho.post_crm("/Deals/upsert", &token, &wanted).await;
    let new = reply.at("/data/1/details/id");
    let got = received(&zoho, &receiver).await;
    assert_eq!(got.iter().map(told).collect::<Vec<_>>(), [of("update", &[DEAL]), of("insert", &[&new])]);

    let path = format!("/crm/v8/Deals?ids={DEAL},{OTHER},1");
    let reply = zoho.call("DELETE", &path, &token, &Value::Null).await;
    assert_eq!((reply.status, reply.at("/data/2/code")), (207, "INVALID_DATA".to_owned()));
    let got = received(&zoho, &receiver).await;
    assert_eq!(got.iter().map(told).collect::<Vec<_>>(), [of("delete", &[DEAL, OTHER])]);
    assert_eq!(got[0].get("affected_values"), None);
    zoho.call("DELETE", &format!("/crm/v8/Deals/{new}"), &token, &Value::Null).await;
    assert_eq!(told(&received(&zoho, &receiver).await[0]), of("delete", &[&new]));
}

#[tokio::test]
async fn people_in_zohos_own_pages_are_told_of_too() {
    let (zoho, receiver, token) = watched(json!({ "events": ["Deals.all", "Contacts.edit"] })).await;
    zoho.advance(Duration::from_secs(600));
    let id = zoho.insert_record("Deals", json!({ "Deal_Name": "By hand" })).unwrap();
    assert_eq!(told(&received(&zoho, &receiver).await[0]), of("insert", &[&id]));
    let record = zoho.crm(&format!("/Deals/{id}"), &token).await;
    let modified: jiff::Timestamp = record.at("/data/0/Modified_Time").parse().unwrap();
    assert!(modified > jiff::Timestamp::now() + Duration::from_secs(500), "by the sandbox's clock");
    assert_eq!(zoho.update_records("Deals", &[&id, DEAL, "1"], &json!({ "Next_Step": "Call" })), 2);
    assert_eq!(told(&received(&zoho, &receiver).await[0]), of("update", &[&id, DEAL]));
    assert_eq!(zoho.delete_records("Deals", &[&id, DEAL]), 2);
    assert_eq!(told(&received(&zoho, &receiver).await[0]), of("delete", &[&id, DEAL]));
    assert!(zoho.change_deal(OTHER, json!({ "Next_Step": "Call" })) && zoho.delete_deal(OTHER));
    assert_eq!(received(&zoho, &receiver).await.len(), 2);
    let lever = format!("/control/deals/{THIRD}/stage");
    assert_eq!(zoho.form(&lever, &[("stage", "Closed Won")]).await.at("/Stage"), "Closed Won");
    assert_eq!(told(&received(&zoho, &receiver).await[0]), of("update", &[THIRD]));
    assert_eq!(zoho.form(&lever, &[]).await.status, 400);
    assert_eq!(zoho.form("/control/deals/1/stage", &[("stage", "Closed Won")]).await.status, 404);
    assert_eq!(zoho.insert_record("Trucks", json!({})), None);
    assert_eq!(zoho.update_records("Contacts", &["6100000000440025"], &json!({ "Phone": "1" })), 1);
    assert_eq!(zoho.delete_records("Contacts", &["6100000000440025"]), 1);
    let got = received(&zoho, &receiver).await;
    assert_eq!((got.len(), &got[0]["module"]), (1, &json!("Contacts")), "deletion is not watched");
}

#[tokio::test]
async fn nobody_is_told_by_a_channel_that_is_gone() {
    let (zoho, receiver, token) = watched(json!({})).await;
    let change = |step: &str| assert!(zoho.change_deal(DEAL, json!({ "Next_Step": step })));
    zoho.switches(|switches| switches.deliver_notifications = false);
    change("in an outage");
    zoho.switches(|switches| switches.deliver_notifications = true);
    assert!(received(&zoho, &receiver).await.is_empty(), "and it is not made up for");
    change("after it");
    assert_eq!(received(&zoho, &receiver).await.len(), 1);
    assert!(zoho.forget_channel("77") && !zoho.forget_channel("77"));
    change("lost");
    assert!(received(&zoho, &receiver).await.is_empty());
    assert_eq!(zoho.crm("/actions/watch", &token).await.status, 204);

    let (zoho, receiver, _) = watched(json!({})).await;
    zoho.advance(Duration::from_secs(3_601));
    assert!(zoho.change_deal(DEAL, json!({ "Next_Step": "too late" })));
    assert!(received(&zoho, &receiver).await.is_empty());
    let (zoho, receiver, _) = watched(json!({})).await;
    zoho.lose_channels();
    assert!(zoho.change_deal(DEAL, json!({ "Next_Step": "lost" })));
    assert!(received(&zoho, &receiver).await.is_empty() && zoho.channels().is_empty());
}

#[tokio::test]
async fn a_note_is_a_related_action_of_its_deal() {
    for (related, expected) in [(json!(null), 1), (json!(false), 0)] {
        let (zoho, receiver, token) = watched(json!({ "notify_on_related_action": related })).await;
        let note = json!({ "data": [{ "Note_Content": "X" }, { "Note_Content": "Y" }] });
        zoho.post_crm(&format!("/Deals/{DEAL}/Notes"), &token, &note).await;
        let got = received(&zoho, &receiver).await;
        assert_eq!(got.len(), expected, "{related}");
        assert!(got.iter().all(|body| told(body) == of("update", &[DEAL])), "{got:?}");
    }
}

#[tokio::test]
async fn a_failed_delivery_is_noted_and_not_tried_again() {
    let (zoho, receiver, token) = watched(json!({})).await;
    let nobody = json!({ "watch": [{ "channel_id": 5, "events": ["Deals.edit"],
        "notify_url": "http://127.0.0.1:1/" }] });
    zoho.post_crm("/actions/watch", &token, &nobody).await;
    assert!(zoho.change_deal(DEAL, json!({ "Next_Step": "Call" })));
    assert_eq!(received(&zoho, &receiver).await.len(), 1);
    let failed: Vec<_> = zoho.delivered().into_iter().filter(|one| one.status.is_none()).collect();
    assert_eq!((failed.len(), failed[0].url.as_str()), (1, "http://127.0.0.1:1/"));
    zoho.clear_delivered();
    zoho.flush().await;
    assert!(zoho.delivered().is_empty());
}
