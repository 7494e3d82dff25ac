//! Reads: a fault of Zoho is tried again while there is time, and so is a call that came beside too many others.

use std::time::Duration;

use shared::base::problem::Problem;
use shared::core::connection::access_token::AccessToken;
use shared::zoho::crm::coql;
use shared::zoho::http::{self, Answer, HttpError};
use shared::zoho::response::{Failure, FailureKind};
use shared::zoho::scope::Product;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::zoho::{Place, Target, left, problem};

/// How often a read is tried when Zoho fails, and the pause after the first try.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(400);

/// What is read: an address, or a query that is posted there.
pub(crate) struct Question {
    pub(crate) url: String,
    pub(crate) body: Option<String>,
}

impl Question {
    /// A query to CRM.
    pub(crate) fn coql(place: &Place<'_>, query: &str) -> Self {
        Self { url: coql::url(place.api), body: Some(coql::body(query)) }
    }
}

impl From<String> for Question {
    fn from(url: String) -> Self {
        Self { url, body: None }
    }
}
/// What a try must have left to be worth a wait.
const LEAST: Duration = Duration::from_secs(2);

impl App {
    /// Reads once, in the caller's name.
    pub(crate) async fn read<T, Q: Into<Question>>(
        &self,
        target: &Target<'_>,
        question: impl Fn(&Place<'_>) -> Q,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let mut token = self.token(target).await?;
        let mut replaced = false;
        loop {
            let api = self.centres.api(token.data_centre);
            let organization = token.organization.as_ref().map_or("", |found| found.id.as_str());
            let question = question(&Place { api: &api, organization }).into();
            let failure = match self.attempt(target, &question, &token, &judge).await? {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if !matches!(failure.kind, FailureKind::DeadToken | FailureKind::DeadTokenOrScope) {
                return Err(problem(target, failure));
            }
            if replaced {
                return Err(self.deny(target, &token, failure));
            }
            token = self.another_token(target, &token, failure).await?;
            replaced = true;
        }
    }

    async fn attempt<T>(
        &self,
        target: &Target<'_>,
        question: &Question,
        token: &AccessToken,
        judge: &impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Problem> {
        let deadline = target.caller.deadline;
        let mut tried = 1;
        loop {
            let slot = self.leave(target, target.product, token).await?;
            let left = left(deadline);
            if left.is_zero() {
                return Ok(Err(HttpError::Timeout.into()));
            }
            let Question { url, body } = question;
            let (if_modified_since, query) = (target.if_modified_since, body.as_deref());
            let read = http::Read { token: &token.token, if_modified_since, query };
            let answer = self.http.read(url, read, left).await;
            drop(slot);
            let failure = match answer {
                Ok(answer) => {
                    self.quotas.learn(token, &answer).await;
                    match judge(&answer) {
                        Ok(answer) => return Ok(Ok(answer)),
                        Err(failure) => failure,
                    }
                }
                Err(error) => error.into(),
            };
            self.heed(target.product, token, &failure).await;
            let pause = self.clock.jittered(PAUSE * tried).max(wait(&failure));
            // Not added to the time: what Zoho asks for may be longer than any clock.
            let in_time = pause < deadline.saturating_duration_since(Instant::now()).saturating_sub(LEAST);
            if tried >= tries(target.product, &failure) || !in_time {
                return Ok(Err(failure));
            }
            tracing::warn!(kind = ?failure.kind, tried, "a read is tried again");
            sleep(pause).await;
            tried += 1;
        }
    }
}

/// How often it is worth to try.
fn tries(product: Product, failure: &Failure) -> u32 {
    match failure.kind {
        FailureKind::Unavailable | FailureKind::Http(HttpError::Unreachable | HttpError::Broken) => TRIES,
        FailureKind::TooManyAtOnce => u32::MAX,
        // CRM says this both of calls at once and of used-up credits, which last for hours.
        FailureKind::RateLimited if product == Product::Crm => TRIES,
        _ => 1,
    }
}

/// What Zoho itself asks for, which is the rule for calls that were too many.
fn wait(failure: &Failure) -> Duration {
    match failure.kind {
        FailureKind::TooManyAtOnce | FailureKind::RateLimited => {
            Duration::from_secs(failure.retry_after().unwrap_or(0))
        }
        _ => Duration::ZERO,
    }
}
