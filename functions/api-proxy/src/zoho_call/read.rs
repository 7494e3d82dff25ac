//! Reads: a fault of Zoho is tried again while there is time.

use std::time::Duration;

use shared::base::problem::Problem;
use shared::core::grant::AccessToken;
use shared::zoho::answer::{Failure, FailureKind};
use shared::zoho::http::{Answer, HttpError};
use tokio::time::{Instant, sleep};

use super::{Place, Target, left};
use crate::App;

/// How often a read is tried when Zoho fails, and the pause after the first try.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(400);

/// What is read: an address, or a query that is posted there.
pub(crate) struct Question {
    pub(crate) url: String,
    pub(crate) body: Option<String>,
}

impl From<String> for Question {
    fn from(url: String) -> Self {
        Self { url, body: None }
    }
}

impl App {
    /// Reads once, in the caller's name.
    pub(crate) async fn read<T, Q: Into<Question>>(
        &self,
        target: &Target<'_>,
        question: impl Fn(&Place<'_>) -> Q,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let deadline = target.caller.deadline;
        let mut token = self.token(target).await?;
        let mut replaced = false;
        loop {
            let api = self.centres.api(token.data_centre);
            let organization = token.organization.as_ref().map_or("", |found| found.id.as_str());
            let question = question(&Place { api: &api, organization }).into();
            let failure = match self.attempt(&question, &token, &judge, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if !matches!(failure.kind, FailureKind::DeadToken | FailureKind::DeadTokenOrScope) {
                return Err(failure.into());
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
        question: &Question,
        token: &AccessToken,
        judge: &impl Fn(&Answer) -> Result<T, Failure>,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let mut tried = 1;
        loop {
            let left = left(deadline);
            if left.is_zero() {
                return Err(HttpError::Timeout.into());
            }
            let Question { url, body } = question;
            let answer = match body {
                None => self.http.get(url, &token.token, left).await,
                Some(body) => self.http.query(url, &token.token, body, left).await,
            };
            let failure = match answer {
                Ok(answer) => match judge(&answer) {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => failure,
                },
                Err(error) => error.into(),
            };
            let again = matches!(
                failure.kind,
                FailureKind::Unavailable | FailureKind::Http(HttpError::Unreachable | HttpError::Broken)
            );
            if !again || tried == TRIES {
                return Err(failure);
            }
            tracing::warn!(kind = ?failure.kind, tried, "a read is tried again");
            sleep(self.clock.jittered(PAUSE * tried)).await;
            tried += 1;
        }
    }
}
