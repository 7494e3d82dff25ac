//! Reads from a webhook of the finance suite which record it is about. The body names no event. It holds the record under its singular
//! key, or, as a form, in a field `JSONString` or in fields of its own.

use serde_json::Value;
use shared::base::id::is_zoho_id;
use shared::zoho::inventory::record_kinds::NAMING_FIELDS;
use shared::zoho::json;
use shared::zoho::signature::is_json;
use shared::zoho::value::{Object, id, text, timestamp};

use crate::form;

/// A webhook's body, read.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The record's kind, `item`, `salesorder`, …; nothing where the body shows none.
    pub(crate) kind: Option<String>,
    /// The record's id.
    pub(crate) id: Option<String>,
    /// The ids that name it to callers: `item_id`, `sku`, ….
    pub(crate) names: Object,
    /// When it was last changed, as Zoho wrote it, made RFC 3339.
    pub(crate) changed: Option<String>,
    /// Placeholders of Zoho's that nothing has filled in, `${ITEM.ITEM_ID}`.
    pub(crate) unfilled: Vec<String>,
    /// The body's JSON document, as it came.
    pub(crate) body: String,
}

/// The longest value that is taken out of the body, in bytes: a longer one names nothing.
const MAX_NAME: usize = 256;

impl Payload {
    /// Reads a body. Nothing where it is neither JSON of records nor a form.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body = json::repaired(body);
        let body = if is_json(&body) {
            body.into_owned()
        } else {
            json::repaired(read_form(&body)?.as_bytes()).into_owned()
        };
        let body = String::from_utf8(body).ok()?;
        let document = serde_json::from_str(&body).ok()?;
        let mut unfilled = Vec::new();
        placeholders(&document, &mut unfilled);
        let document = match document {
            Value::Object(document) => document,
            // A list of records names none; readers of the event find them in its body.
            Value::Array(_) => Object::new(),
            _ => return None,
        };
        let (kind, record) = find_record(&document);
        let id_field = kind.as_ref().map(|kind| format!("{kind}_id"));
        let id = id_field.as_ref().and_then(|field| id(record, field)).filter(|id| is_zoho_id(id));
        let mut names = Object::new();
        if let (Some(field), Some(id)) = (id_field, &id) {
            names.insert(field, Value::String(id.clone()));
        }
        for field in NAMING_FIELDS {
            if let Some(value) = text(record, field).filter(|value| value.len() <= MAX_NAME) {
                names.insert(field.to_owned(), Value::String(value.to_owned()));
            }
        }
        let changed = text(record, "last_modified_time").and_then(timestamp).map(|at| at.to_string());
        Some(Self { kind, id, names, changed, unfilled, body })
    }
}

/// How many placeholders are named, and how long one is.
const MAX_PLACEHOLDERS: usize = 10;
const MAX_PLACEHOLDER: usize = 80;

/// Finds texts that are nothing but a placeholder: `${ITEM.ITEM_ID}`.
fn placeholders(value: &Value, found: &mut Vec<String>) {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b' '))
    };
    match value {
        Value::String(text) if found.len() < MAX_PLACEHOLDERS && text.len() <= MAX_PLACEHOLDER => {
            let text = text.trim();
            let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            if name.is_some_and(is_name) && !found.iter().any(|known| known == text) {
                found.push(text.to_owned());
            }
        }
        Value::Array(list) => list.iter().for_each(|value| placeholders(value, found)),
        Value::Object(object) => object.values().for_each(|value| placeholders(value, found)),
        _ => {}
    }
}

/// The JSON document in a form: in the field `JSONString`, or made of its fields.
fn read_form(body: &[u8]) -> Option<String> {
    let fields = form::fields(body);
    match fields.get("JSONString") {
        Some(Value::String(json)) => Some(json.clone()),
        _ if fields.is_empty() => None,
        _ => serde_json::to_string(&fields).ok(),
    }
}

/// The record under its singular key, or the document itself where it is flat and has but one id. Zoho spells some keys
/// with an underscore in one place and without in another.
fn find_record(document: &Object) -> (Option<String>, &Object) {
    for (key, value) in document {
        let Value::Object(record) = value else { continue };
        let plain: String = key.chars().filter(|c| *c != '_').collect();
        let spelt = [plain, key.clone()].into_iter().find(|kind| record.contains_key(&format!("{kind}_id")));
        if let Some(kind) = spelt.filter(|kind| is_name(kind)) {
            return (Some(kind), record);
        }
    }
    let mut kinds = document.keys().filter_map(|key| key.strip_suffix("_id")).filter(|kind| is_name(kind));
    match (kinds.next(), kinds.next()) {
        (Some(only), None) => (Some(only.to_owned()), document),
        _ => (None, document),
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use shared::zoho::inventory::record_kinds::RecordKind;

    use super::*;

    #[test]
    fn every_form_of_a_body_shows_its_record() {
        let json = r#"{"item":{"item_id":"33","sku":"OAK","last_modified_time":"2026-11-18T16:40:12+0100"}}"#;
        let form =
            format!("JSONString={}", form_urlencoded::byte_serialize(json.as_bytes()).collect::<String>());
        for body in [json, &form, &format!("\n {json}")] {
            let found = Payload::read(body.as_bytes()).unwrap();
            assert_eq!((found.kind.as_deref(), found.id.as_deref()), (Some("item"), Some("33")), "{body}");
            assert_eq!(found.changed.as_deref(), Some("2026-11-18T15:40:12Z"));
            assert_eq!(Value::Object(found.names).to_string(), r#"{"item_id":"33","sku":"OAK"}"#);
        }
        let flat = Payload::read(b"item_id=33&name=Oak+Shelf").unwrap();
        assert_eq!((flat.kind.as_deref(), flat.id.as_deref()), (Some("item"), Some("33")));
    }

    #[test]
    fn both_spellings_name_one_kind_and_strangers_are_kept_without() {
        let order = Payload::read(br#"{"sales_order":{"salesorder_id":"8"}}"#).unwrap();
        assert_eq!((order.kind.as_deref(), order.id.as_deref()), (Some("salesorder"), Some("8")));
        let adjustment = Payload::read(br#"{"inventory_adjustment":{"inventory_adjustment_id":9}}"#).unwrap();
        assert_eq!(
            (adjustment.kind.as_deref(), adjustment.id.as_deref()),
            (Some("inventory_adjustment"), Some("9"))
        );
        for kindless in
            [r#"{"surprise":{"a":1}}"#, "customer_id=1&salesorder_id=2", r#"{"a b":{"a b_id":"1"}}"#]
        {
            assert!(Payload::read(kindless.as_bytes()).unwrap().kind.is_none(), "{kindless}");
        }
        assert!(Payload::read(br#"{"item":{"item_id":"../1"}}"#).unwrap().id.is_none());
    }

    #[test]
    fn every_key_of_a_record_names_its_kind_as_the_table_does() {
        for kind in RecordKind::ALL {
            // A shipment is told apart by no key: its id is not named after it.
            for key in kind.record_keys.iter().filter(|_| kind.id_field == format!("{}_id", kind.word)) {
                let body = serde_json::json!({ *key: { kind.id_field: "8" } }).to_string();
                let found = Payload::read(body.as_bytes()).unwrap();
                assert_eq!(
                    (found.kind.as_deref(), found.id.as_deref()),
                    (Some(kind.word), Some("8")),
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn a_placeholder_that_was_never_filled_is_found() {
        let body = br#"{"item":{"item_id":"${ITEM.ITEM_ID}","name":"costs ${5}, not ${ITEM.NAME}","sku":"${ITEM.ITEM_ID}"}}"#;
        let read = Payload::read(body).unwrap();
        assert_eq!((read.id, read.unfilled), (None, vec!["${ITEM.ITEM_ID}".to_owned()]));
        assert!(Payload::read(br#"{"item":{"item_id":"1","name":"${}"}}"#).unwrap().unfilled.is_empty());
    }

    #[test]
    fn what_is_no_document_is_none() {
        for body in ["", "{", "[1", "JSONString=oops", "JSONString=1"] {
            assert!(Payload::read(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn a_list_names_no_record_and_what_zoho_cut_is_read() {
        for body in ["[]", "[{\"item\":{}}]", "JSONString=%5B%5D"] {
            let read = Payload::read(body.as_bytes()).unwrap();
            assert!(read.kind.is_none() && read.body.starts_with('['), "{body}");
        }
        for body in [
            b"\xef\xbb\xbf{\"item\":{\"item_id\":\"3300000000070001\",\"sku\":\"\\uD83C\"}}".as_slice(),
            b"JSONString=%7B%22item%22%3A%7B%22item_id%22%3A%223300000000070001%22%2C%22sku%22%3A%22%5CuD83C%22%7D%7D",
        ] {
            let read = Payload::read(body).unwrap();
            assert_eq!(read.id.as_deref(), Some("3300000000070001"));
            assert!(read.body.contains("\\ufffd"), "{}", read.body);
        }
    }
}
