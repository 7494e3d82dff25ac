//! Hiding data of people in an answer.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::base::id::is_zoho_id;

use super::names::{bare_key, is_cut_within_personal, is_naming, is_personal, is_question, is_value};
use super::text::{HIDDEN, document, without_addresses, without_pairs};

/// Hides all of it.
pub(super) fn redact(value: &mut Value) {
    let mut keys = BTreeSet::new();
    keys_by_label(value, &mut keys);
    hide(value, &keys);
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

fn hide(value: &mut Value, keys: &BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let about = object.iter().any(|(member, value)| {
                let names =
                    |name: &str| is_personal(name) || is_cut_within_personal(name) || is_question(name);
                is_naming(member) && value.as_str().is_some_and(names)
            });
            // How long a body is, and its digest, tell what stands in it.
            let of_body =
                object.contains_key("sha256") || (object.contains_key("status") && object.len() == 2);
            for (field, value) in object.iter_mut() {
                let personal = is_personal(field)
                    || is_question(field) && value.is_string()
                    || (about && is_value(field))
                    || (of_body && matches!(field.as_str(), "sha256" | "bytes"))
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
            if object.keys().any(|field| without_addresses(field) != *field) {
                *object = std::mem::take(object)
                    .into_iter()
                    .map(|(field, value)| (without_addresses(&field), value))
                    .collect();
            }
        }
        Value::Array(list) => {
            // ["Phone", "+49 431 1"]
            if let [Value::String(name), value] = list.as_mut_slice()
                && is_personal(name)
                && (value.is_string() || value.is_number())
            {
                *value = HIDDEN.into();
            }
            list.iter_mut().for_each(|value| hide(value, keys));
        }
        Value::String(text) => hide_in_text(text, keys),
        _ => {}
    }
}

fn hide_in_text(text: &mut String, keys: &BTreeSet<String>) {
    // What Zoho puts into a text as a document is one.
    if let Some(mut inner) = document(text) {
        let before = inner.clone();
        hide(&mut inner, keys);
        if inner != before {
            *text = inner.to_string();
        }
        return;
    }
    *text = without_addresses(&without_pairs(text));
}

#[cfg(test)]
mod tests {
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
    fn data_in_other_clothes_is_hidden() {
        let mut value = json!({
            "delivered": { "note": "{\"contact\":{\"phone\":\"+49 431 1\",\"name\":\"Lea\"}}" },
            "form": "name=Lea&phone=%2B494311",
            "list": [{ "key": "phone", "val": "+49 431 1" }, { "key": "size", "val": "XL" }],
            "history": [{ "api_name": "Phone", "_value": { "old": "1", "new": "2" }, "data_type": "phone" }],
            "pairs": [["Phone", "+49 431 1"], ["Size", "XL"]],
            "cell": "+49 431 1", "tel": 494311, "Other_State": "Kiel",
            "query": [{ "name": "criteria", "value": "(Phone:equals:1)" }, { "name": "page", "value": "2" }],
            "body": { "bytes": 20, "sha256": "ab", "json": { "select_query": "select id from Leads where Phone = '1'" } },
            "lea@example.com": 1, "fields": [{ "api_name": "Phone", "type": "phone", "length": 30 }],
        });
        redact(&mut value);
        let expected = json!({
            "delivered": { "note": "{\"contact\":{\"phone\":\"[redacted]\",\"name\":\"Lea\"}}" },
            "form": "name=Lea&phone=[redacted]",
            "list": [{ "key": "phone", "val": "[redacted]" }, { "key": "size", "val": "XL" }],
            "history": [{ "api_name": "Phone", "_value": "[redacted]", "data_type": "phone" }],
            "pairs": [["Phone", "[redacted]"], ["Size", "XL"]],
            "cell": "[redacted]", "tel": "[redacted]", "Other_State": "[redacted]",
            "query": [{ "name": "criteria", "value": "[redacted]" }, { "name": "page", "value": "2" }],
            "body": { "bytes": "[redacted]", "sha256": "[redacted]", "json": { "select_query": "[redacted]" } },
            "[redacted]": 1, "fields": [{ "api_name": "Phone", "type": "phone", "length": 30 }],
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
}
