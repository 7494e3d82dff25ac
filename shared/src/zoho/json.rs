//! Reads Zoho's JSON, also where it is invalid: Zoho cuts text between the two halves of an emoji and keeps bytes of other
//! encodings, and some servers put a byte-order mark before a body. Unreadable characters become U+FFFD.

use std::borrow::Cow;
use std::fmt;

use hot::bounds;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use crate::zoho::value::Object;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const REPLACEMENT: &[u8] = b"\\ufffd";

/// Reads a document, and repairs it only if it is invalid. One that holds more than any answer of Zoho's is refused before any value is
/// made of it.
///
/// # Errors
/// Where it is no JSON of this shape, or holds too much.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    if bounds::fits(body) {
        skim(body)
    } else {
        Err(serde_json::Error::custom("it holds more than any answer of Zoho's"))
    }
}

/// As [`read`], for who makes no values of what the document holds, however much that is.
///
/// # Errors
/// Where it is no JSON of this shape.
pub fn skim<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body).or_else(|error| match repaired(body) {
        Cow::Owned(repaired) => serde_json::from_slice(&repaired),
        Cow::Borrowed(same) if same.len() < body.len() => serde_json::from_slice(same),
        Cow::Borrowed(_) => Err(error),
    })
}

/// Reads an object. Two fields of the same name are an error, because either could be the right one.
///
/// # Errors
/// Where it is no such object.
pub fn object(body: &[u8]) -> serde_json::Result<Object> {
    read::<Distinct>(body).map(|object| object.0)
}

/// The document without a byte-order mark.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// The document without a byte-order mark, and with U+FFFD in place of invalid UTF-8 and of lone surrogates.
pub fn repaired(body: &[u8]) -> Cow<'_, [u8]> {
    let text = match String::from_utf8_lossy(without_mark(body)) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    match without_lone_surrogates(&text) {
        Some(repaired) => Cow::Owned(repaired),
        None => text,
    }
}

/// The text with U+FFFD in place of each lone surrogate. None where there is no lone surrogate.
fn without_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let mut repaired: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += found;
        let Some(unit) = unit(text, at) else {
            at += 2; // another escape, whose second byte may be a backslash
            continue;
        };
        let pair =
            matches!(unit, 0xd800..=0xdbff) && matches!(self::unit(text, at + ESCAPE), Some(0xdc00..=0xdfff));
        if pair {
            at += 2 * ESCAPE;
            continue;
        }
        if matches!(unit, 0xd800..=0xdfff) {
            let repaired = repaired.get_or_insert_with(|| Vec::with_capacity(text.len()));
            repaired.extend_from_slice(text.get(copied..at).unwrap_or_default());
            repaired.extend_from_slice(REPLACEMENT);
            copied = at + ESCAPE;
        }
        at += ESCAPE;
    }
    if let Some(repaired) = &mut repaired {
        repaired.extend_from_slice(text.get(copied..).unwrap_or_default());
    }
    repaired
}

/// The length of an escape like `\uD83C`.
const ESCAPE: usize = 6;

/// The UTF-16 unit of the escape at this position.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

/// An object without two fields of the same name.
struct Distinct(Object);

impl<'de> serde::Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields).map(Self)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Object, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = fields.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("two fields have the same name"));
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::json;

    use super::*;

    fn text(document: &[u8]) -> String {
        let read: Value = read(document).unwrap();
        read["t"].as_str().unwrap().to_owned()
    }

    #[test]
    fn what_zoho_cut_is_read_with_the_replacement_character() {
        for (document, expected) in [
            (br#"{"t":"gift \uD83C"}"#.as_slice(), "gift \u{fffd}"),
            (br#"{"t":"\uDF81 gift"}"#, "\u{fffd} gift"),
            (br#"{"t":"\uD83C\uD83C\uDF81"}"#, "\u{fffd}\u{1f381}"),
            (br#"{"t":"\ud83c\u0041"}"#, "\u{fffd}A"),
            (br#"{"t":"\\uD83C \uD83C\n"}"#, "\\uD83C \u{fffd}\n"),
            (br#"{"t":"\uD83C\uDF81 \uDF81"}"#, "\u{1f381} \u{fffd}"),
            (b"{\"t\":\"caf\xe9\"}", "caf\u{fffd}"),
            (b"\xef\xbb\xbf{\"t\":\"x\"}", "x"),
            (b"\xef\xbb\xbf{\"t\":\"\xff \\ud83c\"}", "\u{fffd} \u{fffd}"),
        ] {
            assert_eq!(text(document), expected, "{}", String::from_utf8_lossy(document));
        }
    }

    #[test]
    fn what_is_no_json_stays_unreadable() {
        for document in [b"".as_slice(), b"<html>", b"{\"t\":\"\\u12\"}", b"{\"t\":", b"\xef\xbb\xbf", b"\\"]
        {
            assert!(read::<Value>(document).is_err());
        }
    }

    #[test]
    fn what_holds_too_much_is_read_only_by_who_makes_no_values() {
        let many = format!("[{}0]", "{},".repeat(100_001));
        assert!(read::<Value>(many.as_bytes()).is_err());
        assert!(skim::<IgnoredAny>(many.as_bytes()).is_ok());
        let fewer = many.replacen("{},", "", 1);
        assert_eq!(read::<Value>(fewer.as_bytes()).unwrap().as_array().unwrap().len(), 100_001);
    }

    #[test]
    fn two_fields_of_one_name_are_no_object() {
        assert!(object(br#"{"items":[1],"items":[]}"#).is_err());
        assert!(object(b"[]").is_err());
        let own = br#"{"items":[{"a":1,"a":2}]}"#;
        assert_eq!(
            Value::Object(object(own).unwrap()),
            json!({"items": [{"a": 2}]}),
            "only ours are looked at"
        );
    }

    proptest! {
        #[test]
        fn any_text_of_utf_16_is_read_as_its_lossy_form(units in prop::collection::vec(any::<u16>(), 0..24)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            prop_assert_eq!(
                text(format!("{{\"t\":\"{escaped}\"}}").as_bytes()),
                String::from_utf16_lossy(&units)
            );
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read::<Value>(&body);
            let _ = repaired(&body);
        }
    }
}
