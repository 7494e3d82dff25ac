//! What a large body costs on its way through.

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::agent::Agent;
use tests::deployed::Deployed;
use tests::lambda::Cloud;

const FLOOR: &str = "lambda-floor";

/// The value below which so many of a hundred lie.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64()
}

/// A GET, as API Gateway hands it over.
fn event(path: &str, agent: &Agent) -> Value {
    let file = format!("{}/../events/api-proxy-items.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    event["rawPath"] = path.into();
    event["rawQueryString"] = "".into();
    event["headers"]["authorization"] = format!("Bearer {}", agent.key).into();
    event
}

/// What 2 MB cost on their way through, beside the same bytes through a function that does nothing with them and the same call
/// made directly: together, one copy.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn two_megabytes_passed_through() {
    const PATH: &str = "/v1/zoho/inventory/items/3300000000070001/image";
    const KIND: &str = "multipart/form-data; boundary=x";
    let events = 200_usize;
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
