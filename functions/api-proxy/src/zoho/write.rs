//! Writes: sent once, on a connection of their own. Only what never left, or what Zoho refused for the token, is sent again.

use shared::base::problem::Problem;
use shared::zoho::http::{Answer, Body, HttpError, Method, Write};
use shared::zoho::response::{Failure, FailureKind};
use tokio::time::sleep;

use crate::app::App;
use crate::zoho::{Place, Target, left, problem};

/// How often a write is tried whose connection was never made, and the pause between.
const TRIES: u32 = 3;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(300);

/// What a write must have left: its own time, and some to look for it.
const NEEDED: std::time::Duration = std::time::Duration::from_secs(8);

/// What is sent.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) body: Option<Body>,
    /// In CRM's form.
    pub(crate) if_unmodified_since: Option<String>,
}

/// Why a write has no answer of success.
pub(crate) enum WriteFailure {
    /// Nothing was done.
    Refused(Problem),
    /// Whether it was done is not known.
    Uncertain(Problem),
}

impl From<Problem> for WriteFailure {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl App {
    /// Writes once, in the caller's name.
    pub(crate) async fn write<T>(
        &self,
        target: &Target<'_>,
        outgoing: impl Fn(&Place<'_>) -> Outgoing,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, WriteFailure> {
        let deadline = target.caller.deadline;
        let mut token = self.token(target).await?;
        let (mut replaced, mut tried) = (false, 1);
        loop {
            let api = self.centres.api(token.data_centre);
            let organization = token.organization.as_ref().map_or("", |found| found.id.as_str());
            let sent = outgoing(&Place { api: &api, organization });
            let slot = self.leave(target, target.product, &token).await?;
            let left = left(deadline);
            if left < NEEDED {
                return Err(WriteFailure::Refused(Failure::from(HttpError::Timeout).into()));
            }
            let write = Write {
                method: sent.method,
                token: &token.token,
                body: sent.body,
                if_unmodified_since: sent.if_unmodified_since.as_deref(),
            };
            let answer = self.http.write(&sent.url, write, left).await;
            drop(slot);
            let failure = match answer {
                Ok(answer) => {
                    self.quotas.learn(&token, &answer).await;
                    match judge(&answer) {
                        Ok(done) => return Ok(done),
                        Err(failure) => failure,
                    }
                }
                Err(HttpError::Unreachable) if tried < TRIES => {
                    tried += 1;
                    sleep(self.clock.jittered(PAUSE)).await;
                    continue;
                }
                Err(error) => error.into(),
            };
            self.heed(target.product, &token, &failure).await;
            match failure.kind {
                FailureKind::DeadToken | FailureKind::DeadTokenOrScope if !replaced => {
                    token = self.another_token(target, &token, failure).await?;
                    replaced = true;
                }
                FailureKind::DeadToken | FailureKind::DeadTokenOrScope => {
                    return Err(WriteFailure::Refused(self.deny(target, &token, failure)));
                }
                kind if is_uncertain(kind) => return Err(WriteFailure::Uncertain(failure.into())),
                _ => return Err(WriteFailure::Refused(problem(target, failure))),
            }
        }
    }
}

/// Whether Zoho may have acted all the same.
fn is_uncertain(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Unreadable | FailureKind::Unavailable => true,
        FailureKind::Http(error) => error != HttpError::Unreachable,
        _ => false,
    }
}
