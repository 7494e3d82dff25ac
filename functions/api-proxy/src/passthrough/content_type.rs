//! What a body says it is. Only forms that every server reads alike: another charset, or a parameter that some read and others do
//! not, would make another body of the same bytes. What goes on is a header of our own.

use std::borrow::Cow;

use shared::base::problem::Problem;

use crate::request::body::invalid;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The longest name of a content type, a boundary included, in bytes.
const MAX_LENGTH: usize = 200;

/// The kinds of bodies that Zoho takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentType<'a> {
    /// A document.
    Json,
    /// Fields.
    Form,
    /// Fields and files, with the boundary between them.
    Multipart(&'a str),
}

impl<'a> ContentType<'a> {
    /// Reads the header.
    pub(super) fn read(text: &'a str) -> Result<Self, Problem> {
        if text.len() > MAX_LENGTH {
            return Err(invalid("`Content-Type` is too long."));
        }
        let (named, parameter) = match text.split_once(';') {
            Some((named, parameter)) => (named, Some(parameter)),
            None => (text, None),
        };
        let named = named.trim_ascii().to_ascii_lowercase();
        let parameter =
            parameter.map(|parameter| parameter.trim_ascii().split_once('=').unwrap_or((parameter, "")));
        match (named.as_str(), parameter) {
            (JSON, None) => Ok(Self::Json),
            (FORM, None) => Ok(Self::Form),
            (JSON, Some(charset)) if is_utf8(charset) => Ok(Self::Json),
            (FORM, Some(charset)) if is_utf8(charset) => Ok(Self::Form),
            (MULTIPART, Some((name, value))) if name.eq_ignore_ascii_case("boundary") => boundary(value)
                .map(Self::Multipart)
                .ok_or_else(|| invalid("The `boundary` must be 1 to 70 letters, digits and `' ( ) + _ , - . / : = ?`, and nothing may follow it.")),
            (MULTIPART, _) => Err(invalid("`multipart/form-data` needs one parameter, its `boundary`.")),
            (JSON | FORM, Some(_)) => Err(invalid(
                "`Content-Type` may have no parameter but `charset=utf-8`: Zoho could read the body in another way than the connector.",
            )),
            // What calls itself otherwise could be read as one of these all the same.
            _ => Err(invalid(
                "Zoho takes `application/json`, `application/x-www-form-urlencoded` and `multipart/form-data` (files).",
            )),
        }
    }

    /// As it is sent.
    pub(super) fn header(self) -> Cow<'static, str> {
        match self {
            Self::Json => JSON.into(),
            Self::Form => FORM.into(),
            Self::Multipart(boundary) if boundary.bytes().all(is_of_token) => {
                format!("{MULTIPART}; boundary={boundary}").into()
            }
            Self::Multipart(boundary) => format!("{MULTIPART}; boundary=\"{boundary}\"").into(),
        }
    }
}

fn is_utf8((name, value): (&str, &str)) -> bool {
    name.eq_ignore_ascii_case("charset") && unquoted(value).eq_ignore_ascii_case("utf-8")
}

fn boundary(value: &str) -> Option<&str> {
    let value = unquoted(value);
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
    ((1..=70).contains(&value.len()) && value.bytes().all(fits)).then_some(value)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Whether a letter may stand in a parameter without quotes.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'+_-.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_server_reads_alike_is_taken() {
        for (text, expected) in [
            ("application/json", JSON),
            ("Application/JSON ; charset=UTF-8", JSON),
            ("application/json;charset=\"utf-8\"", JSON),
            ("application/x-www-form-urlencoded", FORM),
            ("application/x-www-form-urlencoded; charset=utf-8", FORM),
            ("multipart/form-data; boundary=a-b", "multipart/form-data; boundary=a-b"),
            ("Multipart/Form-Data; Boundary=\"a-b\"", "multipart/form-data; boundary=a-b"),
            ("multipart/form-data; boundary=\"a=b\"", "multipart/form-data; boundary=\"a=b\""),
        ] {
            assert_eq!(ContentType::read(text).unwrap().header(), expected, "{text}");
        }
    }

    #[test]
    fn what_one_server_reads_and_another_does_not_is_refused() {
        for text in [
            "application/json; charset=ibm037",
            "application/json; charset=utf-7",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset*=utf-7",
            "application/json; charset",
            "application/json;",
            "application/json; profile=x",
            "application/json, text/plain",
            "application/x-www-form-urlencoded; charset=ibm037",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary*=utf-8''a",
            "multipart/form-data; boundary*0=a; boundary*1=b",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=a; charset=utf-7",
            "multipart/form-data; charset=utf-8; boundary=a",
            "multipart/form-data; boundary=\"a b\"",
            "multipart/mixed; boundary=a",
            "text/plain",
            "",
        ] {
            assert!(ContentType::read(text).is_err(), "{text}");
        }
    }
}
