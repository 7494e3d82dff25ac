//! What a redacted key may not send: whether the call succeeds, and what it finds, would tell what the answers hide.

use serde_json::Value;
use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;

use super::hidden;
use super::names::{is_naming, is_personal, is_value};
use super::text::{document, has_address, personal_pair};

/// Refuses a query string with fields or addresses of people in it. `fields=` only names what is hidden afterwards.
pub(crate) fn refuse_query(query: &str) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        refuse_pair(&name, &value)?;
    }
    Ok(())
}

/// Refuses one parameter, or one field of a form.
pub(crate) fn refuse_pair(name: &str, value: &str) -> Result<(), Problem> {
    if is_personal(name) {
        return Err(of_field(name));
    }
    refuse_text(value)
}

/// Refuses a document that writes fields of people, asks for them, or holds their addresses.
pub(crate) fn refuse_document(value: &Value) -> Result<(), Problem> {
    match value {
        Value::Object(object) => {
            let named =
                object.iter().filter(|(member, _)| is_naming(member)).filter_map(|(_, name)| name.as_str());
            if let Some(name) = named.into_iter().find(|name| is_personal(name))
                && object.keys().any(|member| is_value(member))
            {
                return Err(of_field(name));
            }
            for (field, value) in object {
                let is_id = field.ends_with("_id") && value.as_str().is_none_or(is_zoho_id);
                if is_personal(field) && !is_id {
                    return Err(of_field(field));
                }
                refuse_document(value)?;
            }
            Ok(())
        }
        Value::Array(list) => list.iter().try_for_each(refuse_document),
        Value::String(text) => refuse_text(text),
        _ => Ok(()),
    }
}

fn refuse_text(text: &str) -> Result<(), Problem> {
    if has_address(text) {
        return Err(hidden("what it sends may hold no mail address either."));
    }
    if let Some(name) = personal_pair(text) {
        return Err(of_field(name));
    }
    document(text).map_or(Ok(()), |inner| refuse_document(&inner))
}

/// Such a key neither writes nor matches the field.
pub(crate) fn of_field(name: &str) -> Problem {
    hidden(format!("it neither searches by `{name}` nor writes it."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_and_addresses_of_people_are_refused_wherever_they_stand() {
        for query in
            ["email=x", "phone_contains=1", "search=lea%40example.com", "a=lea%2540example.com", "Cell=1"]
        {
            assert!(refuse_query(query).is_err(), "{query}");
        }
        for query in ["fields=Phone,Email", "search=lea", "sku=OAK", "per_page=5&cursor=p2", ""] {
            assert!(refuse_query(query).is_ok(), "{query}");
        }
        for body in [
            json!({ "Phone": "1" }),
            json!({ "Phone": null }),
            json!({ "data": [{ "Last_Name": "Lea", "Email": "x" }] }),
            json!({ "notes": "Ask lea@example.com" }),
            json!({ "custom_fields": [{ "label": "Home phone", "value": "1" }] }),
            json!({ "JSONString": "{\"phone\":\"1\"}" }),
            json!({ "body": "a=1&phone=1" }),
            json!({ "billing_address_id": "no id" }),
        ] {
            assert!(refuse_document(&body).is_err(), "{body}");
        }
        for body in [
            json!({ "Deal_Name": "Oak", "Amount": 5, "billing_address_id": "33", "shipping_address_id": null }),
            json!({ "query": "select id from Deals where Amount > 5" }),
        ] {
            assert!(refuse_document(&body).is_ok(), "{body}");
        }
    }
}
