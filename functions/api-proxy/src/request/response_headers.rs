//! Facts that are noted while a request is handled and that its response needs: connection, account and quota for the headers, and
//! whether its key hides the data of contacts.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::quota::Left;
use shared::zoho::scope::Product;

const CONNECTION: HeaderName = HeaderName::from_static("zoho-connection");
const ORGANIZATION: HeaderName = HeaderName::from_static("zoho-organization");
const DATA_CENTRE: HeaderName = HeaderName::from_static("zoho-data-centre");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

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

    /// Writes the facts into the headers of the response, once.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, now: Timestamp) {
        self.note(|known| write(known, headers, now));
    }
}

fn write(known: &mut RequestFacts, headers: &mut HeaderMap, now: Timestamp) {
    let of_text = |text: Option<String>| HeaderValue::try_from(text?).ok();
    let told = [
        (CONNECTION, of_text(known.connection.take())),
        (ORGANIZATION, of_text(known.organization.take())),
        (DATA_CENTRE, known.data_centre.map(HeaderValue::from_static)),
    ];
    let left = known.quota.as_ref().map(|left| {
        [
            (LIMIT, Some(HeaderValue::from(left.limit_per_minute))),
            (REMAINING, Some(HeaderValue::from(left.left))),
            (RESET, Some(HeaderValue::from(left.resets_in(now)))),
        ]
    });
    for (name, value) in told.into_iter().chain(left.into_iter().flatten()) {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

/// Marks the answer of a write that Zoho has done.
#[derive(Clone)]
pub(crate) struct Written;
