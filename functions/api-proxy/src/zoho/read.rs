//! Reads. A read is tried again while there is time, where Zoho failed or had too many calls at once.

use std::time::Duration;

use shared::base::problem::Problem;
use shared::core::zoho_client::{Endpoint, Question, Session};
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::{Answer, HttpError};
use shared::zoho::scope::Product;
use tokio::time::{Instant, sleep};

use super::{Ask, Keep, Target, Zoho, not_kept};

/// How often a read is tried when Zoho fails, and the pause after the first try.
const MAX_TRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(400);

/// What must be left after a pause, so that another try is worth it.
const NEEDED_FOR_A_TRY: Duration = Duration::from_secs(2);

impl Zoho {
    /// Reads something in the caller's name.
    pub(crate) async fn read<T: Send, Q: Into<Question>>(
        &self,
        target: &Target<'_>,
        question: impl Fn(&Endpoint<'_>) -> Q + Sync,
        judge: impl Fn(&Answer) -> Result<T, Failure> + Sync,
    ) -> Result<T, Problem> {
        let mut found: Option<T> = None;
        let ask = |endpoint: &Endpoint<'_>| -> Question { question(endpoint).into() };
        let mut keep = |answer: &Answer| judge(answer).map(|judged| found = Some(judged));
        self.read_and_keep(target, &ask, &mut keep).await?;
        found.ok_or_else(not_kept)
    }

    async fn read_and_keep(
        &self,
        target: &Target<'_>,
        ask: &Ask<'_>,
        keep: &mut Keep<'_>,
    ) -> Result<(), Problem> {
        let mut session = self.begin(target).await?;
        loop {
            let mut question = ask(&session.endpoint());
            question.if_modified_since = target.if_modified_since.map(str::to_owned);
            session.demand_not_denied(question.name()).await.map_err(|error| target.call().problem(error))?;
            match self.read_with_token(target, &session, &question, keep).await? {
                Ok(()) => return Ok(()),
                Err(failure) => {
                    let renewed = session.after(failure).await;
                    self.tell_quota(target, &session);
                    renewed.map_err(|error| session.call().problem(error))?;
                }
            }
        }
    }

    /// Reads with the session's token, several times where Zoho fails.
    async fn read_with_token(
        &self,
        target: &Target<'_>,
        session: &Session<'_>,
        question: &Question,
        keep: &mut Keep<'_>,
    ) -> Result<Result<(), Failure>, Problem> {
        let mut tried = 1;
        loop {
            self.usage.call(&target.caller.key).await?;
            let answer = session.read(question, &mut *keep).await;
            self.tell_quota(target, session);
            let failure = match answer? {
                Ok(()) => return Ok(Ok(())),
                Err(failure) => failure,
            };
            let pause = self.clock.jittered(RETRY_PAUSE * tried).max(asked_pause(&failure));
            let left = target.caller.deadline.saturating_duration_since(Instant::now());
            // Compared with what is left, and not added to the present: Zoho may ask for a pause that overflows.
            if tried >= tries(target.product, &failure) || pause >= left.saturating_sub(NEEDED_FOR_A_TRY) {
                return Ok(Err(failure));
            }
            tracing::warn!(kind = %failure.kind, tried, "a read is tried again");
            sleep(pause).await;
            tried += 1;
        }
    }
}

/// How often a read is tried after this failure.
fn tries(product: Product, failure: &Failure) -> u32 {
    match failure.kind {
        FailureKind::Unavailable | FailureKind::Http(HttpError::Unreachable | HttpError::Broken) => MAX_TRIES,
        FailureKind::TooManyAtOnce => u32::MAX,
        // CRM says this both of calls at once and of used-up credits, which last for hours.
        FailureKind::RateLimited if product == Product::Crm => MAX_TRIES,
        _ => 1,
    }
}

/// The pause that Zoho asks for. It does so where calls were too many, and sometimes in an outage.
fn asked_pause(failure: &Failure) -> Duration {
    match failure.kind {
        FailureKind::TooManyAtOnce | FailureKind::RateLimited | FailureKind::Unavailable => {
            Duration::from_secs(failure.retry_after.unwrap_or(0))
        }
        _ => Duration::ZERO,
    }
}
