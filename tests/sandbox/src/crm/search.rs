//! `GET /{module}/search`: uses a separate index, which lags behind the records and matches more than its operators suggest.

use serde_json::{Value, json};

use super::criteria::Criteria;
use super::error::error;
use super::fields::{self, Kind};
use super::module::Module;
use super::page;
use super::read::{self, names};
use super::record::text;
use crate::clock::earlier;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;

const REACH: usize = 2_000;

type Wanted = Box<dyn Fn(&Object) -> bool>;

/// The condition of a search. Only the first of criteria, email, phone and word counts.
fn wanted(call: &Call, module: Module) -> Result<Option<Wanted>, Answer> {
    if let Some(criteria) = call.filled("criteria") {
        let criteria = Criteria::parse(&criteria, module)?;
        return Ok(Some(Box::new(move |record| criteria.fits(record))));
    }
    if let Some(email) = call.filled("email") {
        return Ok(Some(Box::new(move |record| {
            of_kind(module, record, |kind| kind == Kind::Email).any(|own| own.eq_ignore_ascii_case(&email))
        })));
    }
    if let Some(phone) = call.filled("phone") {
        let phone = digits(&phone);
        return Ok(Some(Box::new(move |record| {
            of_kind(module, record, |kind| kind == Kind::Phone)
                .any(|own| !phone.is_empty() && digits(own).contains(&phone))
        })));
    }
    let word = call.filled("word").map(|word| word.to_lowercase());
    Ok(word.map(|word| -> Wanted {
        Box::new(move |record| texts(module, record).any(|own| own.to_lowercase().contains(&word)))
    }))
}

/// `GET /{module}/actions/count`: all records, or those that a search finds.
pub(crate) fn count(state: &State, call: &Call, module: Module) -> Answer {
    match wanted(call, module) {
        Err(answer) => answer,
        Ok(None) => Answer::json(200, &json!({ "count": state.crm.of(module).len() })),
        Ok(Some(fits)) => {
            let seen_until = earlier(state.now(), state.switches.crm_index_lag);
            let found = state.crm.indexed(module, seen_until);
            Answer::json(200, &json!({ "count": found.iter().filter(|record| fits(record)).count() }))
        }
    }
}

/// Answers a search.
pub(crate) fn answer(state: &State, call: &Call, module: Module) -> Answer {
    let fits = match wanted(call, module) {
        Ok(Some(fits)) => fits,
        Ok(None) => return nothing_asked(state),
        Err(answer) => return answer,
    };
    let (page, per_page) = match page::numbered(call) {
        Ok(numbers) => numbers,
        Err(answer) => return answer,
    };
    if page.saturating_mul(per_page) > REACH {
        let details = json!({ "page": page, "per_page": per_page });
        return error(400, "LIMIT_REACHED", details, "You have reached the limit of 2000 records");
    }
    let seen_until = earlier(state.now(), state.switches.crm_index_lag);
    let mut found = state.crm.indexed(module, seen_until);
    found.retain(|record| fits(record));
    let skipped = (page - 1) * per_page;
    let fields = call.filled("fields").map(|fields| names(&fields));
    let rows: Vec<Object> = found
        .iter()
        .skip(skipped)
        .take(per_page)
        .map(|record| match &fields {
            Some(fields) => read::cut(read::picked(record, fields)),
            None => read::cut((*record).clone()),
        })
        .collect();
    if rows.is_empty() {
        return Answer::empty(204);
    }
    let more = found.len() > skipped + per_page;
    let info = page::info((page, per_page), rows.len(), more);
    Answer::json(200, &json!({ "data": rows, "info": info }))
}

/// None of the four; whether Zoho names them all or one is told in two ways.
fn nothing_asked(state: &State) -> Answer {
    if state.switches.crm_missing_param_api_name() {
        return read::missing_param(state, "criteria");
    }
    let details = json!({ "param_names": ["criteria", "email", "phone", "word"] });
    error(400, "EXPECTED_PARAM_MISSING", details, "one of the expected parameter is missing")
}

fn of_kind(module: Module, record: &Object, wanted: impl Fn(Kind) -> bool) -> impl Iterator<Item = &str> {
    let fields = fields::of(module).iter().filter(move |field| wanted(field.kind));
    fields.map(|field| text(record, field.name)).filter(|own| !own.is_empty())
}

/// All text of a record, with the names of lookups.
fn texts(module: Module, record: &Object) -> impl Iterator<Item = &str> {
    fields::of(module).iter().filter_map(|field| match record.get(field.name)? {
        Value::String(text) => Some(text.as_str()),
        other => other.get("name").and_then(Value::as_str),
    })
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
