//! Inventory API v1: tokens, organisations, limits, then the route.

pub(crate) mod change;
pub(crate) mod data;
mod query;
pub(crate) mod view;

use axum::http::Method;
use serde_json::{Value, json};

use crate::accounts::{grants, scope};
use crate::api::Limit;
use crate::http::{Answer, Call};
use crate::limits;
use crate::state::State;

/// Id of the first organisation; the others follow.
const FIRST_ORGANIZATION: u64 = 20_098_765_432;

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
    let needed = match (path, &call.method) {
        (["organizations"] | ["users", "me"], &Method::GET) => "ZohoInventory.settings.READ",
        (["locations"], &Method::GET) if !state.switches.legacy_warehouses => "ZohoInventory.settings.READ",
        (["items"] | ["items", _], &Method::GET) => "ZohoInventory.items.READ",
        (["items", _], &Method::PUT) => "ZohoInventory.items.UPDATE",
        (["contacts"], &Method::GET) => "ZohoInventory.contacts.READ",
        _ => return error(404, 5, "Invalid URL Passed"),
    };
    if !scope::allows(&scopes, needed) {
        return not_authorised();
    }
    // Only the first organisation has data.
    let has_data = organization == FIRST_ORGANIZATION.to_string();
    let found = |place: Option<usize>| place.filter(|_| has_data);
    match path {
        ["organizations"] => organizations(state.options.organizations),
        ["users", "me"] => {
            Answer::json(200, &json!({ "code": 0, "message": "success", "user": data::user() }))
        }
        ["locations"] => locations(has_data),
        ["items"] => query::items(state, call, has_data),
        ["contacts"] => query::contacts(state, call, has_data),
        ["items", id] => match (found(change::position(state, id)), &call.method) {
            (None, _) if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) => {
                error(400, 2, "Invalid value passed for item_id")
            }
            (None, _) => {
                error(if state.switches.missing_is_400 { 400 } else { 404 }, 1002, "Resource does not exist.")
            }
            (Some(place), &Method::PUT) => change::put(state, call, place),
            (Some(place), _) => one(state, place, "success"),
        },
        _ => error(404, 5, "Invalid URL Passed"),
    }
}

/// The limit on calls in progress, judged before a slow answer begins.
pub(crate) fn too_many_at_once(in_flight: usize, state: &State) -> Option<Answer> {
    let reached = state.switches.concurrent_limit.is_some_and(|limit| in_flight > limit);
    reached.then(|| limits::answer(Limit::Concurrent, &state.switches))
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
        .or_else(|| header.strip_prefix("Bearer ").filter(|_| !state.switches.bearer_refused))
        .filter(|token| grants::looks_like_token(token))
        .ok_or_else(invalid)?;
    match state.accounts.scopes(token, dc, state.now()) {
        Some(scopes) => Ok(scopes.to_vec()),
        None if state.switches.dead_token_code_14 => Err(invalid()),
        None => Err(not_authorised()),
    }
}

/// `organization_id` on every call but `/organizations`; an absent one has no documented answer.
fn organization(state: &State, call: &Call, path: &[&str]) -> Result<String, Answer> {
    if path == ["organizations"] {
        return Ok(FIRST_ORGANIZATION.to_string());
    }
    let asked = call.filled("organization_id");
    let asked = asked.ok_or_else(|| error(400, 4029, "Invalid or missing organization."))?;
    if organization_ids(state.options.organizations).any(|known| known.to_string() == asked) {
        Ok(asked)
    } else {
        let message = format!("This user is not associated with the CompanyID/CompanyName:{asked}.");
        Err(error(400, 6041, &message))
    }
}

fn organization_ids(count: usize) -> impl Iterator<Item = u64> {
    (FIRST_ORGANIZATION..).take(count.max(1))
}

fn organizations(count: usize) -> Answer {
    let list: Vec<Value> = organization_ids(count).map(data::organization).collect();
    // No page_context here.
    Answer::json(200, &json!({ "code": 0, "message": "success", "organizations": list }))
}

fn locations(has_data: bool) -> Answer {
    let list = if has_data { data::locations() } else { json!([]) };
    Answer::json(200, &json!({ "code": 0, "message": "success", "locations": list }))
}

fn one(state: &State, place: usize, message: &str) -> Answer {
    let item = state.items.get(place).map(|item| view::detail(item, &state.switches));
    Answer::json(200, &json!({ "code": 0, "message": message, "item": item }))
}

/// 57: a dead token and a missing scope look the same.
fn not_authorised() -> Answer {
    error(401, 57, "You are not authorized to perform this operation")
}

/// An Inventory error.
pub(crate) fn error(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": code, "message": message }))
}
