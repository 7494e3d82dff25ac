//! COQL: `POST /coql` with a select query. It parses and evaluates the language as far as Zoho documents it.

mod aggregate;
mod lex;
mod order;
mod parse;
mod resolve;
mod run;
mod select;
mod wrong;

use serde_json::{Value, json};

use super::error::error;
use super::module::Module;
use super::scopes::{module_scope, scope_mismatch};
use super::settings;
use crate::accounts::scope;
use crate::http::{Answer, Call};
use crate::object::{Object, object};
use crate::state::State;
use crate::switches::Switches;

/// Answers a query. Every module in it needs its own READ scope.
pub(crate) fn answer(state: &State, call: &Call, scopes: &[String]) -> Answer {
    let Some(text) = text(call) else {
        let details = json!({ "api_name": "select_query" });
        return error(400, "MANDATORY_NOT_FOUND", details, "mandatory key not found");
    };
    let with_fields = match with_fields(call) {
        Ok(with_fields) => with_fields,
        Err(answer) => return answer,
    };
    let query = match parse::query(&text) {
        Ok(query) => query,
        Err(wrong) => return wrong.answer(),
    };
    let Some(module) = Module::find(&query.module) else {
        let details = json!({ "module": query.module });
        return error(400, "INVALID_QUERY", details, "module given seems to be invalid");
    };
    if !scope::allows(scopes, &module_scope(module, "READ")) {
        return scope_mismatch(state);
    }
    if let Some(hidden) = hidden(&state.switches, &query) {
        return wrong::Wrong::Column(hidden).answer();
    }
    let rows = match run::run(state, module, &query) {
        Ok(rows) => rows,
        Err(wrong) => return wrong.answer(),
    };
    let fields = with_fields.then(|| fields_of_columns(module, &query));
    page(&state.switches, &query, rows, fields)
}

/// The page of all rows that the query asks for, and the fields of its columns, where these are asked for.
fn page(switches: &Switches, query: &parse::Query, rows: Vec<Value>, fields: Option<Object>) -> Answer {
    let (limit, offset) = (query.limit, query.offset);
    let more = rows.len() > offset.saturating_add(limit);
    let page: Vec<Value> = rows.into_iter().skip(offset).take(limit).collect();
    if page.is_empty() && !switches.crm_coql_empty_200() {
        return Answer::empty(204);
    }
    let info = json!({ "count": page.len(), "more_records": more });
    let mut body = object(json!({ "data": page }));
    if let Some(fields) = fields {
        body.insert("fields".to_owned(), fields.into());
    }
    body.insert("info".to_owned(), info);
    Answer::json(200, &body.into())
}

/// The columns that are fields of the module, as its settings describe them.
fn fields_of_columns(module: Module, query: &parse::Query) -> Object {
    let fields = query
        .columns
        .iter()
        .filter_map(|selected| Some((selected.column.clone(), settings::field(module, &selected.column)?)));
    fields.collect()
}

/// Whether the call asks for the fields of the columns: `include_meta` is `["fields"]`.
fn with_fields(call: &Call) -> Result<bool, Answer> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let mut details = object(json!({ "api_name": "include_meta", "json_path": "$.include_meta" }));
    match body.get("include_meta") {
        None => return Ok(false),
        Some(Value::Array(list)) if list == &["fields"] => return Ok(true),
        Some(Value::Array(_)) => {
            details.insert("json_path".to_owned(), "$.include_meta[0]".into());
            details.insert("supported_values".to_owned(), json!(["fields"]));
        }
        Some(_) => {
            details.insert("expected_data_type".to_owned(), "jsonarray".into());
        }
    }
    Err(error(400, "INVALID_DATA", details.into(), "invalid data"))
}

/// The first column that the user's profile hides. Because of one such column, Zoho refuses the whole query.
fn hidden(switches: &Switches, query: &parse::Query) -> Option<String> {
    fn of<'a>(condition: &'a parse::Condition, names: &mut Vec<&'a String>) {
        match condition {
            parse::Condition::Test { column, .. } => names.push(column),
            parse::Condition::Both(one, other) | parse::Condition::Either(one, other) => {
                of(one, names);
                of(other, names);
            }
        }
    }
    let mut names: Vec<&String> = query.columns.iter().map(|selected| &selected.column).collect();
    names.extend(query.order.iter().map(|(name, _)| name));
    of(&query.condition, &mut names);
    names.into_iter().find(|name| switches.hides(name)).cloned()
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
