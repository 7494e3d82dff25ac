//! The remains of a deleted record.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::data;
use super::module::Module;
use super::record::text;
use crate::clock::{crm_time, earlier, parse};
use crate::object::Object;

/// How long the recycle bin keeps a record. After that it is gone for good, and still listed.
const IN_BIN: Duration = Duration::from_secs(60 * 86_400);

/// A deleted record.
#[derive(Debug)]
pub(crate) struct Tombstone {
    pub(super) module: Module,
    id: String,
    name: String,
    created_by: Value,
    /// In whole seconds, like all of Zoho's times.
    pub(super) time: Option<Timestamp>,
}

impl Tombstone {
    /// The tombstone of a record that is deleted now.
    pub(crate) fn new(module: Module, record: &Object, now: Timestamp) -> Self {
        Self {
            module,
            id: text(record, "id").to_owned(),
            name: text(record, module.name_field()).to_owned(),
            created_by: person(record.get("Created_By")),
            time: parse(&crm_time(now)),
        }
    }

    /// Whether it is still in the recycle bin.
    pub(super) fn in_bin(&self, now: Timestamp) -> bool {
        self.time.is_some_and(|time| time > earlier(now, IN_BIN))
    }

    /// Its row in the list of deleted records.
    pub(super) fn row(&self, now: Timestamp) -> Value {
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

/// Name and id of a person; the user where none is known.
fn person(record: Option<&Value>) -> Value {
    let owner = data::owner();
    let of = record.filter(|record| record.is_object()).unwrap_or(&owner);
    json!({ "name": of.get("name"), "id": of.get("id") })
}
