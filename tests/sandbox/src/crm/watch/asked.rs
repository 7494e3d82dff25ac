//! Reads an entry of a body: ids are numbers or text, and each field is checked.

use hyper::Uri;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::crm::channels::Event;
use crate::crm::check::Refusal;
use crate::object::Object;

/// The most characters of a token.
const LONGEST_TOKEN: usize = 50;

/// A caller's request; absent fields are `None`.
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) events: Vec<Event>,
    pub(super) ends: Option<Timestamp>,
    pub(super) token: Option<String>,
    pub(super) url: Option<String>,
    pub(super) with_values: Option<bool>,
    pub(super) related: Option<bool>,
    pub(super) delete_events: bool,
}

impl Asked {
    /// Reads one entry.
    pub(super) fn read(index: usize, given: &Value) -> Result<Self, Refusal> {
        let Value::Object(given) = given else {
            let details = json!({ "expected_data_type": "jsonobject", "api_name": "watch", "json_path": format!("$.watch[{index}]") });
            return Err(Refusal { code: "INVALID_DATA", message: "invalid data", details });
        };
        let fields = Fields { index, given };
        Ok(Self {
            id: fields.id()?,
            events: fields.events()?,
            ends: fields.one("channel_expiry", "datetime", |value| clock::parse(value.as_str()?))?,
            token: fields.one("token", "text", |value| {
                let token = value.as_str()?;
                (token.chars().count() <= LONGEST_TOKEN).then(|| token.to_owned())
            })?,
            url: fields.one("notify_url", "website", |value| {
                let url = value.as_str()?.parse::<Uri>().ok()?;
                let fits = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
                fits.then(|| url.to_string())
            })?,
            with_values: fields.one("return_affected_field_values", "boolean", Value::as_bool)?,
            related: fields.one("notify_on_related_action", "boolean", Value::as_bool)?,
            delete_events: fields.one("_delete_events", "boolean", Value::as_bool)?.unwrap_or(false),
        })
    }
}

struct Fields<'a> {
    index: usize,
    given: &'a Object,
}

impl Fields<'_> {
    /// A number or its text.
    fn id(&self) -> Result<String, Refusal> {
        let id = self.one("channel_id", "bigint", |value| {
            let id = match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_i64(),
            };
            id.filter(|id: &i64| *id > 0)
        })?;
        id.map(|id| id.to_string()).ok_or_else(|| missing(self.index, "channel_id"))
    }

    fn events(&self) -> Result<Vec<Event>, Refusal> {
        let events = self.one("events", "jsonarray", |value| {
            let all = value.as_array()?.iter();
            all.map(|event| Event::parse(event.as_str()?)).collect::<Option<Vec<_>>>()
        })?;
        Ok(events.unwrap_or_default())
    }

    /// `None` where it is absent, null or empty.
    fn one<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let given = self.given.get(name).filter(|value| !value.is_null() && *value != "");
        let Some(value) = given else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| {
            let details = json!({ "expected_data_type": expected, "api_name": name,
                "json_path": path(self.index, name) });
            Refusal { code: "INVALID_DATA", message: "invalid data", details }
        })
    }
}

/// The refusal of an entry without a required field.
pub(super) fn missing(index: usize, name: &str) -> Refusal {
    let details = json!({ "api_name": name, "json_path": path(index, name) });
    Refusal { code: "MANDATORY_NOT_FOUND", message: "required field not found", details }
}

fn path(index: usize, name: &str) -> String {
    format!("$.watch[{index}].{name}")
}
