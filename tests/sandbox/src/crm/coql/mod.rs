//! COQL: `POST /coql` with a select query. A small parser and evaluator of what Zoho documents of it.

mod lex;
mod parse;
mod resolve;
mod run;
mod wrong;

use serde_json::{Value, json};

use super::error::error;
use super::module::Module;
use crate::accounts::scope;
use crate::http::{Answer, Call};
use crate::state::State;

/// Answers it. Every module of the query needs its own READ scope.
pub(crate) fn answer(state: &State, call: &Call, scopes: &[String]) -> Answer {
    let Some(text) = text(call) else {
        let details = json!({ "api_name": "select_query", "json_path": "$.select_query" });
        return error(400, "MANDATORY_NOT_FOUND", details, "required field not found");
    };
    let query = match parse::query(&text) {
        Ok(query) => query,
        Err(wrong) => return wrong.answer(),
    };
    let Some(module) = Module::find(&query.module) else {
        let details = json!({ "module": query.module });
        return error(400, "INVALID_QUERY", details, "module given seems to be invalid");
    };
    let needed = format!("ZohoCRM.modules.{}.READ", query.module.to_ascii_lowercase());
    if !scope::allows(scopes, &needed) {
        let status = if state.switches.crm_scope_mismatch_403 { 403 } else { 401 };
        return error(status, "OAUTH_SCOPE_MISMATCH", json!({}), "invalid oauth scope to access this URL");
    }
    if let Some(hidden) = hidden(&state.switches.crm_hidden_fields, &query) {
        return wrong::Wrong::Column(hidden).answer();
    }
    let (limit, offset) = (query.limit, query.offset);
    match run::run(state, module, &query) {
        Err(wrong) => wrong.answer(),
        Ok(rows) => {
            let more = rows.len() > offset.saturating_add(limit);
            let page: Vec<Value> = rows.into_iter().skip(offset).take(limit).collect();
            if page.is_empty() && !state.switches.crm_coql_empty_200 {
                return Answer::empty(204);
            }
            let info = json!({ "count": page.len(), "more_records": more });
            Answer::json(200, &json!({ "data": page, "info": info }))
        }
    }
}

/// The first column that the profile hides: it refuses the whole query.
fn hidden(hidden: &[String], query: &parse::Query) -> Option<String> {
    fn of<'a>(condition: &'a parse::Condition, names: &mut Vec<&'a String>) {
        match condition {
            parse::Condition::Test { column, .. } => names.push(column),
            parse::Condition::Both(one, other) | parse::Condition::Either(one, other) => {
                of(one, names);
                of(other, names);
            }
        }
    }
    let mut names: Vec<&String> =
        query.columns.iter().chain(query.order.iter().map(|(name, _)| name)).collect();
    of(&query.condition, &mut names);
    names.into_iter().find(|name| hidden.contains(name)).cloned()
}

/// One credit for up to 200 rows, two for up to 1,000, three beyond.
pub(crate) fn credits(call: &Call) -> usize {
    match text(call).and_then(|text| parse::query(&text).ok()) {
        Some(query) if query.limit > 1_000 => 3,
        Some(query) if query.limit > 200 => 2,
        _ => 1,
    }
}

fn text(call: &Call) -> Option<String> {
    let body: Value = serde_json::from_slice(&call.body).ok()?;
    body.get("select_query")?.as_str().map(str::to_owned)
}
