//! The fields of CRM's modules, as callers need them to read, filter and write records.
//! <https://www.zoho.com/crm/developer/docs/api/v8/field-meta.html>

use serde::Serialize;
use serde_json::Value;

use crate::zoho::value::{Object, text};

/// One field. What CRM did not tell is `None`, which is not "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name in requests and answers.
    pub api_name: String,
    /// The name that people see.
    pub label: String,
    /// `text`, `picklist`, `currency`, `lookup`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a new record must have it.
    pub required: Option<bool>,
    /// Whether it can be written.
    pub writable: Option<bool>,
    /// Whether no two records may have the same value, so that it can tell which is meant.
    pub unique: Option<bool>,
    /// How many characters it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The values that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The module that a lookup refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
    /// What CRM keeps for those of [`Self::values`] that it keeps under another name: value, kept.
    #[serde(skip)]
    pub kept: Vec<(String, String)>,
    /// `string`, `jsonarray`, …
    #[serde(skip)]
    pub json_type: Option<String>,
    /// The field that it is a part of: an address has several.
    #[serde(skip)]
    pub parent: Option<String>,
    /// Whether a new record gets a value without being given one.
    #[serde(skip)]
    pub has_default: bool,
}

/// Fields that CRM fills, whatever else it says of them.
const COMPUTED: [&str; 3] = ["formula", "autonumber", "rollup_summary"];

impl Field {
    /// Reads CRM's description of a field. None where it has no API name.
    pub fn read(field: &Object) -> Option<Self> {
        let api_name = text(field, "api_name")?.to_owned();
        let flag = |name: &str| field.get(name).and_then(Value::as_bool);
        let object = |name: &str| field.get(name).and_then(Value::as_object);
        let lookup = object("lookup").and_then(|lookup| lookup.get("module")).and_then(Value::as_object);
        let kind = text(field, "data_type").unwrap_or("text").to_owned();
        let choices = choices(field);
        Some(Self {
            label: text(field, "field_label").unwrap_or(&api_name).to_owned(),
            required: flag("system_mandatory"),
            writable: if COMPUTED.contains(&kind.as_str()) { Some(false) } else { writable(field) },
            unique: object("unique").map(|unique| !unique.is_empty()),
            length: field.get("length").and_then(Value::as_u64),
            lookup: lookup.and_then(|module| text(module, "api_name")).map(str::to_owned),
            kept: choices.iter().filter(|(shown, kept)| shown != kept).cloned().collect(),
            values: choices.into_iter().map(|(shown, _)| shown).collect(),
            json_type: text(field, "json_type").map(str::to_owned),
            parent: object("parent_field").and_then(|parent| text(parent, "api_name")).map(str::to_owned),
            has_default: text(field, "default_value").is_some(),
            kind,
            api_name,
        })
    }

    /// Whether it holds the id of another record.
    pub fn leads(&self) -> bool {
        self.kind.ends_with("lookup") && self.json_type.as_deref() != Some("jsonarray")
    }

    /// Whether it holds several of its values, which a query gives as one text.
    pub fn is_multi_select(&self) -> bool {
        self.kind == "multiselectpicklist"
    }
}

/// What may be done by a program counts: the owner is `field_read_only`, and is written all the same.
fn writable(field: &Object) -> Option<bool> {
    let flag = |object: &Object, name: &str| object.get(name).and_then(Value::as_bool);
    if flag(field, "read_only") == Some(true) {
        return Some(false);
    }
    let by_program = field.get("operation_type").and_then(Value::as_object).and_then(|operations| {
        Some(flag(operations, "api_create")? || flag(operations, "api_update").unwrap_or(false))
    });
    by_program
        .or_else(|| flag(field, "field_read_only").or_else(|| flag(field, "read_only")).map(|fixed| !fixed))
}

/// The values of a picklist: as people, reads and writes name them, and as CRM keeps them.
fn choices(field: &Object) -> Vec<(String, String)> {
    let list = field.get("pick_list_values").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|value| text(value, "type") != Some("unused"))
        .filter_map(|value| {
            let (shown, kept) = (text(value, "display_value"), text(value, "actual_value"));
            Some((shown.or(kept)?.to_owned(), kept.or(shown)?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(field: &Value) -> Field {
        Field::read(field.as_object().unwrap()).unwrap()
    }

    #[test]
    fn what_crm_does_not_tell_is_not_told() {
        let field = read(&json!({ "api_name": "Stage" }));
        assert_eq!((field.required, field.writable, field.unique), (None, None, None));
        let field = read(&json!({ "api_name": "Stage", "unique": {}, "system_mandatory": true }));
        assert_eq!((field.required, field.unique), (Some(true), Some(false)));
    }

    #[test]
    fn what_a_program_may_write_is_writable() {
        for (field, writable) in [
            // The owner, as Zoho's own example of metadata has it.
            (
                json!({ "read_only": false, "field_read_only": true, "operation_type": { "api_create": true, "api_update": true } }),
                true,
            ),
            (
                json!({ "read_only": false, "operation_type": { "api_create": false, "api_update": false } }),
                false,
            ),
            (
                json!({ "read_only": true, "operation_type": { "api_create": true, "api_update": true } }),
                false,
            ),
            (json!({ "read_only": false, "field_read_only": true }), false),
            (json!({ "data_type": "formula", "read_only": false }), false),
        ] {
            let mut named = field.clone();
            named["api_name"] = "X".into();
            assert_eq!(read(&named).writable, Some(writable), "{field}");
        }
    }
}
