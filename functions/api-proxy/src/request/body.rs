//! Bodies of requests: one JSON object, of limited size.

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use shared::base::problem::{Code, Problem};

use crate::request::did_you_mean::question;
use crate::request::incoming_body::Received;
use crate::request::plain_json::demand_plain;
use crate::request::redact::refusals;
use crate::request::response_headers::ResponseHeaders;

/// A JSON object.
pub(crate) struct Body(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.extensions().get::<ResponseHeaders>().cloned().unwrap_or_default();
        let Ok(Received(bytes)) = Received::from_request(request, state).await;
        let bytes = bytes?;
        demand_plain(&bytes)?;
        match serde_json::from_slice(&bytes) {
            Ok(body @ Value::Object(_)) => {
                if headers.is_redacted() {
                    refusals::refuse_document(&body)?;
                }
                Ok(Self(body))
            }
            Ok(_) => Err(invalid("The body is not a JSON object.")),
            Err(_) if bytes.is_empty() => {
                Err(invalid("The body is empty. This route takes a JSON object; `{}` where nothing is said."))
            }
            Err(error) => Err(no_json(&error)),
        }
    }
}

/// The body of a route that takes none: what stands in one would be lost without a word.
pub(crate) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Ok(Received(bytes)) = Received::from_request(request, state).await;
        demand_nothing(&bytes?)?;
        Ok(Self)
    }
}

/// Some clients write nothing as `{}` or `null`.
fn demand_nothing(bytes: &[u8]) -> Result<(), Problem> {
    let says_nothing = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(fields)) => fields.is_empty(),
        Ok(value) => value.is_null(),
        Err(_) => bytes.trim_ascii().is_empty(),
    };
    if says_nothing {
        return Ok(());
    }
    Err(invalid(
        "This route takes no body, and nothing was done: what is to be said stands in path and query. Leave the body out.",
    ))
}

/// Demands one JSON object that every reader reads alike, of which nothing is kept.
pub(crate) fn demand_object(bytes: &[u8], is_redacted: bool) -> Result<(), Problem> {
    demand_plain(bytes)?;
    if is_redacted {
        let body = serde_json::from_slice::<Value>(bytes).map_err(|error| no_json(&error))?;
        refusals::refuse_document(&body)?;
    }
    match bytes.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice::<IgnoredAny>(bytes).map(drop).map_err(|error| no_json(&error)),
        _ => Err(invalid("The body is not a JSON object.")),
    }
}

/// The problem of a body that the route cannot take.
pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(Code::BodyInvalid, detail)
}

/// The problem of a body that is no JSON at all.
pub(crate) fn no_json(error: &serde_json::Error) -> Problem {
    invalid(format!("The body is no JSON: {error}."))
}

/// The body as what the route takes; unknown fields are refused, because a field that is ignored is not written.
pub(crate) fn read<T: DeserializeOwned>(body: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(body).map_err(|error| mistaken(&error))
}

/// A field that is not what the route takes.
pub(super) fn mistaken(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let what = error.inner().to_string();
    // The place in the text says less than that in the document.
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    invalid(wording(&error.path().to_string(), what))
}

/// What serde says of a field, in our words: the field first.
fn wording(path: &str, what: &str) -> String {
    let named = |field: &str| match path {
        "." => format!("`{field}`"),
        path => format!("`{path}.{field}`"),
    };
    if let Some((unknown, known)) =
        what.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let named = if path.ends_with(unknown) { format!("`{path}`") } else { named(unknown) };
        let meant = question(unknown, known.iter().copied());
        return format!("{named} is unknown here.{meant} The fields are `{}`.", known.join("`, `"));
    }
    if let Some(field) = what.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("{} is missing.", named(field));
    }
    let hint = if what.contains("type: string") && what.ends_with("JSON number") {
        " Write a number without quotes, and with a point: 1234.56."
    } else {
        ""
    };
    // serde's own words go on after the field; those of our own types are a sentence.
    let has = if ["invalid", "unknown", "duplicate"].iter().any(|word| what.starts_with(word)) {
        " has"
    } else {
        ":"
    };
    match path {
        "." => format!("The body{has} {what}.{hint}"),
        path => format!("`{path}`{has} {what}.{hint}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Number, json};

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde alone")]
    struct Order {
        name: Option<String>,
        lines: Vec<Line>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde alone")]
    struct Line {
        quantity: Number,
        rate: Option<Number>,
    }

    #[test]
    fn where_no_body_is_taken_none_is_lost() {
        for nothing in ["", " \n", "{}", " { } ", "null"] {
            assert!(demand_nothing(nothing.as_bytes()).is_ok(), "{nothing}");
        }
        for something in [r#"{"date":"2026-11-30"}"#, "[]", "0", "date=2026-11-30", "{"] {
            let problem = demand_nothing(something.as_bytes()).err().unwrap();
            assert_eq!(problem.code(), Code::BodyInvalid, "{something}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (body, expected) in [
            (json!({}), "`lines` is missing."),
            (json!({ "lines": {} }), "`lines` has invalid type: map, expected a sequence."),
            (json!({ "lines": [{}] }), "`lines[0].quantity` is missing."),
            (
                json!({ "lines": [{ "quantity": 1 }, { "quantity": "1.234,56" }] }),
                "`lines[1].quantity` has invalid type: string \"1.234,56\", expected a JSON number. \
                 Write a number without quotes, and with a point: 1234.56.",
            ),
            (
                json!({ "lines": [{ "quantity": 1, "rate": true }] }),
                "`lines[0].rate` has invalid type: boolean `true`, expected a JSON number.",
            ),
            (
                json!({ "lines": [{ "quantity": 1, "rates": 2 }] }),
                "`lines[0].rates` is unknown here. Did you mean `rate`? The fields are `quantity`, `rate`.",
            ),
            (
                json!({ "naem": 1 }),
                "`naem` is unknown here. Did you mean `name`? The fields are `name`, `lines`.",
            ),
            (json!({ "name": 1, "lines": [] }), "`name` has invalid type: number, expected a string."),
        ] {
            let problem = read::<Order>(&body).err().unwrap();
            assert_eq!(problem.detail(), expected, "{body}");
        }
        assert!(read::<Order>(&json!({ "lines": [{ "quantity": 1.50, "rate": null }] })).is_ok());
    }
}
