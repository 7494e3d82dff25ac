//! The fields of CRM's modules, as callers need them to read, filter and write records.
//! <https://www.zoho.com/crm/developer/docs/api/v8/field-meta.html>

use serde::Serialize;
use serde_json::Value;

use crate::zoho::value::{Object, text};

/// One field.
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
    pub required: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// Whether no two records may have the same value, so that the value identifies a record.
    pub unique: bool,
    /// How many characters it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The values that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The module that a lookup refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
}

impl Field {
    /// Reads CRM's description of a field. None where it has no API name.
    pub fn read(field: &Object) -> Option<Self> {
        let api_name = text(field, "api_name")?.to_owned();
        let flag = |name: &str| field.get(name).and_then(Value::as_bool).unwrap_or(false);
        let object = |name: &str| field.get(name).and_then(Value::as_object);
        let lookup = object("lookup").and_then(|lookup| lookup.get("module")).and_then(Value::as_object);
        Some(Self {
            label: text(field, "field_label").unwrap_or(&api_name).to_owned(),
            kind: text(field, "data_type").unwrap_or("text").to_owned(),
            required: flag("system_mandatory"),
            writable: !flag("read_only") && !flag("field_read_only"),
            unique: object("unique").is_some_and(|unique| !unique.is_empty()),
            length: field.get("length").and_then(Value::as_u64),
            values: values(field),
            lookup: lookup.and_then(|module| text(module, "api_name")).map(str::to_owned),
            api_name,
        })
    }
}

fn values(field: &Object) -> Vec<String> {
    let list = field.get("pick_list_values").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|value| text(value, "type") != Some("unused"))
        .filter_map(|value| text(value, "actual_value").or(text(value, "display_value")))
        .map(str::to_owned)
        .collect()
}
