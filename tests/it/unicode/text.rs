//! Text as people, phones and broken programs write it: combining marks, bidi, controls, what is no character, emoji cut in half, and
//! bytes of other encodings.

use tests::dice::Dice;

/// A text, as it is sent and as it must be read.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// A JSON string with its quotes.
    pub(crate) json: Vec<u8>,
    /// With U+FFFD for what is no character.
    pub(crate) read: String,
    /// Whether all of it is text.
    pub(crate) whole: bool,
}

#[rustfmt::skip]
const PIECES: &[&str] = &[
    "a", "Z", "7", " ", "ß", "ü", "u\u{308}", "é", "日本", "עברית", "العربية", "ก็", "क्ष", "각", "\u{1112}\u{1161}\u{11ab}", "🎁", "👩\u{200d}👩\u{200d}👧\u{200d}👦", "🏴\u{e0067}\u{e0062}\u{e007f}",
    "🇩🇪", "❤\u{fe0f}", "𝔘", "\u{202e}", "\u{202d}", "\u{2066}", "\u{2069}", "\u{200f}", "\u{200b}", "\u{2060}", "\u{feff}", "\u{2028}", "\u{2029}",
    "\u{fffe}", "\u{ffff}", "\u{1fffe}", "\u{10ffff}", "\u{fdd0}", "\u{e000}", "\u{ad}", "\u{a0}", "\u{fffd}", "İ", "ﬁ", "Å", "<script>alert(1)</script>",
    "\"", "'", "''", "&amp;", "`x`", "<b>", "</title>", "${x}", "%", "%0d%0a", "../", ";", "{}", "]]>", "\\u0041",
];

/// What many fields take, and some do not.
const CONTROLS: &[&str] = &[
    "\0",
    "\u{1}",
    "\u{7}",
    "\u{8}",
    "\t",
    "\n",
    "\r\n",
    "\u{1b}[31m",
    "\u{1f}",
    "\u{7f}",
    "\u{85}",
    "\\",
    "\\'",
];

/// How much may be wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only what can be seen or shown.
    Shown,
    /// Also control characters.
    Controls,
    /// Also what is no text at all.
    Broken,
}

/// How many letters a field takes that people fill in.
const SHORT: usize = 40;

/// Any text of this kind, short enough for any field. It begins and ends with a letter: some take blanks away there.
pub(crate) fn any(dice: &mut Dice, kind: Kind) -> Text {
    let (mut json, mut read, mut whole) = (b"\"A".to_vec(), "A".to_owned(), true);
    let escaped = dice.below(3);
    for _ in 0..1 + dice.below(12) {
        if read.chars().count() > SHORT {
            break;
        }
        match (kind, dice.below(10)) {
            (Kind::Broken, 0 | 1) => {
                let half = dice.pick(&["\\uD83C", "\\ud83d", "\\udf81", "\\uDFFF", "\\udc00"]);
                json.extend(half.bytes());
                // So that two of them are no pair.
                json.push(b'h');
                read.push_str("\u{fffd}h");
                whole = false;
            }
            (Kind::Broken, 2) => {
                json.extend([0xe9, b'b']);
                read.push_str("\u{fffd}b");
                whole = false;
            }
            (Kind::Broken | Kind::Controls, 3 | 4) => put(dice.pick(CONTROLS), escaped, &mut json, &mut read),
            (_, 5) => {
                // One letter, as far as people see.
                let marks: String = (0..1 + dice.below(24))
                    .map(|_| ['\u{301}', '\u{323}', '\u{489}', '\u{20dd}'][dice.below(4)])
                    .collect();
                put(&format!("e{marks}"), escaped, &mut json, &mut read);
            }
            (_, 6) => {
                let letter = u32::try_from(dice.below(0x11_0000))
                    .ok()
                    .and_then(char::from_u32)
                    .filter(|letter| !letter.is_control());
                put(&letter.unwrap_or('?').to_string(), escaped, &mut json, &mut read);
            }
            _ => put(dice.pick(PIECES), escaped, &mut json, &mut read),
        }
    }
    json.extend(b"z\"");
    read.push('z');
    Text { json, read, whole }
}

/// Adds text: as it is, with everything escaped, or by turns.
fn put(text: &str, escaped: usize, json: &mut Vec<u8>, read: &mut String) {
    for (place, letter) in text.chars().enumerate() {
        read.push(letter);
        let must = letter < ' ' || matches!(letter, '"' | '\\');
        if must || escaped == 1 || (escaped == 2 && place % 2 == 0) {
            let mut units = [0; 2];
            json.extend(
                letter.encode_utf16(&mut units).iter().flat_map(|unit| format!("\\u{unit:04X}").into_bytes()),
            );
        } else {
            json.extend(letter.to_string().bytes());
        }
    }
}

/// Every byte as `%XX`.
pub(crate) fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// One letter, as far as people see, of thousands of marks.
pub(crate) fn long() -> Text {
    let read = format!("Ae{}z", "\u{301}\u{489}".repeat(2000));
    Text { json: format!("\"{read}\"").into_bytes(), read, whole: true }
}
