//! Checks the records that a caller wants to write. The refusal names the first invalid field.

use std::borrow::Cow;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::data;
use super::fields::{self, Field, Kind};
use super::module::Module;
use super::record::text;
use super::store::Records;
use crate::clock;
use crate::object::Object;
use crate::switches::Switches;

/// Why a record was refused, as it stands in `data[]`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
    pub(crate) details: Value,
}

impl Refusal {
    /// Its entry in `data[]`.
    pub(crate) fn entry(self) -> Value {
        json!({ "code": self.code, "details": self.details, "message": self.message, "status": "error" })
    }
}

/// The context of a check.
pub(crate) struct Check<'a> {
    pub(crate) records: &'a Records,
    pub(crate) switches: &'a Switches,
    pub(crate) module: Module,
    /// Place in `data[]`.
    pub(crate) index: usize,
    /// The record to be changed; `None` for a new one.
    pub(crate) id: Option<&'a str>,
}

impl Check<'_> {
    /// The fields of a record to write. Unknown and read-only fields are dropped silently, as at Zoho.
    pub(crate) fn record(&self, given: &Value) -> Result<Object, Refusal> {
        let Value::Object(given) = given else {
            let details =
                json!({ "expected_data_type": "jsonobject", "json_path": format!("$.data[{}]", self.index) });
            return Err(Refusal { code: "INVALID_DATA", message: "invalid data", details });
        };
        if self.module == Module::Notes && self.id.is_none() {
            let filled =
                |name: &str| given.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            if !filled("Note_Title") && !filled("Note_Content") {
                let path = |name: &str| json!({ "api_name": name, "json_path": format!("$.data[{}].{name}", self.index) });
                let details = json!({ "expected_fields": [path("Note_Title"), path("Note_Content")] });
                return Err(Refusal {
                    code: "EXPECTED_FIELD_MISSING",
                    message: "expected field(s) missing",
                    details,
                });
            }
        }
        let mut fit = Object::new();
        let hidden = |field: &&Field| self.switches.hides(field.name);
        for field in fields::of(self.module).iter().filter(|field| !hidden(field)) {
            let value = given.get(field.name);
            let empty = value.is_none_or(|value| value.is_null() || value == "");
            if field.mandatory && empty && (self.id.is_none() || value.is_some()) {
                return Err(self.refuse("MANDATORY_NOT_FOUND", "required field not found", field, json!({})));
            }
            if let (Some(value), true) = (value, field.writable) {
                fit.insert(
                    field.name.to_owned(),
                    if empty { Value::Null } else { self.value(field, value)? },
                );
            }
        }
        self.unique(&fit)?;
        if let (Module::Deals, Some(stage), false) =
            (self.module, fit.get("Stage").and_then(Value::as_str), fit.contains_key("Probability"))
            && let Some(likely) = fields::probability(stage)
        {
            fit.insert("Probability".to_owned(), likely.into());
        }
        Ok(fit)
    }

    fn value(&self, field: &Field, value: &Value) -> Result<Value, Refusal> {
        let wrong = |expected: &str| {
            self.refuse("INVALID_DATA", "invalid data", field, json!({ "expected_data_type": expected }))
        };
        let text = value.as_str();
        let short = |most: usize| {
            let text = text.ok_or_else(|| wrong("text"))?;
            if text.chars().count() > most {
                let details = json!({ "maximum_length": most });
                return Err(self.refuse("INVALID_DATA", "invalid data", field, details));
            }
            Ok(value.clone())
        };
        let pattern = |fits: bool| if fits { Ok(value.clone()) } else { Err(wrong("text")) };
        match field.kind {
            Kind::Text(most) | Kind::Area(most) => short(most),
            Kind::Website => short(450),
            Kind::Phone => short(30),
            Kind::Email => match text {
                Some(text) if text.split('@').filter(|part| !part.is_empty()).count() == 2 => short(100),
                _ => Err(wrong("email")),
            },
            Kind::Picklist(values) => match text {
                Some(text) if self.switches.crm_picklists_unchecked() || values.contains(&text) => {
                    Ok(value.clone())
                }
                Some(_) => Err(self.refuse("INVALID_DATA", "invalid data", field, json!({}))),
                None => Err(wrong("picklist")),
            },
            Kind::Renamed(values) => match text {
                Some(text) if values.iter().any(|(shown, _)| *shown == text) => Ok(value.clone()),
                Some(_) => Err(self.refuse("INVALID_DATA", "invalid data", field, json!({}))),
                None => Err(wrong("picklist")),
            },
            Kind::Several(values) => {
                let known = |one: &Value| values.iter().any(|(shown, _)| one == *shown);
                match value.as_array() {
                    Some(list) if list.iter().all(known) => Ok(value.clone()),
                    Some(_) => Err(self.refuse("INVALID_DATA", "invalid data", field, json!({}))),
                    None => Err(wrong("jsonarray")),
                }
            }
            Kind::Flag if !value.is_boolean() => Err(wrong("boolean")),
            Kind::Rows if !value.as_array().is_some_and(|rows| rows.iter().all(Value::is_object)) => {
                Err(wrong("jsonarray"))
            }
            Kind::Currency if !value.is_number() => Err(wrong("double")),
            Kind::Integer if value.as_i64().is_none() => Err(wrong("integer")),
            Kind::Date => match text {
                Some(text) if text.len() == 10 && text.parse::<Date>().is_ok() => Ok(value.clone()),
                _ => Err(wrong("date")),
            },
            Kind::DateTime => pattern(text.is_some_and(|text| clock::parse(text).is_some())),
            Kind::Lookup(module) => self.lookup(field, value, module),
            Kind::User => match id_of(value) {
                Some(id) if data::owner().get("id").and_then(Value::as_str) == Some(&*id) => {
                    Ok(data::owner())
                }
                _ => Err(self.refuse("INVALID_DATA", "the id given seems to be invalid.", field, json!({}))),
            },
            Kind::Other if self.module == Module::Notes => self.parent(field, value),
            Kind::Currency | Kind::Integer | Kind::Flag | Kind::Rows | Kind::Id | Kind::Other => {
                Ok(value.clone())
            }
        }
    }

    fn lookup(&self, field: &Field, value: &Value, module: Module) -> Result<Value, Refusal> {
        let wrong = || self.refuse("INVALID_DATA", "the id given seems to be invalid.", field, json!({}));
        id_of(value).and_then(|id| self.records.lookup(module, &id)).ok_or_else(wrong)
    }

    /// The parent of a note.
    fn parent(&self, field: &Field, value: &Value) -> Result<Value, Refusal> {
        let wrong = || self.refuse("INVALID_DATA", "the id given seems to be invalid.", field, json!({}));
        let module = value.pointer("/module/api_name").and_then(Value::as_str).and_then(Module::find);
        let module = module.filter(|module| *module != Module::Notes).ok_or_else(wrong)?;
        let mut parent = id_of(value).and_then(|id| self.records.lookup(module, &id)).ok_or_else(wrong)?;
        if let Some(parent) = parent.as_object_mut() {
            let module = json!({ "api_name": module.api_name(), "id": module.id() });
            parent.insert("module".to_owned(), module);
        }
        Ok(parent)
    }

    fn unique(&self, fit: &Object) -> Result<(), Refusal> {
        for field in fields::of(self.module).iter().filter(|field| field.unique) {
            let value = text(fit, field.name);
            let same = self.records.of(self.module).iter().find(|other| {
                !value.is_empty() && text(other, field.name) == value && Some(text(other, "id")) != self.id
            });
            if let Some(same) = same {
                let module = json!({ "api_name": self.module.api_name(), "id": self.module.id() });
                let twin = json!({ "id": text(same, "id"), "module": module, "Owner": same.get("Owner") });
                let details =
                    json!({ "id": text(same, "id"), "duplicate_record": twin, "more_records": false });
                return Err(self.refuse("DUPLICATE_DATA", "duplicate data", field, details));
            }
        }
        Ok(())
    }

    fn refuse(&self, code: &'static str, message: &'static str, field: &Field, more: Value) -> Refusal {
        let mut details = json!({ "api_name": field.name,
            "json_path": format!("$.data[{}].{}", self.index, field.name) });
        if let (Some(details), Value::Object(more)) = (details.as_object_mut(), more) {
            details.extend(more);
        }
        Refusal { code, message, details }
    }
}

/// The id of a lookup: an object with it, or the id alone. Zoho takes it as a number, too.
pub(crate) fn id_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(id) => Some(Cow::Borrowed(id)),
        Value::Number(id) => Some(Cow::Owned(id.to_string())),
        Value::Object(lookup) => lookup.get("id").filter(|id| !id.is_object()).and_then(id_of),
        _ => None,
    }
}
