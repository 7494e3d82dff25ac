//! A read at Zoho with all its care: the scope is checked before the call, a dead token is replaced once, a fault of
//! Zoho is tried again while there is time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::grant::AccessToken;
use shared::zoho::answer::{self, Failure, FailureKind};
use shared::zoho::http::{Answer, HttpError};
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use tokio::time::{Instant, sleep};

use crate::App;
use crate::caller::Caller;

/// API Gateway gives up after 29 seconds; the agent should hear from us before.
const DEADLINE: Duration = Duration::from_secs(25);

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(12);

/// How often a read is tried when Zoho fails.
const TRIES: u32 = 3;

/// Scopes that a living token turned out to lack, although Zoho had named them: token digest and scope.
#[derive(Default)]
pub(crate) struct Denied(Mutex<HashSet<(String, &'static str)>>);

/// Where a read goes.
pub(crate) struct Target<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) connection: &'a ConnectionName,
    pub(crate) product: Product,
    /// The scope that it needs.
    pub(crate) scope: &'static str,
}

/// What an address is made of.
pub(crate) struct Place<'a> {
    pub(crate) api: &'a str,
    /// Of Inventory; empty for CRM.
    pub(crate) organization: &'a str,
}

impl App {
    /// Reads once, in the caller's name.
    pub(crate) async fn read<T>(
        &self,
        target: &Target<'_>,
        url: impl Fn(&Place<'_>) -> String,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Problem> {
        let started = Instant::now();
        let mut token = self.tokens.current(target.connection).await?;
        self.check(target, &token)?;
        let mut renewed = false;
        loop {
            let api = self.centres.api(token.data_centre);
            let organization = token.organization.as_ref().map_or("", |found| found.id.as_str());
            let url = url(&Place { api: &api, organization });
            let failure = match self.attempt(&url, &token, &judge, started).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let dead = match failure.kind {
                FailureKind::DeadToken => true,
                FailureKind::DeadTokenOrScope => renewed || !self.lives(&api, &token).await,
                _ => return Err(failure.into()),
            };
            if !dead || renewed {
                return Err(self.useless(target, &token, failure));
            }
            token = self.tokens.instead_of(target.connection, &token).await?;
            renewed = true;
        }
    }

    /// What is known to fail is not tried.
    fn check(&self, target: &Target<'_>, token: &AccessToken) -> Result<(), Problem> {
        if !token.scopes.products().contains(&target.product) {
            return Err(Problem::new(
                Code::ProductNotConnected,
                format!("Connection {} was not granted {}.", target.connection, target.product),
            ));
        }
        if let (Some(wanted), Some(own)) = (&target.caller.organization, &token.organization)
            && *wanted != own.id
        {
            return Err(Problem::new(
                Code::OrganizationMismatch,
                format!("Connection {} belongs to organisation {}.", target.connection, own.id),
            ));
        }
        let denied = self.denied.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = !denied.is_empty() && denied.contains(&(token.token.digest(), target.scope));
        if known || !token.scopes.allows(target.scope) {
            return Err(scope_missing(target));
        }
        Ok(())
    }

    async fn attempt<T>(
        &self,
        url: &str,
        token: &AccessToken,
        judge: &impl Fn(&Answer) -> Result<T, Failure>,
        started: Instant,
    ) -> Result<T, Failure> {
        let mut tried = 1;
        loop {
            let left = DEADLINE.saturating_sub(started.elapsed()).min(PATIENCE);
            if left.is_zero() {
                return Err(HttpError::Timeout.into());
            }
            let failure = match self.http.get(url, &token.token, left).await {
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
            sleep(pause(tried)).await;
            tried += 1;
        }
    }

    /// Whether Inventory takes the token somewhere else: then its 57 meant a missing right.
    async fn lives(&self, api: &str, token: &AccessToken) -> bool {
        if !token.scopes.allows(inventory::scope::SETTINGS) {
            return false;
        }
        match self.http.get(&inventory::organizations_url(api), &token.token, PATIENCE).await {
            Ok(answer) => answer::inventory(&answer).is_ok(),
            Err(_) => false,
        }
    }

    /// A living token that is refused all the same.
    fn useless(&self, target: &Target<'_>, token: &Arc<AccessToken>, failure: Failure) -> Problem {
        if failure.kind == FailureKind::DeadToken {
            return Problem::from(failure).because(format!("connection {}", target.connection));
        }
        let mut denied = self.denied.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.len() > 1000 {
            denied.clear();
        }
        denied.insert((token.token.digest(), target.scope));
        let problem = scope_missing(target);
        match failure.said {
            Some(said) => problem.zoho(said.code, said.message),
            None => problem,
        }
    }
}

fn scope_missing(target: &Target<'_>) -> Problem {
    Problem::new(
        Code::ScopeMissing,
        format!("Connection {} may not do this: it needs the scope {}.", target.connection, target.scope),
    )
}

/// 0.2 to 0.4 seconds after the first try, twice that after the second.
fn pause(tried: u32) -> Duration {
    let mut byte = [0_u8];
    let random = getrandom::fill(&mut byte).map_or(0, |()| u64::from(byte[0]));
    Duration::from_millis((200 + random * 200 / 255) * u64::from(tried))
}
