//! Goes through JSON without making values of it: finds where a value ends, and whether it is written as JSON must be.

use crate::text::plain;

/// How deep values may nest. With the levels around them, that is still less than `serde_json` reads.
const DEPTH: usize = 100;

/// Why a scan stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The text is no JSON, or not what is looked for. The whole answer is left to `serde_json`.
    Unusable,
    /// The text is JSON that cannot be copied: `serde_json` would write it in another way, like `/` for `\/`, or it has too many names or
    /// levels. This item is left to `serde_json`.
    Odd,
}

/// A text of JSON, between its quotes.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// As it is written.
    pub inner: &'a str,
    /// Whether it has escapes.
    pub is_escaped: bool,
    /// Whether it has an escape that `serde_json` would write in another way.
    pub is_odd: bool,
}

/// A position in a text.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    text: &'a str,
    /// How many bytes lie before it.
    pub at: usize,
}

impl<'a> Scan<'a> {
    /// Begins at the beginning of a text.
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The whole text.
    pub fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The next byte. At the end it is 0, which is no byte of JSON.
    pub fn peek(&self) -> u8 {
        self.bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Whether there is nothing more.
    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// What was gone through since a position.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Passes white space.
    pub fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    /// Passes this byte.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek() != byte {
            return Err(Stop::Unusable);
        }
        self.at += 1;
        Ok(())
    }

    /// Whether a list or an object goes on behind one of its parts; else its end is passed.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn goes_on(&mut self, end: u8) -> Result<bool, Stop> {
        let next = self.peek();
        if next != b',' && next != end {
            return Err(Stop::Unusable);
        }
        self.at += 1;
        Ok(next == b',')
    }

    /// Passes a text without escapes, and gives what stands between its quotes. Where there is none, nothing is passed.
    #[inline(always)]
    pub fn simple_text(&mut self) -> Option<&'a str> {
        if self.peek() != b'"' {
            return None;
        }
        let start = self.at + 1;
        let end = start + plain(self.bytes().get(start..)?);
        if self.bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Passes a text.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn text(&mut self) -> Result<Text<'a>, Stop> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += plain(self.bytes().get(start..).unwrap_or_default());
        let (mut is_escaped, mut is_odd) = (false, false);
        while self.peek() != b'"' {
            is_escaped = true;
            is_odd |= self.escape()?;
            self.at += plain(self.bytes().get(self.at..).unwrap_or_default());
        }
        let inner = self.since(start);
        self.at += 1;
        Ok(Text { inner, is_escaped, is_odd })
    }

    /// Passes an escape, and says whether it is written in one way of several.
    #[cold]
    fn escape(&mut self) -> Result<bool, Stop> {
        self.expect(b'\\')?;
        match self.peek() {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(false)
            }
            b'/' => {
                self.at += 1;
                Ok(true)
            }
            b'u' => {
                let digits = self.bytes().get(self.at + 1..self.at + 5).ok_or(Stop::Unusable)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Stop::Unusable);
                }
                self.at += 5;
                Ok(true)
            }
            _ => Err(Stop::Unusable),
        }
    }

    fn digits(&mut self) -> Result<(), Stop> {
        if !self.peek().is_ascii_digit() {
            return Err(Stop::Unusable);
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// Passes a number, and says whether it has an exponent, which is written in one way of several.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn number(&mut self) -> Result<bool, Stop> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if !matches!(self.peek(), b'e' | b'E') {
            return Ok(false);
        }
        self.at += 1;
        if matches!(self.peek(), b'+' | b'-') {
            self.at += 1;
        }
        self.digits()?;
        Ok(true)
    }

    /// Passes one of the three words.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn word(&mut self) -> Result<(), Stop> {
        let word: &[u8] = match self.peek() {
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        if !self.bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Stop::Unusable);
        }
        self.at += word.len();
        Ok(())
    }

    /// The name of a field, up to its value.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn name(&mut self) -> Result<Text<'a>, Stop> {
        let name = self.text()?;
        self.blank();
        self.expect(b':')?;
        self.blank();
        Ok(name)
    }

    /// Passes a value, whatever it is, and gives its text. Escapes that are half a letter are passed, too.
    ///
    /// # Errors
    /// Where it is no JSON, or deeper than anybody nests it.
    pub fn skip(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        // The ends of what is open.
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                b'"' => {
                    self.text()?;
                }
                b'-' | b'0'..=b'9' => {
                    self.number()?;
                }
                first @ (b'{' | b'[') => {
                    // Two behind in ASCII.
                    let end = first + 2;
                    self.at += 1;
                    self.blank();
                    if self.peek() == end {
                        self.at += 1;
                    } else if open.len() == DEPTH {
                        return Err(Stop::Unusable);
                    } else {
                        open.push(end);
                        if end == b'}' {
                            self.name()?;
                        }
                        continue;
                    }
                }
                _ => self.word()?,
            }
            loop {
                let Some(end) = open.last().copied() else { return Ok(self.since(start)) };
                self.blank();
                if self.goes_on(end)? {
                    self.blank();
                    if end == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    /// Where the value ends that a text begins with.
    fn skipped(text: &str) -> Option<&str> {
        let mut scan = Scan::new(text);
        scan.blank();
        let value = scan.skip().ok()?;
        scan.blank();
        scan.is_at_end().then_some(value)
    }

    fn expected(text: &str) -> Option<&str> {
        serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
    }

    #[test]
    fn json_is_passed_and_nothing_else_is() {
        for text in [
            "",
            " ",
            "1",
            " -0 ",
            "01",
            "-",
            "1.",
            ".5",
            "1.5e",
            "1e+5",
            "1E-05",
            "+1",
            "tr",
            "true",
            "nul",
            "null",
            "null0",
            "[]",
            "[ ]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1",
            "{}",
            "{ }",
            r#"{"a":1}"#,
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{a:1}"#,
            r#"{"a":[{"b":[]}, {}]}"#,
            r#"{"a":1]"#,
            r#"[1}"#,
            r#""\u00e9""#,
            r#""\u00g9""#,
            r#""\u00"#,
            r#""\x""#,
            r#""\/\b\f\n\r\t\"\\""#,
            "\"\n\"",
            "\"a",
            "\"\u{7f}\"",
            r#""\ud83c""#,
            "\"a\" x",
            "[\"\\\"]\"]",
        ] {
            assert_eq!(skipped(text), expected(text), "{text}");
        }
    }

    #[test]
    fn a_simple_text_is_passed_and_any_other_is_not() {
        for (text, simple) in [
            ("\"\"", Some("")),
            ("\"a\" \"", Some("a")),
            ("\"twelve bytes\":1", Some("twelve bytes")),
            ("\"\u{e9}\u{7f}\"", Some("\u{e9}\u{7f}")),
            (r#""a\"b""#, None),
            (r#""\u0061""#, None),
            ("\"a\nb\"", None),
            ("\"a", None),
            ("\"", None),
            ("1", None),
            ("", None),
        ] {
            let mut scan = Scan::new(text);
            assert_eq!(scan.simple_text(), simple, "{text}");
            assert_eq!(scan.at, simple.map_or(0, |simple| simple.len() + 2), "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_is_not_passed() {
        let deep = |lists: usize| "[".repeat(lists) + &"]".repeat(lists);
        // The innermost is empty, so that nothing stands in it.
        assert_eq!(skipped(&deep(DEPTH + 1)), Some(deep(DEPTH + 1).as_str()));
        assert!(serde_json::from_str::<serde_json::Value>(&deep(DEPTH + 1)).is_ok());
        assert_eq!(skipped(&deep(DEPTH + 2)), None);
        assert_eq!(skipped(&"[{\"a\":".repeat(50_000)), None);
    }

    /// JSON, with a few letters changed.
    fn nearly_json() -> impl Strategy<Value = String> {
        let fixed = prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-1.50",
            "2E+05",
            r#""\u00e9\n""#,
            "\"é\u{7f}\"",
            "[]",
            "{ }",
        ]);
        let leaf = prop_oneof![
            3 => fixed.prop_map(str::to_owned),
            1 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        let value = leaf.prop_recursive(4, 16, 4, |inner| {
            let field = inner.clone().prop_map(|value| format!("\"a\\\"\" : {value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(" ,"))),
                prop::collection::vec(field, 0..4).prop_map(|fields| format!("{{{}}}", fields.join(", "))),
            ]
        });
        let letters: Vec<char> =
            "[]{},:\"\\/untrefals0123456789-+.E \t\n\u{0}\u{1f}\u{7f}\u{feff}é".chars().collect();
        let edit = (any::<prop::sample::Index>(), 0..3_u8, prop::sample::select(letters));
        (value, prop::collection::vec(edit, 0..4)).prop_map(|(value, edits)| {
            let mut letters: Vec<char> = value.chars().collect();
            for (at, edit, letter) in edits {
                let at = at.index(letters.len() + 1);
                match edit {
                    1 if at < letters.len() => letters[at] = letter,
                    2 if at < letters.len() => {
                        letters.remove(at);
                    }
                    _ => letters.insert(at, letter),
                }
            }
            letters.into_iter().collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_json_is_told_as_serde_json_tells_it(text in r#"[\[\]{},:"\\ntrueflas0-9.eE+ \n]{0,24}"#) {
            prop_assert_eq!(skipped(&text), expected(&text));
        }

        #[test]
        fn what_is_nearly_json_is_told_as_serde_json_tells_it(text in nearly_json()) {
            prop_assert_eq!(skipped(&text), expected(&text));
        }
    }
}
