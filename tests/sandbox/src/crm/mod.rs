//! CRM API v8: tokens, credits, scopes, then the record lists.

pub(crate) mod data;
pub(crate) mod page;

use std::cmp::Ordering;

use axum::http::Method;
use serde_json::{Value, json};

use crate::accounts::scope;
use crate::clock;
use crate::http::{Answer, Call};
use crate::limits;
use crate::state::{Object, State};
use page::Page;

/// Names allowed in `fields`.
const MOST_FIELDS: usize = 50;
/// Rich text is cut in lists.
const LIST_TEXT: usize = 500;

/// Answers a call below `crm/v8`.
pub(crate) fn answer(state: &mut State, call: &Call, dc: &str, path: &[&str]) -> Answer {
    let scopes = match scopes(state, call, dc) {
        Ok(scopes) => scopes,
        Err(answer) => return answer,
    };
    let now = state.now();
    let left = match state.limits.crm(now, &state.switches) {
        Ok(left) => left,
        Err(limit) => return limits::answer(limit, &state.switches),
    };
    let answer = route(state, call, &scopes, path);
    // The only quota header there is, and only once half is used.
    if left <= state.switches.crm_credits / 2 {
        answer.with("x-api-credits-remaining", left.to_string())
    } else {
        answer
    }
}

fn route(state: &mut State, call: &Call, scopes: &[String], path: &[&str]) -> Answer {
    let wrong_path = || {
        error(
            404,
            "INVALID_URL_PATTERN",
            json!({}),
            "Please check if the URL trying to access is a correct one",
        )
    };
    let Some(first) = path.first().filter(|_| path.len() <= 2) else { return wrong_path() };
    let (needed, records) = match *first {
        "org" if path.len() == 1 => ("ZohoCRM.org.READ", Vec::new()),
        "Deals" => ("ZohoCRM.modules.deals.READ", state.deals.clone()),
        "Contacts" => ("ZohoCRM.modules.contacts.READ", data::contacts()),
        "Accounts" => ("ZohoCRM.modules.accounts.READ", data::accounts()),
        "" => return wrong_path(),
        _ => return error(400, "INVALID_MODULE", json!({}), "The module name given seems to be invalid"),
    };
    if call.method != Method::GET {
        let message = "The http request method type is not a valid one";
        return error(400, "INVALID_REQUEST_METHOD", json!({}), message);
    }
    if !scope::allows(scopes, needed) {
        let status = if state.switches.crm_scope_mismatch_403 { 403 } else { 401 };
        return error(status, "OAUTH_SCOPE_MISMATCH", json!({}), "invalid oauth scope to access this URL");
    }
    match path {
        ["org"] => Answer::json(200, &json!({ "org": [data::org()] })),
        [_, id] => one(state, call, &records, id),
        _ => list(state, call, first, records),
    }
}

fn one(state: &State, call: &Call, records: &[Object], id: &str) -> Answer {
    let unknown = || error(400, "INVALID_DATA", json!({}), "the id given seems to be invalid");
    if id.is_empty() || id.len() > 19 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return unknown();
    }
    match records.iter().find(|record| text(record, "id") == id) {
        Some(record) => match modified_since(call) {
            Some(since) if changed(record).is_none_or(|at| at <= since) => Answer::empty(304),
            _ => {
                let fields = call.filled("fields").map(|fields| names(&fields));
                let record = fields.map_or_else(|| record.clone(), |fields| cut(record, &fields, usize::MAX));
                Answer::json(200, &json!({ "data": [record] }))
            }
        },
        None if state.switches.crm_unknown_id_invalid_data => unknown(),
        None => Answer::empty(204),
    }
}

fn list(state: &mut State, call: &Call, module: &str, mut records: Vec<Object>) -> Answer {
    let Some(fields) = call.filled("fields").map(|fields| names(&fields)) else {
        let key = if state.switches.crm_missing_param_api_name { "api_name" } else { "param_name" };
        let message = "One of the expected parameter is missing";
        return error(400, "REQUIRED_PARAM_MISSING", json!({ key: "fields" }), message);
    };
    if fields.len() > MOST_FIELDS {
        return error(400, "LIMIT_EXCEEDED", json!({ "limit": MOST_FIELDS }), "fields limit exceeded");
    }
    let now = state.now();
    let page = match Page::read(call, module, &state.page_tokens, now) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let sort_by = call.filled("sort_by").unwrap_or_else(|| "id".to_owned());
    if !["id", "Created_Time", "Modified_Time"].contains(&sort_by.as_str()) {
        return error(400, "INVALID_DATA", json!({ "param_name": "sort_by" }), "invalid data");
    }
    let sort_order = if call.param("sort_order").as_deref() == Some("asc") { "asc" } else { "desc" };
    if let Some(ids) = call.filled("ids") {
        let ids = names(&ids);
        records.retain(|record| ids.iter().any(|id| id == text(record, "id")));
    }
    if let Some(since) = modified_since(call) {
        records.retain(|record| changed(record).is_some_and(|at| at > since));
        if records.is_empty() {
            return Answer::empty(304);
        }
    }
    records.sort_by(|one, other| order(one, other, &sort_by));
    if sort_order == "desc" {
        records.reverse();
    }
    let skipped = (page.number - 1).saturating_mul(page.per_page);
    let more = records.len() > skipped.saturating_add(page.per_page);
    let rows: Vec<Object> = records
        .iter()
        .skip(skipped)
        .take(page.per_page)
        .map(|record| cut(record, &fields, LIST_TEXT))
        .collect();
    if rows.is_empty() {
        return Answer::empty(204);
    }
    let info = page.info(rows.len(), more, (&sort_by, sort_order), &mut state.page_tokens, now);
    Answer::json(200, &json!({ "data": rows, "info": info }))
}

fn scopes(state: &State, call: &Call, dc: &str) -> Result<Vec<String>, Answer> {
    let header = call.header("authorization").unwrap_or_default();
    if header.is_empty() {
        return Err(error(401, "AUTHENTICATION_FAILURE", json!({}), "Authentication failed"));
    }
    let token = header
        .strip_prefix("Zoho-oauthtoken ")
        .or_else(|| header.strip_prefix("Bearer ").filter(|_| !state.switches.bearer_refused));
    let scopes = token.and_then(|token| state.accounts.scopes(token, dc, state.now()));
    let invalid = || error(401, "INVALID_TOKEN", json!({}), "invalid oauth token");
    scopes.map(<[String]>::to_vec).ok_or_else(invalid)
}

/// The fields asked for, and always the id.
fn cut(record: &Object, fields: &[String], longest: usize) -> Object {
    let wanted = |key: &String| key == "id" || fields.contains(key);
    let mut row: Object = record
        .iter()
        .filter(|(key, _)| wanted(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(Value::String(text)) = row.get_mut("Description") {
        *text = text.chars().take(longest).collect();
    }
    row
}

/// A time that cannot be read counts as none.
fn modified_since(call: &Call) -> Option<jiff::Timestamp> {
    clock::parse(call.header("if-modified-since")?)
}

fn changed(record: &Object) -> Option<jiff::Timestamp> {
    clock::parse(text(record, "Modified_Time"))
}

fn order(one: &Object, other: &Object, key: &str) -> Ordering {
    let number = |record: &Object| text(record, "id").parse::<u64>().unwrap_or_default();
    let by_id = number(one).cmp(&number(other));
    match key {
        "id" => by_id,
        _ => clock::parse(text(one, key)).cmp(&clock::parse(text(other, key))).then(by_id),
    }
}

fn text<'a>(record: &'a Object, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// A CRM error.
pub(crate) fn error(status: u16, code: &str, details: Value, message: &str) -> Answer {
    let body = [
        ("code", code.into()),
        ("details", details),
        ("message", message.into()),
        ("status", "error".into()),
    ];
    let body: Object = body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Answer::json(status, &body.into())
}
