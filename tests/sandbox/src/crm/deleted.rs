//! What is left of deleted records, and `GET /{module}/deleted`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::store::Module;
use super::{data, page, read, text};
use crate::clock::{crm_time, earlier, parse};
use crate::http::{Answer, Call};
use crate::state::{Object, State};

/// The recycle bin keeps a record for so long; then it is gone for good, and still listed.
const IN_BIN: Duration = Duration::from_secs(60 * 86_400);

/// A record that was.
#[derive(Debug)]
pub(crate) struct Tombstone {
    module: Module,
    id: String,
    name: String,
    created_by: Value,
    /// As Zoho writes times: to the second.
    time: Option<Timestamp>,
}

impl Tombstone {
    /// Of a record deleted now.
    pub(crate) fn new(module: Module, record: &Object, now: Timestamp) -> Self {
        Self {
            module,
            id: text(record, "id").to_owned(),
            name: text(record, module.name_field()).to_owned(),
            created_by: person(record.get("Created_By")),
            time: parse(&crm_time(now)),
        }
    }

    fn in_bin(&self, now: Timestamp) -> bool {
        self.time.is_some_and(|time| time > earlier(now, IN_BIN))
    }

    fn row(&self, now: Timestamp) -> Value {
        json!({
            "deleted_by": person(Some(&data::owner())),
            "id": self.id,
            "display_name": self.name,
            "type": if self.in_bin(now) { "recycle" } else { "permanent" },
            "created_by": self.created_by,
            "deleted_time": self.time.map(crm_time),
        })
    }
}

/// Name and id; who is not known is the user.
fn person(record: Option<&Value>) -> Value {
    let owner = data::owner();
    let of = record.filter(|record| record.is_object()).unwrap_or(&owner);
    json!({ "name": of.get("name"), "id": of.get("id") })
}

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
    let since = read::modified_since(call).filter(|_| !state.switches.crm_modified_since_ignored);
    let mut found: Vec<&Tombstone> = state.crm.tombstones.iter().filter(|one| one.module == module).collect();
    found.retain(|one| kind == "all" || one.in_bin(now) == (kind == "recycle"));
    found.retain(|one| since.is_none_or(|since| one.time.is_some_and(|time| time > since)));
    if since.is_some() && found.is_empty() {
        return read::nothing_newer(state);
    }
    if !state.switches.crm_deleted_oldest_first {
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
