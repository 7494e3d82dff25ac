//! Many at once: connections on one schedule, callers of one connection, in accounts with and without room.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sandbox::{Fault, FaultKind};
use serde_json::json;
use tests::connector::Agent;
use tests::deployed::Deployed;
use tests::inside::Inside;
use tests::lambda::Cloud;
use tests::planted;

const ITEMS: &str = "/v1/inventory/items";

fn slow_tokens(times: usize, by: Duration) -> Fault {
    Fault { path_contains: "/oauth/v2/token".to_owned(), times, kind: FaultKind::Slow(by) }
}

/// Renews them all by one event; seconds and peak MB of the real binary.
async fn tick(deployed: &Deployed, count: usize, zoho: Duration) -> (f64, f64) {
    deployed.connector.zoho.sandbox.inject(slow_tokens(count, zoho));
    deployed.cloud.time_limit("token-refresh", Duration::from_secs(60));
    let begun = Instant::now();
    let schedule = include_str!("../../events/token-refresh-schedule.json");
    let ticked =
        deployed.cloud.invoke("token-refresh", &serde_json::from_str(schedule).unwrap()).await.unwrap();
    let taken = begun.elapsed().as_secs_f64();
    assert_eq!(ticked, json!({"reply": "ticked", "renewed": count, "failed": 0}));
    let peak = deployed.cloud.figures("token-refresh").iter().map(|figures| figures.peak_kib).max().unwrap();
    let peak = f64::from(u32::try_from(peak).unwrap()) / 1024.0;
    (taken, peak)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_renews_five_hundred_connections_in_little_memory() {
    let deployed = Deployed::on(Cloud::start().await).await;
    planted::connections(&deployed.connector, &deployed.stores(), 500).await;
    let (taken, peak) = tick(&deployed, 500, Duration::from_millis(300)).await;
    println!("500 connections, Zoho takes 0.3 s each: {taken:.2} s, peak {peak:.1} MB");
    // Fifty at once: ten times Zoho's time, and our own.
    assert!(taken < 15.0, "{taken} s");
    assert!(peak < 64.0, "{peak} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_renews_fifty_connections_on_aws() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    planted::connections(&deployed.connector, &deployed.stores(), 50).await;
    let (taken, peak) = tick(&deployed, 50, Duration::from_millis(300)).await;
    println!("50 connections on AWS, Zoho takes 0.3 s each: {taken:.2} s, peak {peak:.1} MB");
    assert!(peak < 64.0, "{peak} MB");
}

#[tokio::test]
async fn two_hundred_cold_callers_mint_one_token_and_none_waits_long() {
    let mut inside = Inside::connected().await;
    inside.lift_the_limit();
    inside.advance(Duration::from_secs(61 * 60));
    let before = inside.zoho.sandbox.minted();
    let refresh = Duration::from_millis(1500);
    inside.zoho.sandbox.inject(slow_tokens(1, refresh));
    let calls = (0..200).map(|_| async {
        let begun = Instant::now();
        let (status, body) = inside.get_from(inside.cold(), ITEMS).await;
        assert_eq!(status, 200, "{body}");
        begun.elapsed()
    });
    let longest = join_all(calls).await.into_iter().max().unwrap();
    assert_eq!(inside.zoho.sandbox.minted() - before, 1);
    println!("longest wait {longest:?}, Zoho took {refresh:?}");
    assert!(longest < refresh + Duration::from_secs(2), "{longest:?}");
}

/// One call of an agent that comes again when it is told to; how long its longest try took.
async fn persistent(agent: &Agent) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..60 {
        let begun = Instant::now();
        let answer = agent.get(ITEMS).await;
        longest = longest.max(begun.elapsed());
        match answer.status {
            200 => return longest,
            // Ours, or API Gateway's where Lambda throttles.
            503 => assert!(
                answer.body["code"] == "token_pending" || answer.body["message"] == "Service Unavailable"
            ),
            other => panic!("{other}: {}", answer.body),
        }
        let wait = answer.body["retry_after"].as_u64().unwrap_or(1);
        tokio::time::sleep(Duration::from_secs(wait).mul_f64(0.5 + f64::from(rand()) / 255.0)).await;
    }
    panic!("never served")
}

fn rand() -> u8 {
    u8::from_str_radix(&shared::base::secret::random_hex::<1>(), 16).unwrap()
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
    let refresh = Duration::from_secs(1);
    sandbox.inject(slow_tokens(1, refresh));
    let begun = Instant::now();
    let longest = join_all((0..200).map(|_| persistent(&agent))).await.into_iter().max().unwrap();
    println!("all served in {:?}, longest try {longest:?}", begun.elapsed());
    assert_eq!(sandbox.minted() - before, 1);
    assert!(longest < refresh + Duration::from_secs(2), "{longest:?}");
}
