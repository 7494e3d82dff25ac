//! How far a browser's last consent has come: the browser knows it by a nonce in a cookie, and sees it at an address without
//! code or state.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared::base::secret::Secret;
use shared::core::connection::consent::{Consents, Outcome};
use shared::store::StoreError;

use crate::browser::Browser;
use crate::{cookie, pages};

/// The outcome, with the nonce that the browser brings.
pub(crate) async fn outcome(
    consents: &Consents,
    browser: &Browser<'_>,
) -> Result<Option<(Secret, Outcome)>, StoreError> {
    let Some(nonce) = browser.cookie(cookie::OUTCOME) else { return Ok(None) };
    let outcome = consents.outcome(&nonce).await?;
    Ok(outcome.map(|outcome| (nonce, outcome)))
}

/// The page for it.
pub(crate) async fn show_outcome(consents: &Consents, browser: &Browser<'_>) -> Result<Response, StoreError> {
    Ok(match outcome(consents, browser).await? {
        Some((_, Outcome::Ended(ending))) => pages::ending(&ending).into_response(),
        Some((_, Outcome::Choose(choice))) => pages::choice(&choice).into_response(),
        None => pages::nothing_to_show().into_response(),
    })
}

/// On to that page, so that neither code nor state stays in the browser's history.
pub(crate) fn to_clean_address() -> impl IntoResponse {
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/oauth/callback"))])
}
