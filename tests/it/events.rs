//! The list of events, and one sample event per trigger.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shared::base::lambda;
use shared::core::events::{Delivery, Events};
use tests::changes;
use tests::in_process::ask;
use tests::inside::Inside;

fn delivery(index: usize) -> Delivery {
    changes::of_item(&index.to_string(), index)
}

#[tokio::test]
async fn a_reader_with_a_cursor_sees_each_event_once_while_more_arrive() {
    let inside = Inside::connected().await;
    let events = Events::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    let (mut seen, mut cursor, mut stored) = (Vec::new(), None::<String>, 0);
    while seen.len() < 60 {
        for _ in 0..if stored < 60 { 6 } else { 0 } {
            events.store(delivery(stored)).await.unwrap();
            stored += 1;
            inside.advance(Duration::from_millis(700));
        }
        inside.advance(Duration::from_secs(3));
        let mut path = match &cursor {
            Some(cursor) => format!("/v1/events?per_page=4&cursor={cursor}"),
            None => "/v1/events?per_page=4".to_owned(),
        };
        loop {
            let (status, page) = inside.get(&path).await;
            assert_eq!(status, 200, "{page}");
            for event in page["data"].as_array().unwrap() {
                seen.push(event["subject"].as_str().unwrap().to_owned());
                cursor = Some(event["id"].as_str().unwrap().to_owned());
            }
            match page["next"].as_str() {
                Some(next) => path = next.to_owned(),
                None => break,
            }
        }
    }
    let expected: Vec<_> = (0..60).map(|index| format!("item/{index}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn events_are_listed_by_their_moment_and_their_type() {
    let inside = Inside::connected().await;
    let events = Events::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    for index in 0..30 {
        let kind = if index % 10 == 9 { "zoho.crm.deal.updated" } else { "zoho.inventory.item.updated" };
        events.store(Delivery { kind: kind.to_owned(), ..delivery(index) }).await.unwrap();
        inside.advance(Duration::from_secs(60));
    }
    let subjects = async |first: &str| {
        let (mut found, mut path) = (Vec::new(), first.to_owned());
        loop {
            let (status, page) = inside.get(&path).await;
            assert_eq!(status, 200, "{page}");
            found.extend(
                page["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|event| event["subject"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => path = next.to_owned(),
                None => return found,
            }
        }
    };
    let deals = subjects("/v1/events?type=zoho.crm.*&per_page=2").await;
    assert_eq!(deals, ["item/9", "item/19", "item/29"]);
    assert_eq!(subjects("/v1/events?type=zoho.crm.deal.updated").await, deals);
    assert!(subjects("/v1/events?type=zoho.crm.deal").await.is_empty());
    let since = inside.services.clock.now() - shared::base::clock::SignedDuration::from_secs(150);
    assert_eq!(subjects(&format!("/v1/events?since={since}&per_page=1")).await, ["item/28", "item/29"]);
    let (status, problem) = inside.get("/v1/events?since=yesterday").await;
    assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid_parameter")));
}

#[tokio::test]
async fn an_equal_body_counts_again_after_its_window() {
    let inside = Inside::start().await;
    let events = Events::new(inside.services.stores.events.clone(), inside.services.clock.clone());
    let with_time = |index| Delivery { time: Some("2026-11-21T10:00:00Z".to_owned()), ..delivery(index) };
    assert!(!events.store(delivery(1)).await.unwrap().duplicate);
    assert!(!events.store(with_time(2)).await.unwrap().duplicate);
    inside.advance(Duration::from_secs(9 * 60));
    assert!(events.store(delivery(1)).await.unwrap().duplicate);
    inside.advance(Duration::from_secs(2 * 60));
    assert!(!events.store(delivery(1)).await.unwrap().duplicate, "ten minutes without a time in the body");
    inside.advance(Duration::from_secs(23 * 3600));
    assert!(events.store(with_time(2)).await.unwrap().duplicate);
    inside.advance(Duration::from_secs(3600));
    assert!(!events.store(with_time(2)).await.unwrap().duplicate, "a day with one");
}

/// Each file of `events/` is what the trigger sends, and does what its name says.
#[tokio::test]
async fn the_sample_events_are_true() {
    let inside = Inside::connected().await;
    let read = |name: &str| {
        let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    for name in ["token-refresh-schedule", "token-refresh-renew"] {
        let event: Value = serde_json::from_str(&read(name)).unwrap();
        token_refresh::ask_of(event).unwrap();
    }
    for (name, connections, has_to_settle) in [
        ("event-delivery-schedule", 0, false),
        ("event-delivery-stream", 1, true),
        ("event-delivery-acknowledgement", 1, false),
    ] {
        let trigger = event_delivery::trigger_of(&serde_json::from_str(&read(name)).unwrap()).unwrap();
        assert_eq!(
            (trigger.connections.len(), trigger.newest.is_some()),
            (connections, has_to_settle),
            "{name}"
        );
    }
    let oauth = oauth_callback::router(&inside.services, Arc::new(inside.token_refresh.clone()));
    let intake = webhook_intake::router(&inside.services);
    for (name, router, status, expected) in [
        ("api-proxy-health", inside.cold(), 200, "\"status\":\"ok\""),
        ("api-proxy-items", inside.cold(), 401, "key_invalid"),
        ("oauth-callback", oauth, 400, "not known here"),
        ("webhook-intake-item", intake.clone(), 404, "webhook_unknown"),
        ("webhook-intake-crm", intake.clone(), 404, "webhook_unknown"),
        ("webhook-intake-custom", intake, 404, "webhook_unknown"),
    ] {
        let request = lambda::request_of(&read(name)).unwrap();
        let told = ask(&router, request).await;
        assert_eq!(told.status, status, "{name}");
        assert!(told.text().contains(expected), "{name}: {}", told.text());
    }
}
