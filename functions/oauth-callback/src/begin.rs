//! The beginning of a consent: what is remembered here, and what the browser is given.

use axum::http::HeaderValue;
use shared::base::secret::Secret;
use shared::base::settings::PublicUrl;
use shared::core::connection::consent::{Begun, Consents, LIFETIME, Wish};
use shared::store::StoreError;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::oauth::consent_url;

use crate::cookie;

/// A consent that has begun.
pub struct Beginning {
    /// Zoho's consent page.
    pub location: String,
    /// The cookie that the same browser must bring back, as it is set.
    pub cookie: HeaderValue,
}

/// Begins a consent. `link` is the digest of the link that it uses up.
///
/// None where too many consents of this connection are open already.
///
/// # Errors
/// Where the store fails.
pub async fn begin(
    consents: &Consents,
    centres: &DataCentres,
    origin: &PublicUrl,
    wish: Wish,
    link: Option<String>,
) -> Result<Option<Beginning>, StoreError> {
    let (state, value) = (Secret::random(), Secret::random());
    let redirect_uri = origin.redirect_uri();
    let accounts = centres.accounts(wish.home);
    let location = consent_url(&accounts, &wish.client_id, &redirect_uri, &wish.scopes, state.expose());
    if !consents.begin(&state, &Begun { wish, redirect_uri, cookie: value.digest(), link }).await? {
        return Ok(None);
    }
    Ok(Some(Beginning { location, cookie: cookie::set(origin, &cookie::of_state(&state), &value, LIFETIME) }))
}
