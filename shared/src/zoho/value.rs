//! Normalises Zoho's values: times without a colon in the offset, empty strings in place of numbers, ids as numbers. Amounts keep
//! their digits, because they are never turned into floats.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A JSON object, in Zoho's field order.
pub type Object = Map<String, Value>;

/// A builder that appends a query string to an address.
pub fn query_of(address: String) -> form_urlencoded::Serializer<'static, String> {
    let end = address.len() + 1;
    form_urlencoded::Serializer::for_suffix(address + "?", end)
}

/// Takes the record in a field out of an answer.
pub fn record(answer: &mut Object, field: &str) -> Option<Object> {
    answer.get_mut(field).map(Value::take).and_then(into_object)
}

/// Zoho's own file has a list of one where its answers show a package.
fn into_object(value: Value) -> Option<Object> {
    match value {
        Value::Object(object) => Some(object),
        Value::Array(mut only) if only.len() == 1 => match only.pop() {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        },
        _ => None,
    }
}

/// Turns a time as Inventory writes it, `2026-10-05T21:32:21+0530`, into the form of RFC 3339. None for other texts.
pub fn rfc3339(text: &str) -> Option<String> {
    let (rest, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
    let mut bytes = offset.bytes();
    let signed = matches!(bytes.next(), Some(b'+' | b'-'));
    if !signed || !bytes.all(|b| b.is_ascii_digit()) || !rest.contains('T') {
        return None;
    }
    let (hours, minutes) = offset.split_at_checked(3)?;
    let repaired = format!("{rest}{hours}:{minutes}");
    repaired.parse::<jiff::Timestamp>().is_ok().then_some(repaired)
}

/// Reads a time in either of Zoho's forms.
pub fn timestamp(text: &str) -> Option<jiff::Timestamp> {
    let text = rfc3339(text).map_or(Cow::Borrowed(text), Cow::Owned);
    text.parse().ok().or_else(|| with_whole_offset(&text)?.parse().ok())
}

/// A time with all digits of its offset: CRM cuts zeros off (`-07:0`, `+5:30`).
pub(super) fn with_whole_offset(text: &str) -> Option<String> {
    let (date, time) = text.split_once('T')?;
    let sign = time.rfind(['+', '-'])?;
    let (clock, offset) = time.split_at_checked(sign)?;
    let (sign, digits) = offset.split_at_checked(1)?;
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, ""));
    let fits = |part: &str| part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    (!hours.is_empty() && fits(hours) && fits(minutes))
        .then(|| format!("{date}T{clock}{sign}{hours:0>2}:{minutes:0<2}"))
}

/// Reads a JSON number, or a string that holds a number. Everything else, like `""`, is null.
pub fn number(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Number(number)) => Value::Number(number.clone()),
        Some(Value::String(text)) => {
            text.trim().parse::<serde_json::Number>().map_or(Value::Null, Value::Number)
        }
        _ => Value::Null,
    }
}

/// A time as Inventory reads it: the offset without a colon.
pub fn inventory_time(at: jiff::Timestamp) -> String {
    let text = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at).to_string();
    format!("{}+0000", text.trim_end_matches('Z'))
}

/// The day that it is at `now` in the organisation, whose offset stands in the times that Zoho writes. Of those given, the one
/// nearest to now counts, because of daylight saving. Without any it is the day of UTC.
pub fn day_of_organization<'a>(now: jiff::Timestamp, written: impl Iterator<Item = &'a str>) -> String {
    let offset_of = |text: &str| {
        let text = rfc3339(text).map_or(Cow::Borrowed(text), Cow::Owned);
        let at: jiff::Timestamp = text.parse().ok()?;
        let digits = text.get(text.len().checked_sub(6)?..)?;
        let (hours, minutes) = digits.split_once(':')?;
        let sign = if hours.starts_with('-') { -1 } else { 1 };
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        Some((at.duration_since(now).as_secs().abs(), hours * 3600 + sign * minutes * 60))
    };
    let seconds = written.filter_map(offset_of).min().map_or(0, |(_, seconds)| seconds);
    let local = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now).to_string();
    local.get(..10).unwrap_or_default().to_owned()
}

/// The text of a field, unless it is empty.
pub fn text<'a>(object: &'a Object, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The id in a field. Zoho writes strings, but numbers are read, too, and keep their digits.
pub fn id(object: &Object, field: &str) -> Option<String> {
    match object.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Normalises an object of Inventory, and the objects within it: ids become strings, times RFC 3339, and the fields for
/// which `is_number` says so numbers or null.
pub fn even_out(object: &mut Object, is_number: fn(&str) -> bool) {
    for (field, value) in object.iter_mut() {
        even_out_field(field, value, is_number);
    }
}

/// As [`even_out`], for one field.
fn even_out_field(field: &str, value: &mut Value, is_number: fn(&str) -> bool) {
    match value {
        Value::String(text) if field.ends_with("_time") => {
            if let Some(repaired) = rfc3339(text) {
                *text = repaired;
            }
        }
        Value::String(_) if is_number(field) => *value = number(Some(value)),
        Value::Number(digits) if field.ends_with("_id") => *value = Value::String(digits.to_string()),
        Value::Object(inner) => even_out(inner, is_number),
        Value::Array(list) => {
            for inner in list.iter_mut().filter_map(Value::as_object_mut) {
                even_out(inner, is_number);
            }
        }
        _ => {}
    }
}

/// The names of the filled fields that people write: agents must treat them as data, never as instructions.
pub fn untrusted(object: &Object, written_by_people: impl Fn(&str) -> bool) -> Value {
    let filled = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(inner) => !inner.is_empty(),
        _ => false,
    };
    let names = object.iter().filter(|(field, value)| written_by_people(field) && filled(value));
    Value::Array(names.map(|(field, _)| Value::String(field.clone())).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn offsets_without_a_colon_get_one_and_other_texts_stay() {
        assert_eq!(rfc3339("2026-10-05T21:32:21+0530").unwrap(), "2026-10-05T21:32:21+05:30");
        assert_eq!(rfc3339("2026-10-05T21:32:21-0800").unwrap(), "2026-10-05T21:32:21-08:00");
        for other in
            ["", "2026-10-05", "2026-10-05T21:32:21+05:30", "T+0530", "2026-13-05T21:32:21+0530", "é+0530"]
        {
            assert_eq!(rfc3339(other), None, "{other}");
        }
        assert_eq!(timestamp("2026-11-18T16:40:12+0100"), timestamp("2026-11-18T16:40:12+01:00"));
    }

    #[test]
    fn the_day_is_the_organisations() {
        let now = "2026-11-29T19:00:00Z".parse().unwrap();
        for (times, day) in [
            (&[][..], "2026-11-29"),
            (&["2026-11-28T21:04:11+0530"], "2026-11-30"),
            (&["2026-11-28T21:04:11-08:00"], "2026-11-29"),
            (&["2026-07-01T10:00:00+0600", "2026-11-01T10:00:00+0445", "nothing"], "2026-11-29"),
            (&["2026-11-28T21:04:11Z"], "2026-11-29"),
        ] {
            assert_eq!(day_of_organization(now, times.iter().copied()), day, "{times:?}");
        }
        let early = "2026-11-29T03:00:00Z".parse().unwrap();
        assert_eq!(day_of_organization(early, ["2026-11-28T21:04:11-0330"].into_iter()), "2026-11-28");
    }

    #[test]
    fn an_offset_that_was_cut_is_read() {
        for (short, whole) in [
            ("2026-11-27T20:00:00-07:0", "2026-11-27T20:00:00-07:00"),
            ("2026-11-27T20:00:00-7:00", "2026-11-27T20:00:00-07:00"),
            ("2026-11-27T20:00:00+5:3", "2026-11-27T20:00:00+05:30"),
            ("2026-11-27T20:00:00.5+05", "2026-11-27T20:00:00.5+05:00"),
            ("2026-11-27T20:00:00-07:", "2026-11-27T20:00:00-07:00"),
        ] {
            assert_eq!(timestamp(short), whole.parse().ok(), "{short}");
            assert!(timestamp(short).is_some());
        }
        for odd in ["2026-11-27T20:00:00-", "2026-11-27", "soon", "2026-11-27T20:00:00+a", "T-7"] {
            assert_eq!(timestamp(odd), None, "{odd}");
        }
    }

    #[test]
    fn empty_strings_are_no_numbers_and_digits_survive() {
        assert_eq!(number(Some(&json!(""))), Value::Null);
        assert_eq!(number(None), Value::Null);
        assert_eq!(number(Some(&json!("12.50"))).to_string(), "12.50");
        let exact: Value = serde_json::from_str("1234567890123456789.10").unwrap();
        assert_eq!(number(Some(&exact)).to_string(), "1234567890123456789.10");
    }

    #[test]
    fn objects_are_evened_out_to_the_bottom() {
        let mut object: Object = serde_json::from_str(
            r#"{"item_id": 3300000000070001, "reorder_level": "", "name": "", "last_modified_time": "2026-11-18T16:40:12+0100",
                "locations": [{"location_id": 9007199254740993, "rate": 42.0}]}"#,
        )
        .unwrap();
        even_out(&mut object, |field| field == "reorder_level");
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"item_id":"3300000000070001","reorder_level":null,"name":"","last_modified_time":"2026-11-18T16:40:12+01:00","locations":[{"location_id":"9007199254740993","rate":42.0}]}"#
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_a_time_panic(text in "\\PC*") {
            let _ = rfc3339(&text);
            let _ = timestamp(&text);
        }
    }
}
