//! What a key may use of a day, so that one agent that runs wild leaves the others some; and when keys were used.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::base::secret::Secret;
use shared::core::access::key::{DayLimits, NewKey};
use tests::clock::until;
use tests::connector::Connector;
use tests::in_process::call;
use tests::inside::{Inside, any_key};

/// One call to Zoho each.
const ITEMS: &str = "/v1/inventory/items?per_page=1";

async fn writable() -> Inside {
    let inside = Inside::start().await;
    inside.connect_to_write().await;
    inside
}

async fn key(inside: &Inside, limits: DayLimits) -> Secret {
    let permissions = ["crm:write", "inventory:read"].map(|text| text.parse().unwrap()).to_vec();
    inside.key(NewKey { permissions, limits, ..any_key() }).await
}

async fn note(api: Router, key: &Secret, text: &str) -> (StatusCode, Value) {
    let notes = ("POST", "/v1/crm/deals/6100000000451001/notes");
    let told = call(&api, key, notes, &[], &json!({ "Note_Content": text })).await;
    (told.status, told.json().unwrap())
}

fn notes(inside: &Inside) -> usize {
    let requests = inside.zoho.sandbox.requests();
    requests.iter().filter(|request| request.method == "POST" && request.path.contains("/Notes")).count()
}

here_and_on_aws! {
    async fn a_key_writes_as_often_as_it_may_and_then_nothing_is_sent() {
        let inside = writable().await;
        let greedy = key(&inside, DayLimits { calls: None, writes: Some(2) }).await;
        for (api, text) in [(inside.api(), "one"), (inside.cold(), "two")] {
            let (status, body) = note(api, &greedy, text).await;
            assert!(status.is_success(), "{status}: {body}");
        }
        let sent = notes(&inside);
        for api in [inside.api(), inside.cold(), inside.api()] {
            let (status, body) = note(api, &greedy, "three").await;
            assert_eq!((status, &body["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("key_daily_limit")));
            assert!(body["detail"].as_str().unwrap().contains("2 writes") && body["retry_after"].is_number());
        }
        assert_eq!(notes(&inside), sent);
        let (_, status) = inside.ask(inside.api(), &greedy, "/v1/status").await;
        assert_eq!(status["key"]["today"]["writes_used"], 2, "{status}");
        assert_eq!(inside.ask(inside.api(), &greedy, ITEMS).await.0, StatusCode::OK, "it may read");
        let other = key(&inside, DayLimits::default()).await;
        let (status, body) = note(inside.api(), &other, "of another key").await;
        assert!(status.is_success(), "{status}: {body}");
    }

    async fn a_write_that_the_limit_of_calls_refuses_uses_none_of_the_writes() {
        let inside = writable().await;
        let greedy = key(&inside, DayLimits { calls: Some(2), writes: Some(9) }).await;
        let (before, mut refused) = (notes(&inside), 0);
        for (api, text) in [(inside.api(), "one"), (inside.cold(), "two"), (inside.api(), "three"), (inside.cold(), "four")] {
            let (status, body) = note(api, &greedy, text).await;
            if !status.is_success() {
                refused += 1;
                assert!(body["detail"].as_str().unwrap().contains("2 calls to Zoho"), "{status}: {body}");
            }
        }
        let sent = notes(&inside) - before;
        assert!(sent > 0 && refused > 1, "{sent} {refused}");
        let (_, status) = inside.ask(inside.api(), &greedy, "/v1/status").await;
        assert_eq!(status["key"]["today"]["writes_used"], json!(sent), "{status}");
    }

    async fn a_key_makes_as_many_calls_as_it_may_by_any_number_of_processes() {
        let inside = writable().await;
        let greedy = key(&inside, DayLimits { calls: Some(5), writes: None }).await;
        let before = inside.zoho.sandbox.requests().len();
        let processes = [inside.api(), inside.cold()];
        let mut served = 0;
        for turn in 0..12 {
            let (status, body) = inside.ask(processes[turn % 2].clone(), &greedy, ITEMS).await;
            served += usize::from(status == StatusCode::OK);
            assert!(status == StatusCode::OK || body["code"] == "key_daily_limit", "{status}: {body}");
        }
        assert_eq!((served, inside.zoho.sandbox.requests().len() - before), (5, 5));
        assert_eq!(inside.get(ITEMS).await.0, StatusCode::OK, "the others have theirs");
        inside.advance(Duration::from_secs(24 * 3600));
        inside.tick().await;
        let (status, body) = inside.ask(inside.api(), &greedy, ITEMS).await;
        assert_eq!(status, StatusCode::OK, "a day later: {body}");
    }
}

#[tokio::test]
async fn the_list_of_keys_tells_when_each_was_used() {
    let (connector, agent) = Connector::connected().await;
    let idle = ["keys", "create", "--label", "idle", "--calls-per-day", "9", "--days", "30"];
    let made = connector.run(&idle, "").await;
    assert!(made.code == 0 && !made.out.contains("does not end"), "{} {}", made.out, made.err);
    let endless = connector.run(&["keys", "create"], "").await;
    assert!(
        endless.out.contains("does not end by itself") && endless.out.contains("--days"),
        "{}",
        endless.out
    );
    agent.get("/v1/status").await.ok();
    let listed = async |with: &[&str]| connector.run(&[&["keys", "list"], with].concat(), "").await.out;
    let keys = async || serde_json::from_str::<Vec<Value>>(&listed(&["--json"]).await).unwrap();
    until("listed", async || keys().await.iter().any(|key| key["last_used"].is_string())).await;
    let idle = keys().await.into_iter().find(|key| key["label"] == "idle").unwrap();
    assert_eq!((&idle["last_used"], &idle["calls_per_day"]), (&Value::Null, &json!(9)), "{idle}");
    let table = listed(&[]).await;
    let idle = table.lines().find(|line| line.contains("idle")).unwrap();
    assert!(idle.contains("  never  ") && idle.contains("0 of 9 calls"), "{table}");
}
