//! Facts of a request that its response needs: the connection, the account and the quota that it used, for the headers, and
//! whether its key hides the data of contacts.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::quota::Left;
use shared::zoho::scope::Product;

/// The facts of one request, filled in while it is handled.
#[derive(Clone, Default)]
pub(crate) struct ResponseHeaders(Arc<Mutex<RequestFacts>>);

#[derive(Default)]
struct RequestFacts {
    connection: Option<String>,
    organization: Option<String>,
    data_centre: Option<&'static str>,
    quota: Option<Left>,
    redacted: bool,
}

impl ResponseHeaders {
    fn note(&self, note: impl FnOnce(&mut RequestFacts)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes the connection.
    pub(crate) fn connection(&self, name: &ConnectionName) {
        self.note(|known| known.connection = Some(name.as_str().to_owned()));
    }

    /// Notes the organisation and the data centre that a call goes to.
    pub(crate) fn account(&self, product: Product, token: &AccessToken) {
        let organization = match product {
            Product::Inventory => &token.organization,
            Product::Crm => &token.crm_organization,
        };
        let id = organization.as_ref().map(|found| found.id.clone());
        self.note(|known| (known.organization, known.data_centre) = (id, Some(token.data_centre.code())));
    }

    /// Notes that the key hides the data of contacts.
    pub(crate) fn redacted(&self) {
        self.note(|known| known.redacted = true);
    }

    /// Whether the key hides the data of contacts.
    pub(crate) fn is_redacted(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).redacted
    }

    /// Notes what is left of the organisation's calls.
    pub(crate) fn quota(&self, left: Option<Left>) {
        self.note(|known| known.quota = left);
    }
}

/// Writes the facts into the response's headers.
pub(crate) async fn told(State(clock): State<SharedClock>, mut request: Request, next: Next) -> Response {
    let headers = ResponseHeaders::default();
    request.extensions_mut().insert(headers.clone());
    let mut response = next.run(request).await;
    headers.note(|known| write(known, response.headers_mut(), clock.now()));
    response
}

fn write(known: &RequestFacts, headers: &mut HeaderMap, now: Timestamp) {
    let mut tell = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    tell("zoho-connection", known.connection.clone());
    tell("zoho-organization", known.organization.clone());
    tell("zoho-data-centre", known.data_centre.map(str::to_owned));
    if let Some(left) = &known.quota {
        tell("x-ratelimit-limit", Some(left.limit_per_minute.to_string()));
        tell("x-ratelimit-remaining", Some(left.left.to_string()));
        tell("x-ratelimit-reset", Some(left.resets_in(now).to_string()));
    }
}

/// Marks the answer of a write that Zoho has done.
#[derive(Clone)]
pub(crate) struct Written;
