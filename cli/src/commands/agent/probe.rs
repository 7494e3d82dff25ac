//! Whether a hook would take a message, asked without a turn of the agent.
//!
//! `/hooks/agent` of `OpenClaw` refuses an empty message, and only after it has looked at the token. What a mapping makes of an empty
//! message may well be a turn, so that it gets a body that is no JSON: that is refused after the token, and before the mapping.

use std::time::Duration;

use serde_json::json;
use shared::base::secret::{Secret, random_hex};
use shared::core::events::agent_hook::HookUrl;
use shared::core::events::gateway_words::reason;
use shared::zoho::http::{self, Answer, Http, HttpError};

/// An `OpenClaw` gateway answers within 15 seconds.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// What is said of the missing message.
const MISSING: &str = "message";

/// What a probe found.
pub(crate) struct Probe {
    /// Whether messages would be taken, as far as that shows without one.
    pub(crate) is_ready: bool,
    /// What was found, and what to do about it.
    pub(crate) found: String,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
}

impl Probe {
    /// Whether another token would do.
    pub(crate) fn is_token_wrong(&self) -> bool {
        matches!(self.status, Some(401 | 403))
    }
}

pub(crate) async fn probe(http: &Http, url: &HookUrl, token: &Secret) -> Probe {
    let is_mapping = is_mapping(url);
    let empty = json!({ "message": "" }).to_string();
    let body = if is_mapping { "{" } else { empty.as_str() };
    let key = format!("probe-{}", random_hex::<8>());
    let answer = http.post_hook(url.as_str(), http::Hook { token, key: &key, body }, CALL_TIMEOUT).await;
    judge(&answer, token, is_mapping)
}

/// Whether it is the path of a mapping, and not that of all agents.
fn is_mapping(url: &HookUrl) -> bool {
    url.as_str().trim_end_matches('/').rsplit('/').next() != Some("agent")
}

fn judge(answer: &Result<Answer, HttpError>, token: &Secret, is_mapping: bool) -> Probe {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let found = format!(
                "the gateway does not answer ({error}): is it running, is this its address, and can this machine reach it?"
            );
            return Probe { is_ready: false, found, status: None, reason: None };
        }
    };
    let (status, reason) = (answer.status, reason(answer, token));
    let is_asked_for = reason.as_ref().is_some_and(|reason| reason.to_lowercase().contains(MISSING));
    let (is_ready, found) = match status {
        400 if is_mapping => (
            true,
            "hooks are on, and the token is right. Whether there is a mapping for this path shows only with a turn: `zoho-connector \
             agent test --turn`",
        ),
        400 if is_asked_for => (true, "hooks are on, and the token is right"),
        401 | 403 => (
            false,
            "the token is wrong: it is `hooks.token` in the gateway's configuration, and not the token of the gateway itself",
        ),
        404 => (
            false,
            "nothing is there: hooks are off in the gateway (`hooks.enabled`), or their path is another one (`hooks.path`)",
        ),
        405 => (false, "nothing can be posted there, so this is not the address of a hook"),
        429 => (false, "the gateway has seen too many wrong tokens; try again in a minute"),
        200..=299 => (true, "it takes messages, although it is not as OpenClaw's: an empty one was taken"),
        300..=399 => (
            false,
            "it leads on to another address, where the token does not go: give the address that it leads to",
        ),
        500..=599 => (false, "the gateway takes nothing at the moment: it may be starting or stopping"),
        _ => (false, "this is not what a hook of OpenClaw answers"),
    };
    let said = match &reason {
        Some(reason) if !is_ready => format!("{status}: {reason}"),
        _ => status.to_string(),
    };
    Probe { is_ready, found: format!("{found} (it answered {said})"), status: Some(status), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(status: u16, body: &'static str, is_mapping: bool) -> Probe {
        let answer = Ok(Answer { status, body: body.into(), ..Answer::default() });
        judge(&answer, &Secret::new("hook-token"), is_mapping)
    }

    #[test]
    fn what_the_gateway_answers_says_what_is_wrong() {
        let missing = r#"{"ok":false,"error":"message required"}"#;
        for (status, body, is_mapping, is_ready, word) in [
            (400, missing, false, true, "token is right"),
            (400, r#"{"ok":false,"error":"invalid JSON"}"#, true, true, "agent test --turn"),
            (400, "Bad Request", false, false, "400: Bad Request"),
            (401, "Unauthorized", false, false, "hooks.token"),
            (404, "Not Found", false, false, "hooks.enabled"),
            (405, "Method Not Allowed", false, false, "not the address of a hook"),
            (429, "", false, false, "in a minute"),
            (503, r#"{"ok":false,"error":"gateway draining"}"#, false, false, "gateway draining"),
            (302, "", false, false, "leads on"),
            (204, "", false, true, "takes messages"),
        ] {
            let probe = found(status, body, is_mapping);
            assert_eq!(probe.is_ready, is_ready, "{status} {body}");
            assert_eq!(probe.is_token_wrong(), status == 401, "{status} {body}");
            assert!(probe.found.contains(word), "{status} {body}: {}", probe.found);
        }
        let none = judge(&Err(HttpError::Unreachable), &Secret::new("hook-token"), false);
        assert!(!none.is_ready && none.found.contains("is it running"), "{}", none.found);
    }

    #[test]
    fn a_path_of_its_own_is_a_mapping() {
        for (url, expected) in [
            ("https://gateway.example.com/hooks/agent", false),
            ("https://gateway.example.com/hooks/agent/", false),
            ("https://gateway.example.com/hooks/zoho", true),
        ] {
            assert_eq!(is_mapping(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
