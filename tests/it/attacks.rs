//! Attacks: every class at every door. What is generated here is sent in process, to the routers that all hosts serve; how each class
//! ended is printed. None gets through: no answer holds what is somebody else's, none is a fault of ours, and what was there
//! can still be read afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use shared::core::connection::consent::Wish;
use shared::core::events::webhook_secrets;
use tests::browser::Browser;
use tests::connector::Connector;
use tests::hooks;
use tests::in_process;
use tests::inside::any_key;
use tests::two_worlds::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How often each outcome came, by class.
#[derive(Default)]
struct Outcomes(BTreeMap<(&'static str, String), usize>);

impl Outcomes {
    fn note(&mut self, class: &'static str, status: StatusCode, text: &str) {
        let code =
            serde_json::from_str::<Value>(text).ok().and_then(|body| Some(body["code"].as_str()?.to_owned()));
        let outcome = format!("{} {}", status.as_u16(), code.unwrap_or_default());
        *self.0.entry((class, outcome)).or_default() += 1;
    }

    fn table(&self) -> String {
        let lines =
            self.0.iter().map(|((class, outcome), times)| format!("{class:<20} {outcome:<40} {times}\n"));
        let all: usize = self.0.values().sum();
        lines.collect::<String>() + &format!("{all} attacks, {} outcomes", self.0.len())
    }
}

/// A request; none where no client could send it.
async fn send(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Option<(StatusCode, String)> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let told = in_process::send(router, method, path, &headers, body).await?;
    Some((told.status, told.text().into_owned()))
}

fn bearer(key: &Secret) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", key.expose()))
}

/// Every route with each of its methods, with this in place of what is variable.
fn doors(id: &str) -> Vec<(String, String)> {
    let document = api_proxy::document();
    let mut doors = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{product}", "crm").replace("{path}", &format!("Deals/{id}"));
        let path = path.split('{').enumerate().map(|(place, part)| match part.split_once('}') {
            Some((_, rest)) if place > 0 => format!("{id}{rest}"),
            _ => part.to_owned(),
        });
        let path: String = path.collect();
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| ["get", "post", "put", "patch", "delete"].contains(&name.as_str()))
        {
            doors.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(doors.len() > 30, "{doors:?}");
    doors
}

/// Bodies that break readers.
fn hostile_bodies() -> Vec<Vec<u8>> {
    let nested =
        |open: &str, close: &str, levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
    let keys: Vec<String> = (0..8_000).map(|number| format!("\"k{number}\":1")).collect();
    let mut bodies: Vec<Vec<u8>> = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"x\"".to_owned(),
        "{".to_owned(),
        "{}{}".to_owned(),
        "{\"a\":1,}".to_owned(),
        nested("{\"a\":", "}", 63),
        nested("{\"a\":", "}", 65),
        nested("{\"a\":", "}", 10_000),
        nested("[", "]", 60_000),
        format!("{{\"Deal_Name\":{}}}", nested("[", "]", 200)),
        format!("{{{}}}", keys.join(",")),
        format!("{{\"Deal_Name\":\"{}\",\"Stage\":\"x\"}}", "a".repeat(120_000)),
        format!("{{\"Deal_Name\":\"{}\"}}", "a".repeat(5_000_000)),
        "{\"Deal_Name\":\"\\u0000\\ud83c\",\"Stage\":\"Qualification\"}".to_owned(),
        format!("{{\"Amount\":{}}}", "9".repeat(20_000)),
        "{\"Amount\":1e999999,\"limit\":1e99,\"seconds\":-1}".to_owned(),
        "{\"Deal_Name\":\"a\",\"Deal_Name\":\"b\",\"Stage\":\"Qualification\"}".to_owned(),
        "{\"__proto__\":{\"a\":1},\"constructor\":1,\"$ref\":\"#\"}".to_owned(),
        "\u{feff}{\"Deal_Name\":\"x\"}".to_owned(),
        "{\"query\":\"select id from Deals where id > 0; delete from Deals\"}".to_owned(),
        "{\"query\":\"select id from Deals where a = ':x'\",\"params\":{\"x\":\"' or '1' = '1\"}}".to_owned(),
        "{\"ids\":[\"../../audit\",\"\",\"019a0b1c2d30123456789abcdef0123\"],\"outcome\":\"done\"}"
            .to_owned(),
        "{\"delivery\":\"../x\",\"limit\":1}".to_owned(),
        "{\"line_items\":[{\"sku\":\"x\",\"quantity\":1e308}],\"customer\":\"x\"}".to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    bodies.push(b"{\"Deal_Name\":\"\xff\xfe\"}".to_vec());
    bodies.push(vec![0; 1_000]);
    bodies.push(b"\xff\xfe{\x00}\x00".to_vec());
    bodies
}

const KINDS: &[&str] = &[
    "application/json",
    "application/json; charset=utf-7",
    "application/json; charset=ibm037",
    "application/json;charset=utf-16",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-7",
    "multipart/form-data",
    "multipart/form-data; boundary=a",
    "multipart/form-data; boundary*=utf-8''a",
    "multipart/form-data; boundary=a; boundary=b",
    "text/plain",
    "application/xml",
    "",
];

const CURSORS: &[&str] = &[
    "",
    "p",
    "p0",
    "p1",
    "p-1",
    "p99999999999999999999",
    "2",
    "x",
    "..%2F..",
    "%00",
    "%FF",
    "null",
    "0",
    "-1",
    "i6100000000451001",
    "00000000i6100000000451001",
    "019a0b1c2d30123456789abcdef0123",
    "'%20or%20'1'='1",
    "events%23default",
    "own%23default",
];

#[tokio::test]
async fn no_attack_gets_through_at_any_door() {
    let mut outcomes = Outcomes::default();
    let victim = World::new(1, 0).await;
    let inside = &victim.inside;
    let writer = bearer(&victim.open);

    // What belongs to the victim's connection: events, their contents, the audit, previews, answers that are kept.
    let mark = "The-victim-wrote-this";
    let deal = "/v1/crm/deals/6100000000451001";
    let change = json!({ "Next_Step": mark }).to_string().into_bytes();
    let previewed = send(
        &victim.api,
        "PATCH",
        &format!("{deal}?dry_run=true"),
        std::slice::from_ref(&writer),
        change.clone(),
    )
    .await;
    let preview: Value = serde_json::from_str(&previewed.unwrap().1).unwrap();
    let preview = preview["preview_id"].as_str().unwrap().to_owned();
    let keyed = [writer.clone(), ("idempotency-key", "shared-key".to_owned())];
    let (status, text) = send(&victim.api, "PATCH", deal, &keyed, change.clone()).await.unwrap();
    assert!(status.is_success(), "{text}");
    let (_, audit) =
        send(&victim.api, "GET", "/v1/audit?per_page=1", std::slice::from_ref(&writer), Vec::new())
            .await
            .unwrap();
    let audit: Value = serde_json::from_str(&audit).unwrap();
    let entry = audit["data"][0]["id"].as_str().unwrap().to_owned();

    // A stranger with a key for everything, on a connection of its own.
    let other: ConnectionName = "other".parse().unwrap();
    let wish = Wish { connection: other.clone(), ..inside.wish() };
    let ending = Browser::default().consent(&inside.link(wish).await).await;
    assert!(ending.text.contains("<h1>Connected</h1>"), "{}", ending.text);
    let permissions = ["inventory:write", "crm:write", "events", "zoho:*:crm/**", "zoho:*:inventory/**"];
    let permissions: Vec<_> = permissions.iter().map(|text| text.parse().unwrap()).collect();
    let foreign = inside.key(NewKey { permissions, connections: vec![other], ..any_key() }).await;
    let stranger = bearer(&foreign);

    // Identities of others: every route x every kind of id x another's key.
    let ids = [
        victim.events[0].as_str(),
        victim.events[1].as_str(),
        &preview,
        &entry,
        "shared-key",
        "default",
        "6100000000451001",
    ];
    for id in ids {
        for (method, path) in doors(id) {
            let body = json!({ "ids": [id], "outcome": "done", "delivery": id, "Next_Step": "x", "Note_Content": "x" });
            let sent = if method == "GET" { Vec::new() } else { body.to_string().into_bytes() };
            for more in [
                vec![],
                vec![("zoho-connection", "default".to_owned())],
                vec![("idempotency-key", id.to_owned())],
            ] {
                let headers =
                    [vec![stranger.clone(), ("content-type", "application/json".to_owned())], more].concat();
                let Some((status, text)) = send(&victim.api, &method, &path, &headers, sent.clone()).await
                else {
                    continue;
                };
                outcomes.note("identities", status, &text);
                let own_deal = path.contains("6100000000451001") || path.contains("/deals");
                assert!(
                    own_deal || !text.contains(mark),
                    "{method} {path} tells what another's key wrote: {text}"
                );
                for theirs in ["/connections/default/", "\"connection\":\"default\""] {
                    assert!(!text.contains(theirs), "{method} {path} tells of another's connection: {text}");
                }
                if !headers.iter().any(|(name, _)| *name == "zoho-connection") {
                    continue;
                }
                assert!(
                    !status.is_success()
                        || matches!(path.as_str(), "/health" | "/openapi.json" | "/v1/status"),
                    "{method} {path}: {status} {text}"
                );
            }
        }
    }
    // The same request under another's `Idempotency-Key` is a request of its own, and another's preview performs nothing.
    for key in ["shared-key", preview.as_str()] {
        let headers = [stranger.clone(), ("idempotency-key", key.to_owned())];
        let (status, text) =
            send(&victim.api, "GET", &format!("/v1/events/{}", victim.events[0]), &headers, Vec::new())
                .await
                .unwrap();
        assert_eq!(status, 404, "{text}");
    }
    let headers = [stranger.clone(), ("idempotency-key", preview.clone())];
    let (status, text) = send(&victim.api, "PATCH", deal, &headers, change.clone()).await.unwrap();
    assert_eq!(status, 428, "another's preview: {text}");

    // No key, and what looks like one.
    let secret = victim.open.expose();
    let (head, _) = secret.rsplit_once('_').unwrap();
    let keys = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {head}_"),
        format!("Bearer {head}_0"),
        format!("Basic {secret}"),
        format!("Bearer {secret}0"),
        format!("Bearer {secret}, Bearer {secret}"),
        "Bearer zck_".to_owned(),
        "Bearer null".to_owned(),
        format!("Bearer {}", "a".repeat(8_000)),
    ];
    for (method, path) in doors("6100000000451001") {
        if matches!(path.as_str(), "/health" | "/openapi.json") {
            continue;
        }
        for key in &keys {
            let headers = if key.is_empty() { Vec::new() } else { vec![("authorization", key.clone())] };
            let Some((status, text)) = send(&victim.api, &method, &path, &headers, Vec::new()).await else {
                continue;
            };
            outcomes.note("keys", status, &text);
            assert_eq!(status, 401, "{method} {path} {key}: {text}");
        }
    }

    // Bodies x doors, and content types where they count.
    for body in hostile_bodies() {
        for (method, path) in doors("6100000000451001").into_iter().filter(|(method, _)| method != "GET") {
            let kinds = if path.starts_with("/v1/zoho/") { KINDS } else { &KINDS[..1] };
            for kind in kinds {
                let mut headers = vec![writer.clone()];
                headers.extend((!kind.is_empty()).then(|| ("content-type", (*kind).to_owned())));
                let (status, text) = send(&victim.api, &method, &path, &headers, body.clone()).await.unwrap();
                outcomes.note("bodies", status, &text);
                assert_ne!(
                    status,
                    500,
                    "{method} {path} {kind} {}: {text}",
                    String::from_utf8_lossy(&body[..body.len().min(200)])
                );
            }
        }
    }

    // Cursors x lists.
    for (method, path) in doors("6100000000451001").into_iter().filter(|(method, _)| method == "GET") {
        for cursor in CURSORS {
            let path = format!("{path}?cursor={cursor}");
            let Some((status, text)) =
                send(&victim.api, &method, &path, std::slice::from_ref(&writer), Vec::new()).await
            else {
                continue;
            };
            outcomes.note("cursors", status, &text);
            assert_ne!(status, 500, "{path}: {text}");
        }
    }

    // Webhooks: every door x what proves nothing.
    let intake = webhook_intake::router(&inside.services);
    for source in [webhook_secrets::Source::Inventory, webhook_secrets::Source::Custom] {
        webhook_secrets::set(
            &*inside.services.stores.secrets,
            &ConnectionName::default(),
            source,
            Secret::new(hooks::CUSTOM),
        )
        .await
        .unwrap();
    }
    let before =
        send(&victim.api, "GET", "/v1/events", std::slice::from_ref(&writer), Vec::new()).await.unwrap().1;
    for door in [
        "default/inventory/item.updated",
        "default/crm",
        "default/custom/x",
        "other/custom/x",
        "nobody/inventory/x",
        "default/custom/..",
        "default/custom/%00",
    ] {
        for body in hostile_bodies() {
            let forged = hooks::sign("not the secret", &body);
            let standard = hooks::sign_standard("not the secret", "m", "1796119200", &body);
            for headers in [
                vec![],
                vec![("x-zoho-webhook-signature", forged.clone())],
                vec![("x-signature", format!("sha256={forged}"))],
                vec![("x-webhook-secret", "not the secret".to_owned())],
                vec![
                    ("webhook-id", "m".to_owned()),
                    ("webhook-timestamp", "1796119200".to_owned()),
                    ("webhook-signature", standard.clone()),
                ],
            ] {
                let Some((status, text)) =
                    send(&intake, "POST", &format!("/webhooks/{door}"), &headers, body.clone()).await
                else {
                    continue;
                };
                outcomes.note("webhooks", status, &text);
                assert!(status.is_client_error(), "{door} {headers:?}: {status} {text}");
            }
        }
    }
    let after =
        send(&victim.api, "GET", "/v1/events", std::slice::from_ref(&writer), Vec::new()).await.unwrap().1;
    assert_eq!(before, after, "a stranger's webhook left something");

    // The same bodies from a sender who has the secret: what is stored can be read back, one by one and in the list.
    let mut stored = Vec::new();
    for door in ["default/inventory/item.updated", "default/custom/x"] {
        for body in hostile_bodies() {
            let signature = hooks::sign(hooks::CUSTOM, &body);
            let headers = [
                ("x-zoho-webhook-signature", signature.clone()),
                ("x-signature", format!("sha256={signature}")),
            ];
            let (status, text) =
                send(&intake, "POST", &format!("/webhooks/{door}"), &headers, body.clone()).await.unwrap();
            outcomes.note("signed webhooks", status, &text);
            assert!(status.is_success() || status.is_client_error(), "{door}: {status} {text}");
            let receipt: Value = serde_json::from_str(&text).unwrap();
            stored.extend(receipt["event_id"].as_str().map(str::to_owned));
        }
    }
    inside.advance(std::time::Duration::from_secs(20));
    for event in &stored {
        for (key, class) in [(&writer, "stored events"), (&bearer(&victim.key), "stored, redacted")] {
            let (status, text) = send(
                &victim.api,
                "GET",
                &format!("/v1/events/{event}"),
                std::slice::from_ref(key),
                Vec::new(),
            )
            .await
            .unwrap();
            outcomes.note(class, status, &text);
            assert!(
                status.is_success() || class == "stored, redacted" && status == 403,
                "{event}: {status} {text}"
            );
        }
    }
    assert!(stored.len() > 10, "{} were stored", stored.len());

    // Consents that never began here.
    let oauth = oauth_callback::router(&inside.services, Arc::new(inside.token_refresh.clone()));
    for path in [
        "/oauth/start",
        "/oauth/start?link=",
        "/oauth/start?link=x",
        "/oauth/start?connection=default",
        "/oauth/start?connection=..%2Fx",
        "/oauth/callback",
        "/oauth/callback?code=x&state=y",
        "/oauth/callback?code=x&state=",
        "/oauth/callback?code=x&state=y&accounts-server=https%3A%2F%2Fevil.example",
        "/oauth/callback?error=access_denied&state=%00",
        "/oauth/callback?code=a&code=b&state=c&state=d",
    ] {
        let (status, text) = send(&oauth, "GET", path, &[], Vec::new()).await.unwrap();
        outcomes.note("consents", status, &text);
        assert!(status.is_client_error() || status == 200 && text.contains("<h1>"), "{path}: {status}");
        assert!(!text.contains("<h1>Connected</h1>"), "{path}");
    }

    // All that was there can still be read.
    for path in ["/v1/audit", "/v1/events", "/v1/status", deal] {
        let (status, text) =
            send(&victim.api, "GET", path, std::slice::from_ref(&writer), Vec::new()).await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
    }
    println!("{}", outcomes.table());
}

/// What one server takes for one request and another for two.
#[rustfmt::skip]
const SMUGGLED: &[&str] = &[
    "POST /v1/zoho/crm/Leads HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n{}\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /v1/crm/query HTTP/1.1\r\nHost: x\rX: y\r\nContent-Length: 0\r\n\r\rGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nConnection: close\r\n\r\n",
    "GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: evil.example\r\nX-Original-URL: /health\r\nConnection: close\r\n\r\n",
    "GET http://evil.example/v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "TRACE /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

#[tokio::test]
async fn no_request_hides_in_another() {
    let connector = Connector::start().await;
    let host = connector.url.trim_start_matches("http://");
    for sent in SMUGGLED {
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        // No more is coming: who waits for the rest of a body hears of it.
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(answers <= 1 && !answer.contains(" 200 "), "{sent:?}\n{answer}");
    }
}
