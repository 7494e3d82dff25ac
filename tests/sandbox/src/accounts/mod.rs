//! The accounts servers: consent, tokens, revocation. The rules are the same on all ten hosts.

mod consent;
pub(crate) mod grants;
mod pkce;
mod refusal;
pub(crate) mod scope;
mod token;

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::data_centre;
use crate::http::{Answer, Call};
use crate::pages;
use crate::state::State;

/// Answers a call below `{dc}/accounts`.
pub(crate) fn answer(state: &mut State, call: &Call, dc: &str, path: &[&str]) -> Answer {
    match (path, &call.method) {
        (["oauth", "v2", "auth"], &Method::GET) => consent::show(state, call, dc),
        (["oauth", "v2", "auth"], &Method::POST) => consent::decide(state, call, dc),
        (["oauth", "v2", "token"], &Method::POST) => token::token(state, call, dc),
        (["oauth", "v2", "token", "revoke"], &Method::POST) if !state.switches.revoke_newer_path() => {
            token::revoke(state, call, dc)
        }
        (["oauth", "v2", "revoke", "token"], &Method::POST) if state.switches.revoke_newer_path() => {
            token::revoke_with_basic(state, call, dc)
        }
        (["oauth", "serverinfo"], &Method::GET) => server_info(&state.options.base_url),
        // A GET on the token endpoint and a bad path give a page, not JSON.
        (["oauth", "v2", "token"], _) => pages::page(200, "Zoho Accounts", "<p>Invalid request.</p>", ""),
        _ => pages::page(404, "Zoho Accounts", "<p>This page does not exist.</p>", ""),
    }
}

fn server_info(base: &str) -> Answer {
    let locations: Map<String, Value> = data_centre::LISTED
        .iter()
        .map(|dc| ((*dc).to_owned(), Value::from(data_centre::accounts(base, dc))))
        .collect();
    Answer::json(200, &json!({ "result": "success", "locations": locations }))
}
