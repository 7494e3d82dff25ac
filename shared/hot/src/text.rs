//! Texts of JSON, eight bytes at a time: most of their bytes stand for themselves.

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bits of those bytes that cannot stand in a text as they are: quotes, backslashes and control characters. Only the lowest
/// one is sure: a borrow may mark a byte behind it.
const fn special(chunk: u64) -> u64 {
    // With this bit turned over, a quote stands right behind the control characters, and nothing that is none is among them.
    let quotes_and_controls = (chunk ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
    let backslashes = (chunk ^ (EACH * b'\\' as u64)).wrapping_sub(EACH);
    (quotes_and_controls | backslashes) & !chunk & HIGH
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// How many of these bytes stand for themselves, up to the first that does not.
#[inline(always)]
pub fn plain(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*chunk));
        if special != 0 {
            return bytes.len() - rest.len() + (special.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    }
    let more = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + more
}

/// How many bytes are written at once, and how long the longest escape is. A block of more than 2 KB is cleared byte by byte.
const BLOCK: usize = 320;
const LONGEST: usize = 6;

/// Room for them, and for a chunk behind them.
type Block = [u8; BLOCK * LONGEST + 8];

/// The end of one text of JSON and the beginning of the next, with a colon or a comma between them: most quotes stand so. Where the quotes
/// are in three bytes, these quotes themselves, and their escapes.
const OF_QUOTES: u64 = 0xFF_00FF;
const QUOTES: u64 = 0x22_0022;
const ESCAPED_QUOTES: u64 = 0x22_5C00_225C;

/// Writes a text between quotes, as `serde_json` does.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    push_bytes(out, text.as_bytes());
}

/// As [`push_text`]. What is written is UTF-8 where the bytes are: only bytes of ASCII are changed, and only such are added.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    if plain(bytes) == bytes.len() {
        out.extend_from_slice(bytes);
    } else {
        out.reserve(bytes.len() + bytes.len() / 4);
        let mut block: Block = [0; BLOCK * LONGEST + 8];
        for part in bytes.chunks(BLOCK) {
            let length = escape(part, &mut block);
            out.extend_from_slice(block.get(..length).unwrap_or_default());
        }
    }
    out.push(b'"');
}

/// Writes the first bytes of a block, and says how many they are.
fn escape(part: &[u8], block: &mut Block) -> usize {
    let (mut at, mut rest) = (0, part);
    while let Some(chunk) = rest.first_chunk::<8>() {
        let bytes = u64::from_le_bytes(*chunk);
        // All eight, and more over them: a copy of a length that is known is the cheapest.
        put(block, at, bytes);
        let special = special(bytes);
        let mut done = 8;
        if special == 0 {
            at += 8;
        } else {
            let before = special.trailing_zeros() & 0x38;
            let plain = (before / 8) as usize;
            let from = bytes >> before;
            let [_, between, ..] = from.to_le_bytes();
            if from & OF_QUOTES == QUOTES && matches!(between, b',' | b':') {
                put(block, at + plain, ESCAPED_QUOTES | (u64::from(between) << 16));
                at += plain + 5;
                done = plain + 3;
            } else {
                at = put_escape(block, at + plain, from);
                done = plain + 1;
            }
        }
        rest = rest.get(done..).unwrap_or_default();
    }
    for byte in rest {
        if is_special(*byte) {
            at = put_escape(block, at, u64::from(*byte));
        } else {
            put(block, at, u64::from(*byte));
            at += 1;
        }
    }
    at
}

/// Writes eight bytes at a position.
#[inline(always)]
fn put(block: &mut Block, at: usize, bytes: u64) {
    if let Some(eight) = block.get_mut(at..at + 8) {
        eight.copy_from_slice(&bytes.to_le_bytes());
    }
}

/// Writes the escape of the lowest of these bytes at a position, and gives the position behind it.
#[inline(always)]
fn put_escape(block: &mut Block, at: usize, bytes: u64) -> usize {
    let [byte, ..] = bytes.to_le_bytes();
    if byte == b'"' || byte == b'\\' {
        put(block, at, (u64::from(byte) << 8) | u64::from(b'\\'));
        return at + 2;
    }
    put_control(block, at, byte)
}

#[cold]
fn put_control(block: &mut Block, at: usize, byte: u8) -> usize {
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
            let escape = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15), 0, 0];
            put(block, at, u64::from_le_bytes(escape));
            return at + LONGEST;
        }
    };
    put(block, at, u64::from_le_bytes([b'\\', short, 0, 0, 0, 0, 0, 0]));
    at + 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pushed(text: &str) -> String {
        let mut out = Vec::new();
        push_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_byte_is_written_as_serde_json_writes_it_wherever_it_stands() {
        for byte in 0..0x80_u8 {
            for before in 0..18 {
                let text = format!("{}{}\u{e9}x", "a".repeat(before), char::from(byte));
                assert_eq!(pushed(&text), serde_json::to_string(&text).unwrap());
                let expected = if is_special(byte) { before } else { text.len() };
                assert_eq!(plain(text.as_bytes()), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn quotes_that_stand_close_are_escaped_each_wherever_they_stand() {
        for close in [
            "\":\"",
            "\",\"",
            "\"\":\"\",\"",
            "\";\"",
            "\"\"\"",
            "\"\\\"",
            "\"\n\"",
            "\",",
            "\":",
            "\",\\",
            ":\",\"\"",
            "\"\u{e9}\"",
        ] {
            for before in 0..18 {
                for behind in ["", "b", "\"", ",\"", "bcdefghijklmnop"] {
                    let text = format!("{}{close}{behind}", "a".repeat(before));
                    assert_eq!(pushed(&text), serde_json::to_string(&text).unwrap());
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_none_when_they_are_written() {
        for bytes in [b"a\xff\"b\n".as_slice(), b"\xc3\"\xa9", b"\xc3", b"12345678\"\xe2\x82"] {
            let mut out = Vec::new();
            push_bytes(&mut out, bytes);
            assert!(String::from_utf8(out).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_byte_that_must_be_escaped_is_found_behind_any_other() {
        for before in 0..=u8::MAX {
            for byte in 0..=u8::MAX {
                let bytes = [before, b'#', byte, b']', b'a', 0x80, 0xA1, 0xFF];
                let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(8);
                assert_eq!(plain(&bytes), expected, "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text in "[\u{0}-\u{7f}\"\\\\]{0,40}|.{0,40}|[\u{0}-\u{3}]{250,600}|[a-z\"]{250,600}|[\",:a]{0,700}") {
            prop_assert_eq!(pushed(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
