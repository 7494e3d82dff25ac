//! What a browser brings to the doors of a consent: nobody without the state and its cookie has a code exchanged, no page holds a
//! script, and no answer leads to another site.
//!
//! The input: method and address; the `Cookie`; the `Origin`; then the body. `{link}`, `{state}`, `{name}` and `{cookie}` stand for those
//! of a consent that has just begun.

#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use fuzz::line::Line;
use fuzz::{Desk, Function, House, ORIGIN, Told, installation, lines, send};
use libfuzzer_sys::fuzz_target;
use shared::base::id::ConnectionName;
use shared::core::connection::consent::{Consents, Ending, Wish};
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};

/// token-refresh, which notes what it is asked for.
#[derive(Default)]
struct Noted {
    exchanges: Mutex<Vec<DataCentre>>,
    choices: AtomicUsize,
}

#[async_trait]
impl TokenRefreshClient for Noted {
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        match ask {
            Ask::Exchange { data_centre, code, .. } => {
                self.exchanges.lock().unwrap().push(data_centre);
                let organization = |id: &str| Organization {
                    id: id.to_owned(),
                    name: "<script>1</script>".to_owned(),
                    ..Organization::default()
                };
                // By the code, so that an input decides.
                Ok(match code.expose().len() % 3 {
                    0 => Reply::Choose { organizations: vec![organization("1"), organization("2")] },
                    1 => Reply::LinkUsed,
                    _ => Reply::Exchanged { ending: ending() },
                })
            }
            Ask::Choose { .. } => {
                self.choices.fetch_add(1, Ordering::SeqCst);
                Ok(Reply::Exchanged { ending: ending() })
            }
            other => panic!("no browser may ask for {other:?}"),
        }
    }
}

fn ending() -> Ending {
    Ending {
        connected: true,
        title: "Connected".to_owned(),
        facts: vec![("Organisation".to_owned(), "<script>".to_owned())],
        lines: vec![],
    }
}

/// oauth-callback, and what it asks for.
struct Callback {
    house: House,
    noted: Arc<Noted>,
    router: Router,
    consents: Consents,
}

/// A page as a person may see it.
fn demand_page(told: &Told) {
    let (status, text) = (told.status.as_u16(), told.text());
    assert!(status < 500, "a fault of ours: {status} {text}");
    assert!(!text.to_ascii_lowercase().contains("<script"), "{text}");
    assert!(told.header("content-security-policy").contains("default-src 'none'"), "{:?}", told.headers);
    let location = told.header("location");
    let is_known = location.is_empty()
        || location == "/oauth/callback"
        || location.starts_with("https://accounts.zoho.com/oauth/v2/auth?");
    assert!(is_known, "leads to {location}");
}

impl Function for Callback {
    async fn open() -> Self {
        let (house, noted) = (installation(Line::default()), Arc::new(Noted::default()));
        let router = oauth_callback::router(&house.services, noted.clone());
        let consents = Consents::new(house.services.stores.state.clone(), house.services.clock.clone());
        Self { house, noted, router, consents }
    }

    async fn tidy(&self) {
        self.house.memory.clear();
    }
}

async fn take(callback: &Callback, input: &[u8]) {
    let Some(([address, cookie, origin], body)) = lines(input) else { return };
    let wish = Wish {
        connection: ConnectionName::default(),
        client_id: "1000.CLIENT".to_owned(),
        home: DataCentre::Us,
        scopes: ScopeSet::of(&Product::ALL, Access::Read),
        organization: None,
        crm_organization: None,
        again: None,
    };
    let link = callback.consents.make_link(&wish).await.unwrap();
    let start = format!("/oauth/start?link={}", link.expose());
    let began = send(&callback.router, "GET", &start, &[], b"").await.unwrap();
    let zoho = url::Url::parse(began.header("location")).unwrap();
    let state = zoho.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let set = began.header("set-cookie");
    let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
    let filled = |text: &str| {
        text.replace("{link}", link.expose())
            .replace("{state}", &state)
            .replace("{name}", name)
            .replace("{cookie}", value)
            .replace("{origin}", ORIGIN)
    };
    let (address, cookie, origin) = (filled(address), filled(cookie), filled(origin));
    let (method, uri) = address.split_once(' ').unwrap_or(("GET", &address));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let all = [("cookie", &*cookie), ("origin", &*origin), form];
    let headers: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let Some(told) = send(&callback.router, method, uri, &headers, body).await else { return };
    if !matches!(told.status.as_u16(), 404 | 405) {
        demand_page(&told);
    }
    let exchanges = std::mem::take(&mut *callback.noted.exchanges.lock().unwrap());
    if !exchanges.is_empty() {
        assert_eq!(exchanges.len(), 1, "a code was exchanged twice");
        assert!(uri.contains(&state) && cookie.contains(value), "exchanged without state or cookie");
        // The same address once more changes nothing.
        demand_page(&send(&callback.router, method, uri, &headers, body).await.unwrap());
        assert!(callback.noted.exchanges.lock().unwrap().is_empty(), "a state counted twice");
    }
    // The choice that may follow, by whoever has the cookie of the outcome.
    let cookies = told.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let outcome = cookies.filter_map(|set| set.split(';').next()).find(|pair| pair.contains("zc_outcome="));
    let Some(outcome) = outcome else { return };
    assert!(!outcome.ends_with('='), "an outcome without a nonce");
    demand_page(
        &send(&callback.router, "GET", "/oauth/callback", &[("cookie", outcome)], b"").await.unwrap(),
    );
    let headers = [("cookie", outcome), ("origin", &*origin), form];
    let headers = if origin.is_empty() { [headers[0], headers[2], headers[2]] } else { headers };
    let before = callback.noted.choices.load(Ordering::SeqCst);
    let Some(chosen) = send(&callback.router, "POST", "/oauth/organization", &headers, body).await else {
        return;
    };
    demand_page(&chosen);
    let was_chosen = callback.noted.choices.load(Ordering::SeqCst) > before;
    assert!(!was_chosen || origin.is_empty() || origin == ORIGIN, "chosen by a page of {origin}");
}

thread_local! {
    static DESK: Desk<Callback> = Desk::open();
}

fuzz_target!(|input: &[u8]| {
    DESK.with(|desk| desk.take(async |callback| take(callback, input).await));
});
