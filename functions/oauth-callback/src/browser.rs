//! The browser that asks, and the cookies that it brings.

use axum::http::HeaderMap;
use shared::base::public_url::PublicUrl;
use shared::base::secret::Secret;

use crate::cookie;

pub(crate) struct Browser<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) origin: &'a PublicUrl,
}

impl Browser<'_> {
    /// Whether another site's page sent this. Our pages send no referrer, so that a browser may name no origin (`null`): then it
    /// says from which site it came.
    pub(crate) fn is_sent_by_another_site(&self) -> bool {
        let header = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let site = header("sec-fetch-site");
        match (site, header("origin")) {
            (Some("same-origin"), None | Some("null")) | (None, None) => false,
            (None | Some("same-origin"), Some(origin)) => origin != self.origin.as_str(),
            _ => true,
        }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<Secret> {
        cookie::get(self.origin, self.headers, name)
    }
}
