//! Parameters of requests: unknown ones are refused, because a filter that is ignored gives wrong answers.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::base::clock::Timestamp;
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::zoho::crm::MAX_FIELDS;
use shared::zoho::value::Object;

use crate::request::did_you_mean::{question, short};

/// The query string as `T`, which should deny unknown fields.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(invalid(wording(&rejection.body_text()))),
        }
    }
}

/// What serde says of a query string, in our words.
fn wording(text: &str) -> String {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    if let Some(name) = text.strip_prefix("missing field ") {
        return format!("{name} is missing.");
    }
    if let Some(name) = text.strip_prefix("duplicate field ") {
        return format!("{name} stands twice.");
    }
    match text.split_once(": ") {
        Some((name, what)) if !name.contains(' ') => match what.split_once(", expected ") {
            Some((_, known)) if what.starts_with("unknown field") => {
                let meant = question(name, known.split('`').skip(1).step_by(2));
                let known = known.trim_start_matches("one of ").replace(" or ", ", ");
                format!("`{}` is unknown here.{meant} The parameters are {known}.", short(name))
            }
            _ if what.ends_with("there are no fields") => {
                format!("`{}` is unknown here, as is any other.", short(name))
            }
            _ if what.starts_with("invalid digit") || what.starts_with("number too") => {
                format!("`{name}` must be a whole number that is not too large.")
            }
            _ if what.ends_with("was not `true` or `false`") => format!("`{name}` is `true` or `false`."),
            _ => format!("`{name}` cannot be read: {what}."),
        },
        _ => format!("{text}."),
    }
}

/// The query string as it stands, for routes whose parameters stand in a table.
pub(crate) struct Pairs {
    left: Vec<(String, String)>,
    /// The names that were asked for.
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(left)) => Ok(Self { left, known: Vec::new() }),
            Err(rejection) => Err(invalid(wording(&rejection.body_text()))),
        }
    }
}

impl Pairs {
    /// Takes a parameter out.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let index = self.left.iter().position(|(own, _)| own == name)?;
        Some(self.left.remove(index).1)
    }

    /// Takes a number out.
    pub(crate) fn number(&mut self, name: &'static str) -> Result<Option<u32>, Problem> {
        let wrong = || invalid(format!("`{name}` must be a whole number."));
        self.text(name).map(|text| text.parse().map_err(|_| wrong())).transpose()
    }

    /// Demands that no parameter is left: one that is left is unknown, or stands twice.
    pub(crate) fn nothing_else(&self) -> Result<(), Problem> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        if self.known.contains(&name.as_str()) {
            return Err(invalid(format!("`{name}` stands twice.")));
        }
        let meant = question(name, self.known.iter().copied());
        let known: Vec<String> = self.known.iter().map(|name| format!("`{name}`")).collect();
        let name = short(name);
        Err(invalid(format!("`{name}` is unknown here.{meant} The parameters are {}.", known.join(", "))))
    }
}

/// The page that a cursor of Inventory leads to.
pub(crate) fn page_of(cursor: Option<&str>) -> Result<u32, Problem> {
    let Some(cursor) = cursor else { return Ok(1) };
    let page = cursor
        .strip_prefix('p')
        .and_then(|page| page.parse().ok())
        .filter(|page| (2..100_000).contains(page));
    page.ok_or_else(invalid_cursor)
}

/// The parameters of a route that takes none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// The parameters of a route that gives one record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneParams {
    /// Which fields, separated by commas; all without.
    pub(crate) fields: Option<String>,
}

/// A problem with a parameter.
pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidParameter, detail.into())
}

/// The problem of a cursor that no list gave.
pub(crate) fn invalid_cursor() -> Problem {
    invalid("`cursor` is not one that this list gave. Call `next` as it stands.")
}

/// The rows of a page: 1 to 200, 200 if nothing is said.
pub(crate) fn per_page(wanted: Option<u32>) -> Result<u32, Problem> {
    match wanted.unwrap_or(200) {
        rows @ 1..=200 => Ok(rows),
        other => Err(invalid(format!("`per_page` is {other}, but must be 1 to 200."))),
    }
}

/// A moment as a caller names it. In an address `+` is a space, which many forget.
pub(crate) fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let with_plus = || -> Option<Timestamp> {
        let (before, offset) = text.rsplit_once(' ')?;
        format!("{before}+{offset}").parse().ok()
    };
    let moment = text.parse().ok().or_else(with_plus);
    moment.ok_or_else(|| {
        invalid(format!("`{name}` is a moment like 2026-11-18T15:40:12Z, or 2026-11-18T16:40:12%2B01:00."))
    })
}

/// The moment since which records were changed, as exact as Zoho is: it writes whole seconds.
pub(crate) fn modified_since(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let moment = moment("modified_since", text)?;
    Ok(Some(Timestamp::from_second(moment.as_second()).unwrap_or(moment)))
}

/// The names of fields to ask CRM for, at most as many as it takes. The `_id` beside a lookup is our own field, not CRM's.
pub(crate) fn crm_fields(text: &str) -> Result<String, Problem> {
    let names: Vec<&str> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "id").collect();
    if names.len() > MAX_FIELDS || !names.iter().all(|name| is_api_name(name)) {
        return Err(invalid(format!(
            "`fields` takes up to {MAX_FIELDS} API names of fields, separated by commas."
        )));
    }
    Ok(if names.is_empty() { "id".to_owned() } else { names.join(",") })
}

/// Whether CRM can have a field of this API name. A name that begins with a digit is a number in its query language, and CRM would refuse
/// the query as our mistake.
pub(crate) fn is_api_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An id in a path.
pub(crate) fn record_id(text: &str) -> Result<&str, Problem> {
    if is_zoho_id(text) {
        Ok(text)
    } else {
        Err(invalid("The id in the path must be Zoho's own: 1 to 19 digits."))
    }
}

/// A list as callers get it.
#[derive(Serialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    /// To be called as it stands, for the rest.
    pub(crate) next: Option<String>,
    /// What is to be known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<Cow<'static, str>>,
}

impl<T> List<T> {
    pub(crate) fn new(data: Vec<T>, next: Option<String>) -> Self {
        Self { data, next, notice: None }
    }
}

/// The address of a list's next part.
pub(crate) fn next(path: &str, params: &[(&str, Option<&str>)]) -> String {
    let mut query = shared::zoho::value::query_of(path.to_string());
    for (name, value) in params {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// The names of the fields that were asked for, and of those that are always there.
pub(crate) fn names_shown<'a>(fields: &'a str, always: &[&'a str]) -> Vec<&'a str> {
    fields.split(',').map(str::trim).chain(always.iter().copied()).collect()
}

/// Leaves only the fields that were asked for, and those that are always there.
pub(crate) fn pick(record: &mut Object, fields: Option<&str>, always: &[&str]) {
    let Some(fields) = fields else { return };
    let shown = names_shown(fields, always);
    record.retain(|field, _| shown.contains(&field.as_str()));
    let left: Vec<String> = record.keys().cloned().collect();
    if let Some(Value::Array(names)) = record.get_mut("untrusted") {
        names.retain(|name| name.as_str().is_some_and(|name| left.iter().any(|field| field == name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_is_told_in_our_words() {
        for (said, told) in [
            ("missing field `by`", "`by` is missing."),
            ("duplicate field `per_page`", "`per_page` stands twice."),
            ("details: provided string was not `true` or `false`", "`details` is `true` or `false`."),
            (
                "per_page: invalid digit found in string",
                "`per_page` must be a whole number that is not too large.",
            ),
        ] {
            assert_eq!(wording(&format!("Failed to deserialize query string: {said}")), told);
        }
    }

    #[test]
    fn moments_are_read_as_they_arrive() {
        for text in ["2026-11-18T15:40:12.5Z", "2026-11-18T16:40:12.5+01:00", "2026-11-18T16:40:12.5 01:00"] {
            let read = modified_since(Some(text)).unwrap().unwrap();
            assert_eq!(read.to_string(), "2026-11-18T15:40:12Z", "{text}");
        }
        assert_eq!(moment("since", "2026-11-18T15:40:12.5Z").unwrap().to_string(), "2026-11-18T15:40:12.5Z");
        for text in ["", " ", "yesterday", "2026-11-18", "2026-11-18T16:40:12", "2026-13-18T15:40:12Z"] {
            assert!(moment("since", text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_of_crm_are_names() {
        assert_eq!(crm_fields(" Deal_Name, ,id,Field2").unwrap(), "Deal_Name,Field2");
        assert_eq!(crm_fields("id").unwrap(), "id");
        for text in ["1", "Stage,1e5", "3300000000070001", "a b", "Stage;Amount", "\u{e9}", "$converted"] {
            assert!(crm_fields(text).is_err(), "{text}");
        }
    }

    #[test]
    fn picking_keeps_the_id_and_a_true_list_of_untrusted_fields() {
        let mut record: Object = serde_json::from_str(
            r#"{"item_id":"1","name":"Oak","rate":1.50,"description":"x","untrusted":["name","description"]}"#,
        )
        .unwrap();
        pick(&mut record, Some("name, rate"), &["item_id", "untrusted"]);
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"item_id":"1","name":"Oak","rate":1.50,"untrusted":["name"]}"#
        );
    }
}
