//! Reads of Zoho in the background. An agent's calls go first, a dead token is replaced once, and a read that fails is left to a
//! later sweep: no sweep tries it twice.

mod budget;
mod target;
mod trouble;

use std::sync::Arc;

use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::services::Services;
use shared::core::zoho_client::{CallError, Endpoint, Question, ZohoClient};
use shared::zoho::failure::Failure;
use shared::zoho::http::Answer;

pub(crate) use budget::ReadBudget;
pub(crate) use target::{Purpose, Target};
use trouble::{Trouble, concerns_product, denied, is_refusal};

/// What became of a read.
#[derive(Debug)]
pub(crate) enum Reading<T> {
    /// It was made.
    Read(T),
    /// It cannot be made now.
    NotNow,
    /// It will not be made with the grant that there is, for this reason.
    Never(String),
}

/// Reads Zoho in the background.
pub(crate) struct ZohoReads {
    client: ZohoClient,
}

impl ZohoReads {
    pub(crate) fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        Self { client: ZohoClient::new(services, token_refresh) }
    }

    /// Reads once.
    pub(crate) async fn read<T>(
        &self,
        budget: &mut ReadBudget,
        target: &Target<'_>,
        url: impl Fn(&Endpoint<'_>) -> String,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Reading<T> {
        match self.try_read(budget, target, url, judge).await {
            Ok(read) => Reading::Read(read),
            Err(Trouble::Never(why)) => Reading::Never(why),
            Err(Trouble::Later(why)) => {
                let Target { connection, product, what, .. } = target;
                tracing::info!(%connection, %product, what, why, "a read of Zoho is left to a later run");
                Reading::NotNow
            }
        }
    }

    async fn try_read<T>(
        &self,
        budget: &mut ReadBudget,
        target: &Target<'_>,
        url: impl Fn(&Endpoint<'_>) -> String,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Trouble> {
        let product = target.product;
        budget.check(product)?;
        let begun = self.client.begin(target.call(budget.until), |_| {}).await;
        let mut session = begun.map_err(|error| not_read(budget, target, error))?;
        if let Some(name) = target.name() {
            session.demand_not_denied(name).await.map_err(|error| not_read(budget, target, error))?;
        }
        loop {
            let question = Question {
                url: url(&session.endpoint()),
                query: None,
                if_modified_since: target.if_modified_since.map(str::to_owned),
            };
            let answer = session.read(&question, &judge).await;
            let answer = answer.map_err(|no_slot| {
                let later = Trouble::Later(no_slot.detail().to_owned());
                budget.block(product, later.clone());
                later
            })?;
            let failure = match answer {
                Ok(read) => return Ok(read),
                Err(failure) => failure,
            };
            if concerns_product(&failure) {
                budget.block(product, failure.clone().into());
            }
            if let Err(error) = session.after(failure).await {
                if let CallError::Failed(failure) = &error
                    && is_refusal(failure)
                {
                    session.remember(failure);
                }
                return Err(not_read(budget, target, error));
            }
        }
    }
}

/// Says why there is no answer. If a product has no token, no other read of it is tried in this sweep.
fn not_read(budget: &mut ReadBudget, target: &Target<'_>, error: CallError) -> Trouble {
    match error {
        CallError::NoToken(problem) => {
            // Only this read can fail for good here. The other reads of the product wait for a later sweep, when there may be a token.
            budget.block(target.product, Trouble::Later(problem.detail().to_owned()));
            problem.into()
        }
        CallError::NotAllowed(problem) => problem.into(),
        CallError::Undecided(problem) => Trouble::Later(problem.detail().to_owned()),
        CallError::Denied(failure) => denied(failure, target),
        CallError::Failed(failure) => failure.into(),
    }
}
