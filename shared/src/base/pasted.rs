//! Values that a person pasted: what editors, chats and web pages put around and into them, and nobody sees.

/// Letters that take no place: byte-order marks, joiners, and marks of direction.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{ad}')
}

/// Marks that open a quotation, with those that close it.
const QUOTES: &[(char, &[char])] = &[
    ('"', &['"']),
    ('\'', &['\'']),
    ('`', &['`']),
    ('\u{201c}', &['\u{201d}', '\u{201c}']),
    ('\u{201d}', &['\u{201d}']),
    ('\u{201e}', &['\u{201c}', '\u{201d}']),
    ('\u{2018}', &['\u{2019}', '\u{2018}']),
    ('\u{2019}', &['\u{2019}']),
    ('\u{201a}', &['\u{2018}', '\u{2019}']),
    ('\u{ab}', &['\u{bb}']),
    ('\u{bb}', &['\u{ab}']),
];

/// The value without what is invisible, without white space at its ends, and without the quotation marks around it.
pub fn clean(pasted: &str) -> String {
    let visible: String = pasted.chars().filter(|letter| !is_invisible(*letter)).collect();
    unquoted(visible.trim()).to_owned()
}

/// A text without the quotation marks around it, if it has some.
fn unquoted(text: &str) -> &str {
    let inner = QUOTES.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?;
        close.iter().find_map(|close| inner.strip_suffix(*close))
    });
    inner.map_or(text, str::trim)
}

/// What stands in a text that is no part of a value of visible ASCII, in words that name it.
pub fn oddity(text: &str) -> Option<String> {
    let first = |odd: &dyn Fn(char) -> bool| text.chars().find(|letter| odd(*letter));
    if let Some(letter) = first(&is_invisible) {
        return Some(format!("an invisible character (U+{:04X})", u32::from(letter)));
    }
    if first(&|letter| matches!(letter, '\n' | '\r')).is_some() {
        return Some("a line break".to_owned());
    }
    if let Some(letter) = first(&char::is_whitespace) {
        return Some(match letter {
            ' ' => "a space".to_owned(),
            letter => format!("white space (U+{:04X})", u32::from(letter)),
        });
    }
    if first(&|letter| QUOTES.iter().any(|(open, close)| *open == letter || close.contains(&letter)))
        .is_some()
    {
        return Some("a quotation mark".to_owned());
    }
    first(&|letter| !letter.is_ascii_graphic())
        .map(|letter| format!("a character that is no ASCII (U+{:04X})", u32::from(letter)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_taken_off() {
        for pasted in [
            "1000.ABC",
            "\u{feff}1000.ABC\r\n",
            "\u{a0}1000.\u{200b}ABC\u{a0}",
            "\u{201c}1000.ABC\u{201d}",
            "\u{201e}1000.ABC\u{201c}",
            " '1000.ABC' ",
            "\"\u{feff} 1000.ABC\"",
            "\u{ab}\u{a0}1000.ABC\u{a0}\u{bb}",
        ] {
            assert_eq!(clean(pasted), "1000.ABC", "{pasted:?}");
            assert_eq!(oddity(&clean(pasted)), None);
        }
        assert_eq!(clean("it's"), "it's");
        assert_eq!(clean("\""), "\"");
    }

    #[test]
    fn what_does_not_belong_is_named() {
        for (text, expected) in [
            ("a\u{feff}b", "an invisible character (U+FEFF)"),
            ("a\nb", "a line break"),
            ("a b", "a space"),
            ("a\u{a0}b", "white space (U+00A0)"),
            ("a\u{201d}", "a quotation mark"),
            ("a\u{fc}", "a character that is no ASCII (U+00FC)"),
        ] {
            assert_eq!(oddity(text).unwrap(), expected);
        }
    }
}
