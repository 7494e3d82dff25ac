//! Ten times as many requests as can be served: most are refused at once, those that are taken keep their pace, and when it is
//! over, it is over. A flood without a key slows nobody who has one.

#![expect(clippy::print_stdout, reason = "the figures are for reading")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sandbox::{Fault, FaultKind, Options};
use tests::agent::Agent;
use tests::connector::{Connector, free_port};
use tests::open_loop::{self, Pace, Told};

const PATH: &str = "/v1/crm/deals";

/// What Zoho takes for a call.
const ZOHO: Duration = Duration::from_millis(200);

/// Calls at a time. With Zoho's time, 250 a second are all that can be.
const AT_ONCE: &str = "50";

/// A fifth of that, as on a usual day.
const QUIET: Pace = Pace { a_second: 50, seconds: 10, connections: 40 };

/// Ten times that. The connections are more than are at work at a time, and fewer than `serve` keeps.
const FLOOD: Pace = Pace { a_second: 2_500, seconds: 20, connections: 400 };

/// Zoho's answers take their time from now on.
async fn slow_zoho() -> (Connector, Agent) {
    let mut connector =
        Connector::prepare(Options::new(""), format!("http://127.0.0.1:{}", free_port())).await;
    connector.calls_at_once = AT_ONCE;
    connector.lift_the_limit();
    connector.zoho.sandbox.switches(|switches| switches.crm_credits = 100_000_000);
    connector.boot().await;
    connector.connect(&[]).await;
    let agent = connector.agent(&[]).await;
    agent.get(PATH).await.ok();
    let kind = FaultKind::Slow(ZOHO);
    connector.zoho.sandbox.inject(Fault { path_contains: "/crm/".to_owned(), times: usize::MAX, kind });
    (connector, agent)
}

/// The value below which so many of a hundred lie.
fn percentile(told: &[&Told], percent: usize) -> Duration {
    let mut times: Vec<_> = told.iter().map(|told| told.took).collect();
    times.sort();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn row(what: &str, told: &[&Told]) {
    let part = |percent| percentile(told, percent).as_secs_f64() * 1e3;
    println!("| {what} | {} | {:.1} | {:.1} | {:.1} |", told.len(), part(50), part(99), part(100));
}

fn head(connector: &Connector, what: &str) {
    let files = std::fs::read_dir(format!("/proc/{}/fd", connector.pid())).map(Iterator::count);
    println!("{what}; files that `serve` has open: {:?}", files.ok());
    println!("| | requests | p50 ms | p99 ms | most ms |\n|---|---|---|---|---|");
}

/// All of them were told this.
fn all_are(told: &[Told], status: u16) -> Vec<&Told> {
    let other = told.iter().find(|told| told.status != status);
    assert!(other.is_none(), "{other:?}");
    told.iter().collect()
}

async fn quiet(connector: &Connector, agent: &Agent) -> Vec<Told> {
    open_loop::run(&connector.url, vec![open_loop::get(PATH, Some(&agent.key))], QUIET).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn at_ten_times_the_load_what_is_taken_keeps_its_pace() {
    let (connector, agent) = slow_zoho().await;
    let usual = quiet(&connector, &agent).await;
    let usual = all_are(&usual, 200);
    let told = open_loop::run(&connector.url, vec![open_loop::get(PATH, Some(&agent.key))], FLOOD).await;
    // At once: nobody waits for anything to calm down.
    let mut after = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        agent.get(PATH).await.ok();
        after.push(begun.elapsed());
    }

    let (taken, refused): (Vec<_>, Vec<_>) = told.iter().partition(|told| told.status == 200);
    head(&connector, "ten times what can be served");
    row("quiet", &usual);
    row("flood, taken", &taken);
    row("flood, refused", &refused);
    println!("the first call afterwards: {:?}, the longest of 20: {:?}", after[0], after.iter().max());
    for told in &refused {
        let is_busy = told.code.as_deref() == Some("connector_busy");
        assert!(told.status == 503 && is_busy && told.retry_after.as_deref() == Some("1"), "{told:?}");
    }
    let most = percentile(&usual, 99) * 2;
    assert!(percentile(&taken, 99) <= most, "what is taken keeps its pace: at most {most:?}");
    let (served, possible) = (taken.len(), 250 * usize::try_from(FLOOD.seconds).unwrap());
    assert!(served * 4 >= possible * 3, "{served} were served, and {possible} can be");
    assert!(after[0] < Duration::from_secs(1), "{after:?}");
    assert!(after.iter().all(|took| *took <= most), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn a_flood_without_a_key_slows_nobody_who_has_one() {
    let (connector, agent) = slow_zoho().await;
    let usual = quiet(&connector, &agent).await;
    let usual = all_are(&usual, 200);
    // Without a key, with a key of nobody's, and with another secret of a key that is there.
    let (id, secret) = agent.key.trim_start_matches("zck_").split_once('_').unwrap();
    let keys =
        [None, Some(format!("zck_000000000000_{secret}")), Some(format!("zck_{id}_{}", "0".repeat(64)))];
    let requests = keys.iter().map(|key| open_loop::get(PATH, key.as_deref())).collect();
    let flood = open_loop::start(&connector.url, requests, FLOOD);
    let beside = Pace { seconds: FLOOD.seconds - 2, ..QUIET };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let key = vec![open_loop::get(PATH, Some(&agent.key))];
    let told = open_loop::run(&connector.url, key, beside).await;
    let flood = open_loop::end(flood).await;

    head(&connector, "a flood without a key");
    row("quiet", &usual);
    row("beside the flood", &all_are(&told, 200));
    row("flood, refused", &all_are(&flood, 401));
    let mut codes = BTreeMap::<_, usize>::new();
    flood.iter().for_each(|told| *codes.entry(told.code.as_deref()).or_default() += 1);
    println!("{codes:?}");
    let most = percentile(&usual, 99) * 2;
    assert!(percentile(&all_are(&told, 200), 99) <= most, "at most {most:?}");
}
