//! What a call is about, whether a token may be used for it, and what a caller is told if it has no answer.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::id::ConnectionName;
use crate::base::problem::{Code, Problem};
use crate::core::connection::access_token::AccessToken;
use crate::core::quota::{self, Priority};
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::scope::Product;

/// What to do where a scope is missing and only Zoho knows which.
const UNNAMED_SCOPE: &str = "The operator looks the scope up in Zoho's API reference, and connects again with `--scopes`: those that `GET /v1/status` lists and this one, separated by commas (`zoho-connector connect --connection NAME --scopes SCOPES`). Trying again cannot help until then.";

/// What a call is about, apart from its question.
#[derive(Clone)]
pub struct Call<'a> {
    /// Whose connection it uses.
    pub connection: &'a ConnectionName,
    /// The product that it is for.
    pub product: Product,
    /// The scope that its token must have, where it is known.
    pub scope: Option<&'a str>,
    /// The name of the call in problems, if only Zoho knows its scope.
    pub name: &'a str,
    /// The organisation that it must reach, if the caller names one.
    pub organization: Option<&'a str>,
    /// The account that it must reach, if the call was prepared for that account.
    pub account: Option<&'a str>,
    /// The fields with other systems' ids, if the call names CRM's records by such ids.
    pub external: Option<&'a str>,
    /// Whose place in the quota it takes, and until when it must be over.
    pub caller: quota::Caller<'a>,
    /// How long Zoho may take for one try.
    pub timeout: Duration,
}

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// It was not made: there is no token for it.
    NoToken(Problem),
    /// It was not made: the token is not for it.
    NotAllowed(Problem),
    /// Zoho refused the token, and it could not be found out whether the token is dead.
    Undecided(Problem),
    /// Zoho refuses this call to a living token.
    Denied(Failure),
    /// Zoho said something else, or nothing.
    Failed(Failure),
}

impl Call<'_> {
    /// Whether an agent waits for its answer.
    pub(super) fn is_waited_for(&self) -> bool {
        self.caller.priority == Priority::Agent
    }

    /// The time that is left for a try. `None` if its time is over.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let left = self.caller.deadline.saturating_duration_since(Instant::now()).min(self.timeout);
        (!left.is_zero()).then_some(left)
    }

    /// Demands that this token may be used for it: product, organisation, account and scope must fit.
    pub(super) fn check(&self, token: &AccessToken) -> Result<(), Problem> {
        let Self { connection, product, .. } = self;
        if !token.scopes.has(*product) {
            let detail = format!("Connection {connection} was not granted {product}.");
            return Err(Problem::new(Code::ProductNotConnected, detail));
        }
        token.demand_organization(connection, self.organization)?;
        if self.account.is_some_and(|account| account != token.account()) {
            let detail =
                format!("Connection {connection} was connected to another organisation in the meantime.");
            return Err(Problem::new(Code::OrganizationMismatch, detail));
        }
        match self.scope {
            Some(scope) if !token.scopes.allows(scope) => Err(self.scope_missing()),
            _ => Ok(()),
        }
    }

    /// What the caller is told if the call has no answer.
    pub fn problem(&self, error: CallError) -> Problem {
        match error {
            CallError::NoToken(problem) | CallError::NotAllowed(problem) | CallError::Undecided(problem) => {
                problem
            }
            CallError::Denied(failure) => self.denied(&failure),
            CallError::Failed(failure) if failure.kind == FailureKind::ScopeMissing => {
                let problem = self.scope_missing();
                failure.told(problem)
            }
            CallError::Failed(failure) => failure.into(),
        }
    }

    /// The problem of a call that Zoho refuses to a living token.
    fn denied(&self, failure: &Failure) -> Problem {
        let Self { connection, product, scope, .. } = self;
        let problem = match (failure.kind, scope) {
            (FailureKind::DeadTokenOrScope, None) => self.scope_missing(),
            (FailureKind::DeadTokenOrScope, Some(scope)) => {
                // A token without the scope would not have been used.
                let detail = format!(
                    "Connection {connection} has the scope {scope}, and Zoho refuses this to the user who connected."
                );
                Problem::new(Code::ZohoForbidden, detail)
            }
            _ => {
                let detail = format!("Zoho refuses the token of connection {connection} for {product} only.");
                Problem::new(Code::ZohoForbidden, detail)
            }
        };
        failure.clone().told(problem)
    }

    fn scope_missing(&self) -> Problem {
        let Self { connection, name, .. } = self;
        match self.scope {
            Some(scope) => Problem::new(
                Code::ScopeMissing,
                format!("Connection {connection} may not do this: it needs the scope {scope}."),
            ),
            None => Problem::new(
                Code::ScopeMissing,
                format!(
                    "Zoho refuses {name} to the token of connection {connection}, which lacks the scope for it. Zoho does not \
                     tell which one; its API reference names it beside the call."
                ),
            )
            .hint(UNNAMED_SCOPE),
        }
    }
}
