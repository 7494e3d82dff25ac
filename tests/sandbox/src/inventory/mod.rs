//! Inventory API v1: checks tokens, organisations and limits, then calls the route.

pub(crate) mod adjustments;
pub(crate) mod amount;
mod batch;
mod batches;
mod body;
pub(crate) mod by_hand;
pub(crate) mod change;
pub(crate) mod contacts;
pub(crate) mod data;
mod dates;
mod error;
mod figures;
mod groups;
mod image;
pub(crate) mod items;
mod language;
mod list;
mod missing;
pub(crate) mod movement;
mod moves;
pub(crate) mod opening;
mod organizations;
mod past;
mod places;
mod purchasing;
mod quantity;
mod query;
mod routes;
pub(crate) mod rules;
pub(crate) mod salesorders;
mod settings;
mod shipping;
pub(crate) mod shop;
pub(crate) mod stock;
mod success;
mod tracking;
pub(crate) mod transferorders;
pub(crate) mod view;

use data::FIRST_ORGANIZATION;
use error::error;

use crate::accounts::{grants, scope};
use crate::http::{Answer, Call};
use crate::limits;
use crate::state::State;

/// Answers a call below `inventory/v1`.
pub(crate) fn answer(state: &mut State, call: &Call, dc: &str, path: &[&str]) -> Answer {
    let scopes = match scopes(state, call, dc) {
        Ok(scopes) => scopes,
        Err(answer) => return answer,
    };
    let organization = match organization(state, call, path) {
        Ok(organization) => organization,
        Err(answer) => return answer,
    };
    let now = state.now();
    if let Some(limit) = state.limits.inventory(&organization, now, &state.switches) {
        return limits::answer(limit, &state.switches);
    }
    let Some(needed) = routes::needed(state, call, path) else { return error(404, 5, "Invalid URL Passed") };
    if !scope::allows(&scopes, needed) {
        return not_authorised();
    }
    // Only the first organisation has data.
    routes::route(state, call, path, organization == FIRST_ORGANIZATION.to_string())
}

fn scopes(state: &State, call: &Call, dc: &str) -> Result<Vec<String>, Answer> {
    let invalid = || {
        error(
            401,
            14,
            "The request could not be authenticated as the authentication value you entered is invalid. \
             Enter a valid authentication value.",
        )
    };
    let header = call.header("authorization").unwrap_or_default();
    let token = header
        .strip_prefix("Zoho-oauthtoken ")
        .or_else(|| header.strip_prefix("Bearer ").filter(|_| !state.switches.bearer_refused()))
        .filter(|token| grants::looks_like_token(token))
        .ok_or_else(invalid)?;
    match state.accounts.scopes(token, dc, state.now()) {
        Some(scopes) => Ok(scopes.to_vec()),
        None if state.switches.dead_token_code_14() => Err(invalid()),
        None => Err(not_authorised()),
    }
}

/// Reads `organization_id`, which every call except `/organizations` needs. The answer without it is not documented.
fn organization(state: &State, call: &Call, path: &[&str]) -> Result<String, Answer> {
    if path == ["organizations"] {
        return Ok(FIRST_ORGANIZATION.to_string());
    }
    let asked = call.filled("organization_id");
    let asked = asked.ok_or_else(|| error(400, 4029, "Invalid or missing organization."))?;
    if organizations::ids(state.options.organizations).any(|known| known.to_string() == asked) {
        Ok(asked)
    } else {
        let message = format!("This user is not associated with the CompanyID/CompanyName:{asked}.");
        Err(error(400, 6041, &message))
    }
}

/// Code 57, which is the same for a dead token and a missing scope.
fn not_authorised() -> Answer {
    error(401, 57, "You are not authorized to perform this operation")
}
