//! How long callers wait: by the clock on the wall, as far as simulated time cannot tell.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sandbox::{Fault, FaultKind, Sandbox};
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Stores};
use tests::agent::Agent;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::flood;
use tests::lambda::Cloud;

const ITEMS: &str = "/v1/inventory/items";

/// One call of an agent that comes again when it is told to; how long its longest try took.
async fn persistent(agent: &Agent) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..60 {
        let begun = Instant::now();
        let answer = agent.get(ITEMS).await;
        longest = longest.max(begun.elapsed());
        if answer.status == 200 {
            return longest;
        }
        let wait = answer.body["retry_after"].as_u64().unwrap_or(1);
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    panic!("never served")
}

async fn longest_of_two_hundred(agent: &Agent) -> Duration {
    join_all((0..200).map(|_| persistent(agent))).await.into_iter().max().unwrap()
}

/// Two hundred callers where ten functions may run: a renewal makes the longest try longer by Zoho's time and no more than
/// three times what it is without one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn a_renewal_makes_no_try_much_longer() {
    let deployed = Deployed::on(Cloud::with_concurrency(10).await).await.without_limit();
    let agent = deployed.connect().await;
    let without = longest_of_two_hundred(&agent).await;
    for function in ["api-proxy", "token-refresh"] {
        deployed.cloud.retire(function);
    }
    let sandbox = &deployed.connector.zoho.sandbox;
    sandbox.expire_access_tokens();
    let refresh = Duration::from_secs(1);
    let path_contains = "/oauth/v2/token".to_owned();
    sandbox.inject(Fault { path_contains, times: 1, kind: FaultKind::Slow(refresh) });
    let longest = longest_of_two_hundred(&agent).await;
    println!("longest try {longest:?}, without a renewal {without:?}");
    assert!(longest < refresh + 3 * without.max(Duration::from_millis(600)), "{longest:?} {without:?}");
}

/// Each fault of Zoho is told within three seconds, a Zoho that is away within five, and Ctrl-C ends the server within six.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn trouble_is_told_soon() {
    let (mut connector, agent) = Connector::connected().await;
    for kind in [FaultKind::Html200, FaultKind::Status(503), FaultKind::ResetBefore, FaultKind::ResetAfter] {
        let fault = Fault { path_contains: "/api/".to_owned(), times: 9, kind: kind.clone() };
        connector.zoho.sandbox.inject(fault);
        let begun = Instant::now();
        assert_ne!(agent.get(ITEMS).await.status, 200);
        println!("{kind:?} is told after {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(3));
        connector.zoho.sandbox.clear_faults();
    }
    drop(std::mem::replace(&mut connector.zoho, Sandbox::listen(sandbox::Options::new("")).await.unwrap()));
    let begun = Instant::now();
    agent.get("/v1/crm/deals").await.problem("zoho_unavailable");
    println!("a Zoho that is away is told after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5));
    let begun = Instant::now();
    assert_eq!(connector.interrupt().await, 0);
    println!("the server ends after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(6));
}

/// The writes that wait for a locked file wait together: eight no longer than one and a half times as long as one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn eight_wait_for_a_locked_file_as_long_as_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let clock = std::sync::Arc::new(shared::base::clock::SystemClock);
    let stores: Stores = Sqlite::open(folder.path(), clock).unwrap().into();
    let file = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "sqlite3")).unwrap();
    let foreign = rusqlite::Connection::open(file).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let write = |count: usize| {
        let writes = (0..count).map(|index| {
            let key = Key::new("p", index.to_string());
            stores.state.put(Put { key, value: "1".to_owned(), condition: Condition::Any, expires: None })
        });
        async {
            let begun = Instant::now();
            assert!(join_all(writes).await.iter().all(Result::is_err));
            begun.elapsed()
        }
    };
    let (one, eight) = (write(1).await, write(8).await);
    println!("one waits {one:?}, eight {eight:?}");
    assert!(eight < one.mul_f64(1.6), "{one:?} {eight:?}");
}

/// A function that Zoho keeps waiting answers before Lambda kills it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn with_little_time_left_a_function_answers_before_it_is_killed() {
    let deployed = Deployed::on(Cloud::start().await).await;
    let agent = deployed.connect().await;
    agent.get("/v1/status").await.ok();
    let kind = FaultKind::Slow(Duration::from_secs(20));
    let fault = Fault { path_contains: "/items".to_owned(), times: 1, kind };
    deployed.connector.zoho.sandbox.inject(fault);
    deployed.cloud.time_limit("api-proxy", Duration::from_secs(3));
    let late = agent.get(ITEMS).await;
    assert!(late.status >= 500 && late.body["retryable"] == true, "{}", late.body);
    assert_eq!(deployed.cloud.figures("api-proxy").len(), 1, "it lives");
}

/// A caller waits less than 100 ms beside a thousand strangers who send nothing, or slowly.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn a_caller_beside_a_thousand_strangers_waits_less_than_100_ms() {
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
