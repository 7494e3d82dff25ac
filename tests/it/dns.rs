//! Zoho's name is not resolved, by the machine's own resolver: what callers see, and that the same process goes on when it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use shared::core::services::Services;
use shared::zoho::http::{Answer, Call, Content, Http, HttpError, Transport};
use tests::in_process::call;
use tests::inside::Inside;
use token_refresh::Local;
use url::Url;

/// No resolver knows a name below this one: RFC 6761.
const NOWHERE: &str = "zoho.invalid";

const ITEMS: &str = "/v1/inventory/items?per_page=1";
const NOTES: &str = "/v1/crm/deals/6100000000451001/notes";
const CONTENT: &str = "Written while no name was resolved.";

/// The client as it is, with Zoho under another name for as long as names are lost.
struct Names {
    http: Http,
    are_lost: Arc<AtomicBool>,
}

#[async_trait]
impl Transport for Names {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let Call { url, content, within } = call;
        let mut url = Url::parse(url).unwrap();
        if self.are_lost.load(Ordering::SeqCst) {
            url.set_host(Some(NOWHERE)).unwrap();
        }
        let url = url.as_str();
        match content {
            Content::Read(read) => self.http.read(url, read, within).await,
            Content::Write(write) => self.http.write(url, write, within).await,
            Content::Form(form) => self.http.post_form(url, form, within).await,
            Content::Hook(hook) => self.http.post_hook(url, hook, within).await,
        }
    }
}

/// Adds a note, the same each time; status and document.
async fn add_note(api: &Router, key: &Secret) -> (u16, Value) {
    let note = json!({ "Note_Content": CONTENT });
    let told = call(api, key, ("POST", NOTES), &[("idempotency-key", "n")], &note).await;
    (told.status.as_u16(), told.json().unwrap())
}

fn says_when_to_come_again(status: u16, problem: &Value) {
    assert_eq!((&problem["status"], &problem["retryable"]), (&json!(status), &json!(true)), "{problem}");
    assert!(problem["retry_after"].as_u64().is_some_and(|seconds| seconds > 0), "{problem}");
}

/// Zoho was not reached. A resolver that says nothing at all may take the caller's time.
fn was_not_reached(status: u16, problem: &Value) {
    says_when_to_come_again(status, problem);
    let codes = ["zoho_unavailable", "zoho_timeout"].map(Value::from);
    assert!(codes.contains(&problem["code"]), "{problem}");
}

#[tokio::test]
async fn a_name_that_is_not_resolved_is_told_and_goes_on_when_it_is() {
    let inside = Inside::start().await;
    inside.connect_to_write().await;
    let may = vec!["crm:write".parse().unwrap()];
    let key = inside.key(NewKey::new("dns", may, vec![ConnectionName::default()])).await;
    let are_lost = Arc::new(AtomicBool::new(false));
    let names = Names { http: inside.services.http.clone(), are_lost: are_lost.clone() };
    let services = Services { http: Http::over(names), ..inside.services.clone() };
    let api = api_proxy::router(&services, Arc::new(Local::new(&services)));
    let sandbox = &inside.zoho.sandbox;
    let notes = || sandbox.notes().iter().filter(|note| note["Note_Content"] == CONTENT).count();

    are_lost.store(true, Ordering::SeqCst);
    let (status, problem) = inside.get_from(api.clone(), ITEMS).await;
    was_not_reached(status.as_u16(), &problem);
    // No connection was made: nothing was sent, and nobody need look for it.
    let (status, problem) = add_note(&api, &key).await;
    was_not_reached(status, &problem);
    assert_eq!(notes(), 0);

    are_lost.store(false, Ordering::SeqCst);
    let minted = sandbox.minted();
    let (status, answer) = inside.get_from(api.clone(), ITEMS).await;
    assert_eq!(status, 200, "{answer}");
    for _ in 0..2 {
        let (status, answer) = add_note(&api, &key).await;
        assert_eq!((status, notes()), (201, 1), "{answer}");
    }
    assert_eq!(sandbox.minted(), minted, "the token is the same");

    // The token has ended meanwhile, and none can be had.
    inside.advance(Duration::from_secs(2 * 3600));
    are_lost.store(true, Ordering::SeqCst);
    let (status, problem) = inside.get_from(api.clone(), ITEMS).await;
    says_when_to_come_again(status.as_u16(), &problem);
    are_lost.store(false, Ordering::SeqCst);
    inside.advance(Duration::from_secs(problem["retry_after"].as_u64().unwrap() + 1));
    let (status, answer) = inside.get_from(api, ITEMS).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(sandbox.minted(), minted + 1, "one new token");
}
