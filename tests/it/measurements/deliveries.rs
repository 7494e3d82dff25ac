//! What a delivery costs `serve`, beside a plain Node handler that only verifies, and how many it stores in a second.

use std::process::Stdio;
use std::time::Duration;

use tests::connector::Connector;
use tests::hooks::{CUSTOM, Hook, numbered, set_secrets};
use tests::load::{self, Load};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Connections that are open at once, as API Gateway or a reverse proxy has them.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// The number's own delivery to the custom door: the scheme that both sides know.
fn signed(number: usize, good: bool) -> Hook {
    let hook = numbered(5 * number + 4);
    if good { hook } else { Hook::custom("stock.counted", "forged-forged-forged", hook.body) }
}

fn requests(from: usize, count: usize, good: bool) -> Vec<Vec<u8>> {
    let wire = |hook: Hook| {
        let (name, value) = hook.header.unwrap();
        load::request(&hook.path, (name, &value), std::str::from_utf8(&hook.body).unwrap())
    };
    (from..from + count).map(|number| wire(signed(number, good))).collect()
}

fn row(what: &str, connections: usize, load: &Load) -> String {
    let count: usize = load.statuses.values().sum();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(count).unwrap());
    let (a_second, cpu) = (1e6 / each(load.took), each(load.cpu));
    format!("| {what} | {connections} | {a_second:.0} | {cpu:.0} | {:?} |", load.statuses)
}

async fn node() -> (Child, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/node/verify.mjs");
    let mut child = Command::new("node")
        .arg(script)
        .env("WEBHOOK_SECRET", CUSTOM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node.js 20 or newer is there");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let port = line.trim_start_matches("listening on ").to_owned();
    (child, format!("127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn deliveries_a_second() {
    let count = std::env::var("BENCH_DELIVERIES").map_or(20_000, |text| text.parse().expect("a number"));
    let connector = Connector::start().await;
    let clock = std::sync::Arc::new(shared::base::clock::SystemClock);
    let stores: shared::store::Stores =
        shared::store::sqlite::Sqlite::open(connector.folder(), clock).unwrap().into();
    set_secrets(&*stores.secrets).await;
    let (node, node_address) = node().await;
    let (ours, theirs) = ((connector.url.trim_start_matches("http://"), connector.pid()), node.id().unwrap());
    // Both warm.
    load::run(ours.0, ours.1, requests(0, 2000, true), 16).await;
    load::run(&node_address, theirs, requests(0, 2000, true), 16).await;

    println!("| | connections | a second | CPU µs each | answers |\n|---|---|---|---|---|");
    let mut from = 2000;
    for connections in CONNECTIONS {
        // One by one, each waits for a sync of its own.
        let count = if connections == 1 { count / 10 } else { count };
        let load = load::run(ours.0, ours.1, requests(from, count, true), connections).await;
        println!("{}", row("serve: verified, stored, synced", connections, &load));
        let load = load::run(ours.0, ours.1, requests(from, count, true), connections).await;
        println!("{}", row("serve: the same once more, duplicates", connections, &load));
        let load = load::run(ours.0, ours.1, requests(from, count, false), connections).await;
        println!("{}", row("serve: forged, refused", connections, &load));
        let load = load::run(&node_address, theirs, requests(from, count, true), connections).await;
        println!("{}", row("Node: verified, nothing else", connections, &load));
        from += count;
    }
}
