//! CRM API v8: checks tokens, credits and scopes, then calls the route.

mod change;
pub(crate) mod channels;
mod check;
mod coql;
mod criteria;
pub(crate) mod data;
mod deleted;
mod error;
mod fields;
pub(crate) mod module;
mod modules;
mod notes;
pub(crate) mod notify;
pub(crate) mod page;
mod read;
mod record;
mod related;
mod routes;
mod scopes;
mod search;
mod settings;
pub(crate) mod store;
mod tombstone;
mod watch;
mod write;

use serde_json::{Value, json};

use error::error;

use crate::http::{Answer, Call};
use crate::limits;
use crate::state::State;

/// Answers a call below `crm/v8`.
pub(crate) fn answer(state: &mut State, call: &Call, dc: &str, path: &[&str]) -> Answer {
    let scopes = match scopes(state, call, dc) {
        Ok(scopes) => scopes,
        Err(answer) => return answer,
    };
    let now = state.now();
    let left = match state.limits.crm(now, routes::credits(call, path), &state.switches) {
        Ok(left) => left,
        Err(limit) => return limits::answer(limit, &state.switches),
    };
    let answer = shown(routes::route(state, call, &scopes, path), &state.switches.crm_hidden_fields);
    // The only quota header there is, and only once half is used.
    if left <= state.switches.crm_credits / 2 {
        answer.with("x-api-credits-remaining", left.to_string())
    } else {
        answer
    }
}

/// Records without what the profile hides.
fn shown(mut answer: Answer, hidden: &[String]) -> Answer {
    if hidden.is_empty() {
        return answer;
    }
    if let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) {
        let rows = body.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten();
        for row in rows.filter_map(Value::as_object_mut) {
            row.retain(|field, _| !hidden.contains(field));
        }
        answer.body = body.to_string().into_bytes();
    }
    answer
}

fn scopes(state: &State, call: &Call, dc: &str) -> Result<Vec<String>, Answer> {
    let header = call.header("authorization").unwrap_or_default();
    if header.is_empty() {
        return Err(error(401, "AUTHENTICATION_FAILURE", json!({}), "Authentication failed"));
    }
    let token = header
        .strip_prefix("Zoho-oauthtoken ")
        .or_else(|| header.strip_prefix("Bearer ").filter(|_| !state.switches.bearer_refused()));
    let scopes = token.and_then(|token| state.accounts.scopes(token, dc, state.now()));
    let invalid = || error(401, "INVALID_TOKEN", json!({}), "invalid oauth token");
    scopes.map(<[String]>::to_vec).ok_or_else(invalid)
}
