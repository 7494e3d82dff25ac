//! The browser that asks, and the cookies that it brings.

use axum::http::HeaderMap;
use shared::base::secret::Secret;
use shared::base::settings::PublicUrl;

use crate::cookie;

pub(crate) struct Browser<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) origin: &'a PublicUrl,
}

impl Browser<'_> {
    pub(crate) fn cookie(&self, name: &str) -> Option<Secret> {
        cookie::get(self.origin, self.headers, name)
    }
}
