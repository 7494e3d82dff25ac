//! Reads records: one, or a page of a list.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::error::error;
use super::module::Module;
use super::page::{self, Page};
use super::record::{changed, text};
use crate::clock;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;

/// The most names in `fields`.
const MOST_FIELDS: usize = 50;
/// The length at which lists cut rich text.
const LIST_TEXT: usize = 500;

/// `GET /{module}/{id}`.
pub(crate) fn one(state: &State, call: &Call, module: Module, id: &str) -> Answer {
    if id.is_empty() || id.len() > 19 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return invalid_id();
    }
    match state.crm.get(module, id) {
        Some(record) => match modified_since(call) {
            Some(since) if changed(record).is_none_or(|at| at <= since) => nothing_newer(state),
            _ => {
                let fields = call.filled("fields").map(|fields| names(&fields));
                let record = fields.map_or_else(|| record.clone(), |fields| picked(record, &fields));
                Answer::json(200, &json!({ "data": [record] }))
            }
        },
        None => unknown_id(state),
    }
}

/// The answer where no record has the id.
pub(crate) fn unknown_id(state: &State) -> Answer {
    if state.switches.crm_unknown_id_invalid_data() { invalid_id() } else { Answer::empty(204) }
}

fn invalid_id() -> Answer {
    error(400, "INVALID_DATA", json!({}), "the id given seems to be invalid")
}

/// A list: its owner, its default order and its rows.
pub(crate) struct List<'a> {
    /// What page tokens are bound to besides the parameters.
    pub(crate) name: &'a str,
    pub(crate) ascending: bool,
    pub(crate) select: &'a dyn Fn(&State) -> Vec<&Object>,
}

impl List<'_> {
    /// One page of it.
    pub(crate) fn answer(&self, state: &mut State, call: &Call) -> Answer {
        let Some(fields) = call.filled("fields").map(|fields| names(&fields)) else {
            return missing_param(state, "fields");
        };
        if fields.len() > MOST_FIELDS {
            return error(400, "LIMIT_EXCEEDED", json!({ "limit": MOST_FIELDS }), "fields limit exceeded");
        }
        let now = state.now();
        let page = match Page::read(call, self.name, &state.page_tokens, now) {
            Ok(page) => page,
            Err(answer) => return answer,
        };
        let sort_by = call.filled("sort_by").unwrap_or_else(|| "id".to_owned());
        if !["id", "Created_Time", "Modified_Time"].contains(&sort_by.as_str()) {
            return page::invalid("sort_by");
        }
        let sort_order = match (call.param("sort_order").as_deref(), self.ascending) {
            (Some("asc"), _) | (None, true) => "asc",
            _ => "desc",
        };
        let mut records = (self.select)(state);
        if let Some(ids) = call.filled("ids") {
            let ids = names(&ids);
            records.retain(|record| ids.iter().any(|id| id == text(record, "id")));
        }
        if let Some(since) = modified_since(call).filter(|_| !state.switches.crm_modified_since_ignored()) {
            records.retain(|record| changed(record).is_some_and(|at| at > since));
            if records.is_empty() {
                return nothing_newer(state);
            }
        }
        sort(&mut records, &sort_by, sort_order == "desc");
        let skipped = (page.number - 1).saturating_mul(page.per_page);
        let more = records.len() > skipped.saturating_add(page.per_page);
        let page_of = records.iter().skip(skipped).take(page.per_page);
        let rows: Vec<Object> = page_of.map(|record| cut(picked(record, &fields))).collect();
        if rows.is_empty() {
            return Answer::empty(204);
        }
        let info = page.info(rows.len(), more, (&sort_by, sort_order), &mut state.page_tokens, now);
        Answer::json(200, &json!({ "data": rows, "info": info }))
    }
}

/// The answer where no record is newer than `If-Modified-Since`.
pub(crate) fn nothing_newer(state: &State) -> Answer {
    Answer::empty(if state.switches.crm_nothing_newer_204() { 204 } else { 304 })
}

/// The refusal of a call without a required parameter.
pub(crate) fn missing_param(state: &State, name: &str) -> Answer {
    let key = if state.switches.crm_missing_param_api_name() { "api_name" } else { "param_name" };
    error(400, "REQUIRED_PARAM_MISSING", json!({ key: name }), "One of the expected parameter is missing")
}

/// The requested fields, and always the id.
pub(crate) fn picked(record: &Object, fields: &[String]) -> Object {
    let wanted = |key: &String| key == "id" || fields.contains(key);
    let pairs = record.iter().filter(|(key, _)| wanted(key));
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A record as in a list: long text is cut.
pub(crate) fn cut(mut record: Object) -> Object {
    if let Some(Value::String(text)) = record.get_mut("Description") {
        *text = text.chars().take(LIST_TEXT).collect();
    }
    record
}

/// The names in a comma-separated list.
pub(crate) fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Reads a time. An invalid one counts as none.
pub(crate) fn modified_since(call: &Call) -> Option<jiff::Timestamp> {
    clock::parse(call.header("if-modified-since")?)
}

fn sort(records: &mut [&Object], by: &str, descending: bool) {
    let key = |record: &&Object| {
        let id = text(record, "id").parse::<u64>().unwrap_or_default();
        (if by == "id" { None } else { clock::parse(text(record, by)) }, id)
    };
    if descending {
        records.sort_by_cached_key(|record| Reverse(key(record)));
    } else {
        records.sort_by_cached_key(key);
    }
}
