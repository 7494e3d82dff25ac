//! Many at once: connections on one schedule, callers of one connection, in accounts with and without room.

use std::time::Duration;

use futures::future::join_all;
use sandbox::{Fault, FaultKind};
use serde_json::json;
use shared::core::connection::access_token::AccessToken;
use shared::store::secret_record::load;
use tests::aws::Trouble;
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

/// The tokens that are stored for so many connections: each has one.
async fn stored(deployed: &Deployed, count: usize) -> Vec<AccessToken> {
    let secrets = deployed.stores().secrets;
    let mut all = Vec::new();
    for name in planted::names(count) {
        let found = load::<AccessToken>(&*secrets, &AccessToken::secret_name(&name)).await.unwrap();
        all.push(found.unwrap_or_else(|| panic!("{name} has no token")).0);
    }
    all
}

/// Each write of a secret is throttled: twice, for which the SDK has tries left, then more often than it tries. Of each connection one
/// token is minted, and stored.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_lost_where_writes_of_secrets_are_throttled() {
    const COUNT: usize = 8;
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    planted::connections(&deployed.connector, &deployed.stores(), COUNT).await;
    let before = deployed.connector.zoho.sandbox.minted();
    let minted = || deployed.connector.zoho.sandbox.minted() - before;
    deployed.trouble(Trouble { throttled_writes: 2, ..Trouble::NONE });
    tick(&deployed, COUNT).await;
    let (throttled, _) = deployed.met();
    // A new secret is made, staged and promoted.
    assert!(throttled >= COUNT * 6, "{throttled}");
    assert_eq!(minted(), COUNT);
    let first = stored(&deployed, COUNT).await;

    deployed.trouble(Trouble { throttled_writes: 4, ..Trouble::NONE });
    let names = planted::names(3);
    let renewals = names.iter().zip(&first).map(|(name, token)| {
        let (cloud, dead) = (&deployed.cloud, token.token.digest());
        let ask = json!({ "ask": "renew", "connection": name.as_str(), "dead": dead });
        async move { cloud.invoke("token-refresh", &ask).await.unwrap() }
    });
    for reply in join_all(renewals).await {
        assert_eq!(reply, json!({ "reply": "renewed" }), "{}", deployed.cloud.log("token-refresh"));
    }
    assert!(deployed.met().0 >= names.len() * 8);
    assert_eq!(minted(), COUNT + names.len());
    deployed.trouble(Trouble::NONE);
    for (before, after) in first.iter().zip(stored(&deployed, names.len()).await) {
        assert_ne!(before.token.digest(), after.token.digest());
    }
}

/// On the real clock, with what AWS takes in a second: 50 writes of secrets of a kind, 1,000 units of a partition.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes of the real clock"]
async fn three_hundred_connections_are_renewed_within_the_limits_of_aws() {
    const COUNT: usize = 300;
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    planted::connections(&deployed.connector, &deployed.stores(), COUNT).await;
    let before = deployed.connector.zoho.sandbox.minted();
    deployed.cloud.time_limit("token-refresh", Duration::from_secs(300));
    deployed.trouble(Trouble { writes_a_second: 50, units_a_second: 1000, ..Trouble::NONE });
    let schedule = serde_json::from_str(include_str!("../../events/token-refresh-schedule.json")).unwrap();
    let mut renewed = 0;
    // What one run has no time for, the next one does.
    for run in 1..=5 {
        let ticked = deployed.cloud.invoke("token-refresh", &schedule).await.unwrap();
        println!("run {run}: {ticked}; throttled so far: {}", deployed.met().0);
        assert_eq!(ticked["failed"], 0, "{}", deployed.cloud.log("token-refresh"));
        renewed += usize::try_from(ticked["renewed"].as_u64().unwrap()).unwrap();
        if renewed == COUNT {
            break;
        }
    }
    assert_eq!((renewed, deployed.connector.zoho.sandbox.minted() - before), (COUNT, COUNT));
    deployed.trouble(Trouble::NONE);
    stored(&deployed, COUNT).await;
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
