//! How long a caller waits beside a thousand strangers who send nothing, or slowly.

use std::time::{Duration, Instant};

use tests::connector::Connector;
use tests::flood;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn a_caller_waits_less_than_100_ms_beside_a_thousand_strangers() {
    let (connector, agent) = Connector::connected().await;
    agent.get("/v1/status").await.ok();
    let alone = Instant::now();
    agent.get("/v1/status").await.ok();
    let alone = alone.elapsed();
    let _held = flood::strangers(&connector.url, 1_000).await;
    let mut longest = Duration::ZERO;
    for _ in 0..50 {
        let begun = Instant::now();
        agent.get("/v1/status").await.ok();
        longest = longest.max(begun.elapsed());
    }
    println!("alone {alone:?}, beside 1,000 strangers at most {longest:?}");
    assert!(longest < Duration::from_millis(100), "{longest:?}");
}
