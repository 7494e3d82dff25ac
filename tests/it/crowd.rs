//! Many at once: connections on one schedule, callers of one connection, in accounts with and without room.

use std::time::Duration;

use futures::future::join_all;
use sandbox::{Fault, FaultKind};
use serde_json::json;
use tests::deployed::Deployed;
use tests::inside::Inside;
use tests::lambda::Cloud;
use tests::planted;

const ITEMS: &str = "/v1/inventory/items";

fn slow_tokens(times: usize, by: Duration) -> Fault {
    Fault { path_contains: "/oauth/v2/token".to_owned(), times, kind: FaultKind::Slow(by) }
}

/// Renews them all by one event; peak MB of the real binary.
async fn tick(deployed: &Deployed, count: usize) -> f64 {
    deployed.connector.zoho.sandbox.inject(slow_tokens(count, Duration::from_millis(300)));
    deployed.cloud.time_limit("token-refresh", Duration::from_secs(300));
    let schedule = include_str!("../../events/token-refresh-schedule.json");
    let ticked =
        deployed.cloud.invoke("token-refresh", &serde_json::from_str(schedule).unwrap()).await.unwrap();
    assert_eq!(ticked, json!({"reply": "ticked", "renewed": count, "failed": 0}));
    let peak = deployed.cloud.figures("token-refresh").iter().map(|figures| figures.peak_kib).max().unwrap();
    f64::from(u32::try_from(peak).unwrap()) / 1024.0
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_renews_five_hundred_connections_in_little_memory() {
    let deployed = Deployed::on(Cloud::start().await).await;
    planted::connections(&deployed.connector, &deployed.stores(), 500).await;
    let peak = tick(&deployed, 500).await;
    println!("500 connections: peak {peak:.1} MB");
    assert!(peak < 64.0, "{peak} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_renews_fifty_connections_on_aws() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    planted::connections(&deployed.connector, &deployed.stores(), 50).await;
    let peak = tick(&deployed, 50).await;
    println!("50 connections on AWS: peak {peak:.1} MB");
    assert!(peak < 64.0, "{peak} MB");
}

#[tokio::test]
async fn two_hundred_cold_callers_mint_one_token() {
    let mut inside = Inside::connected().await;
    inside.lift_the_limit();
    inside.advance(Duration::from_secs(61 * 60));
    let before = inside.zoho.sandbox.minted();
    inside.zoho.sandbox.inject(slow_tokens(1, Duration::from_millis(1500)));
    join_all((0..200).map(|_| inside.served(inside.cold(), ITEMS))).await;
    assert_eq!(inside.zoho.sandbox.minted() - before, 1);
}

/// A new account runs ten functions at a time: callers who wait for token-refresh must not keep it from starting.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_are_served_where_ten_functions_may_run() {
    let deployed = Deployed::on(Cloud::with_concurrency(10).await).await.without_limit();
    let agent = deployed.connect().await;
    let sandbox = &deployed.connector.zoho.sandbox;
    for function in ["api-proxy", "token-refresh"] {
        deployed.cloud.retire(function);
    }
    let before = sandbox.minted();
    sandbox.expire_access_tokens();
    sandbox.inject(slow_tokens(1, Duration::from_secs(1)));
    join_all((0..200).map(|_| agent.served(ITEMS))).await;
    assert_eq!(sandbox.minted() - before, 1);
}
