//! Texts of JSON, eight bytes at a time: most of their bytes stand for themselves.

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bits of those bytes that cannot stand in a text as they are: quotes, backslashes and control characters. Only the lowest
/// one is sure: a borrow may mark a byte behind it.
const fn special(chunk: u64) -> u64 {
    const fn zeros(bytes: u64) -> u64 {
        bytes.wrapping_sub(EACH) & !bytes
    }
    let quotes = zeros(chunk ^ (EACH * b'"' as u64));
    let backslashes = zeros(chunk ^ (EACH * b'\\' as u64));
    let controls = chunk.wrapping_sub(EACH * 0x20) & !chunk;
    (quotes | backslashes | controls) & HIGH
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// How many of these bytes stand for themselves, up to the first that does not.
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

/// Writes a text between quotes, as `serde_json` does.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 4 + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*chunk));
        // All eight, and back: a copy of a length that is known is the cheapest.
        out.extend_from_slice(chunk);
        rest = behind;
        if special != 0 {
            let plain = (special.trailing_zeros() / 8) as usize;
            out.truncate(out.len() - (8 - plain));
            let Some((byte, left)) = chunk.get(plain..).and_then(<[u8]>::split_first) else { continue };
            push_escape(out, *byte);
            rest = text.as_bytes().get(text.len() - behind.len() - left.len()..).unwrap_or_default();
        }
    }
    for byte in rest {
        if is_special(*byte) { push_escape(out, *byte) } else { out.push(*byte) }
    }
    out.push(b'"');
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
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

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text in "[\u{0}-\u{7f}\"\\\\]{0,40}|.{0,40}") {
            prop_assert_eq!(pushed(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
