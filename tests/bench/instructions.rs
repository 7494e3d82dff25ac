//! How many instructions a start and a warm event cost, which no noise of the machine changes. Needs valgrind. Not a test: run it
//! by hand, `cargo test --profile measure --workspace --all-features --bench bench -- --ignored --nocapture instructions`.
//! `BENCH_BINARIES` names api-proxy binaries to compare, the first being the base of the ratios; without it the one that is
//! deployed is built and counted.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::connector::Agent;
use tests::deployed::Deployed;
use tests::lambda::Cloud;

use crate::setup::{ONE, event, number, release};

/// One that valgrind runs, in the place of the binary itself.
struct Counted {
    folder: TempDir,
}

impl Counted {
    fn new(binary: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().display();
        let script = format!(
            "#!/bin/sh\necho $$ > {path}/pid\n\
             exec valgrind --tool=callgrind --quiet --callgrind-out-file={path}/counts {}\n",
            binary.display()
        );
        let counted = Self { folder };
        std::fs::write(counted.script(), script).unwrap();
        std::fs::set_permissions(counted.script(), std::fs::Permissions::from_mode(0o700)).unwrap();
        counted
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The instructions since the last call.
    fn take(&self, part: usize) -> u64 {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        let dump = Command::new("vgdb").arg(format!("--pid={}", pid.trim())).arg("dump").output().unwrap();
        assert!(dump.status.success(), "{dump:?}");
        let counts = std::fs::read_to_string(self.folder.path().join(format!("counts.{part}"))).unwrap();
        let line = counts.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        line.trim().parse().unwrap()
    }
}

/// An order, asked for under a key of its own.
fn order(number: usize, agent: &Agent) -> Value {
    let mut event = event("/v1/inventory/salesorders", agent);
    let body = json!({
        "customer": "Harbor Interiors GmbH",
        "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 1 }],
    });
    event["requestContext"]["http"]["method"] = "POST".into();
    event["headers"]["content-type"] = "application/json".into();
    event["headers"]["idempotency-key"] = format!("order-{number}").into();
    event["body"] = body.to_string().into();
    event
}

/// Instructions of a start with its first event, and of one more.
async fn count(binary: &Path, kind: &str, events: usize) -> (u64, u64) {
    let deployed = Deployed::on_aws(Cloud::start().await).await.without_limit();
    deployed.connector.connect(&["--access", "write"]).await;
    let agent = deployed.connector.agent(&["--can", "inventory:read,inventory:write"]).await;
    let counted = Counted::new(binary);
    deployed.cloud.function("counted", &counted.script(), &deployed.variables("api-proxy"));
    let ask = async |number: usize| {
        let event = match kind {
            "an order" => order(number, &agent),
            path => event(path, &agent),
        };
        let answer = deployed.cloud.invoke("counted", &event).await.unwrap();
        assert!(matches!(answer["statusCode"].as_u64(), Some(200 | 201)), "{answer}");
    };
    ask(0).await;
    let start = counted.take(1);
    for number in 1..=events {
        ask(number).await;
    }
    (start, counted.take(2) / u64::try_from(events).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn start_and_event() {
    let events = number("BENCH_EVENTS", 20);
    let binaries: Vec<PathBuf> = match std::env::var("BENCH_BINARIES") {
        Ok(paths) => paths.split(',').map(PathBuf::from).collect(),
        Err(_) => vec![release("api-proxy")],
    };
    println!("| | binary | start and first event, millions | one more event, millions |\n|---|---|---|---|");
    for kind in ["/health", ONE, "/v1/inventory/items", "an order"] {
        let mut base = None;
        for binary in &binaries {
            let (start, event) = count(binary, kind, events).await;
            let (first, one) = *base.get_or_insert((start, event));
            println!(
                "| {kind} | {} | {} | {} |",
                binary.display(),
                millions(start, first),
                millions(event, one)
            );
        }
    }
}

/// In millions, and the ratio to the base.
fn millions(count: u64, base: u64) -> String {
    let thousandths = |count: u64, of: u64| format!("{}.{:03}", count / of, count % of * 1000 / of);
    format!("{} ({} ×)", thousandths(count, 1_000_000), thousandths(count, base))
}
