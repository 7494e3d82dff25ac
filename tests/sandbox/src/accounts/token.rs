//! `/oauth/v2/token` and revocation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::grants::{ACCESS_SECONDS, Minted};
use super::refusal::Refusal;
use crate::data_centre;
use crate::http::{Answer, Call};
use crate::state::State;

/// The token endpoint.
pub(crate) fn token(state: &mut State, call: &Call, dc: &str) -> Answer {
    match grant(state, call, dc) {
        Ok(minted) => Answer::json(200, &success(state, dc, minted)).with("cache-control", "no-store"),
        Err(refusal) => refusal.answer(&state.switches),
    }
}

fn grant(state: &mut State, call: &Call, dc: &str) -> Result<Minted, Refusal> {
    // The endpoint does not read JSON, so it does not see the client id.
    if call.is_json() {
        return Err(Refusal::InvalidClient);
    }
    let value = |name: &str| call.either(name).unwrap_or_default();
    let client = value("client_id");
    state.accounts.authenticate(&client, &value("client_secret"), dc)?;
    let now = state.clock.now();
    let (accounts, switches) = (&mut state.accounts, &state.switches);
    match value("grant_type").as_str() {
        "authorization_code" => {
            let (redirect_uri, verifier) = (call.either("redirect_uri"), call.either("code_verifier"));
            let code = value("code");
            let code = (code.as_str(), redirect_uri.as_deref(), verifier.as_deref());
            accounts.exchange((&client, dc), code, now, switches)
        }
        "refresh_token" => accounts.refresh((&client, dc), &value("refresh_token"), now, switches),
        _ => Err(Refusal::UnsupportedGrantType),
    }
}

fn success(state: &State, dc: &str, minted: Minted) -> Value {
    let switches = &state.switches;
    let mut body = Map::new();
    body.insert("access_token".to_owned(), minted.access.into());
    if let Some(refresh) = minted.refresh {
        body.insert("refresh_token".to_owned(), refresh.into());
    }
    if !switches.scope_left_out() {
        // Zoho takes commas between scopes and gives spaces.
        body.insert("scope".to_owned(), minted.scopes.join(" ").into());
    }
    let api_domain = if switches.api_domain_accounts_page() {
        "https://api.zoho.com".to_owned()
    } else {
        data_centre::api(&state.options.base_url, dc)
    };
    body.insert("api_domain".to_owned(), api_domain.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    if switches.legacy_milliseconds() {
        body.insert("expires_in_sec".to_owned(), ACCESS_SECONDS.into());
        body.insert("expires_in".to_owned(), (ACCESS_SECONDS * 1000).into());
    } else {
        body.insert("expires_in".to_owned(), ACCESS_SECONDS.into());
    }
    body.into()
}

/// Revocation at the path the official SDK uses.
pub(crate) fn revoke(state: &mut State, call: &Call, dc: &str) -> Answer {
    let token = call.either("token").unwrap_or_default();
    if state.accounts.revoke(&token, dc) {
        Answer::json(200, &json!({ "status": "success" }))
    } else {
        // Zoho's answer to an unknown token is not documented.
        Answer::json(200, &json!({ "error": "invalid_token" }))
    }
}

/// Revocation at the path of newer Accounts pages.
pub(crate) fn revoke_with_basic(state: &mut State, call: &Call, dc: &str) -> Answer {
    let judged = match basic(call) {
        Some((id, secret)) => state.accounts.authenticate(&id, &secret, dc),
        None => Err(Refusal::InvalidClient),
    };
    match judged {
        Ok(()) => revoke(state, call, dc),
        Err(refusal) => refusal.answer(&state.switches),
    }
}

fn basic(call: &Call) -> Option<(String, String)> {
    let decoded = STANDARD.decode(call.header("authorization")?.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}
