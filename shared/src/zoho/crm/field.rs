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
    /// Of stages, whether a deal is open there, by each name of the stage. Those of which CRM does not tell are not here.
    #[serde(skip)]
    pub open: Vec<(String, bool)>,
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
            open: stages(field),
            kind,
            api_name,
        })
    }

    /// Whether it holds the id of another record.
    pub fn leads(&self) -> bool {
        self.kind.ends_with("lookup") && self.json_type.as_deref() != Some("jsonarray")
    }

    /// Whether a deal is open at this stage; nothing where CRM does not tell.
    pub fn is_open(&self, stage: &str) -> Option<bool> {
        self.open.iter().find(|(name, _)| name == stage).map(|(_, is_open)| *is_open)
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

/// The stages of deals that say whether a deal is open there. Old deals can stand at one that is no longer used.
fn stages(field: &Object) -> Vec<(String, bool)> {
    let list = field.get("pick_list_values").and_then(Value::as_array);
    let stages = list.into_iter().flatten().filter_map(Value::as_object);
    stages
        .filter_map(|stage| Some((stage, is_open(stage)?)))
        .flat_map(|(stage, is_open)| {
            let names = ["display_value", "actual_value"].into_iter().filter_map(|name| text(stage, name));
            names.map(|name| (name.to_owned(), is_open)).collect::<Vec<_>>()
        })
        .collect()
}

/// What a stage is, as its kind says, and else as it is likely that a deal there is won.
fn is_open(stage: &Object) -> Option<bool> {
    let kinds = ["deal_category", "forecast_type"].into_iter().filter_map(|name| text(stage, name));
    let mut told = kinds.filter_map(|kind| {
        let kind = kind.to_lowercase();
        if kind.contains("open") {
            return Some(true);
        }
        ["closed", "won", "lost"].iter().any(|word| kind.contains(word)).then_some(false)
    });
    told.next().or_else(|| {
        let likely = stage.get("probability")?.as_u64()?;
        Some((1..100).contains(&likely))
    })
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
    fn a_stage_says_whether_a_deal_is_open_there() {
        let field = read(&json!({ "api_name": "Stage", "pick_list_values": [
            { "display_value": "Angebot", "actual_value": "Quote", "forecast_type": "Open", "probability": 100 },
            { "display_value": "Gewonnen", "actual_value": "Gewonnen", "forecast_type": "Closed Won" },
            { "display_value": "Verloren", "actual_value": "Verloren", "deal_category": "Closed Lost", "type": "unused" },
            { "display_value": "Halb", "actual_value": "Halb", "probability": 50 },
            { "display_value": "Ganz", "actual_value": "Ganz", "probability": 100 },
            { "display_value": "Nie", "actual_value": "Nie", "probability": 0 },
            { "display_value": "Neu", "actual_value": "Neu", "forecast_type": "" },
        ] }));
        for (stage, is_open) in [
            ("Angebot", Some(true)),
            ("Quote", Some(true)),
            ("Gewonnen", Some(false)),
            ("Verloren", Some(false)),
            ("Halb", Some(true)),
            ("Ganz", Some(false)),
            ("Nie", Some(false)),
            ("Neu", None),
            ("Elsewhere", None),
        ] {
            assert_eq!(field.is_open(stage), is_open, "{stage}");
        }
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
