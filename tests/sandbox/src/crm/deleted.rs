//! `GET /{module}/deleted`: the list of deleted records.

use serde_json::{Value, json};

use super::module::Module;
use super::tombstone::Tombstone;
use super::{page, read};
use crate::http::{Answer, Call};
use crate::state::State;

/// `GET /{module}/deleted`, newest first unless the switch says otherwise.
pub(crate) fn list(state: &State, call: &Call, module: Module) -> Answer {
    let now = state.now();
    let kind = call.filled("type").unwrap_or_else(|| "all".to_owned());
    if !["all", "recycle", "permanent"].contains(&kind.as_str()) {
        return page::invalid("type");
    }
    let (number, per_page) = match page::numbered(call) {
        Ok(numbers) => numbers,
        Err(answer) => return answer,
    };
    let since = read::modified_since(call).filter(|_| !state.switches.crm_modified_since_ignored());
    let mut found: Vec<&Tombstone> = state.crm.tombstones.iter().filter(|one| one.module == module).collect();
    found.retain(|one| kind == "all" || one.in_bin(now) == (kind == "recycle"));
    found.retain(|one| since.is_none_or(|since| one.time.is_some_and(|time| time > since)));
    if since.is_some() && found.is_empty() {
        return read::nothing_newer(state);
    }
    if !state.switches.crm_deleted_oldest_first() {
        found.reverse();
    }
    let skipped = (number - 1).saturating_mul(per_page);
    let more = found.len() > skipped.saturating_add(per_page);
    let rows: Vec<Value> = found.iter().skip(skipped).take(per_page).map(|one| one.row(now)).collect();
    if rows.is_empty() {
        return Answer::empty(204);
    }
    let info = page::info((number, per_page), rows.len(), more);
    Answer::json(200, &json!({ "data": rows, "info": info }))
}
