//! The text of a service key in an `Authorization` header, and what stands there in its place where there is none: said so that it
//! can be mended, and never with the key.

use crate::base::pasted::{clean, oddity};

/// What every key begins with.
pub(super) const PREFIX: &str = "zck_";

/// How many hexadecimal digits its id and its secret have.
const ID: usize = 12;
const SECRET: usize = 64;

/// Schemes that are named: anything else could be a secret.
const SCHEMES: &[&str] =
    &["basic", "digest", "token", "apikey", "api-key", "zoho-oauthtoken", "negotiate", "key"];

/// The longest word of somebody else's that is repeated, in bytes.
const MAX_WORD: usize = 40;

/// The public and the secret part of `Bearer zck_<id>_<secret>`.
pub(super) fn parse(header: &str) -> Option<(&str, &str)> {
    header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, key)| parts(key.trim()))
}

fn parts(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('_'))
        .filter(|(id, secret)| is_hex(id, ID) && is_hex(secret, SECRET))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// What a header holds that holds no key: the end of a sentence.
pub(super) fn seen(header: &str) -> String {
    let (scheme, key) = header.trim().split_once(char::is_whitespace).unwrap_or((header.trim(), ""));
    let key = key.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") {
        return match scheme {
            _ if holds_key(scheme) => "a key without the word `Bearer` and a space before it".to_owned(),
            scheme if SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => {
                format!("the scheme `{scheme}`, and not `Bearer`")
            }
            _ => "no `Bearer` before the key".to_owned(),
        };
    }
    if key.is_empty() {
        return "`Bearer` with nothing behind it: the key is empty".to_owned();
    }
    if let Some(name) = placeholder(key) {
        return format!("{name} in place of a key: nothing has filled it in");
    }
    if key.chars().all(|letter| matches!(letter, '*' | '\u{2022}' | '.' | 'x' | 'X' | '\u{2026}')) {
        return "a masked key (`***`), as it is shown where nobody is to see it".to_owned();
    }
    if key.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case("bearer")) {
        return "`Bearer` twice".to_owned();
    }
    if let Some(oddity) = oddity(key) {
        let whose = if parts(&clean(key)).is_some() { ", and otherwise a key" } else { "" };
        return format!("{oddity} within or around what should be the key{whose}");
    }
    if key.starts_with(PREFIX) {
        let (length, whole) = (key.chars().count(), PREFIX.len() + ID + 1 + SECRET);
        return if length == whole {
            "something that begins like a key, and has letters that no key has".to_owned()
        } else {
            format!("something that begins like a key, but is {length} characters long and not {whole}")
        };
    }
    "something that does not begin with `zck_`".to_owned()
}

fn holds_key(text: &str) -> bool {
    clean(text).starts_with(PREFIX)
}

fn is_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// The name of a variable, written as shells, templates and documents do.
fn placeholder(key: &str) -> Option<String> {
    let key = clean(key);
    let between = |open: &str, close: &str| key.strip_prefix(open)?.strip_suffix(close).map(str::trim);
    let of_variable = between("${", "}")
        .or_else(|| between("{{", "}}"))
        .or_else(|| between("%", "%"))
        .or_else(|| key.strip_prefix('$'));
    if of_variable.is_some_and(|name| is_word(name) && !holds_key(name)) {
        return Some(format!("`{key}`"));
    }
    let in_brackets = between("<", ">").or_else(|| between("{", "}")).or_else(|| between("[", "]"));
    of_variable.or(in_brackets).map(|_| "a placeholder".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_said_and_never_a_key() {
        let key = format!("zck_0123456789ab_{}", "ab".repeat(32));
        assert!(parse(&format!("bearer  {key} ")).is_some());
        for (header, expected) in [
            ("Bearer".to_owned(), "nothing behind it"),
            ("Bearer   ".to_owned(), "nothing behind it"),
            (format!("Bearer \u{feff}{key}"), "U+FEFF"),
            (format!("Bearer {key}\u{200b}"), "U+200B"),
            (format!("Bearer \"{key}\""), "a quotation mark"),
            (format!("Bearer \u{201c}{key}\u{201d}"), "a quotation mark"),
            ("Bearer $ZOHO_KEY".to_owned(), "`$ZOHO_KEY`"),
            ("Bearer ${ZOHO_KEY}".to_owned(), "`${ZOHO_KEY}`"),
            ("Bearer {{ zoho }}".to_owned(), "`{{ zoho }}`"),
            ("Bearer <your-key>".to_owned(), "a placeholder"),
            (format!("Bearer <{key}>"), "a placeholder"),
            ("Bearer ***".to_owned(), "masked"),
            (format!("Bearer Bearer {key}"), "`Bearer` twice"),
            (key.clone(), "without the word `Bearer`"),
            ("Basic abc".to_owned(), "the scheme `Basic`"),
            (format!("Bearer {}", key.get(..40).unwrap()), "40 characters long and not 81"),
            (format!("Bearer {}", key.to_uppercase().replace("ZCK_", "zck_")), "letters that no key has"),
            ("Bearer 1000.abc.def".to_owned(), "does not begin with `zck_`"),
        ] {
            let told = seen(&header);
            assert!(told.contains(expected), "{header}: {told}");
            assert!(!told.contains(key.get(20..40).unwrap()), "{told}");
            assert!(parse(&header).is_none(), "{header}");
        }
    }
}
