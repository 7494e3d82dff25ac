//! The reason that an agent's gateway gives where it does not take a message, as the operator is shown it.

use serde_json::Value;

use crate::base::secret::Secret;
use crate::zoho::http::Answer;

/// How many characters of a reason are kept.
const MAX_REASON: usize = 200;

/// So many bytes of an answer are looked at: longer ones are pages of a proxy.
const MAX_READ: usize = 4096;

/// The reason in the body of an answer, without the hook's token, in one line that commands no terminal. Nothing where the gateway took
/// the message, or gives no reason.
pub fn reason(answer: &Answer, token: &Secret) -> Option<String> {
    if (200..300).contains(&answer.status) {
        return None;
    }
    let body = answer.body.get(..MAX_READ).unwrap_or(&answer.body);
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(document) => error_of(&document)?.to_owned(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = text.replace(token.expose(), "[token]");
    let harms = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let plain: String = text.chars().map(|letter| if harms(letter) { ' ' } else { letter }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let reason: String = words.join(" ").chars().take(MAX_REASON).collect();
    (!reason.is_empty()).then_some(reason)
}

/// `OpenClaw` answers `{"ok": false, "error": "…"}`; proxies have other forms.
fn error_of(document: &Value) -> Option<&str> {
    ["/error", "/error/message", "/message"].iter().find_map(|path| document.pointer(path)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Option<String> {
        let answer = Answer { status, body: body.to_owned().into(), ..Answer::default() };
        reason(&answer, &Secret::new("hook-token-0123"))
    }

    #[test]
    fn a_reason_is_short_harmless_and_without_the_token() {
        for (body, expected) in [
            (r#"{"ok":false,"error":"unknown agentId \"nobody\""}"#, Some(r#"unknown agentId "nobody""#)),
            (r#"{"error":{"message":"no upstream"}}"#, Some("no upstream")),
            (r#"{"message":"Forbidden"}"#, Some("Forbidden")),
            ("Unauthorized\n", Some("Unauthorized")),
            ("a\u{1b}[2J\r\nb\u{202e}c", Some("a [2J b c")),
            ("Bearer hook-token-0123 is wrong", Some("Bearer [token] is wrong")),
            (r#"{"ok":false}"#, None),
            (" \n", None),
            ("", None),
        ] {
            assert_eq!(of(400, body).as_deref(), expected, "{body}");
        }
        assert_eq!(of(200, "ok"), None);
        assert_eq!(of(502, &"é".repeat(9000)).unwrap().chars().count(), MAX_REASON);
    }
}
