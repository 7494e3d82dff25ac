//! How deep a JSON document nests. A body is stored within other documents, and what nests too deep there can no longer be read.

use shared::base::problem::{Code, Problem};

/// The deepest nesting that a body may have. Readers of JSON give up at 128.
const MAX_DEPTH: usize = 64;

/// Refuses a document that nests too deep. It need not be valid.
pub(crate) fn demand_flat(document: &[u8]) -> Result<(), Problem> {
    if depth(document) <= MAX_DEPTH {
        return Ok(());
    }
    let detail = format!("The body nests deeper than {MAX_DEPTH} lists and objects.");
    Err(Problem::new(Code::BodyInvalid, detail))
}

fn depth(document: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let mut bytes = document.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
    }
    deepest
}

/// Goes on behind the quotation mark that ends a text.
fn skip_text(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_text() {
        for (document, expected) in [
            ("7", 0),
            ("{}", 1),
            (r#"{"a":[{"b":1}],"c":[[]]}"#, 3),
            (r#"{"a":"[[[[\"[[[\\"}"#, 1),
            (r#"["\\",[]]"#, 2),
        ] {
            assert_eq!(depth(document.as_bytes()), expected, "{document}");
        }
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(demand_flat(nested(64).as_bytes()).is_ok());
        assert!(demand_flat(nested(65).as_bytes()).is_err());
    }
}
