//! Writes. A write is sent once, over a new HTTP connection. It is sent again only if it never left, or if Zoho refused its token.

use std::time::Duration;

use shared::base::problem::Problem;
use shared::core::zoho_client::{Endpoint, Outgoing};
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::{Answer, HttpError};
use tokio::time::sleep;

use super::{Keep, Target, Zoho, not_kept};

/// How often a write is tried if no connection to Zoho is made, and the pause between tries.
const MAX_TRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(300);

/// How much time must be left for a write: for the write itself, and for looking for it afterwards.
const NEEDED_FOR_A_WRITE: Duration = Duration::from_secs(8);

/// Why a write has no answer of success.
pub(crate) enum WriteFailure {
    /// It never went to Zoho, or only with a token that Zoho refused.
    Unsent(Problem),
    /// Zoho did nothing.
    Refused(Problem),
    /// Whether it was done is not known.
    Uncertain(Problem),
}

impl From<Problem> for WriteFailure {
    fn from(problem: Problem) -> Self {
        Self::Unsent(problem)
    }
}

impl Zoho {
    /// Writes once, in the caller's name.
    pub(crate) async fn write<T: Send>(
        &self,
        target: &Target<'_>,
        outgoing: impl Fn(&Endpoint<'_>) -> Outgoing + Sync,
        judge: impl Fn(&Answer) -> Result<T, Failure> + Sync,
    ) -> Result<T, WriteFailure> {
        let mut found: Option<T> = None;
        let mut keep = |answer: &Answer| judge(answer).map(|judged| found = Some(judged));
        self.write_and_keep(target, &outgoing, &mut keep).await?;
        found.ok_or_else(|| WriteFailure::Uncertain(not_kept()))
    }

    async fn write_and_keep(
        &self,
        target: &Target<'_>,
        outgoing: &(dyn Fn(&Endpoint<'_>) -> Outgoing + Sync),
        keep: &mut Keep<'_>,
    ) -> Result<(), WriteFailure> {
        let mut session = self.begin(target).await?;
        let mut tried = 1;
        loop {
            let outgoing = outgoing(&session.endpoint());
            session.demand_not_denied(outgoing.name()).await.map_err(|error| target.call().problem(error))?;
            self.usage.call(&target.caller.key).await?;
            let answer = session.write(outgoing, NEEDED_FOR_A_WRITE, &mut *keep).await;
            self.tell_quota(target, &session);
            let failure = match answer? {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if failure.kind == FailureKind::Http(HttpError::Unreachable) && tried < MAX_TRIES {
                tried += 1;
                sleep(self.clock.jittered(RETRY_PAUSE)).await;
                continue;
            }
            if failure.is_uncertain() {
                return Err(WriteFailure::Uncertain(failure.into()));
            }
            let is_unsent = failure.kind == FailureKind::Http(HttpError::Unreachable);
            let renewed = session.after(failure).await;
            self.tell_quota(target, &session);
            if let Err(error) = renewed {
                let problem = session.call().problem(error);
                return Err(if is_unsent {
                    WriteFailure::Unsent(problem)
                } else {
                    WriteFailure::Refused(problem)
                });
            }
        }
    }
}
