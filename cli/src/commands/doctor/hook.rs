//! The agent's hook: that the gateway is there and takes the token. It is asked for nothing that it would do: a message without a
//! word is refused, and what it is refused with tells whether the token is good.

use std::time::Duration;

use shared::base::secret::random_hex;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::Ledger;
use shared::zoho::http::{self, Answer, Http, HttpError};

use super::report::Report;
use crate::commands::installation::Opened;

const CHECK: &str = "Agent's hook";

const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// `agent set`, in a mend.
const SET: &str = "`zoho-connector agent set --url URL`";

pub(super) async fn check(report: &mut Report, opened: &Opened) {
    let services = &opened.services;
    let hook = match Hook::read(&*services.stores.secrets).await {
        Ok(Some(hook)) => hook,
        Ok(None) => return report.open(CHECK, "none is set: the agent asks for events by itself"),
        Err(error) => return report.bad(CHECK, error.to_string(), format!("set it again: {SET}")),
    };
    match trouble(&ask(&services.http, &hook).await) {
        None => report.good(CHECK, format!("the gateway at {} takes the token", hook.url.as_str())),
        Some((found, mend)) => report.bad(CHECK, format!("{} {found}", hook.url.as_str()), mend),
    }
    if hook.paused {
        report.bad(
            "Agent is told",
            "it is paused: events wait, and nobody is told of them",
            "`zoho-connector agent resume`",
        );
    }
    let ledger = Ledger::new(services.stores.events.clone(), services.clock.clone());
    let Ok(standing) = ledger.standing().await else { return };
    if let Some((_, status)) = standing.refused.filter(|(by, _)| *by == hook.digest()) {
        report.bad(
            "Agent is told",
            format!("the hook answered {status} to an event, so that nothing more is told to it"),
            "mend what the hook refuses, then `zoho-connector agent resume`, and `zoho-connector events replay --dead`",
        );
    }
}

/// Asks a hook for nothing.
pub(super) async fn ask(http: &Http, hook: &Hook) -> Result<Answer, HttpError> {
    // A mapping may make a message of its own of whatever it gets, so it gets no document at all.
    let body = if hook.url.as_str().ends_with("/agent") { "{\"message\":\"\"}" } else { "{" };
    let key = format!("doctor-{}", random_hex::<8>());
    let nothing = http::Hook { token: &hook.token, key: &key, body };
    http.post_hook(hook.url.as_str(), nothing, CALL_TIMEOUT).await
}

/// What is wrong, and its mend.
pub(super) fn trouble(answer: &Result<Answer, HttpError>) -> Option<(String, String)> {
    let (found, mend) = match answer {
        Err(HttpError::Unreachable) => (
            "does not answer: no connection could be made".to_owned(),
            "start the gateway, and open its /hooks to the connector by a tunnel or a reverse proxy; meanwhile events wait".to_owned(),
        ),
        Err(error) => (format!("does not answer ({error})"), "look at the gateway's log, and at what stands in front of it".to_owned()),
        Ok(answer) => match answer.status {
            // "message required": the token is good, and nothing is done.
            400 => return None,
            401 | 403 => (
                "does not take the token".to_owned(),
                format!("give it the value of `hooks.token` in the gateway's configuration: {SET}"),
            ),
            404 => (
                "is no hook: the gateway's hooks are off, or the path is another".to_owned(),
                format!("set `hooks.enabled` and `hooks.path` in the gateway's configuration, or correct the address: {SET}"),
            ),
            429 => (
                "refuses for a while, after too many wrong tokens".to_owned(),
                "wait a minute; where it comes again, correct the token".to_owned(),
            ),
            status => (
                format!("answered {status}, and not as a hook does: {}", beginning(&answer.body)),
                format!("lead the address to the gateway's hook, or correct it: {SET}"),
            ),
        },
    };
    Some((found, mend))
}

/// The gateway's own words, as far as they help.
fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_message_is_good() {
        let answer = |status| Ok(Answer { status, ..Answer::default() });
        assert!(trouble(&answer(400)).is_none());
        for (answer, expected) in [
            (answer(401), "does not take the token"),
            (answer(404), "hooks are off"),
            (answer(429), "too many wrong tokens"),
            (answer(502), "answered 502"),
            (Err(HttpError::Unreachable), "no connection"),
            (Err(HttpError::Timeout), "in time"),
        ] {
            assert!(trouble(&answer).unwrap().0.contains(expected), "{expected}");
        }
    }
}
