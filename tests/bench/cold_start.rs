//! What a cold start and a warm event cost, beside a function that does nothing. Not a test: run it by hand,
//! `cargo test --profile measure --workspace --all-features --bench bench -- --ignored --nocapture cold_start`. It builds and takes
//! the release binaries as they are deployed; `BENCH_STARTS` and `BENCH_EVENTS` say how many. The emulator's own share is in
//! every time, so compare with the floor.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::store::secret_record;
use tests::aws::{Aws, AwsWindow};
use tests::connector::Agent;
use tests::deployed::Deployed;
use tests::lambda::{Cloud, Figures};

use crate::setup::{ONE, event, number, release};

const FLOOR: &str = "lambda-floor";

/// The value below which so many of a hundred lie.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64()
}

/// One kind of event to one binary.
struct Case {
    name: &'static str,
    /// What the emulator calls it.
    function: &'static str,
    binary: PathBuf,
    event: Value,
    cold: Calls,
    warm: Calls,
}

/// Calls to AWS and to Zoho.
#[derive(Default)]
struct Calls {
    aws: BTreeMap<String, usize>,
    zoho: usize,
}

impl Calls {
    fn take(window: &AwsWindow, deployed: &Deployed) -> Self {
        let zoho = deployed.connector.zoho.sandbox.requests().len();
        deployed.connector.zoho.sandbox.clear_requests();
        Self { aws: window.take_calls(), zoho }
    }

    fn text(&self) -> String {
        let aws: Vec<_> = self.aws.iter().map(|(name, count)| format!("{count} {name}")).collect();
        format!(
            "AWS: {}; Zoho: {}",
            if aws.is_empty() { "none".to_owned() } else { aws.join(", ") },
            self.zoho
        )
    }
}

/// Init and first answer in ms, warm p50 and p99 in µs, CPU in ms, peak in MB: medians over the starts.
fn values(starts: &[Figures]) -> [f64; 6] {
    let median = |of: &dyn Fn(&Figures) -> Duration| {
        percentile(&mut starts.iter().map(of).collect::<Vec<_>>(), 50) * 1e3
    };
    let mut warm: Vec<Duration> =
        starts.iter().flat_map(|start| start.events.iter().skip(1)).copied().collect();
    let peak = starts.iter().map(|start| start.peak_kib).max().unwrap();
    [
        median(&|start| start.init.unwrap()),
        median(&|start| start.first_answer.unwrap()),
        percentile(&mut warm, 50) * 1e6,
        percentile(&mut warm, 99) * 1e6,
        median(&|start| start.cpu),
        f64::from(u32::try_from(peak).unwrap()) / 1024.0,
    ]
}

fn table(rows: &[(&Case, [f64; 6])]) -> String {
    let mut text = String::from(
        "| function | binary MB | init ms | first answer ms | warm p50 µs | warm p99 µs | CPU ms | peak MB |\n",
    );
    text += "|---|---|---|---|---|---|---|---|\n";
    for (index, (case, values)) in rows.iter().enumerate() {
        let bytes = std::fs::metadata(&case.binary).unwrap().len();
        write!(text, "| {} | {:.2} |", case.name, f64::from(u32::try_from(bytes).unwrap()) / 1e6).unwrap();
        for (value, floor) in values.iter().zip(rows[0].1) {
            match index {
                0 => write!(text, " {value:.2} |").unwrap(),
                _ => write!(text, " {value:.2} ({:.1} ×) |", value / floor).unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

/// The same read at Zoho's stand-in without a connector in between, in µs.
async fn direct(deployed: &Deployed, agent: &Agent, path: &str, times: usize) -> f64 {
    agent.get(path).await.ok();
    let requests = deployed.connector.zoho.sandbox.requests();
    let path = path.trim_start_matches("/v1/inventory");
    let last = requests.iter().rev().find(|request| request.path.ends_with(path)).unwrap();
    let url = format!("{}{}?{}", deployed.connector.zoho.url, last.path, last.query);
    let name = AccessToken::secret_name(&ConnectionName::default());
    let token =
        secret_record::load::<AccessToken>(&*deployed.stores().secrets, &name).await.unwrap().unwrap().0;
    let authorization = format!("Zoho-oauthtoken {}", token.token.expose());
    let client = shared::zoho::http::browser().unwrap();
    let mut taken = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let answer = client.get(&url).header("authorization", &authorization).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        taken.push(begun.elapsed());
    }
    percentile(&mut taken, 50) * 1e6
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn start_and_event() {
    let (starts, events) = (number("BENCH_STARTS", 20), number("BENCH_EVENTS", 400));
    let window = AwsWindow::open(&Aws::get().url).await;
    let deployed = Deployed::on_aws_at(Cloud::start().await, window.url.clone()).await.without_limit();
    let agent = deployed.connect().await;
    window.remember();
    let (floor, proxy) = (release(FLOOR), release("api-proxy"));
    let case = |name, function, binary: &Path, path| {
        deployed.cloud.function(function, binary, &deployed.variables("api-proxy"));
        let (cold, warm) = Default::default();
        Case { name, function, binary: binary.to_owned(), event: event(path, &agent), cold, warm }
    };
    let mut cases = [
        case("nothing (the floor)", FLOOR, &floor, "/health"),
        case("api-proxy /health", "proxy-health", &proxy, "/health"),
        case("api-proxy one item", "proxy-item", &proxy, ONE),
        case("api-proxy items", "proxy-items", &proxy, "/v1/inventory/items"),
    ];
    // The first start fills the window's memory; then side by side, so that noise falls on all.
    for start in 0..=starts {
        for case in &mut cases {
            Calls::take(&window, &deployed);
            for event in 0..events {
                let answer = deployed.cloud.invoke(case.function, &case.event).await.unwrap();
                assert_eq!(answer["statusCode"], 200, "{answer}");
                if event == 0 {
                    case.cold = Calls::take(&window, &deployed);
                }
            }
            case.warm = Calls::take(&window, &deployed);
            deployed.cloud.retire(case.function);
            if start == 0 {
                deployed.cloud.function(case.function, &case.binary, &deployed.variables("api-proxy"));
            }
        }
    }
    let rows: Vec<_> =
        cases.iter().map(|case| (case, values(&deployed.cloud.figures(case.function)))).collect();
    println!(
        "{starts} starts × {events} events, AWS and Zoho on the same machine, medians\n\n{}",
        table(&rows)
    );
    for ((case, values), path) in rows[2..].iter().zip([ONE, "/v1/inventory/items"]) {
        let direct = direct(&deployed, &agent, path, events).await;
        let ratio = values[2] / (rows[0].1[2] + direct);
        println!("{}: {ratio:.2} × (floor + {direct:.0} µs of the direct call)", case.name);
    }
    for case in &cases[1..] {
        println!("{}: cold {}; {} more events {}", case.name, case.cold.text(), events - 1, case.warm.text());
    }
}

/// What 2 MB cost on their way through, beside the same bytes through a function that does nothing with them and the same call
/// made directly: together, one copy.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn two_megabytes_passed_through() {
    const PATH: &str = "/v1/zoho/inventory/items/3300000000070001/image";
    const KIND: &str = "multipart/form-data; boundary=x";
    let events = number("BENCH_EVENTS", 200);
    let deployed = Deployed::on(Cloud::start().await).await.without_limit();
    let connector = &deployed.connector;
    connector.connect(&["--scopes", "ZohoInventory.FullAccess.all"]).await;
    let agent = connector.agent(&["--can", "zoho:*:inventory/**"]).await;
    deployed.cloud.function(FLOOR, &tests::process::function(FLOOR), &[]);

    let head = "--x\r\nContent-Disposition: form-data; name=\"image\"\r\nContent-Type: image/png\r\n\r\n";
    let image: Vec<u8> =
        (0..2_000_000_u32).map(|number| number.wrapping_mul(0x9E37_79B9).to_be_bytes()[0]).collect();
    let form = [head.as_bytes(), &image, b"\r\n--x--\r\n"].concat();
    let (get, mut post) = (event(PATH, &agent), event(PATH, &agent));
    post["requestContext"]["http"]["method"] = "POST".into();
    post["headers"]["content-type"] = KIND.into();
    post["body"] = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &form).into();
    post["isBase64Encoded"] = true.into();
    let (mut out, nothing) = (event("/out", &agent), event("/", &agent));
    out["requestContext"]["http"]["path"] = "/out".into();
    let mut into = post.clone();
    into["rawPath"] = "/".into();

    let timed = async |function: &str, event: &Value| {
        let mut taken = Vec::new();
        let invoke = async || {
            let begun = Instant::now();
            let answer = deployed.cloud.invoke(function, event).await.unwrap();
            let taken = begun.elapsed();
            let body = answer["body"].as_str().unwrap_or_default();
            assert_eq!(answer["statusCode"], 200, "{function}: {}", body.get(..300).unwrap_or_default());
            taken
        };
        invoke().await;
        let before = deployed.cloud.figures(function).last().unwrap().cpu;
        for _ in 0..events {
            taken.push(invoke().await);
        }
        let figures = deployed.cloud.figures(function).pop().unwrap();
        let count = u32::try_from(events).unwrap();
        (
            (figures.cpu - before).as_secs_f64() * 1e3 / f64::from(count),
            percentile(&mut taken, 50) * 1e3,
            figures.peak_kib / 1024,
        )
    };
    let (post_cost, small, large) =
        (timed("api-proxy", &post).await, timed(FLOOR, &nothing).await, timed(FLOOR, &into).await);
    deployed.cloud.retire("api-proxy");
    let (get_cost, giving) = (timed("api-proxy", &get).await, timed(FLOOR, &out).await);

    let last = connector.zoho.sandbox.requests().pop().unwrap();
    let url = format!("{}{}?{}", connector.zoho.url, last.path, last.query);
    let authorization = &last.headers.iter().find(|(name, _)| name == "authorization").unwrap().1;
    let client = shared::zoho::http::browser().unwrap();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for _ in 0..events {
        let begun = Instant::now();
        let call = client.post(&url).header("authorization", authorization).header("content-type", KIND);
        assert_eq!(call.body(form.clone()).send().await.unwrap().status(), 200);
        up.push(begun.elapsed());
        let begun = Instant::now();
        let answer = client.get(&url).header("authorization", authorization).send().await.unwrap();
        assert_eq!(answer.bytes().await.unwrap().len(), image.len());
        down.push(begun.elapsed());
    }
    let (up, down) = (percentile(&mut up, 50) * 1e3, percentile(&mut down, 50) * 1e3);
    println!("2 MB, {events} events each: CPU ms of the function, p50 ms, peak MB");
    for (name, (cpu, wall, peak)) in [
        ("floor, nothing", small),
        ("floor, 2 MB in", large),
        ("floor, 2 MB out", giving),
        ("api-proxy, 2 MB in (POST)", post_cost),
        ("api-proxy, 2 MB out (GET)", get_cost),
    ] {
        println!("| {name} | {cpu:.2} | {wall:.2} | {peak} |");
    }
    println!("direct POST {up:.2} ms, direct GET {down:.2} ms");
    println!(
        "POST: {:.2} × the copy; GET: {:.2} × the copy",
        post_cost.1 / (large.1 + up),
        get_cost.1 / (giving.1 + down)
    );
}
