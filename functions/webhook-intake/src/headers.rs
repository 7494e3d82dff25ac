//! What a sender put into a header.

use axum::http::HeaderMap;

/// In the place of bytes that are no text.
const NO_TEXT: &str = "\u{fffd}";

/// A header, where it was sent. Bytes that are no text are there all the same: they fit no signature and no secret, and nothing weaker
/// is looked for in their place.
pub(crate) fn sent<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or(NO_TEXT))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_sent_is_never_missing() {
        let mut headers = HeaderMap::new();
        let letters = "\u{fc}".as_bytes();
        for (name, bytes) in
            [("x-plain", b"a".as_slice()), ("x-letters", letters), ("x-bytes", b"\xfc".as_slice())]
        {
            headers.insert(name, HeaderValue::from_bytes(bytes).unwrap());
        }
        for (name, expected) in [
            ("x-plain", Some("a")),
            ("x-letters", Some("\u{fc}")),
            ("x-bytes", Some(NO_TEXT)),
            ("x-none", None),
        ] {
            assert_eq!(sent(&headers, name), expected, "{name}");
        }
    }
}
