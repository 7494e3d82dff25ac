//! The authorization request of a consent: the state that is stored here, and the address and the cookie that the browser is given.
//! <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1>

use axum::http::HeaderValue;
use shared::base::public_url::PublicUrl;
use shared::base::secret::Secret;
use shared::core::connection::consent::{Begun, Consents, LIFETIME, Wish};
use shared::store::StoreError;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::oauth::consent_url;
use shared::zoho::secrets::CodeVerifier;

use crate::cookie;

/// An authorization request, as the browser gets it.
pub struct AuthorizationRequest {
    /// Zoho's consent page.
    pub location: String,
    /// The cookie that the same browser must bring back, as it is set.
    pub cookie: HeaderValue,
}

/// Begins a consent. `link` is the digest of the link that it uses up. With `pkce`, Zoho is given a challenge; its verifier
/// belongs to the cookie, and so is stored nowhere.
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
    pkce: bool,
) -> Result<Option<AuthorizationRequest>, StoreError> {
    let (state, value) = (Secret::random(), Secret::random());
    let redirect_uri = origin.redirect_uri();
    let accounts = centres.accounts(wish.home);
    let challenge = pkce.then(|| CodeVerifier::of(&value).challenge());
    let location = consent_url(
        &accounts,
        &wish.client_id,
        &redirect_uri,
        &wish.scopes,
        state.expose(),
        challenge.as_deref(),
    );
    let begun = Begun { wish, redirect_uri, cookie: value.digest(), link, challenged: pkce };
    if !consents.begin(&state, &begun).await? {
        return Ok(None);
    }
    Ok(Some(AuthorizationRequest {
        location,
        cookie: cookie::set(origin, &cookie::of_state(&state), &value, LIFETIME),
    }))
}
