//! `zoho-connector agent`: the hook is tried before it is stored, and what is shown of it is so.

use serde_json::{Value, json};
use shared::base::secret::Secret;
use shared::core::events::agent_hook::Hook;
use shared::store::Stores;
use tests::connector::Connector;
use tests::gateway::{Gateway, Mood, REASON, TOKEN};
use tests::process::Ended;

use sandbox::Options;

/// An installation of which nothing runs.
async fn installation() -> Connector {
    Connector::prepare(Options::new(""), "http://localhost:1".to_owned()).await
}

async fn set(connector: &Connector, url: &str, args: &[&str], token: &str) -> Ended {
    connector.run(&[&["agent", "set", "--url", url], args].concat(), token).await
}

async fn shown(connector: &Connector) -> Value {
    let ended = connector.run(&["agent", "show", "--json"], "").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(!ended.out.contains(TOKEN), "{}", ended.out);
    serde_json::from_str(&ended.out).unwrap()
}

#[tokio::test]
async fn a_hook_is_tried_before_it_is_stored_and_no_turn_is_begun() {
    let (connector, mut gateway) = (installation().await, Gateway::start().await);
    for (url, token, word) in [
        (gateway.url.clone(), "another-token", "hooks.token"),
        (gateway.url.replace("/hooks/", "/other/"), TOKEN, "hooks.enabled"),
    ] {
        let ended = set(&connector, &url, &[], token).await;
        assert_eq!(ended.code, 1, "{url}: {}", ended.out);
        assert!(ended.err.contains(word) && ended.err.contains("Nothing was stored"), "{}", ended.err);
        assert!(!ended.err.contains(token), "{}", ended.err);
        assert_eq!(connector.run(&["agent", "show"], "").await.code, 1, "nothing is set");
    }
    for (path, args) in [("/hooks", &[][..]), ("/hooks/wake", &["--no-test"][..])] {
        let ended = set(&connector, &gateway.url.replace("/hooks/agent", path), args, TOKEN).await;
        assert!(ended.code == 2 && ended.err.contains(&format!("give {}", gateway.url)), "{}", ended.err);
    }
    gateway.stop().await;
    let ended = set(&connector, &gateway.url, &[], TOKEN).await;
    assert!(ended.code == 1 && ended.err.contains("--no-test"), "{}", ended.err);
    let ended = set(&connector, &gateway.url, &["--no-test"], TOKEN).await;
    assert!(ended.code == 0 && ended.out.contains("agent test"), "{} {}", ended.out, ended.err);
    assert_eq!(shown(&connector).await["state"], "new", "not in use: nothing was ever told");
    let ended = connector.run(&["agent", "test"], "").await;
    assert!(ended.code == 1 && ended.err.contains("is it running"), "{}", ended.err);
    gateway.boot().await;
    for url in [gateway.url.clone(), gateway.mapping()] {
        let ended = set(&connector, &url, &[], TOKEN).await;
        assert!(ended.code == 0 && ended.out.contains("the token is right"), "{} {}", ended.out, ended.err);
    }
    assert!(gateway.requests().is_empty(), "{:?}", gateway.requests());
}

#[tokio::test]
async fn a_test_begins_a_turn_only_where_it_is_asked_for_one() {
    let (connector, gateway) = (installation().await, Gateway::start().await);
    let ended = set(&connector, &gateway.url, &["--agent-id", "main"], TOKEN).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let ended = connector.run(&["agent", "test", "--json"], "").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let found: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&found["ready"], &found["status"], &found["reason"]),
        (&json!(true), &json!(400), &json!("message required"))
    );
    assert!(gateway.runs().is_empty());

    let ended = connector.run(&["agent", "test", "--turn"], "").await;
    assert!(ended.code == 0 && ended.out.contains("run-1"), "{} {}", ended.out, ended.err);
    let body: Value = serde_json::from_str(&gateway.runs()[0].body).unwrap();
    assert_eq!(
        (&body["agentId"], &body["deliver"], &body["count"]),
        (&json!("main"), &json!(false), &json!(0))
    );

    gateway.set(Mood::Says(400, None));
    let ended = connector.run(&["agent", "test", "--turn"], "").await;
    assert!(ended.code == 1 && ended.err.contains(REASON), "{} {}", ended.out, ended.err);
}

#[tokio::test]
async fn unset_asks_first_and_removes_the_token() {
    let (connector, gateway) = (installation().await, Gateway::start().await);
    assert_eq!(set(&connector, &gateway.url, &[], TOKEN).await.code, 0);
    let ended = connector.run(&["agent", "unset"], "").await;
    assert!(ended.code == 1 && ended.err.contains("--yes"), "{}", ended.err);
    assert_eq!(shown(&connector).await["state"], "new");
    let ended = connector.run(&["agent", "unset", "--yes"], "").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let ended = connector.run(&["agent", "show"], "").await;
    assert!(ended.code == 1 && ended.err.contains("no hook is set"), "{}", ended.err);
    // The secret stays, for the next one.
    let ended = set(&connector, &gateway.url, &[], TOKEN).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[tokio::test]
async fn types_and_ids_that_nothing_has_are_refused() {
    let (connector, gateway) = (installation().await, Gateway::start().await);
    for args in [["--types", "deals"], ["--types", "zoho.crm.*,"], ["--agent-id", "two words"]] {
        let ended = set(&connector, &gateway.url, &args, TOKEN).await;
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
    }
}

/// What the secret holds after `agent unset` is read as none, and what it never held is an error.
#[tokio::test]
async fn no_hook_is_none() {
    let clock = std::sync::Arc::new(shared::base::clock::SystemClock);
    let stores: Stores = shared::store::sqlite::Sqlite::in_memory(clock).unwrap().into();
    assert!(Hook::read(&*stores.secrets).await.unwrap().is_none());
    Hook::forget(&*stores.secrets).await.unwrap();
    assert!(Hook::read(&*stores.secrets).await.unwrap().is_none());
    let version = stores.secrets.stage("agent", &Secret::new("[]")).await.unwrap();
    let current = stores.secrets.get("agent").await.unwrap().unwrap().version;
    assert!(stores.secrets.promote("agent", &version, Some(&current)).await.unwrap());
    assert!(Hook::read(&*stores.secrets).await.is_err());
}
