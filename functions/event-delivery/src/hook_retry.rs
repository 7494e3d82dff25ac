//! The retry table: what the hook's answers mean, and how long to wait.

use std::time::Duration;

use serde_json::Value;
use shared::base::clock::SignedDuration;
use shared::zoho::http::{Answer, HttpError};

/// Pauses after tries that failed, in seconds.
const RETRY_PAUSES: [u64; 8] = [15, 30, 60, 120, 300, 600, 900, 900];

/// How long a run may take to claim its events, in minutes: longer each time that it is started again.
const CLAIM_PAUSES: [i64; 4] = [15, 60, 240, 720];

/// The longest `Retry-After`, in seconds, that is obeyed.
const MAX_RETRY_AFTER: u64 = 3600;

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The gateway will start a run.
    Admitted { run: Option<String> },
    /// Try again, after so many seconds at least.
    Later { after: Option<u64>, may_have_begun: bool },
    /// Do not try again: something is set up wrongly.
    Refused { status: u16 },
}

impl Verdict {
    /// Whether the try may have begun a run: then it counts as a turn.
    pub(crate) fn may_have_begun(&self) -> bool {
        matches!(self, Self::Admitted { .. } | Self::Later { may_have_begun: true, .. })
    }
}

/// Judges an answer, or the lack of one.
pub(crate) fn judge(answer: &Result<Answer, HttpError>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return Verdict::Later { after: None, may_have_begun: *error != HttpError::Unreachable };
        }
    };
    let after = answer.retry_after.map(|seconds| seconds.min(MAX_RETRY_AFTER));
    match answer.status {
        200..=299 => Verdict::Admitted { run: run_of(&answer.body) },
        // 408: the request came too slowly. 409: the session is busy. 429: there were too many requests. 503: queued work was cancelled.
        408 | 409 | 429 | 503 => Verdict::Later { after, may_have_begun: false },
        // A proxy in front of the gateway may have passed the message on, and failed afterwards.
        500..=599 => Verdict::Later { after, may_have_begun: true },
        // Redirects are among them: the token goes to no other address.
        status => Verdict::Refused { status },
    }
}

/// The run's id, if it looks like one: it is shown and logged.
fn run_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let run = body.get("runId")?.as_str()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.');
    ((1..=128).contains(&run.len()) && run.bytes().all(plain)).then(|| run.to_owned())
}

/// How long to wait after the `times`-th try, counted from 1.
pub(crate) fn retry_pause(times: u32) -> Duration {
    Duration::from_secs(nth(&RETRY_PAUSES, times.saturating_sub(1)))
}

/// How long to wait for claims after the hook took a batch, by how often it took the same batch before.
pub(crate) fn claim_pause(rounds: u32) -> SignedDuration {
    SignedDuration::from_mins(nth(&CLAIM_PAUSES, rounds))
}

fn nth<T: Copy + Default>(table: &[T], index: u32) -> T {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    table.get(index).or(table.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<u64>, body: &'static str) -> Result<Answer, HttpError> {
        Ok(Answer { status, retry_after, body: body.into(), ..Answer::default() })
    }

    #[test]
    fn the_retry_table() {
        let run = Some("run-1".to_owned());
        for (given, expected) in [
            (answer(200, None, r#"{"ok":true,"runId":"run-1"}"#), Verdict::Admitted { run }),
            (answer(200, None, "ok"), Verdict::Admitted { run: None }),
            (answer(200, None, r#"{"runId":"<b>\n"}"#), Verdict::Admitted { run: None }),
            (answer(204, None, ""), Verdict::Admitted { run: None }),
            (answer(409, None, ""), Verdict::Later { after: None, may_have_begun: false }),
            (answer(429, Some(7), ""), Verdict::Later { after: Some(7), may_have_begun: false }),
            (answer(429, Some(99_999), ""), Verdict::Later { after: Some(3600), may_have_begun: false }),
            (answer(503, Some(2), "x"), Verdict::Later { after: Some(2), may_have_begun: false }),
            (answer(502, None, ""), Verdict::Later { after: None, may_have_begun: true }),
            (answer(500, None, ""), Verdict::Later { after: None, may_have_begun: true }),
            (answer(408, None, ""), Verdict::Later { after: None, may_have_begun: false }),
            (Err(HttpError::Timeout), Verdict::Later { after: None, may_have_begun: true }),
            (Err(HttpError::Broken), Verdict::Later { after: None, may_have_begun: true }),
            (Err(HttpError::TooLarge), Verdict::Later { after: None, may_have_begun: true }),
            (Err(HttpError::Unreachable), Verdict::Later { after: None, may_have_begun: false }),
        ] {
            assert_eq!(judge(&given), expected, "{given:?}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 415, 422] {
            assert_eq!(judge(&answer(status, Some(1), "")), Verdict::Refused { status });
        }
    }

    #[test]
    fn pauses_grow_and_stay() {
        let pauses: Vec<_> = (1..=10).map(|times| retry_pause(times).as_secs()).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 300, 600, 900, 900, 900, 900]);
        let unclaimed: Vec<_> = (0..6).map(|rounds| claim_pause(rounds).as_mins()).collect();
        assert_eq!(unclaimed, [15, 60, 240, 720, 720, 720]);
    }
}
