//! CRM's channels: enabled, renewed, changed, listed, ended, and how long they live.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{Reply, Zoho};

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

fn channel() -> Value {
    json!({ "channel_id": "20261121001", "events": ["Deals.create", "Deals.edit", "Contacts.edit"],
        "token": "t0ken", "notify_url": "https://hooks.example.com/zoho/crm/conn-7",
        "notify_on_related_action": false })
}

/// With some keys changed; null leaves one out.
fn with(changes: &Value) -> Value {
    let mut channel = channel();
    for (key, value) in changes.as_object().unwrap() {
        channel[key] = value.clone();
    }
    channel
}

fn from_now(seconds: i64) -> String {
    Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).unwrap().to_string()
}

/// Seconds from now until the channel of an answer ends.
fn lives(reply: &Reply) -> i64 {
    let ends: Timestamp = reply.at("/watch/0/details/events/0/channel_expiry").parse().unwrap();
    ends.as_second() - Timestamp::now().as_second()
}

fn about(seconds: i64, wanted: i64) -> bool {
    (wanted - 5..=wanted + 5).contains(&seconds)
}

async fn ask(zoho: &Zoho, token: &str, method: &str, entries: &[Value]) -> Reply {
    zoho.call(method, "/crm/v8/actions/watch", token, &json!({ "watch": entries })).await
}

async fn delete(zoho: &Zoho, token: &str, ids: &str) -> Reply {
    zoho.call("DELETE", &format!("/crm/v8/actions/watch?channel_ids={ids}"), token, &Value::Null).await
}

#[tokio::test]
async fn a_channel_is_enabled_with_an_entry_a_module() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let ends = from_now(WEEK - 60);
    let reply = ask(&zoho, &token, "POST", &[with(&json!({ "channel_expiry": ends }))]).await;
    let expiry = reply.at("/watch/0/details/events/0/channel_expiry");
    assert_eq!(
        expiry.parse::<Timestamp>().unwrap().as_second(),
        ends.parse::<Timestamp>().unwrap().as_second()
    );
    let base = zoho.url();
    let one = |module: &str, id: &str| {
        json!({ "channel_expiry": expiry, "resource_uri": format!("{base}/eu/api/crm/v2/{module}"),
            "resource_id": id, "resource_name": module, "channel_id": "20261121001" })
    };
    let expected = json!({ "watch": [{ "code": "SUCCESS",
        "details": { "events": [one("Deals", "6100000000002181"), one("Contacts", "6100000000002179")] },
        "message": "Successfully subscribed for actions-watch of the given module", "status": "success" }] });
    assert_eq!((reply.status, reply.json()), (201, expected));
    assert_eq!(zoho.channels(), ["20261121001"]);
    let reply =
        ask(&zoho, &token, "POST", &[with(&json!({ "channel_id": 42, "events": ["Deals.all"] }))]).await;
    assert_eq!(reply.at("/watch/0/details/events/0/channel_id"), "42", "a number too, and text comes back");
}

#[tokio::test]
async fn what_cannot_be_granted_is_silently_an_hour() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (asked, granted) in [
        (Value::Null, HOUR),
        (json!(from_now(WEEK - 60)), WEEK - 60),
        (json!(from_now(WEEK + 60)), HOUR),
        (json!(from_now(365 * 24 * HOUR)), HOUR),
        (json!(from_now(-60)), HOUR),
        (json!(from_now(600)), 600),
    ] {
        let reply = ask(&zoho, &token, "POST", &[with(&json!({ "channel_expiry": asked }))]).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        assert!(about(lives(&reply), granted), "{asked}: {}", lives(&reply));
    }
    zoho.switches(|switches| switches.crm_longest_channel = Duration::from_secs(86_400));
    let reply =
        ask(&zoho, &token, "POST", &[with(&json!({ "channel_expiry": from_now(2 * 24 * HOUR) }))]).await;
    assert!(about(lives(&reply), HOUR));
}

#[tokio::test]
async fn it_ends_by_the_sandboxs_clock_and_is_renewed_by_asking_again() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    ask(&zoho, &token, "POST", &[channel()]).await;
    zoho.advance(Duration::from_secs(3_500));
    assert_eq!(ask(&zoho, &token, "POST", &[channel()]).await.status, 201);
    zoho.advance(Duration::from_secs(3_500));
    assert_eq!(zoho.channels().len(), 1, "renewed, and there once");
    zoho.advance(Duration::from_secs(101));
    assert!(zoho.channels().is_empty());
    let token = zoho.connected().await;
    assert_eq!(zoho.crm("/actions/watch", &token).await.status, 204);
    assert_eq!(ask(&zoho, &token, "PUT", &[channel()]).await.at("/watch/0/code"), "NOT_SUBSCRIBED");
}

#[tokio::test]
async fn put_replaces_all_and_patch_only_what_it_names() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    ask(&zoho, &token, "POST", &[with(&json!({ "channel_expiry": from_now(WEEK - 60) }))]).await;
    let patched =
        json!({ "channel_id": "20261121001", "events": ["Accounts.all"], "notify_on_related_action": true });
    let reply = ask(&zoho, &token, "PATCH", &[patched]).await;
    assert_eq!(
        (reply.status, reply.at("/watch/0/message")),
        (200, "Successfully updated the subscribe details".to_owned())
    );
    assert!(about(lives(&reply), WEEK - 60));
    let rows = zoho.crm("/actions/watch", &token).await.json();
    assert_eq!(rows["watch"].as_array().unwrap().len(), 3, "{rows}");
    assert_eq!(
        (&rows["watch"][0]["token"], &rows["watch"][2]["events"]),
        (&json!("t0ken"), &json!(["Accounts.all"]))
    );
    assert_eq!(rows["watch"][0]["notify_on_related_action"], true);

    let put = json!({ "channel_id": "20261121001", "events": ["Accounts.edit"], "notify_url": "https://x.example.com/" });
    let reply = ask(&zoho, &token, "PUT", &[put]).await;
    assert_eq!(reply.status, 200);
    assert!(about(lives(&reply), HOUR), "what is not named is gone");
    let rows = zoho.crm("/actions/watch", &token).await.json();
    assert_eq!(rows["info"], json!({ "per_page": 200, "count": 1, "page": 1, "more_records": false }));
    assert_eq!(
        (&rows["watch"][0]["token"], &rows["watch"][0]["notify_url"]),
        (&Value::Null, &json!("https://x.example.com/"))
    );
}

#[tokio::test]
async fn single_events_are_taken_out_of_a_channel() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    ask(&zoho, &token, "POST", &[with(&json!({ "events": ["Deals.all", "Contacts.edit"] }))]).await;
    let out =
        |events: Value| json!({ "channel_id": "20261121001", "events": events, "_delete_events": true });
    let reply = ask(&zoho, &token, "PATCH", &[out(json!(["Deals.edit", "Contacts.all"]))]).await;
    assert_eq!(reply.at("/watch/0/message"), "Successfully removed the subscribe details");
    assert!(reply.json().pointer("/watch/0/details/events/0/channel_expiry").is_none());
    let rows = zoho.crm("/actions/watch", &token).await.json();
    assert_eq!(rows["watch"].as_array().unwrap().len(), 1);
    assert_eq!(rows["watch"][0]["events"], json!(["Deals.create", "Deals.delete"]));
    assert_eq!(
        ask(&zoho, &token, "PATCH", &[out(Value::Null)]).await.at("/watch/0/code"),
        "MANDATORY_NOT_FOUND"
    );
    ask(&zoho, &token, "PATCH", &[out(json!(["Deals.all"]))]).await;
    assert!(zoho.channels().is_empty(), "nothing left to watch");
}

#[tokio::test]
async fn each_entry_has_its_own_verdict() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (changes, code, field) in [
        (json!({ "channel_id": null }), "MANDATORY_NOT_FOUND", "channel_id"),
        (json!({ "channel_id": "conn-7" }), "INVALID_DATA", "channel_id"),
        (json!({ "channel_id": "9223372036854775808" }), "INVALID_DATA", "channel_id"),
        (json!({ "events": [] }), "MANDATORY_NOT_FOUND", "events"),
        (json!({ "events": ["Deals.rename"] }), "INVALID_DATA", "events"),
        (json!({ "events": ["Notes.all"] }), "INVALID_DATA", "events"),
        (json!({ "events": ["Deals"] }), "INVALID_DATA", "events"),
        (json!({ "notify_url": null }), "MANDATORY_NOT_FOUND", "notify_url"),
        (json!({ "notify_url": "hooks.example.com" }), "INVALID_DATA", "notify_url"),
        (json!({ "token": "x".repeat(51) }), "INVALID_DATA", "token"),
        (json!({ "channel_expiry": "tomorrow" }), "INVALID_DATA", "channel_expiry"),
        (json!({ "notify_on_related_action": "no" }), "INVALID_DATA", "notify_on_related_action"),
    ] {
        let fits = with(&json!({ "channel_id": 7, "token": "x".repeat(50) }));
        let reply = ask(&zoho, &token, "POST", &[fits, with(&changes)]).await;
        assert_eq!((reply.status, reply.at("/watch/0/code").as_str()), (202, "SUCCESS"), "{changes}");
        assert_eq!(reply.at("/watch/1/code"), code, "{changes}");
        assert_eq!(reply.at("/watch/1/details/json_path"), format!("$.watch[1].{field}"), "{changes}");
    }
    assert_eq!(zoho.channels(), ["7"]);
    for (body, code) in [(json!({}), "MANDATORY_NOT_FOUND"), (json!({ "watch": [] }), "INVALID_DATA")] {
        let reply = zoho.post_crm("/actions/watch", &token, &body).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (400, code), "{body}");
    }
}

#[tokio::test]
async fn a_channel_is_ended_once() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    ask(&zoho, &token, "POST", &[channel(), with(&json!({ "channel_id": 8 }))]).await;
    assert_eq!(zoho.crm("/actions/watch?channel_id=8&module=Deals", &token).await.at("/info/count"), "1");
    assert_eq!(zoho.crm("/actions/watch?per_page=3", &token).await.at("/info/more_records"), "true");
    assert_eq!(zoho.crm("/actions/watch?per_page=3&page=2", &token).await.at("/info/count"), "1");
    let reply = delete(&zoho, &token, "20261121001,8").await;
    let base = zoho.url();
    assert_eq!(
        reply.json()["watch"][0],
        json!({ "code": "SUCCESS", "details": {
        "resource_uri": format!("{base}/eu/api/crm/v2/actions/watch"), "resource_id": "20261121001",
        "channel_id": "20261121001" }, "message": "Successfully un-subscribed from actions-watch",
        "status": "success" })
    );
    assert_eq!((reply.status, reply.at("/watch/1/details/channel_id")), (200, "8".to_owned()));
    for status in [202, 400] {
        zoho.switches(|switches| switches.crm_not_subscribed_status = status);
        let again = delete(&zoho, &token, "20261121001").await;
        assert_eq!((again.status, again.at("/watch/0/code")), (status, "NOT_SUBSCRIBED".to_owned()));
        assert_eq!(ask(&zoho, &token, "PATCH", &[channel()]).await.status, status);
    }
    assert_eq!(delete(&zoho, &token, "").await.at("/code"), "REQUIRED_PARAM_MISSING");
}

#[tokio::test]
async fn channels_need_their_own_scope_and_that_of_the_module() {
    let zoho = Zoho::start().await;
    let (all, _) = zoho.connect("ZohoCRM.notifications.ALL,ZohoCRM.modules.deals.READ").await;
    let deals = with(&json!({ "events": ["Deals.all"] }));
    assert_eq!(ask(&zoho, &all, "POST", &[channel()]).await.at("/code"), "OAUTH_SCOPE_MISMATCH");
    assert_eq!(ask(&zoho, &all, "POST", std::slice::from_ref(&deals)).await.status, 201);
    let (read, _) = zoho.connect("ZohoCRM.notifications.READ,ZohoCRM.modules.ALL").await;
    assert_eq!(zoho.crm("/actions/watch", &read).await.status, 200);
    for method in ["POST", "PUT", "PATCH"] {
        assert_eq!(ask(&zoho, &read, method, std::slice::from_ref(&deals)).await.status, 401, "{method}");
    }
    assert_eq!(delete(&zoho, &read, "20261121001").await.status, 401);
    let (none, _) = zoho.connect("ZohoCRM.modules.ALL").await;
    assert_eq!(zoho.crm("/actions/watch", &none).await.status, 401);
    assert_eq!(zoho.crm("/actions/watches", &all).await.at("/code"), "INVALID_URL_PATTERN");
}
