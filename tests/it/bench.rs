//! What a cold start and a warm event cost, beside a function that does nothing. Not a test: run it by hand,
//! `cargo test -p tests --test it -- --ignored bench --nocapture`. `BENCH_RELEASE=1` builds and takes release binaries,
//! `BENCH_STARTS` and `BENCH_EVENTS` say how many. The emulator's own share is in every time, so compare with the floor; for
//! times that are worth something by themselves, let the test be a release build too (`cargo test --release`).

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::connector::Agent;
use tests::deployed::Deployed;
use tests::lambda::{Cloud, Figures};
use tests::process;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn binary(name: &str) -> PathBuf {
    let dev = process::function(name);
    if std::env::var("BENCH_RELEASE").as_deref() != Ok("1") {
        return dev;
    }
    let package = if name == "lambda-floor" { "tests" } else { name };
    let args = ["build", "--release", "--all-features", "-p", package, "--bin", name];
    assert!(Command::new(env!("CARGO")).args(args).status().unwrap().success());
    dev.parent().unwrap().with_file_name("release").join(name)
}

fn event(path: &str, agent: &Agent) -> Value {
    let file = format!("{}/../events/api-proxy-items.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    event["rawPath"] = path.into();
    event["headers"]["authorization"] = format!("Bearer {}", agent.key).into();
    event
}

/// The value below which so many of a hundred lie.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64()
}

struct Row {
    name: &'static str,
    megabytes: f64,
    /// Init and first answer in ms, warm p50 and p99 in µs, CPU in ms, peak in MB: medians over the starts.
    values: [f64; 6],
}

fn row(name: &'static str, binary: &Path, starts: &[Figures]) -> Row {
    let median = |of: &dyn Fn(&Figures) -> Duration| {
        percentile(&mut starts.iter().map(of).collect::<Vec<_>>(), 50) * 1e3
    };
    let mut warm: Vec<Duration> =
        starts.iter().flat_map(|start| start.events.iter().skip(1)).copied().collect();
    let peak = starts.iter().map(|start| start.peak_kib).max().unwrap();
    let values = [
        median(&|start| start.init.unwrap()),
        median(&|start| start.first_answer.unwrap()),
        percentile(&mut warm, 50) * 1e6,
        percentile(&mut warm, 99) * 1e6,
        median(&|start| start.cpu),
        f64::from(u32::try_from(peak).unwrap()) / 1024.0,
    ];
    let bytes = std::fs::metadata(binary).unwrap().len();
    Row { name, megabytes: f64::from(u32::try_from(bytes).unwrap()) / 1e6, values }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| function | binary MB | init ms | first answer ms | warm p50 µs | warm p99 µs | CPU ms | peak MB |\n",
    );
    text += "|---|---|---|---|---|---|---|---|\n";
    for (index, row) in rows.iter().enumerate() {
        write!(text, "| {} | {:.1} |", row.name, row.megabytes).unwrap();
        for (value, floor) in row.values.iter().zip(rows[0].values) {
            match index {
                0 => write!(text, " {value:.2} |").unwrap(),
                _ => write!(text, " {value:.2} ({:.1} ×) |", value / floor).unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn bench() {
    let (starts, events) = (number("BENCH_STARTS", 5), number("BENCH_EVENTS", 50));
    let (deployed, agent) = Deployed::connected(Cloud::start().await).await;
    deployed.connector.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let (health, items) = (event("/health", &agent), event("/v1/inventory/items", &agent));
    let mut rows = Vec::new();
    for (name, file, event) in [
        ("nothing (the floor)", "lambda-floor", &health),
        ("api-proxy /health", "api-proxy", &health),
        ("api-proxy items", "api-proxy", &items),
    ] {
        let binary = binary(file);
        deployed.function(file, &binary);
        for _ in 0..starts {
            for _ in 0..events {
                let answer = deployed.cloud.invoke(file, event).await.unwrap();
                assert_eq!(answer["statusCode"], 200, "{answer}");
            }
            deployed.cloud.retire(file);
        }
        rows.push(row(name, &binary, &deployed.cloud.figures(file)));
    }
    println!(
        "{starts} starts × {events} events, the sandbox on the same machine, medians\n\n{}",
        table(&rows)
    );
}
