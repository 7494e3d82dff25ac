//! What a key made with `--redact contacts` does not get to see: addresses, numbers and birthdays of people. It goes over the
//! finished answer, so that no route can forget it.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::zoho::json as zoho_json;

use crate::request::caller::Caller;
use crate::request::response_headers::ResponseHeaders;
use crate::request::response_headers::Written;

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

/// Whole names, or what stands behind the last `_` of one.
const PERSONAL_ENDS: &[&str] = &["city", "billing_code", "shipping_code", "other_code"];

/// Whether a field of this name holds such data.
pub(crate) fn is_personal(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    let ends = |end: &&str| {
        field.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '.']))
    };
    PERSONAL.iter().any(|part| field.contains(part)) || PERSONAL_ENDS.iter().any(ends)
}

/// Refuses to search by such data: whether somebody is found would tell it, digit by digit.
pub(crate) fn refuse_search(caller: &Caller, by: &str) -> Result<(), Problem> {
    if caller.key.redact_contacts && is_personal(by) {
        return Err(hidden(format!("`{by}=` cannot be searched by; `search=` can.")));
    }
    Ok(())
}

/// What such a key may not have.
pub(crate) fn hidden(detail: impl AsRef<str>) -> Problem {
    let detail = format!("This key sees no data of contacts (`--redact contacts`): {}", detail.as_ref());
    Problem::new(Code::KeyNotAllowed, detail)
}

/// Hides it in the answers for such keys.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let headers = request.extensions().get::<ResponseHeaders>().cloned().unwrap_or_default();
    let path = request.uri().path().to_ascii_lowercase();
    let mut response = next.run(request).await;
    if !headers.is_redacted() {
        return response;
    }
    // The details of a problem are ours; Zoho's words can name another record.
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        problem.hide_words_of_zoho();
        return response;
    }
    // There, a column can be given another name, and a search tells who has a number.
    if path.starts_with("/v1/zoho/") && (path.contains("coql") || path.contains("search")) {
        return hidden("searches and queries are not passed through; `POST /v1/crm/query` takes them.")
            .into_response();
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal("an answer could not be read to be redacted").into_response();
    };
    if bytes.is_empty() {
        return Response::from_parts(parts, Body::empty());
    }
    if let Ok(mut value) = zoho_json::read(&bytes) {
        redact(&mut value);
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, Body::from(value.to_string()));
    }
    if parts.extensions.get::<Written>().is_some() {
        let notice =
            "Zoho has done this: do not send it again. Its answer is a file, which this key may not see.";
        return Json(json!({ "notice": notice })).into_response();
    }
    hidden("in a file nothing can be hidden.").into_response()
}

/// How long the keys of Inventory's custom fields are at most: what is longer is cut.
const CUT_KEY: usize = 30;

/// What is appended to such a key.
const KEY_ENDS: [&str; 2] = ["_unformatted", "_formatted"];

/// The key of a custom field without what is appended to it.
fn bare_key(field: &str) -> &str {
    KEY_ENDS.iter().find_map(|end| field.strip_suffix(end)).unwrap_or(field)
}

/// Whether a key was cut within what may be a word for such data: `cf_emergency_contact_in_home_p`.
fn is_cut_within_personal(field: &str) -> bool {
    let key = bare_key(field).to_ascii_lowercase();
    let last = key.rsplit('_').next().unwrap_or_default();
    key.len() >= CUT_KEY
        && key.starts_with("cf_")
        && !last.is_empty()
        && PERSONAL.iter().chain(PERSONAL_ENDS).any(|word| word.starts_with(last))
}

/// The keys of those custom fields whose label, which is not cut, says that they hold such data.
fn keys_by_label(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            let labels = ["label", "field_label", "placeholder"].iter().filter_map(|name| text(name));
            if let Some(key) = text("api_name").filter(|_| labels.into_iter().any(is_personal)) {
                keys.insert(key.to_ascii_lowercase());
            }
            object.values().for_each(|value| keys_by_label(value, keys));
        }
        Value::Array(list) => list.iter().for_each(|value| keys_by_label(value, keys)),
        _ => {}
    }
}

fn redact(value: &mut Value) {
    let mut keys = BTreeSet::new();
    keys_by_label(value, &mut keys);
    hide(value, &keys);
}

fn hide(value: &mut Value, keys: &BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            // A custom field of Inventory, or a parameter in the audit: its name stands beside its value.
            let named = ["label", "api_name", "name"].iter().filter_map(|name| object.get(*name)?.as_str());
            let mut named = named.into_iter();
            let pair = object.contains_key("value")
                && named.any(|name| is_personal(name) || is_cut_within_personal(name));
            for (field, value) in object.iter_mut() {
                let personal = is_personal(field)
                    || (pair && field.starts_with("value"))
                    || is_cut_within_personal(field)
                    || (!keys.is_empty() && keys.contains(&bare_key(field).to_ascii_lowercase()));
                // An id leads to such data and is none.
                let id = field.ends_with("_id") && value.as_str().is_some_and(is_zoho_id);
                match value {
                    Value::Null | Value::Bool(_) => {}
                    Value::String(text) if text.is_empty() => {}
                    Value::Array(list) if list.is_empty() => {}
                    value if personal && !id => *value = HIDDEN.into(),
                    value => hide(value, keys),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| hide(value, keys)),
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
            "untrusted": ["Email"], "Skype_ID": "lea.s", "Billing_City": "Kiel", "capacity": 4,
            "custom_fields": [{ "label": "Mobile", "value": "+49 1", "value_formatted": "+49 1" }, { "label": "Size", "value": "XL" }],
        });
        redact(&mut value);
        let expected = json!({
            "id": "61", "Full_Name": "Lea Sommer", "Email": "[redacted]", "Mobile": "", "Phone": null,
            "Email_Opt_Out": false, "billing_address_id": "33", "billing_address": "[redacted]",
            "contact_persons": [{ "first_name": "Lea", "phone": "[redacted]" }],
            "Note_Content": "Write to [redacted], or ([redacted]). 5 @ 3.20", "rate": 1.50,
            "untrusted": ["Email"], "Skype_ID": "[redacted]", "Billing_City": "[redacted]", "capacity": 4,
            "custom_fields": [
                { "label": "Mobile", "value": "[redacted]", "value_formatted": "[redacted]" },
                { "label": "Size", "value": "XL" },
            ],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn keys_that_were_cut_are_known_by_their_label_or_their_last_letters() {
        let mut value = json!({
            "custom_fields": [
                { "label": "Emergency contact in home phone", "api_name": "cf_emergency_contact_in_home_p", "value": "+49 1" },
                { "label": "Birthday of the one in charge", "api_name": "cf_day_of_the_one_in_charge_of", "value": "1 May" },
                { "label": "TAL fulfillment fee category", "api_name": "cf_tal_fulfillment_fee_categor", "value": "A" },
            ],
            "cf_emergency_contact_in_home_p": "+49 1",
            "cf_day_of_the_one_in_charge_of": "1 May",
            "cf_tal_fulfillment_fee_categor": "A",
            "custom_field_hash": { "cf_emergency_contact_in_home_p_unformatted": "+49 1", "cf_day_of_the_one_in_charge_of": "1 May" },
        });
        redact(&mut value);
        assert_eq!(value["cf_emergency_contact_in_home_p"], "[redacted]");
        assert_eq!(value["cf_day_of_the_one_in_charge_of"], "[redacted]", "its label says so");
        assert_eq!(value["cf_tal_fulfillment_fee_categor"], "A");
        assert_eq!(value["custom_fields"][0]["value"], "[redacted]");
        assert_eq!(value["custom_fields"][1]["value"], "[redacted]");
        assert_eq!(value["custom_fields"][2]["value"], "A");
        let hidden = json!({
            "cf_emergency_contact_in_home_p_unformatted": "[redacted]", "cf_day_of_the_one_in_charge_of": "[redacted]",
        });
        assert_eq!(value["custom_field_hash"], hidden);
        // A row of a list has no labels.
        let mut row = json!({ "cf_emergency_contact_in_home_p": "+49 1", "cf_p": "x" });
        redact(&mut row);
        assert_eq!(row, json!({ "cf_emergency_contact_in_home_p": "[redacted]", "cf_p": "x" }));
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
