//! JSON that every reader reads alike: what is looked at here, what is stored, and what Zoho makes of it must be the same.

use std::borrow::Cow;
use std::collections::HashSet;

use shared::base::problem::{Code, Problem};

/// The deepest nesting that a body may have: it is stored within other documents, and readers of JSON give up at 128.
const MAX_DEPTH: usize = 64;

/// Names that serde_json keeps for itself: it takes an object of one of these for a number, or for another document.
const RESERVED_PREFIX: &str = "$serde_json::private::";

/// What stands open at a place of the document.
enum Open<'a> {
    List,
    /// The names so far, and whether the next text is one.
    Object(HashSet<Cow<'a, [u8]>>, bool),
}

/// Refuses a document that nests too deep, or in which a name stands twice. It need not be valid otherwise.
pub(crate) fn demand_plain(document: &[u8]) -> Result<(), Problem> {
    let mut open = Vec::new();
    let mut rest = document;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'{' | b'[' if open.len() == MAX_DEPTH => {
                return Err(invalid(format!("The body nests deeper than {MAX_DEPTH} lists and objects.")));
            }
            b'{' => open.push(Open::Object(HashSet::new(), true)),
            b'[' => open.push(Open::List),
            b'}' | b']' => drop(open.pop()),
            b',' => {
                if let Some(Open::Object(_, name_follows)) = open.last_mut() {
                    *name_follows = true;
                }
            }
            b'"' => {
                let (text, behind) = rest.split_at(text_length(rest));
                rest = behind.get(1..).unwrap_or_default();
                if let Some(Open::Object(names, name_follows @ true)) = open.last_mut() {
                    *name_follows = false;
                    note(names, text)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes a name of an object, which must be new there.
fn note<'a>(names: &mut HashSet<Cow<'a, [u8]>>, raw: &'a [u8]) -> Result<(), Problem> {
    let name = decoded(raw);
    if name.starts_with(RESERVED_PREFIX.as_bytes()) {
        let name = String::from_utf8_lossy(&name);
        return Err(invalid(format!("The body has a field `{name}`, which can be no field of Zoho.")));
    }
    if let Some(twice) = names.replace(name) {
        let name = String::from_utf8_lossy(&twice);
        return Err(invalid(format!("The body has the field `{name}` twice in one object.")));
    }
    Ok(())
}

/// A text without its escapes; as it stands, where it is no valid one.
fn decoded(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or(Cow::Borrowed(raw), |text| Cow::Owned(text.into_bytes()))
}

/// How many bytes come before the quotation mark that ends a text.
fn text_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        match byte {
            b'"' => return length,
            b'\\' => length += 2,
            _ => length += 1,
        }
    }
    bytes.len()
}

fn invalid(detail: String) -> Problem {
    Problem::new(Code::BodyInvalid, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_counts_outside_of_text() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(demand_plain(nested(64).as_bytes()).is_ok());
        assert!(demand_plain(nested(65).as_bytes()).is_err());
        let text = format!(r#"["\\","\"{}\\"]"#, nested(70));
        assert!(demand_plain(text.as_bytes()).is_ok());
    }

    #[test]
    fn a_name_stands_once_in_an_object() {
        for plain in [
            r#"{"a":{"a":[{"a":1},{"a":"a"}]},"b":"a"}"#,
            r#"{"data":["data","data",{"data":1}]}"#,
            r#"{"":1,"A":1,"a":1}"#,
            r#"["$serde_json::private::RawValue"]"#,
            "7",
            "",
        ] {
            assert!(demand_plain(plain.as_bytes()).is_ok(), "{plain}");
        }
        for (twice, name) in [
            (r#"{"a":1,"a":2}"#, "`a` twice"),
            (r#"{"x":{"data":[],"b":"","d\u0061ta":[]}}"#, "`data` twice"),
            (r#"{"":1,"":2}"#, "`` twice"),
            (r#"{"a":{"b":1},"a":2}"#, "`a` twice"),
            (r#"[{"\u0024serde_json::private::RawValue":"[]"}]"#, "no field of Zoho"),
            (r#"{"x":{"$serde_json::private::Number":"7"}}"#, "no field of Zoho"),
        ] {
            let problem = demand_plain(twice.as_bytes()).unwrap_err();
            assert!(problem.detail().contains(name), "{}", problem.detail());
        }
    }

    #[test]
    fn what_is_no_json_is_left_to_others() {
        for broken in [r#"{"a"#, r#"{"a\"#, "]]}}", r#"{"\u12":1,"\u1"#, "{,,,\"a\",\"b\"", "\""] {
            assert!(demand_plain(broken.as_bytes()).is_ok(), "{broken}");
        }
    }
}
