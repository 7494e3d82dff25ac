//! One call to Zoho with all that it needs: a living token with the right scope, a slot of the organisation's quota, one try, and
//! what its answer teaches about limits and dead tokens. Callers decide what they retry and how they report a failure.
//!
//! A call begins with [`ZohoClient::begin`], is made with [`Session::read`] or [`Session::write`], and where it fails,
//! [`Session::after`] says whether it may be made once more, with another token.

mod call;
mod denials;
mod request;

use std::sync::Arc;
use std::time::Duration;

use crate::base::background::Background;
use crate::base::problem::{Code, Problem};
use crate::core::connection::access_token::AccessToken;
use crate::core::connection::token_cache::{NoOther, TokenState, Tokens};
use crate::core::connection::token_refresh::TokenRefreshClient;
use crate::core::quota::{Quotas, Slot};
use crate::core::services::Services;
use crate::zoho::data_centre::DataCentres;
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::http::{Answer, Http, HttpError, Read, Write};
use crate::zoho::scope::Product;
use crate::zoho::token_probe::TokenProbe;

pub use call::{Call, CallError};
pub use request::{Endpoint, Outgoing, Question};

use denials::Denials;

/// The way to Zoho.
pub struct ZohoClient {
    /// The access tokens.
    pub tokens: Tokens,
    /// How many calls are left.
    pub quotas: Quotas,
    http: Http,
    centres: DataCentres,
    background: Background,
    /// What Zoho denied lately. It denies for a moment what it allows before and after, so a denial is believed only for a while.
    denials: Denials,
}

impl ZohoClient {
    /// Makes the client of a process's services, and of its way to token-refresh.
    pub fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (stores, clock) = (&services.stores, &services.clock);
        Self {
            tokens: Tokens::new(stores.secrets.clone(), token_refresh, clock.clone()),
            quotas: Quotas::new(stores.state.clone(), clock.clone(), services.settings.inventory),
            http: services.http.clone(),
            centres: services.centres.clone(),
            background: services.background.clone(),
            denials: Denials::new(clock.clone()),
        }
    }

    /// Finds a token with which this call may be made. `found` gets the token, also one that does not fit the call.
    ///
    /// # Errors
    /// Where there is no token, or it does not fit.
    pub async fn begin<'a>(
        &'a self,
        call: Call<'a>,
        found: impl FnOnce(&AccessToken),
    ) -> Result<Session<'a>, CallError> {
        let (connection, until) = (call.connection, call.caller.deadline);
        let mut token = self.tokens.current(connection, until).await.map_err(CallError::NoToken)?;
        let mut checked = call.check(&token);
        if checked.is_err() && call.is_waited_for() {
            // Somebody waits, and the connection may have been made anew since the token was read.
            token = self.tokens.stored(connection, until).await.map_err(CallError::NoToken)?;
            checked = call.check(&token);
        }
        found(&token);
        checked.map_err(CallError::NotAllowed)?;
        let api = self.centres.api(token.data_centre);
        Ok(Session { client: self, call, token, api, name: None, replaced: false, probes_inventory: false })
    }
}

/// A call under way.
pub struct Session<'a> {
    client: &'a ZohoClient,
    call: Call<'a>,
    token: Arc<AccessToken>,
    api: String,
    name: Option<String>,
    /// Whether the token was replaced once.
    replaced: bool,
    /// Whether a token that CRM refused was probed at Inventory, which counts that call.
    probes_inventory: bool,
}

impl Session<'_> {
    /// What the call is about.
    pub fn call(&self) -> &Call<'_> {
        &self.call
    }

    /// The token that it uses now.
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// Where the call goes.
    pub fn endpoint(&self) -> Endpoint<'_> {
        let organization = self.token.organization.as_ref().map_or("", |found| &found.id);
        Endpoint { api: &self.api, organization }
    }

    /// Demands that the token was not denied a call of this name a moment ago. The call has this name from now on: a denial of it is
    /// remembered for a while, for calls of the same name. A call without a name is made each time.
    ///
    /// # Errors
    /// Where the token was denied this a moment ago.
    pub async fn demand_not_denied(&mut self, name: String) -> Result<(), CallError> {
        let mut refused = self.client.denials.find(&self.token, &name);
        if refused.is_some() && self.call.is_waited_for() {
            // Somebody waits, and the connection may have been made anew since the token was read.
            let (connection, until) = (self.call.connection, self.call.caller.deadline);
            let token = self.client.tokens.stored(connection, until).await.map_err(CallError::NoToken)?;
            refused = self.client.denials.find(&token, &name);
            if refused.is_none() {
                self.go_on_with(token)?;
            }
        }
        self.name = Some(name);
        refused.map_or(Ok(()), |failure| Err(CallError::Denied(failure)))
    }

    /// Continues with another token of the connection, if that fits the call.
    fn go_on_with(&mut self, token: Arc<AccessToken>) -> Result<(), CallError> {
        self.call.check(&token).map_err(CallError::NotAllowed)?;
        self.api = self.client.centres.api(token.data_centre);
        self.token = token;
        Ok(())
    }

    /// Reads once.
    ///
    /// # Errors
    /// A problem where no slot was given.
    pub async fn read<T>(
        &self,
        question: &Question,
        judge: impl FnOnce(&Answer) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Problem> {
        let slot = self.slot(self.call.product).await?;
        let Some(left) = self.call.time_left() else { return Ok(Err(HttpError::Timeout.into())) };
        let Question { url, query, if_modified_since } = question;
        let if_modified_since = if_modified_since.as_deref();
        let read = Read {
            token: &self.token.token,
            if_modified_since,
            query: query.as_deref(),
            external: self.call.external,
        };
        self.lease_ahead();
        let answer = self.client.http.read(url, read, left).await;
        drop(slot);
        Ok(self.learn(answer, judge).await)
    }

    /// Writes once, where at least so much time is left for it.
    ///
    /// # Errors
    /// A problem where no slot was given, or no time is left: then nothing was sent.
    pub async fn write<T>(
        &self,
        outgoing: Outgoing,
        needed: Duration,
        judge: impl FnOnce(&Answer) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Problem> {
        let slot = self.slot(self.call.product).await?;
        let Some(left) = self.call.time_left().filter(|left| *left >= needed) else {
            let detail = "Too little time was left to send this. Nothing was sent.";
            return Err(Problem::new(Code::ZohoTimeout, detail));
        };
        let Outgoing { method, url, body, if_unmodified_since } = outgoing;
        let token = &self.token.token;
        let if_unmodified_since = if_unmodified_since.as_deref();
        let write = Write { method, token, body, if_unmodified_since, external: self.call.external };
        let answer = self.client.http.write(&url, write, left).await;
        drop(slot);
        Ok(self.learn(answer, judge).await)
    }

    /// Decides what a failure means. Where the token was dead and another was found, the session has that one, and the call may be
    /// made once more.
    ///
    /// # Errors
    /// Where the call is not to be made again, and why.
    pub async fn after(&mut self, failure: Failure) -> Result<(), CallError> {
        if !matches!(failure.kind, FailureKind::DeadToken | FailureKind::DeadTokenOrScope) {
            return Err(CallError::Failed(failure));
        }
        if self.replaced {
            return Err(self.refused_again(failure).await);
        }
        let probe = self.probe(&failure);
        let state = self.token_state(&failure, probe);
        let (connection, until) = (self.call.connection, self.call.caller.deadline);
        match self.client.tokens.instead_of(connection, &self.token, state, until).await {
            Ok(token) => {
                self.go_on_with(token)?;
                self.replaced = true;
                Ok(())
            }
            Err(NoOther::Alive) => Err(self.denial(failure)),
            Err(NoOther::Unknown(problem)) => Err(CallError::Undecided(failure.told(problem))),
            Err(NoOther::Failed(problem)) => Err(CallError::NoToken(problem)),
        }
    }

    /// The replacing token is refused, too. That is a denial only if Zoho accepts this token for another call.
    async fn refused_again(&mut self, failure: Failure) -> CallError {
        if failure.said.is_none() {
            return self.denial(failure);
        }
        let Some(probe) = self.probe(&failure) else { return CallError::Denied(failure) };
        match self.token_state(&failure, Some(probe)).await {
            TokenState::Alive => self.denial(failure),
            TokenState::Dead => {
                let detail =
                    "Zoho refuses a token that it has only just given, as it does for a moment at times.";
                CallError::Undecided(failure.told(Problem::new(Code::ZohoUnavailable, detail)))
            }
            TokenState::Unknown(problem) => CallError::Undecided(failure.told(problem)),
        }
    }

    /// The failure of a call that a living token is denied. A web page with status 401 is not a denial, because it is not Zoho's API
    /// that answered.
    fn denial(&self, failure: Failure) -> CallError {
        if failure.said.is_none() {
            return CallError::Failed(Failure { kind: FailureKind::Unreadable, ..failure });
        }
        self.remember(&failure);
        CallError::Denied(failure)
    }

    /// The call that probes the token, if there is one for it.
    fn probe(&mut self, failure: &Failure) -> Option<TokenProbe> {
        let ambiguous = failure.kind == FailureKind::DeadTokenOrScope;
        let probe = TokenProbe::of(&self.token.scopes, self.call.product, ambiguous, &self.api);
        self.probes_inventory |= probe.as_ref().is_some_and(|probe| probe.product == Product::Inventory);
        probe
    }

    /// Whether this session made calls that Inventory counts.
    pub fn counts_at_inventory(&self) -> bool {
        self.call.product == Product::Inventory || self.probes_inventory
    }

    /// Remembers that this token is denied the call of this name.
    pub fn remember(&self, failure: &Failure) {
        if let Some(name) = &self.name {
            self.client.denials.remember(&self.token, name, failure);
        }
    }

    /// Whether the refused token is dead. Zoho's refusal does not tell, so the token is probed with another product or another
    /// route of Inventory. It is dead if that is refused, too.
    async fn token_state(&self, failure: &Failure, probe: Option<TokenProbe>) -> TokenState {
        let Some(probe) = probe else {
            // Without a probe, a new token is made for a caller who waits, and not for a read in the background.
            let ambiguous = failure.kind == FailureKind::DeadTokenOrScope;
            return if ambiguous && !self.call.is_waited_for() {
                TokenState::Alive
            } else {
                TokenState::Dead
            };
        };
        let slot = match self.slot(probe.product).await {
            Ok(slot) => slot,
            Err(problem) => return TokenState::Unknown(problem),
        };
        let left = self.call.time_left().unwrap_or_default();
        let answer = self.client.http.get(&probe.url, &self.token.token, left).await;
        drop(slot);
        let judged = answer.map_err(Failure::from).and_then(|answer| probe.judge(&answer));
        let Err(probed) = judged else { return TokenState::Alive };
        self.heed(probe.product, &probed).await;
        match probed.kind {
            FailureKind::DeadToken | FailureKind::DeadTokenOrScope => TokenState::Dead,
            _ => TokenState::Unknown(unknown(&probed)),
        }
    }

    /// A slot for one call. CRM has no limit a minute, so its calls need no slot.
    async fn slot(&self, product: Product) -> Result<Option<Slot>, Problem> {
        match product {
            Product::Crm => Ok(None),
            Product::Inventory => self.client.quotas.take(&self.token, self.call.caller).await.map(Some),
        }
    }

    /// Leases slots for the next calls while Zoho answers this one.
    fn lease_ahead(&self) {
        if self.call.product == Product::Inventory
            && self.call.is_waited_for()
            && let Some(lease) = self.client.quotas.lease_ahead(&self.token)
        {
            self.client.background.spawn(lease);
        }
    }

    /// Judges an answer, and learns from it what is left of the quota.
    async fn learn<T>(
        &self,
        answer: Result<Answer, HttpError>,
        judge: impl FnOnce(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let failure = match answer {
            Ok(answer) => {
                self.client.quotas.learn(&self.token, &answer).await;
                match judge(&answer) {
                    Ok(judged) => return Ok(judged),
                    Err(failure) => failure,
                }
            }
            Err(error) => error.into(),
        };
        self.heed(self.call.product, &failure).await;
        Err(failure)
    }

    /// Remembers for all processes what a refusal says of Inventory's limits.
    async fn heed(&self, product: Product, failure: &Failure) {
        if product == Product::Inventory {
            self.client.quotas.heed(&self.token, failure).await;
        }
    }
}

/// The problem for a caller whose token was refused and could not be probed. If the probe failed in a way that may pass, the caller is
/// told of that failure. If the probe was refused, the caller is not told, because the refusal is not about what the caller asked for.
fn unknown(probed: &Failure) -> Problem {
    let Failure { kind, retry_after, .. } = *probed;
    let problem = Problem::from(Failure { retry_after, ..Failure::of(kind) });
    if problem.code().is_retryable() {
        return problem;
    }
    let detail = "Zoho refuses the access token, and whether it is alive could not be found out.";
    Problem::new(Code::ZohoUnavailable, detail)
}
