//! A call to Zoho with all its care: the scope is checked before the call, a dead token is replaced once.

pub(crate) mod field_cache;
mod read;
mod slot;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_cache::Verdict;
use shared::zoho::response::{Failure, FailureKind};
use shared::zoho::scope::Product;
use shared::zoho::token_probe::TokenProbe;
use tokio::time::Instant;

pub(crate) use read::Question;
pub(crate) use write::{Outgoing, WriteFailure};

use crate::app::App;
use crate::request::caller::Caller;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(12);

/// What a living token was refused, by its digest and the scope (or the call): it would be refused again.
#[derive(Default)]
pub(crate) struct Denied(Mutex<HashMap<(String, String), Problem>>);

/// More than there are tokens and scopes; reached only where tokens change for a long time.
const MOST_DENIED: usize = 1000;

/// Where a read goes.
pub(crate) struct Target<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) connection: &'a ConnectionName,
    pub(crate) product: Product,
    /// The scope that it needs.
    pub(crate) scope: Scope<'a>,
    /// The only account that will do, where something was worked out for one.
    pub(crate) account: Option<&'a str>,
    /// Of a read: only what was changed since, in CRM's form.
    pub(crate) if_modified_since: Option<&'a str>,
}

/// What a call needs of its token.
#[derive(Clone)]
pub(crate) enum Scope<'a> {
    /// This scope.
    Known(&'a str),
    /// Only Zoho knows. What is refused to one such call says nothing of another.
    OfCall(String),
}

impl Scope<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Known(scope) => scope,
            Self::OfCall(call) => call,
        }
    }
}

impl<'a> Target<'a> {
    /// A call in this caller's name.
    pub(crate) fn new(
        caller: &'a Caller,
        connection: &'a ConnectionName,
        product: Product,
        scope: &'a str,
    ) -> Self {
        let scope = Scope::Known(scope);
        Self { caller, connection, product, scope, account: None, if_modified_since: None }
    }

    /// A call whose scope nobody knows but Zoho; `call` is its name.
    pub(crate) fn of_unknown_scope(
        caller: &'a Caller,
        connection: &'a ConnectionName,
        product: Product,
        call: String,
    ) -> Self {
        let scope = Scope::OfCall(call);
        Self { caller, connection, product, scope, account: None, if_modified_since: None }
    }

    /// The same with another scope.
    pub(crate) fn with<'b>(&self, scope: &'b str) -> Target<'b>
    where
        'a: 'b,
    {
        Target {
            caller: self.caller,
            connection: self.connection,
            product: self.product,
            scope: Scope::Known(scope),
            account: self.account,
            if_modified_since: None,
        }
    }
}

/// What an address is made of.
pub(crate) struct Place<'a> {
    pub(crate) api: &'a str,
    /// Of Inventory; empty for CRM.
    pub(crate) organization: &'a str,
}

impl App {
    /// Demands a scope beside the one that a call itself needs.
    pub(crate) async fn demand_scope(&self, target: &Target<'_>) -> Result<(), Problem> {
        self.token(target).await.map(drop)
    }

    /// A token that allows the call.
    async fn token(&self, target: &Target<'_>) -> Result<Arc<AccessToken>, Problem> {
        let deadline = target.caller.deadline;
        let token = self.tokens.current(target.connection, deadline).await?;
        if self.check(target, &token).is_ok() {
            target.caller.notes.account(target.product, &token);
            return Ok(token);
        }
        // The connection may have been made anew since the token was read.
        let token = self.tokens.stored(target.connection, deadline).await?;
        target.caller.notes.account(target.product, &token);
        self.check(target, &token)?;
        Ok(token)
    }

    /// A token in the place of one that Zoho refused, unless the refusal meant something else.
    async fn another_token(
        &self,
        target: &Target<'_>,
        token: &AccessToken,
        failure: Failure,
    ) -> Result<Arc<AccessToken>, Problem> {
        let verdict = self.is_dead(target, token, failure);
        let token = self.tokens.instead_of(target.connection, token, verdict, target.caller.deadline).await?;
        self.check(target, &token)?;
        Ok(token)
    }

    /// What is known to fail is not tried.
    fn check(&self, target: &Target<'_>, token: &AccessToken) -> Result<(), Problem> {
        if !token.scopes.products().contains(&target.product) {
            return Err(Problem::new(
                Code::ProductNotConnected,
                format!("Connection {} was not granted {}.", target.connection, target.product),
            ));
        }
        target.caller.check_organization(target.connection, token)?;
        if target.account.is_some_and(|account| account != token.account()) {
            return Err(Problem::new(
                Code::OrganizationMismatch,
                format!(
                    "Connection {} was connected to another organisation in the meantime.",
                    target.connection
                ),
            ));
        }
        if matches!(target.scope, Scope::Known(scope) if !token.scopes.allows(scope)) {
            return Err(scope_missing(target));
        }
        let denied = self.denied.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.is_empty() {
            return Ok(());
        }
        match denied.get(&(token.token.digest(), target.scope.name().to_owned())) {
            Some(problem) => Err(problem.clone()),
            None => Ok(()),
        }
    }

    /// Whether a refused token is dead. Zoho's refusals do not tell, so another product, or another route of Inventory, is
    /// asked with it: only a token that is refused there, too, is worth a new one.
    async fn is_dead(&self, target: &Target<'_>, token: &AccessToken, failure: Failure) -> Verdict {
        let api = self.centres.api(token.data_centre);
        let ambiguous = failure.kind == FailureKind::DeadTokenOrScope;
        let Some(elsewhere) = TokenProbe::of(&token.scopes, target.product, ambiguous, &api) else {
            return Ok(());
        };
        let slot = self.leave(target, elsewhere.product, token).await?;
        let answer = self.http.get(&elsewhere.url, &token.token, left(target.caller.deadline)).await;
        drop(slot);
        let judged = answer.map_err(Failure::from).and_then(|answer| elsewhere.judge(&answer));
        if let Err(failure) = &judged {
            self.heed(elsewhere.product, token, failure).await;
        }
        match judged.map_err(|failure| (failure.kind, failure)) {
            Ok(()) => Err(self.deny(target, token, failure)),
            Err((FailureKind::DeadToken | FailureKind::DeadTokenOrScope, _)) => Ok(()),
            Err((_, failure)) => Err(failure.into()),
        }
    }

    /// A living token is refused: remembered, so that it costs neither calls nor tokens again.
    fn deny(&self, target: &Target<'_>, token: &AccessToken, failure: Failure) -> Problem {
        let problem = if failure.kind == FailureKind::DeadTokenOrScope {
            scope_missing(target)
        } else {
            Problem::new(
                Code::ZohoForbidden,
                format!(
                    "Zoho refuses the token of connection {} for {} only.",
                    target.connection, target.product
                ),
            )
        };
        let problem = match failure.said {
            Some(said) => problem.zoho(said.code, said.message),
            None => problem,
        };
        let mut denied = self.denied.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.len() >= MOST_DENIED {
            denied.clear();
        }
        denied.insert((token.token.digest(), target.scope.name().to_owned()), problem.clone());
        problem
    }
}

fn scope_missing(target: &Target<'_>) -> Problem {
    let connection = target.connection;
    let detail = match &target.scope {
        Scope::Known(scope) => {
            format!("Connection {connection} may not do this: it needs the scope {scope}.")
        }
        Scope::OfCall(call) => format!(
            "Zoho refuses {call} to the token of connection {connection}, which lacks the scope for it. Zoho does not tell \
             which one; its API reference names it beside the call."
        ),
    };
    Problem::new(Code::ScopeMissing, detail)
}

/// A failure as the caller reads it.
fn problem(target: &Target<'_>, failure: Failure) -> Problem {
    if failure.kind != FailureKind::ScopeMissing {
        return failure.into();
    }
    match failure.said {
        Some(said) => scope_missing(target).zoho(said.code, said.message),
        None => scope_missing(target),
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(PATIENCE)
}

/// An answer of Zoho without the part that was asked for.
pub(crate) fn unreadable(field: &str) -> Problem {
    Problem::new(Code::ZohoUnreadable, format!("Zoho's answer has no `{field}`."))
}
