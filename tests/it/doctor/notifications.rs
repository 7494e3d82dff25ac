//! What tells of changes, from Zoho to the agent: channels, webhooks, the agent's hook.

use serde_json::json;
use shared::base::clock::{Clock, SignedDuration, SystemClock, earlier};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Closed, End, EndState, Entry};
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Refusal, Subscription};
use shared::store::{Condition, Key, Put};
use tests::connector::Connector;
use tests::gateway::{Gateway, TOKEN};

use super::{doctor, doctor_with, fronts, in_minutes, stores};

#[tokio::test]
async fn a_channel_that_is_gone_and_webhooks_that_do_not_come_are_told() {
    let (connector, _) = Connector::connected().await;
    let (stores, name) = (stores(&connector), ConnectionName::default());
    let (past, future) = (earlier(SystemClock.now(), SignedDuration::from_mins(1)), in_minutes(600));
    let channel = Channel {
        confirmed: Some(past),
        expires: Some(future),
        ..Channel::new("1".to_owned(), format!("{}/webhooks/default/crm", connector.url))
    };
    let watch = async |channel: Channel| {
        let before = subscription::get(&*stores.state, &name).await.unwrap();
        let watch = Subscription {
            crm: vec!["Deals".to_owned()],
            channel: Some(channel),
            ..Subscription::new(name.clone(), past)
        };
        assert!(subscription::put(&*stores.state, &watch, before.as_ref()).await.unwrap());
        doctor(&connector).await
    };
    watch(channel.clone()).await.is_well();
    let mend = "webhooks setup --connection default";
    let (check, reason) = ("Channel default", "Deals may not be watched".to_owned());
    let ended = Channel { expires: Some(past), ..channel.clone() };
    watch(ended).await.only(check, "it ended at", mend);
    let lost = Channel { lost: Some(past), ..channel.clone() };
    watch(lost).await.only(check, "has lost it", mend);
    let refused = Channel { refused: Some(Refusal { at: past, reason }), ..channel.clone() };
    watch(refused).await.only(check, "Deals may not be watched", mend);
    let notify_url = "https://old.example.com/webhooks/default/crm".to_owned();
    let elsewhere = Channel { notify_url, ..channel.clone() };
    watch(elsewhere).await.only(check, "at https://old.example.com/", mend);
    watch(channel).await.is_well();

    connector.webhook_secret().await;
    let ended = connector.run(&["doctor"], "").await;
    assert!(ended.out.contains("a signed webhook comes back"), "{} {}", ended.out, ended.err);
    let events = connector.run(&["events", "list"], "").await.out;
    assert!(!events.contains("zoho.inventory"), "and leaves no event: {events}");
    let front =
        fronts::odd(&connector.url, |path| path.starts_with("/webhooks/").then_some((404, "not found")));
    let found = doctor_with(&connector, &front.await, &[]).await;
    found.names("Webhook default", "was answered 404", "pass /webhooks/ on");
    let front = fronts::odd(&connector.url, |path| path.starts_with("/webhooks/").then_some((401, "{}")));
    let found = doctor_with(&connector, &front.await, &[]).await;
    found.names("Webhook default", "was answered 401", "webhooks rotate --connection default");
}

#[tokio::test]
async fn a_hook_that_tells_nobody_is_told() {
    let (connector, _) = Connector::connected().await;
    let stores = stores(&connector);
    let mut gateway = Gateway::start().await;
    let set = async |url: &str, token: &str, paused: bool| {
        let hook =
            Hook { paused, set: "1".to_owned(), ..Hook::new(url.parse().unwrap(), Secret::new(token)) };
        hook.store(&*stores.secrets).await.unwrap();
        (doctor(&connector).await, hook)
    };
    let url = gateway.url.clone();
    let check = "Agent's hook";
    let (found, hook) = set(&url, TOKEN, false).await;
    found.is_well();
    set(&url, "wrong", false).await.0.only(check, "the token is wrong", "agent set --url");
    let elsewhere = url.replace("/hooks/agent", "/other/agent");
    set(&elsewhere, TOKEN, false).await.0.only(check, "hooks.path", "agent test");
    set(&url, TOKEN, true).await.0.only("Agent is told", "paused", "agent resume");
    assert!(gateway.runs().is_empty(), "no turn is spent");

    set(&url, TOKEN, false).await.0.is_well();
    let standing = json!({ "turns": [], "refused": [hook.digest(), 401] });
    let row = Put::record(Key::new("agent", "hook"), &standing, Condition::Any).unwrap();
    stores.events.put(row).await.unwrap();
    let found = doctor(&connector).await;
    found.only("Agent is told", "answered 401", "agent resume");
    assert!(
        !format!("{:?}", found.wrong()).contains("events replay"),
        "nothing is dead: {:#?}",
        found.wrong()
    );
    let (id, at) = ("1a22a22a8b9113213ac0553656fbb89".to_owned(), SystemClock.now());
    let entry = Entry::new(id.clone(), "zoho.inventory.item.updated", None, at, json!({}));
    let end = End { state: EndState::Dead, outcome: "refused".to_owned(), note: None, at };
    let dead = Key::new("life#default", &id);
    let row = Put::record(dead.clone(), &Closed { entry, end }, Condition::Any).unwrap();
    stores.events.put(row).await.unwrap();
    let found = doctor(&connector).await;
    found.only("Agent is told", "answered 401", "`zoho-connector events replay --dead --connection default");
    stores.events.delete(dead, Condition::Any).await.unwrap();
    stores.events.delete(Key::new("agent", "hook"), Condition::Any).await.unwrap();
    gateway.stop().await;
    doctor(&connector).await.only(check, "does not answer", "agent test");
}
