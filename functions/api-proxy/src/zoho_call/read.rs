//! Reads: a fault of Zoho is tried again while there is time.

use std::time::Duration;

use shared::base::problem::Problem;
use shared::core::grant::AccessToken;
use shared::zoho::answer::{Failure, FailureKind};
use shared::zoho::http::{self, Answer, HttpError};
use tokio::time::sleep;

use super::{Place, Target, left, problem};
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
        let mut token = self.token(target).await?;
        let mut replaced = false;
        loop {
            let api = self.centres.api(token.data_centre);
            let organization = token.organization.as_ref().map_or("", |found| found.id.as_str());
            let question = question(&Place { api: &api, organization }).into();
            let failure = match self.attempt(&question, &token, &judge, target).await {
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
        question: &Question,
        token: &AccessToken,
        judge: &impl Fn(&Answer) -> Result<T, Failure>,
        target: &Target<'_>,
    ) -> Result<T, Failure> {
        let mut tried = 1;
        loop {
            let left = left(target.caller.deadline);
            if left.is_zero() {
                return Err(HttpError::Timeout.into());
            }
            let Question { url, body } = question;
            let (if_modified_since, query) = (target.if_modified_since, body.as_deref());
            let read = http::Read { token: &token.token, if_modified_since, query };
            let failure = match self.http.read(url, read, left).await {
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
