//! The functions as Lambda runs them: the real binaries, behind the Runtime API, Invoke and API Gateway.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use sandbox::{Fault, FaultKind, Gate};
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::clock::until;
use tests::deployed::Deployed;
use tests::hooks::sign;
use tests::lambda::{Cloud, FunctionError, Gateway, decoded_path};
use tests::process;

/// One of the samples that the README invites to try.
fn sample(name: &str) -> Value {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Zoho answers late, so often.
fn slow(deployed: &Deployed, times: usize, seconds: f64) {
    let kind = FaultKind::Slow(Duration::from_secs_f64(seconds));
    deployed.connector.zoho.sandbox.inject(Fault { path_contains: "/items".to_owned(), times, kind });
}

/// Waits until a process works on an event that Zoho has received.
async fn zoho_is_asked(deployed: &Deployed) {
    let sandbox = &deployed.connector.zoho.sandbox;
    let is_asked = async || sandbox.requests().iter().any(|request| request.path.contains("/items"));
    until("asked", is_asked).await;
}

fn kill(pid: u32) {
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// A process that is gone with all its threads, though perhaps not yet buried.
fn is_dead(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    stat.is_empty() || (stat.contains(") Z ") && threads <= 1)
}

#[test]
fn a_path_is_decoded_once_and_whole() {
    for (sent, expected) in [
        ("/v1/inventory/items", "/v1/inventory/items"),
        ("/a%2Fb", "/a/b"),
        ("/a%252Fb", "/a%2Fb"),
        ("/a%00b", "/a\0b"),
        ("/a+b%2Bc", "/a+b+c"),
        ("/a%20b", "/a b"),
        ("/%C3%BC", "/ü"),
        ("/%FF", "/\u{fffd}"),
        ("/a%3Fb=c", "/a"),
        ("/a%23b", "/a#b"),
        ("/a%", "/a%"),
        ("/%2e%2e/a//", "/../a//"),
    ] {
        assert_eq!(decoded_path(sent), expected, "{sent}");
    }
}

fn echo_script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/echo.sh")
}

/// A function that answers with its event.
async fn echo() -> (Cloud, String) {
    let cloud = Cloud::start().await;
    cloud.function("echo", &echo_script(), &[("OF_THE_TEST", "yes")]);
    let url = cloud.serve_http(&[("/", "echo")]).await;
    (cloud, url)
}

#[tokio::test]
async fn a_request_becomes_an_event_of_format_2() {
    let (_cloud, url) = echo().await;
    let send = async |path: &str, kind: &str, body: &[u8]| {
        let request = reqwest_client().put(format!("{url}{path}")).header("content-type", kind);
        let request = request.header("X-Twice", "a").header("X-Twice", "b").header("cookie", "a=1; b=2");
        let answer = request.header("user-agent", "test/1").body(body.to_vec()).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
    };
    let event = send("/a%2Fb/%C3%BC?x=1&x=2%2B+3&empty=", "application/json; charset=utf-8", b"{}").await;
    assert_eq!((&event["version"], &event["routeKey"]), (&json!("2.0"), &json!("$default")));
    assert_eq!(event["rawPath"], "/a/b/ü");
    assert_eq!(event["rawQueryString"], "x=1&x=2%2B+3&empty=", "as it was sent");
    assert_eq!(event["queryStringParameters"], json!({ "x": "1,2+ 3", "empty": "" }));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    let domain = "abc123.execute-api.eu-central-1.amazonaws.com";
    for (name, expected) in [
        ("x-twice", json!("a,b")),
        ("host", json!(domain)),
        ("x-forwarded-for", json!("127.0.0.1")),
        ("x-forwarded-proto", json!("https")),
        ("cookie", Value::Null),
    ] {
        assert_eq!(event["headers"][name], expected, "{name}");
    }
    let context = &event["requestContext"];
    assert_eq!((&context["domainName"], &context["stage"]), (&json!(domain), &json!("$default")));
    let http = json!({
        "method": "PUT", "path": "/a/b/ü", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test/1",
    });
    assert_eq!(context["http"], http);
    assert!(context["timeEpoch"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));

    for (kind, body, expected, encoded) in [
        ("text/plain", "ü".as_bytes(), "ü", false),
        ("application/problem+json", b"{}", "{}", false),
        ("application/x-www-form-urlencoded", b"a=b", "YT1i", true),
        ("application/octet-stream", b"a", "YQ==", true),
        ("text/plain", b"\xff", "/w==", true),
    ] {
        let event = send("/", kind, body).await;
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!(expected), &json!(encoded)),
            "{kind}"
        );
        assert!(event.get("queryStringParameters").is_none());
    }
    assert!(send("/", "text/plain", b"").await.get("body").is_none());
}

#[tokio::test]
async fn an_answer_becomes_a_response() {
    let (cloud, url) = echo().await;
    let answer = json!({
        "statusCode": 201, "isBase64Encoded": true, "body": "/w==", "cookies": ["a=1", "b=2"],
        "headers": { "X-One": "1", "content-type": "image/png", "content-length": "999" },
        "multiValueHeaders": { "x-two": ["2"] },
    });
    assert_eq!(cloud.invoke("echo", &answer).await.unwrap(), answer);
    let (response, plain) = (Gateway::response(&answer).unwrap(), json!({ "statusCode": "204" }));
    assert_eq!(response.status().as_u16(), 201);
    let all = |name: &str| response.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        (all("set-cookie"), all("x-one")),
        (vec!["a=1".parse().unwrap(), "b=2".parse().unwrap()], vec!["1".parse().unwrap()])
    );
    assert_eq!(
        (all("content-type"), all("content-length")),
        (vec!["image/png".parse().unwrap()], Vec::new())
    );
    assert!(all("x-two").is_empty());
    assert_eq!(Gateway::response(&plain).unwrap().headers()["content-type"], "text/plain;charset=utf-8");
    for broken in
        [json!({ "statusCode": 99 }), json!({ "statusCode": 200, "isBase64Encoded": true, "body": "?" })]
    {
        assert!(Gateway::response(&broken).is_none(), "{broken}");
    }
    assert_eq!(reqwest_client().get(url).send().await.unwrap().headers()["content-type"], "application/json");
}

#[tokio::test]
async fn a_process_sees_what_lambda_sets_and_what_it_was_given() {
    let (cloud, _) = echo().await;
    cloud.invoke("echo", &json!({})).await.unwrap();
    let log = cloud.log("echo");
    for line in [
        "OF_THE_TEST=yes",
        "AWS_LAMBDA_FUNCTION_NAME=echo",
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        "AWS_REGION=eu-central-1",
        "_HANDLER=bootstrap",
        "lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:123456789012:function:echo",
        &format!("AWS_ENDPOINT_URL_LAMBDA={}", cloud.url()),
    ] {
        assert!(log.lines().any(|found| found.trim() == line), "{line}: {log}");
    }
    assert!(!log.lines().any(|line| line.starts_with("HOME=") || line.starts_with("CARGO")), "{log}");
    let deadline = log.lines().find_map(|line| line.strip_prefix("lambda-runtime-deadline-ms: ")).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!((now..now + 120_000).contains(&deadline.trim().parse().unwrap()), "{deadline} {now}");
}

#[tokio::test]
async fn health_answers_and_the_same_process_answers_again() {
    let deployed = Deployed::on(Cloud::start().await).await;
    for _ in 0..3 {
        let answer = Browser::default().get(&format!("{}/health", deployed.connector.url)).await;
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"));
        assert!(answer.text.starts_with(r#"{"status":"ok""#), "{}", answer.text);
        assert!(answer.headers.contains_key("apigw-requestid"));
    }
    let figures = deployed.cloud.figures("api-proxy");
    assert_eq!((figures.len(), figures[0].events.len()), (1, 3));
    assert!(figures[0].init.unwrap() < figures[0].first_answer.unwrap());
    assert!(figures[0].peak_kib > 1000 && figures[0].cpu > Duration::ZERO, "{figures:?}");
    assert!(deployed.cloud.log("api-proxy").contains(r#""route":"/health""#));
}

#[tokio::test]
async fn an_agent_goes_from_consent_to_items_through_the_gateway() {
    let (_deployed, agent) = Deployed::connected(Cloud::start().await).await;
    let items = agent.get("/v1/inventory/items?sku=SHELF-OAK-80&fields=name%2Csku").await.ok();
    assert_eq!(items["data"][0]["sku"], "SHELF-OAK-80");
    assert_eq!(agent.get("/v1/status").await.ok()["connections"][0]["state"], "healthy");

    let problem = agent.with_key("zck_000000000000_0").get("/v1/inventory/items").await;
    assert_eq!(problem.status, 401);
    assert_eq!(problem.seen.headers["www-authenticate"], "Bearer");
    problem.problem("key_invalid");
    agent.get("/v1/inventory/items/a%2Fb").await.problem("route_not_found");
    agent.get("/v1/inventory/items/a%252Fb").await.problem("route_not_found");
    agent.get("/v1/inventory/items/%FF").await.problem("route_not_found");
}

/// API Gateway knows the template's routes and no others, and `/v1/{proxy+}` covers neither `/v1` nor another method of `/health`.
#[tokio::test]
async fn the_gateway_has_the_routes_of_the_template() {
    let (deployed, agent) = Deployed::connected(Cloud::start().await).await;
    for (method, path, status, seen) in [
        ("HEAD", "/health", 200, true),
        ("HEAD", "/v1", 401, true),
        ("GET", "/v1", 401, true),
        ("POST", "/v1", 405, true),
        ("GET", "/v1/nothing", 404, true),
        ("GET", "/nothing", 404, false),
        ("GET", "/", 404, false),
        ("POST", "/health", 404, false),
    ] {
        let before = deployed.cloud.figures("api-proxy").iter().map(|one| one.events.len()).sum::<usize>();
        let url = format!("{}{path}", deployed.connector.url);
        let answer = reqwest_client().request(method.parse().unwrap(), url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        let after = deployed.cloud.figures("api-proxy").iter().map(|one| one.events.len()).sum::<usize>();
        assert_eq!(after > before, seen, "{method} {path}");
    }
    let (status, headers, text) = agent.bytes("GET", "/v1", &[], Vec::new()).await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "text/markdown; charset=utf-8");
    assert!(String::from_utf8(text).unwrap().contains("GET /v1/inventory/items"));
    // Compressed, it goes through the gateway as base64.
    let document = agent.get("/openapi.json?for=key").await.ok();
    assert!(document["paths"]["/v1/inventory/items"].is_object(), "{document}");
}

#[tokio::test]
async fn a_schedule_renews_what_ends_soon() {
    let (deployed, _) = Deployed::connected(Cloud::start().await).await;
    let before = deployed.connector.token_calls();
    let answer = deployed.cloud.invoke("token-refresh", &sample("token-refresh-schedule")).await.unwrap();
    assert_eq!(answer, json!({ "reply": "ticked", "renewed": 0, "failed": 0 }));
    assert_eq!(deployed.connector.token_calls(), before, "nothing is due");
    let answer = deployed.cloud.invoke("token-refresh", &sample("token-refresh-renew")).await.unwrap();
    assert_eq!(answer, json!({ "reply": "renewed" }));
}

#[tokio::test]
async fn a_webhook_is_verified_on_its_bytes_whichever_way_they_came() {
    let (deployed, agent) = Deployed::connected(Cloud::start().await).await;
    let secret = deployed.connector.webhook_secret().await;
    let body = "{\"item\":{\"item_id\":\"3300000000070001\",\"name\":\"Bücherregal\"}}";
    let signature = sign(&secret, body.as_bytes());
    let mut duplicates = Vec::new();
    // As text in the event, and as base64.
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        let headers = [("content-type", kind), ("X-Zoho-Webhook-Signature", signature.as_str())];
        let path = "/webhooks/default/inventory/item.updated";
        let answer = deployed.connector.post(path, &headers, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        duplicates.push(serde_json::from_str::<Value>(&answer.text).unwrap()["duplicate"].clone());
        let forged = deployed.connector.post(path, &headers, format!("{body} ")).await;
        assert_eq!(forged.status, 401, "{}", forged.text);
    }
    assert_eq!(duplicates, [false, true]);
    assert!(agent.get("/v1/status").await.ok()["connections"][0]["last_event"].is_object());
}

#[tokio::test]
async fn the_samples_do_what_their_names_say() {
    let deployed = Deployed::on(Cloud::start().await).await;
    for (name, status, text) in [
        ("api-proxy-health", 200, r#""status":"ok""#),
        ("api-proxy-items", 401, "key_invalid"),
        ("oauth-callback", 400, "<h1>"),
        ("webhook-intake-item", 404, "webhook_unknown"),
        ("webhook-intake-crm", 404, "webhook_unknown"),
        ("webhook-intake-custom", 404, "webhook_unknown"),
    ] {
        let function = deployed_function(name);
        let answer = deployed.cloud.invoke(function, &sample(name)).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{name}: {answer}");
        assert!(answer["body"].as_str().unwrap().contains(text), "{name}: {answer}");
        assert_eq!(answer["isBase64Encoded"], false);
    }
    for (name, expected) in [
        ("token-refresh-renew", json!({ "reply": "unknown" })),
        ("token-refresh-schedule", json!({ "reply": "ticked", "renewed": 0, "failed": 0 })),
    ] {
        let answer = deployed.cloud.invoke("token-refresh", &sample(name)).await.unwrap();
        assert_eq!(answer, expected, "{name}");
    }
    for name in ["event-delivery-schedule", "event-delivery-stream", "event-delivery-acknowledgement"] {
        let answer = deployed.cloud.invoke("event-delivery", &sample(name)).await.unwrap();
        assert_eq!(
            answer,
            json!({ "queued": 0, "told": 0, "found": 0, "failed": 0, "next": null }),
            "{name}"
        );
    }
    let count = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")).unwrap().count();
    assert_eq!(count, 11, "every sample is tried");
}

fn deployed_function(sample: &str) -> &'static str {
    let all = ["api-proxy", "oauth-callback", "webhook-intake", "token-refresh", "event-delivery"];
    all.into_iter().find(|name| sample.starts_with(name)).unwrap()
}

#[tokio::test]
async fn an_event_of_another_kind_is_an_error_and_the_process_lives() {
    let deployed = Deployed::on(Cloud::start().await).await;
    for (name, good) in [
        ("api-proxy", sample("api-proxy-health")),
        ("token-refresh", sample("token-refresh-schedule")),
        ("event-delivery", sample("event-delivery-schedule")),
    ] {
        for event in [json!({}), json!(null), json!([1]), json!({ "ask": "everything" }), json!("health")] {
            let error = deployed.cloud.invoke(name, &event).await.unwrap_err();
            assert!(matches!(error, FunctionError::Failed(_)), "{name} {event}: {error:?}");
            assert!(!error.kind().is_empty() && !format!("{error:?}").contains("panic"), "{error:?}");
        }
        deployed.cloud.invoke(name, &good).await.unwrap();
        assert_eq!(deployed.cloud.figures(name).len(), 1, "one process had them all");
        assert!(!deployed.cloud.log(name).contains("panicked"), "{}", deployed.cloud.log(name));
    }
}

#[tokio::test]
async fn functions_invoke_each_other_as_the_sdk_does() {
    let deployed = Deployed::on(Cloud::start().await).await;
    let http = reqwest_client();
    let invoke = async |name: &str, body: String| {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", deployed.cloud.url());
        let answer = http.post(url).body(body).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (error, kind) = (header("x-amz-function-error"), header("x-amzn-errortype"));
        let status = answer.status().as_u16();
        (status, error, kind, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
    };
    let tick = sample("token-refresh-schedule").to_string();
    for name in
        ["token-refresh", "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Atoken-refresh"]
    {
        let (status, error, _, answer) = invoke(name, tick.clone()).await;
        assert_eq!((status, error, &answer["reply"]), (200, None, &json!("ticked")));
    }
    let (status, error, _, answer) = invoke("token-refresh", "{}".to_owned()).await;
    assert_eq!((status, error.as_deref()), (200, Some("Unhandled")));
    assert!(answer["errorMessage"].is_string(), "{answer}");
    let (status, _, kind, _) = invoke("nobody", tick).await;
    assert_eq!((status, kind.as_deref()), (404, Some("ResourceNotFoundException")));
    let (status, _, kind, _) = invoke("token-refresh", format!("\"{}\"", "x".repeat(7_000_000))).await;
    assert_eq!((status, kind.as_deref()), (413, Some("RequestTooLargeException")));
}

fn reqwest_client() -> reqwest::Client {
    shared::zoho::http::browser().unwrap()
}

#[tokio::test]
async fn busy_processes_are_joined_by_new_ones_up_to_the_accounts_limit() {
    let (deployed, agent) = Deployed::connected(Cloud::with_concurrency(2).await).await;
    deployed.cloud.retire("api-proxy");
    let before = deployed.cloud.figures("api-proxy").len();
    let gate = Gate::default();
    let kind = FaultKind::Held(gate.clone());
    deployed.connector.zoho.sandbox.inject(Fault { path_contains: "/items".to_owned(), times: 2, kind });
    let list = || agent.get("/v1/inventory/items");
    let late = async {
        gate.reached_by(2).await;
        let invoked = deployed.cloud.invoke("token-refresh", &sample("token-refresh-schedule")).await;
        let answer = list().await;
        gate.open();
        (answer, invoked)
    };
    let (one, two, (three, invoked)) = tokio::join!(list(), list(), late);
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!((three.status, &three.body["message"]), (503, &json!("Service Unavailable")));
    assert_eq!(invoked, Err(FunctionError::Throttled), "over all functions");
    let answers = join_all([list(), list()]).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(deployed.cloud.figures("api-proxy").len(), before + 2, "idle ones are used again");
}

#[tokio::test]
async fn a_process_that_dies_fails_its_event_and_is_replaced() {
    let (deployed, agent) = Deployed::connected(Cloud::start().await).await;
    agent.get("/v1/status").await.ok();
    let pid = || deployed.cloud.figures("api-proxy").last().unwrap().pid;
    let first = pid();
    slow(&deployed, 1, 20.0);
    let killer = async {
        zoho_is_asked(&deployed).await;
        kill(first);
    };
    let (failed, ()) = tokio::join!(agent.get("/v1/inventory/items"), killer);
    assert_eq!((failed.status, &failed.body), (500, &json!({ "message": "Internal Server Error" })));
    agent.get("/v1/status").await.ok();
    let second = pid();
    assert_ne!(second, first);
    // One that dies while it is idle costs nobody an event.
    kill(second);
    until("dead", async || is_dead(second)).await;
    agent.get("/v1/status").await.ok();
    assert_ne!(pid(), second);
}

#[tokio::test]
async fn deadlines_hold_for_functions_and_for_the_gateway() {
    let (cloud, _) = echo().await;
    cloud.function("sleeper", &echo_script(), &[("SLEEP", "20")]);
    cloud.time_limit("sleeper", Duration::from_millis(400));
    let error = cloud.invoke("sleeper", &json!({})).await.unwrap_err();
    assert_eq!(error.kind(), "Sandbox.Timedout", "{error:?}");
    assert!(format!("{error:?}").contains("Task timed out after 0.40 seconds"), "{error:?}");
    assert!(is_dead(cloud.figures("sleeper")[0].pid), "it is killed");

    // The gateway gives up by itself; the function goes on.
    cloud.time_limit("sleeper", Duration::from_secs(30));
    let patience = Duration::from_millis(300);
    let url = cloud.serve(Gateway { patience, ..Gateway::new(&[("/", "sleeper")]) }).await;
    assert_eq!(reqwest_client().get(url).send().await.unwrap().status().as_u16(), 503);
    let figures = &cloud.figures("sleeper")[1];
    assert!(figures.events.is_empty() && !is_dead(figures.pid), "it is still at it");
}

#[tokio::test]
async fn a_process_that_cannot_start_says_so_in_its_event_and_in_the_log() {
    let cloud = Cloud::start().await;
    let variables = [("ZOHO_CONNECTOR_PUBLIC_URL", "nonsense")];
    cloud.function("api-proxy", &process::function("api-proxy"), &variables);
    let error = cloud.invoke("api-proxy", &sample("api-proxy-health")).await.unwrap_err();
    assert_eq!(error.kind(), "Runtime.ExitError");
    assert!(format!("{error:?}").contains("exit status 2"), "{error:?}");
    assert!(
        cloud.log("api-proxy").starts_with("ZOHO_CONNECTOR_PUBLIC_URL is "),
        "{}",
        cloud.log("api-proxy")
    );
}

#[tokio::test]
async fn the_gateway_speaks_for_itself_where_no_function_can() {
    let cloud = Cloud::start().await;
    let url = cloud.serve_http(&[("/health", "nobody"), ("/health/deep", "nobody")]).await;
    let message = |text: &str| json!({ "message": text }).to_string();
    for (path, size, status, text) in [
        ("/healthy", 0, 404, "Not Found"),
        ("/health", 0, 500, "Internal Server Error"),
        ("/health/x", 10 * 1024 * 1024 + 1, 413, "Request Entity Too Large"),
    ] {
        let answer =
            reqwest_client().post(format!("{url}{path}")).body("x".repeat(size)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.text().await.unwrap(), message(text));
    }
}

#[tokio::test]
async fn with_the_cloud_end_its_processes() {
    let deployed = Deployed::on(Cloud::start().await).await;
    deployed.cloud.invoke("api-proxy", &sample("api-proxy-health")).await.unwrap();
    let pid = deployed.cloud.figures("api-proxy")[0].pid;
    assert!(!is_dead(pid));
    drop(deployed);
    until("dead", async || is_dead(pid)).await;
}
