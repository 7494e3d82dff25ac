//! The browser that asks: what it was given before, and where its consent stands.

use axum::http::HeaderMap;
use shared::base::secret::Secret;
use shared::base::settings::PublicUrl;
use shared::core::connection::consent::Outcome;
use shared::store::StoreError;

use crate::{App, cookie};

pub(crate) struct Browser<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) origin: &'a PublicUrl,
}

impl Browser<'_> {
    pub(crate) fn cookie(&self, name: &str) -> Option<Secret> {
        cookie::get(self.origin, self.headers, name)
    }
}

impl App {
    /// How far this browser's last consent has come, with the nonce that it shows.
    pub(crate) async fn outcome(
        &self,
        browser: &Browser<'_>,
    ) -> Result<Option<(Secret, Outcome)>, StoreError> {
        let Some(nonce) = browser.cookie(cookie::OUTCOME) else { return Ok(None) };
        let outcome = self.consents.outcome(&nonce).await?;
        Ok(outcome.map(|outcome| (nonce, outcome)))
    }
}
