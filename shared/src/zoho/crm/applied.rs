//! What a record shows of what was written to it. CRM answers with success and the id, whatever it made of the values.

use serde_json::Value;

use crate::zoho::value::{Object, timestamp};

/// Long text is cut in lists, to this many characters.
const CUT: usize = 500;

/// The names of those fields that the record does not show as they were sent. `kept` has other words for the same values.
pub fn not_applied(record: &Object, sent: &Object, kept: &Object) -> Vec<String> {
    let shows = |field: &String, wanted: &Value| {
        let has = record.get(field).unwrap_or(&Value::Null);
        same(has, wanted) || kept.get(field).is_some_and(|wanted| same(has, wanted))
    };
    sent.iter().filter(|(field, wanted)| !shows(field, wanted)).map(|(field, _)| field.clone()).collect()
}

/// Whether a record can be the one that these values were sent for. What it does not have at all says nothing: CRM may hide it.
pub fn holds(record: &Object, sent: &Object, kept: &Object) -> bool {
    let shown: Vec<_> = sent.iter().filter(|(field, _)| record.contains_key(*field)).collect();
    let fits = |(field, wanted): &(&String, &Value)| {
        let has = record.get(*field).unwrap_or(&Value::Null);
        same(has, wanted) || is_cut(has, wanted) || kept.get(*field).is_some_and(|wanted| same(has, wanted))
    };
    !shown.is_empty() && shown.iter().all(fits)
}

fn is_cut(has: &Value, wanted: &Value) -> bool {
    let (Value::String(has), Value::String(wanted)) = (has, wanted) else { return false };
    has.chars().count() >= CUT && wanted.starts_with(has.as_str())
}

/// Whether CRM shows what was sent, in whatever form.
fn same(has: &Value, wanted: &Value) -> bool {
    match (has, wanted) {
        (has, wanted) if is_empty(wanted) => is_empty(has),
        (Value::Object(has), Value::Object(wanted)) if wanted.contains_key("id") => {
            has.get("id").is_some_and(|id| is_id(id, wanted.get("id")))
        }
        (Value::Object(has), Value::Object(wanted)) => {
            wanted.iter().all(|(field, wanted)| same(has.get(field).unwrap_or(&Value::Null), wanted))
        }
        (Value::Object(has), wanted) => has.get("id").is_some_and(|id| is_id(id, Some(wanted))),
        (Value::Number(has), Value::Number(wanted)) => has == wanted || has.as_f64() == wanted.as_f64(),
        (Value::String(has), Value::String(wanted)) => is_text(has, wanted),
        (Value::Array(has), Value::Array(wanted)) => are_rows(has, wanted),
        (has, wanted) => has == wanted,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Ids come as text and, from some, as numbers.
fn is_id(has: &Value, wanted: Option<&Value>) -> bool {
    let digits = |id: &Value| match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    wanted.and_then(digits).is_some_and(|wanted| digits(has) == Some(wanted))
}

/// CRM takes blanks at the ends away, and gives moments in the user's time zone.
fn is_text(has: &str, wanted: &str) -> bool {
    let plain = |text: &str| text.trim().replace("\r\n", "\n");
    plain(has) == plain(wanted) || timestamp(has).is_some_and(|has| timestamp(wanted) == Some(has))
}

/// Lists are the same in any order. Rows of a subform have an id as soon as CRM has them, and fields of CRM's own.
fn are_rows(has: &[Value], wanted: &[Value]) -> bool {
    let row = |has: &Value, wanted: &Value| match (has, wanted) {
        (Value::Object(has), Value::Object(wanted)) => wanted.iter().all(|(field, wanted)| {
            let has = has.get(field).unwrap_or(&Value::Null);
            if field == "id" { is_id(has, Some(wanted)) } else { same(has, wanted) }
        }),
        (has, wanted) => same(has, wanted),
    };
    let kept = wanted.iter().filter(|row| row.get("_delete").is_none());
    // Those that say which row they are choose first.
    let (named, new): (Vec<&Value>, Vec<&Value>) = kept.partition(|row| row.get("id").is_some());
    let mut left: Vec<&Value> = has.iter().collect();
    let all = named.into_iter().chain(new).all(|wanted| match left.iter().position(|has| row(has, wanted)) {
        Some(index) => {
            left.swap_remove(index);
            true
        }
        None => false,
    });
    all && left.is_empty()
}

/// The rows of its subforms that a record would lose by a change: CRM deletes those that are not sent.
pub fn dropped_rows(record: &Object, sent: &Object, is_subform: impl Fn(&str) -> bool) -> Object {
    let mut dropped = Object::new();
    for (field, wanted) in sent.iter().filter(|(field, _)| is_subform(field)) {
        let Some(Value::Array(has)) = record.get(field) else { continue };
        let wanted = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
        let stays = |row: &Value| {
            let id = row.get("id");
            wanted
                .iter()
                .filter_map(|wanted| wanted.get("id"))
                .any(|wanted| id.is_some_and(|id| is_id(id, Some(wanted))))
        };
        let gone: Vec<Value> =
            has.iter().filter(|row| row.get("id").is_some() && !stays(row)).cloned().collect();
        if !gone.is_empty() {
            dropped.insert(field.clone(), gone.into());
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_same_is_told_in_any_form() {
        for (has, wanted, expected) in [
            (json!("Open"), json!("Open"), true),
            (json!("Open"), json!(" Open \r\n"), true),
            (json!("Open"), json!("Won"), false),
            (json!(null), json!(""), true),
            (json!([]), json!(null), true),
            (json!("x"), json!(null), false),
            (json!(null), json!("x"), false),
            (json!(12.5), json!(12.50), true),
            (json!(12.35), json!(12.345), false),
            (json!({ "name": "Harbor", "id": "61" }), json!({ "id": "61" }), true),
            (json!({ "name": "Harbor", "id": "61" }), json!({ "id": 61 }), true),
            (json!({ "name": "Harbor", "id": "61" }), json!("61"), true),
            (json!({ "name": "Harbor", "id": "62" }), json!({ "id": "61" }), false),
            (json!("2026-07-08T20:30:00+02:00"), json!("2026-07-08T18:30:00+00:00"), true),
            (json!(["b", "a"]), json!(["a", "b"]), true),
            (json!(["a"]), json!(["a", "b"]), false),
            (json!(["a", "b"]), json!(["a"]), false),
            (json!([{ "id": "1", "Qty": 2, "Total": 4 }]), json!([{ "Qty": 2 }]), true),
            (json!([{ "id": "1", "Qty": 2 }]), json!([{ "Qtyy": 2 }]), false),
            (json!([]), json!([{ "id": "1", "_delete": null }]), true),
        ] {
            assert_eq!(same(&has, &wanted), expected, "{has} {wanted}");
        }
    }

    #[test]
    fn a_field_that_a_record_does_not_have_is_not_applied() {
        let (record, sent) =
            (object(&json!({ "Stage": "Won" })), object(&json!({ "Stage": "Gewonnen", "x": 1 })));
        let kept = object(&json!({ "Stage": "Won" }));
        assert_eq!(not_applied(&record, &sent, &kept), ["x"]);
        assert_eq!(not_applied(&record, &sent, &Object::new()), ["Stage", "x"]);
        assert!(holds(&record, &sent, &kept) && !holds(&record, &sent, &Object::new()));
        assert!(!holds(&Object::new(), &sent, &kept), "nothing shown proves nothing");
    }

    #[test]
    fn rows_that_are_not_sent_are_dropped() {
        let record = object(
            &json!({ "Lines": [{ "id": "1", "Qty": 1 }, { "id": "2", "Qty": 2 }], "Tag": [{ "id": "7" }] }),
        );
        let drops =
            |sent: Value| Value::from(dropped_rows(&record, &object(&sent), |field| field == "Lines"));
        assert_eq!(
            drops(json!({ "Lines": [{ "id": "2" }, { "Qty": 3 }], "Tag": [] })),
            json!({ "Lines": [{ "id": "1", "Qty": 1 }] })
        );
        assert_eq!(drops(json!({ "Lines": null }))["Lines"].as_array().unwrap().len(), 2);
        assert_eq!(drops(json!({ "Lines": [{ "id": 1 }, { "id": "2" }] })), json!({}));
        assert_eq!(drops(json!({ "Stage": "Won" })), json!({}));
    }
}
