//! Mail addresses in texts that people wrote, and fields within texts that are documents or forms.

use serde_json::Value;
use shared::zoho::json as zoho_json;

use super::names::is_personal;

/// What stands in place of what is hidden.
pub(super) const HIDDEN: &str = "[redacted]";

/// The longest text that is looked at as a document, in bytes: Zoho puts no longer document into a field.
const MAX_DOCUMENT: usize = 512 * 1024;

/// The ways to write the sign: as it is, in an address, in HTML, in JSON, and its wide forms.
const AT: &[&str] =
    &["@", "%40", "&#64;", "&#064;", "&#x40;", "&#X40;", "&commat;", "\\u0040", "\u{ff20}", "\u{fe6b}"];

/// What ends an address.
fn is_end(one: char) -> bool {
    one.is_whitespace() || one.is_control() || "<>()[],;:\"|".contains(one)
}

/// How one of them begins.
fn may_begin(byte: u8) -> bool {
    matches!(byte, b'@' | b'%' | b'&' | b'\\' | 0xEF)
}

/// The next sign: where it begins, and where it ends.
fn next_at(text: &str) -> Option<(usize, usize)> {
    let begins = text.bytes().enumerate().filter(|(_, byte)| may_begin(*byte));
    begins.into_iter().find_map(|(begin, _)| {
        let rest = text.get(begin..)?;
        let at = AT.iter().find(|at| rest.starts_with(**at))?;
        Some((begin, begin + at.len()))
    })
}

/// Where an address begins and ends in a text.
fn find_address(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let (begin, end) = next_at(text.get(from..)?)?;
        let (begin, end) = (from + begin, from + end);
        let (before, after) = (text.get(..begin)?, text.get(end..)?);
        let starts = before.char_indices().rev().find(|(_, one)| is_end(*one));
        let mut start = starts.map_or(0, |(at, one)| at + one.len_utf8());
        if start == begin && before.ends_with('"') {
            // "lea sommer"@example.com
            start = before.get(..begin - 1).and_then(|inner| inner.rfind('"')).unwrap_or(begin);
        }
        let host = after.find(is_end).unwrap_or(after.len());
        let word = after.get(..host)?;
        let has_dot = word.trim_matches('.').contains('.') || word.to_ascii_lowercase().contains("%2e");
        if start < begin && has_dot {
            return Some((start, end + host));
        }
        // lea@[192.0.2.1]
        if start < begin
            && after.starts_with('[')
            && let Some(close) = after.find(']')
        {
            return Some((start, end + close + 1));
        }
        from = end;
    }
}

/// Whether a text holds a mail address.
pub(super) fn has_address(text: &str) -> bool {
    find_address(text).is_some()
}

/// How often a text is cleaned: what is left of one address may belong to another, as in `"a@b.c"@d.e`.
const MAX_PASSES: usize = 8;

/// A text without the mail addresses in it.
pub(super) fn without_addresses(text: &str) -> String {
    let mut clean = cleaned_once(text);
    for _ in 1..MAX_PASSES {
        if !has_address(&clean) {
            return clean;
        }
        clean = cleaned_once(&clean);
    }
    if has_address(&clean) { HIDDEN.to_owned() } else { clean }
}

fn cleaned_once(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end)) = find_address(rest) {
        clean.push_str(rest.get(..start).unwrap_or_default());
        clean.push_str(HIDDEN);
        rest = rest.get(end..).unwrap_or_default();
    }
    clean + rest
}

/// Whether a part of a text, in small letters, stands in what is shown of it.
pub(crate) fn shows(text: &str, part: &str) -> bool {
    without_addresses(text).to_lowercase().split(HIDDEN).any(|shown| shown.contains(part))
}

/// The document that a text is, if it is one.
pub(super) fn document(text: &str) -> Option<Value> {
    let begins = text.trim_start().as_bytes().first().copied();
    if text.len() > MAX_DOCUMENT || !matches!(begins, Some(b'{' | b'[' | b'"')) {
        return None;
    }
    // However much it holds: the fields of what is taken for no document are shown.
    zoho_json::skim(text.as_bytes()).ok()
}

/// The fields of a text that is a form or an address with a query: name, and from where to where the value goes.
fn pairs(text: &str) -> Vec<(&str, usize, usize)> {
    if !text.contains('=') || text.contains(char::is_whitespace) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    for part in text.split_inclusive(['&', '?', ';']) {
        let whole = part.trim_end_matches(['&', '?', ';']);
        if let Some((name, value)) = whole.split_once('=') {
            let begin = at + name.len() + 1;
            found.push((name, begin, begin + value.len()));
        }
        at += part.len();
    }
    found
}

/// The first personal field in a text that is a form.
pub(super) fn personal_pair(text: &str) -> Option<&str> {
    pairs(text).into_iter().map(|(name, ..)| name).find(|name| is_personal(name))
}

/// A form without the values of personal fields.
pub(super) fn without_pairs(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    for (_, begin, end) in
        pairs(text).into_iter().filter(|(name, begin, end)| begin < end && is_personal(name))
    {
        clean.push_str(text.get(done..begin).unwrap_or_default());
        clean.push_str(HIDDEN);
        done = end;
    }
    clean + text.get(done..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_found_however_they_are_written() {
        for (text, expected) in [
            (
                "Write to lea@example.com, or (jörg@grün.example). 5 @ 3.20",
                "Write to [redacted], or ([redacted]). 5 @ 3.20",
            ),
            ("mailto:lea%40example.com?subject=x", "mailto:[redacted]"),
            ("lea&#64;example.com;x", "[redacted];x"),
            ("o'neil@example.com", "[redacted]"),
            ("\"lea sommer\"@example.com!", "[redacted]"),
            ("lea@[192.0.2.1] and", "[redacted] and"),
            ("jo\u{308}rg@example.com", "[redacted]"),
            ("lea\u{ff20}example.com", "[redacted]"),
            ("a@b@example.com", "[redacted]"),
            ("@home is no address, nor is lea@home", "@home is no address, nor is lea@home"),
        ] {
            assert_eq!(without_addresses(text), expected, "{text}");
            assert_eq!(has_address(text), expected.contains(HIDDEN), "{text}");
        }
    }

    #[test]
    fn fields_of_a_form_are_known() {
        assert_eq!(without_pairs("a=1&phone=%2B49&b=2"), "a=1&phone=[redacted]&b=2");
        assert_eq!(without_pairs("https://x.example/?cell=1"), "https://x.example/?cell=[redacted]");
        assert_eq!(without_pairs("phone = 1"), "phone = 1");
        assert_eq!(personal_pair("a=1&phone="), Some("phone"));
    }

    #[test]
    fn only_what_is_shown_is_searched() {
        assert!(shows("Lea Sommer, lea@example.com", "sommer"));
        assert!(!shows("Lea Sommer, lea@example.com", "lea@"));
        assert!(!shows("lea@example.com", "lea"));
        assert!(!shows("lea@example.com", "redacted"));
    }

    #[test]
    fn an_address_within_another_is_hidden_as_a_whole() {
        assert_eq!(without_addresses("\"4@4.%\"@a.a"), HIDDEN);
        let deep = (0..50).fold("a@a.a".to_owned(), |inner, _| format!("\"{inner}\"@a.a"));
        assert!(!has_address(&without_addresses(&deep)));
    }

    proptest! {
        #[test]
        fn any_text_survives_but_its_addresses(text in "\\PC*") {
            let clean = without_addresses(&format!("{text} a@b.example {text}"));
            prop_assert!(!clean.contains("a@b.example"));
            if next_at(&text).is_none() {
                prop_assert_eq!(without_addresses(&text), text);
            }
        }

        #[test]
        fn a_clean_text_is_clean(text in "[a-z@.%40\"\\[\\] ]{0,40}") {
            let clean = without_addresses(&text);
            prop_assert_eq!(without_addresses(&clean), clean.clone());
        }
    }
}
