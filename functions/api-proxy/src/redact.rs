//! What a key made with `--redact contacts` does not get to see: addresses, numbers and birthdays of people. It goes over the
//! finished answer, so that no route can forget it.

use serde_json::Value;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::base::problem::{Code, Problem};

use crate::App;

/// What stands in its place.
const HIDDEN: &str = "[redacted]";

/// Parts of the names of fields that hold it, in small letters.
const PERSONAL: &[&str] = &[
    "email",
    "phone",
    "mobile",
    "fax",
    "skype",
    "twitter",
    "facebook",
    "linkedin",
    "birth",
    "street",
    "address",
    "zip",
    "postal",
    "pincode",
    "mailing",
    "latitude",
    "longitude",
];

/// Whether a field of this name holds such data. An id leads to it and is none.
pub(crate) fn is_personal(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    !field.ends_with("_id") && PERSONAL.iter().any(|part| field.contains(part))
}

/// Hides it in the answers for such keys.
pub(crate) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).cloned();
    let response = next.run(request).await;
    let key = app.keys.last_known(header.as_ref().and_then(|header| header.to_str().ok()));
    if !key.is_some_and(|key| key.redact_contacts) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Refusals of Zoho can quote what was sent; the rest of a problem is ours.
    if parts.extensions.get::<Problem>().is_some() {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal("an answer could not be read to be redacted").into_response();
    };
    if bytes.is_empty() {
        return Response::from_parts(parts, Body::empty());
    }
    let json =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    match serde_json::from_slice(&bytes) {
        Ok(mut value) if json => {
            redact(&mut value);
            parts.headers.remove(CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(value.to_string()))
        }
        _ => Problem::new(
            Code::KeyNotAllowed,
            "This key's answers hide the data of contacts, which cannot be done in a file.",
        )
        .into_response(),
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (field, value) in object.iter_mut() {
                match value {
                    Value::Null | Value::Bool(_) => {}
                    Value::String(text) if text.is_empty() => {}
                    Value::Array(list) if list.is_empty() => {}
                    value if is_personal(field) => *value = HIDDEN.into(),
                    value => redact(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        Value::String(text) if text.contains('@') => *text = without_addresses(text),
        _ => {}
    }
}

/// A text without the mail addresses in it.
fn without_addresses(text: &str) -> String {
    let of_address = |one: char| one.is_alphanumeric() || "._%+-@".contains(one);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(of_address) {
        let (before, word) = rest.split_at(start);
        clean.push_str(before);
        let end = word.find(|one| !of_address(one)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let is_address =
            word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        clean.push_str(if is_address { HIDDEN } else { word });
        rest = after;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn data_of_people_is_hidden_and_nothing_else() {
        let mut value = json!({
            "id": "61", "Full_Name": "Lea Sommer", "Email": "lea@example.com", "Mobile": "", "Phone": null,
            "Email_Opt_Out": false, "billing_address_id": "33", "billing_address": { "city": "Kiel" },
            "contact_persons": [{ "first_name": "Lea", "phone": "+49 431 1" }],
            "Note_Content": "Write to lea@example.com, or (jörg@grün.example). 5 @ 3.20", "rate": 1.50,
            "untrusted": ["Email"],
        });
        redact(&mut value);
        let expected = json!({
            "id": "61", "Full_Name": "Lea Sommer", "Email": "[redacted]", "Mobile": "", "Phone": null,
            "Email_Opt_Out": false, "billing_address_id": "33", "billing_address": "[redacted]",
            "contact_persons": [{ "first_name": "Lea", "phone": "[redacted]" }],
            "Note_Content": "Write to [redacted], or ([redacted]). 5 @ 3.20", "rate": 1.50,
            "untrusted": ["Email"],
        });
        assert_eq!(value, expected);
    }

    proptest! {
        #[test]
        fn any_text_survives_but_its_addresses(text in "\\PC*") {
            let clean = without_addresses(&format!("{text} a@b.example {text}"));
            prop_assert!(!clean.contains("a@b.example"));
            if !text.contains('@') {
                prop_assert_eq!(without_addresses(&text), text);
            }
        }
    }
}
