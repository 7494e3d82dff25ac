//! What stands around every answer, and that an answer of Zoho's leads nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use sandbox::{Fault, FaultKind};
use serde_json::Value;
use shared::base::public_url::PublicUrl;
use shared::base::secret::Secret;
use shared::base::settings::Settings;
use shared::core::services::Services;
use tests::in_process::call;
use tests::inside::{Inside, any_key};
use tokio::net::TcpListener;

const LINK: &str = "/oauth/start?link=";

/// Every kind of answer: pages, redirects, documents, records, refusals.
const ASKED: [(&str, &str, u16); 17] = [
    ("GET", "/health", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/v1", 200),
    ("GET", "/v1/status", 200),
    ("GET", "/v1/crm/deals?per_page=1", 200),
    ("DELETE", "/v1/status", 405),
    ("GET", "/v1/nothing", 404),
    ("GET", "/v1/crm/deals?nothing=1", 400),
    ("GET", "/mcp", 405),
    ("POST", "/mcp", 400),
    ("GET", LINK, 302),
    ("GET", "/oauth/start", 400),
    ("GET", "/oauth/callback?code=a&state=b", 400),
    ("POST", "/oauth/organization", 400),
    ("GET", "/oauth/nothing", 404),
    ("POST", "/webhooks/default/crm", 404),
    ("GET", "/webhooks/nothing", 404),
];

fn all(inside: &Inside, services: &Services) -> [(&'static str, Router); 3] {
    let token_refresh = || Arc::new(inside.token_refresh.clone());
    [
        ("/oauth/", oauth_callback::router(services, token_refresh())),
        ("/webhooks/", webhook_intake::router(services)),
        ("/", api_proxy::router(services, token_refresh())),
    ]
}

async fn ask(router: &Router, (method, path): (&str, &str), key: &Secret) -> (StatusCode, HeaderMap) {
    let told = call(router, key, (method, path), &[], &Value::Null).await;
    (told.status, told.headers)
}

#[tokio::test]
async fn every_answer_is_guarded_in_a_browser() {
    let inside = Inside::connected().await;
    let key = inside.key(any_key()).await;
    let public_url = Some(PublicUrl::parse("https://connector.example.com").unwrap());
    let settings = Arc::new(Settings { public_url, ..(*inside.services.settings).clone() });
    let under_https = Services { settings, ..inside.services.clone() };
    for (services, hsts) in [(&inside.services, None), (&under_https, Some("max-age=31536000"))] {
        let routers = all(&inside, services);
        for (method, path, expected) in ASKED {
            let router = &routers.iter().find(|(below, _)| path.starts_with(below)).unwrap().1;
            let link = inside.link(inside.wish()).await;
            let nonce = link.split_once(LINK).unwrap().1;
            let sent = if path == LINK { format!("{LINK}{nonce}") } else { path.to_owned() };
            let (status, headers) = ask(router, (method, &sent), &key).await;
            let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
            // The exact refusals of pages and of webhooks have tests of their own.
            assert_eq!(status.as_u16() / 100, expected / 100, "{method} {path}: {status}");
            let policy = header("content-security-policy").unwrap_or_default();
            assert!(
                policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{method} {path}: {policy}"
            );
            assert!(!policy.contains("unsafe") && !policy.contains("script"), "{method} {path}: {policy}");
            assert_eq!(header("x-content-type-options"), Some("nosniff"), "{method} {path}");
            assert_eq!(header("referrer-policy"), Some("no-referrer"), "{method} {path}");
            assert_eq!(header("strict-transport-security"), hsts, "{method} {path}");
            // The document is the same for everybody.
            let kept = if path == "/openapi.json" { "public, max-age=3600" } else { "no-store" };
            assert_eq!(header("cache-control"), Some(kept), "{method} {path}");
            assert_eq!(header("access-control-allow-origin"), None, "no other site's page reads it");
        }
    }
}

/// Zoho, or who stands in its place, sends every call elsewhere: nobody comes, with a secret or without.
#[tokio::test]
async fn no_answer_of_zohos_leads_elsewhere() {
    let inside = Inside::connected().await;
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}/", trap.local_addr().unwrap());
    let caught = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let caught = caught.clone();
        async move {
            while trap.accept().await.is_ok() {
                caught.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    for status in [301, 302, 303, 307, 308] {
        let kind = FaultKind::Told(status, vec![("location", elsewhere.clone())], "{}".to_owned());
        inside.zoho.sandbox.inject(Fault { path_contains: String::new(), times: 1_000, kind });
        // Renewals, and reads of both products.
        inside.advance(Duration::from_secs(2 * 3600));
        inside.tick().await;
        for path in ["/v1/inventory/items", "/v1/crm/deals"] {
            let (answered, body) = inside.get(path).await;
            assert!(!answered.is_success(), "{status} {path}: {body}");
        }
        inside.zoho.sandbox.clear_faults();
    }
    assert_eq!(caught.load(Ordering::Relaxed), 0);
    inside.advance(Duration::from_secs(2 * 3600));
    inside.tick().await;
    let (answered, body) = inside.get("/v1/crm/deals").await;
    assert_eq!(answered, StatusCode::OK, "nothing was lost: {body}");
}
