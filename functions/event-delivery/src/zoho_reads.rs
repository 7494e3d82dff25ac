//! Reads of Zoho that nobody waits for. An agent's calls go first, a dead token is replaced once, and what cannot be read now is
//! left to a later run: nothing is tried twice in one.

mod dead;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_cache::Tokens;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::quota::{Caller, Priority, Quotas, Slot};
use shared::core::services::Services;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::{Answer, Http, HttpError, Read};
use shared::zoho::response::{Failure, FailureKind};
use shared::zoho::scope::Product;
use tokio::time::Instant;

/// How long one read may take, and what must be left of the run's time for it to begin.
const PATIENCE: Duration = Duration::from_secs(8);
const LEAST: Duration = Duration::from_secs(2);

/// Whose places of the quota those of this function are.
const KEY: &str = "event-delivery";

/// More than there are tokens and things to read; reached only where tokens change for a long time.
const MOST_DENIED: usize = 1000;

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

/// What of it is read: Zoho may refuse one and not the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// A list.
    List,
    /// The list of what is gone.
    Deleted,
    /// Single records.
    Record,
}

/// What is read.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) connection: &'a ConnectionName,
    pub(crate) product: Product,
    /// The scope that it needs, where Zoho's refusal would not tell.
    pub(crate) scope: Option<&'static str>,
    /// Its name: of a list, the list's.
    pub(crate) what: &'a str,
    pub(crate) purpose: Purpose,
    /// Only what was changed since, in CRM's form.
    pub(crate) if_modified_since: Option<&'a str>,
}

impl Target<'_> {
    fn denied(&self, token: &AccessToken) -> Denied {
        (token.token.digest(), format!("{}/{}", self.product, self.what), self.purpose)
    }
}

/// What an address is made of.
pub(crate) struct Place<'a> {
    pub(crate) api: &'a str,
    /// Of Inventory; empty for CRM.
    pub(crate) organization: &'a str,
}

/// What the reads of one run have in common.
pub(crate) struct Run {
    /// Until when they must be over.
    pub(crate) until: Instant,
    /// Where Zoho, or the quota, said that nothing can be had for now.
    quiet: BTreeSet<(ConnectionName, Product)>,
    /// Where events have waited long enough.
    given_up: BTreeSet<(ConnectionName, Product)>,
}

impl Run {
    pub(crate) fn new(until: Instant) -> Self {
        Self { until, quiet: BTreeSet::new(), given_up: BTreeSet::new() }
    }

    /// Whether there is time for another read.
    pub(crate) fn has_time(&self) -> bool {
        self.left() >= LEAST
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// From now on no event of this run waits for this product.
    pub(crate) fn give_up(&mut self, connection: &ConnectionName, product: Product) {
        self.given_up.insert((connection.clone(), product));
    }

    pub(crate) fn is_given_up(&self, connection: &ConnectionName, product: Product) -> bool {
        self.given_up.contains(&(connection.clone(), product))
    }

    fn hush(&mut self, target: &Target<'_>) {
        self.quiet.insert((target.connection.clone(), target.product));
    }
}

/// Why there is no answer.
enum Trouble {
    Later(String),
    Never(String),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        match problem.code() {
            Code::ProductNotConnected | Code::ScopeMissing | Code::ZohoForbidden => {
                Self::Never(problem.detail().to_owned())
            }
            _ => Self::Later(problem.detail().to_owned()),
        }
    }
}

/// A token's digest, and the list that was read with it.
type Denied = (String, String, Purpose);

/// The way to Zoho.
pub(crate) struct Zoho {
    tokens: Tokens,
    quotas: Quotas,
    http: Http,
    centres: DataCentres,
    /// What a living token was refused, by its digest and what was read: it would be refused again.
    denied: Mutex<HashMap<Denied, String>>,
}

impl Zoho {
    pub(crate) fn new(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (stores, clock) = (&services.stores, &services.clock);
        Self {
            tokens: Tokens::new(stores.secrets.clone(), token_refresh, clock.clone()),
            quotas: Quotas::new(stores.state.clone(), clock.clone(), services.settings.inventory),
            http: services.http.clone(),
            centres: services.centres.clone(),
            denied: Mutex::default(),
        }
    }

    /// Reads once.
    pub(crate) async fn read<T>(
        &self,
        run: &mut Run,
        target: &Target<'_>,
        url: impl Fn(&Place<'_>) -> String,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Reading<T> {
        match self.with_a_living_token(run, target, url, judge).await {
            Ok(read) => Reading::Read(read),
            Err(Trouble::Never(why)) => Reading::Never(why),
            Err(Trouble::Later(why)) => {
                let Target { connection, product, what, .. } = target;
                tracing::info!(%connection, %product, what, why, "Zoho is read later");
                Reading::NotNow
            }
        }
    }

    async fn with_a_living_token<T>(
        &self,
        run: &mut Run,
        target: &Target<'_>,
        url: impl Fn(&Place<'_>) -> String,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Trouble> {
        if run.quiet.contains(&(target.connection.clone(), target.product)) {
            return Err(Trouble::Later("nothing can be had for now".to_owned()));
        }
        if !run.has_time() {
            return Err(Trouble::Later("there is no time left".to_owned()));
        }
        let mut token = match self.tokens.current(target.connection, run.until).await {
            Ok(token) => token,
            Err(problem) => {
                run.hush(target);
                return Err(problem.into());
            }
        };
        let mut replaced = false;
        loop {
            self.check(target, &token)?;
            let api = self.centres.api(token.data_centre);
            let organization = token.organization.as_ref().map_or("", |found| found.id.as_str());
            let url = url(&Place { api: &api, organization });
            let failure = match self.ask(run, target, &token, &url, &judge).await? {
                Ok(read) => return Ok(read),
                Err(failure) => failure,
            };
            match failure.kind {
                FailureKind::DeadToken | FailureKind::DeadTokenOrScope if !replaced => {
                    let state = self.is_dead(run, target, &token, failure.kind).await?;
                    let another =
                        self.tokens.instead_of(target.connection, &token, async { state }, run.until);
                    token = match another.await.map_err(Trouble::from) {
                        Ok(another) => another,
                        Err(Trouble::Never(why)) => return Err(self.deny(target, &token, why)),
                        Err(later) => {
                            run.hush(target);
                            return Err(later);
                        }
                    };
                    replaced = true;
                }
                FailureKind::DeadToken
                | FailureKind::DeadTokenOrScope
                | FailureKind::ScopeMissing
                | FailureKind::Forbidden
                | FailureKind::Organization => return Err(self.deny(target, &token, said(failure))),
                FailureKind::NotFound
                | FailureKind::Rejected
                | FailureKind::Modified
                | FailureKind::Http(HttpError::TooLarge) => return Err(Trouble::Never(said(failure))),
                _ => return Err(Trouble::Later(said(failure))),
            }
        }
    }

    /// What is known to fail is not tried.
    fn check(&self, target: &Target<'_>, token: &AccessToken) -> Result<(), Trouble> {
        let Target { connection, product, .. } = target;
        if !token.scopes.products().contains(product) {
            return Err(Trouble::Never(format!("Connection {connection} was not granted {product}.")));
        }
        if let Some(scope) = target.scope.filter(|scope| !token.scopes.allows(scope)) {
            return Err(Trouble::Never(format!("Connection {connection} lacks the scope {scope}.")));
        }
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        match denied.get(&target.denied(token)) {
            Some(why) => Err(Trouble::Never(why.clone())),
            None => Ok(()),
        }
    }

    /// One call. An error says that it was not made.
    async fn ask<T>(
        &self,
        run: &mut Run,
        target: &Target<'_>,
        token: &AccessToken,
        url: &str,
        judge: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<Result<T, Failure>, Trouble> {
        let slot = match self.leave(run, target.product, token).await {
            Ok(slot) => slot,
            Err(problem) => {
                run.hush(target);
                return Err(Trouble::Later(problem.detail().to_owned()));
            }
        };
        let read = Read { token: &token.token, if_modified_since: target.if_modified_since, query: None };
        let answer = self.http.read(url, read, PATIENCE.min(run.left())).await;
        drop(slot);
        let failure = match answer {
            Ok(answer) => {
                self.quotas.learn(token, &answer).await;
                match judge(&answer) {
                    Ok(read) => return Ok(Ok(read)),
                    Err(failure) => failure,
                }
            }
            Err(error) => error.into(),
        };
        if target.product == Product::Inventory {
            self.quotas.heed(token, &failure).await;
        }
        // What goes wrong with one list need not with another; but who is silent, or has had enough, is left in peace.
        let silent = matches!(failure.kind, FailureKind::Http(error) if error != HttpError::TooLarge);
        if silent || failure.seconds().is_some() {
            run.hush(target);
        }
        Ok(Err(failure))
    }

    /// Leave to make one call. CRM has no limit a minute, and needs none.
    async fn leave(&self, run: &Run, product: Product, token: &AccessToken) -> Result<Option<Slot>, Problem> {
        if product == Product::Crm {
            return Ok(None);
        }
        let caller = Caller { key: KEY, priority: Priority::Background, deadline: run.until };
        self.quotas.take(token, caller).await.map(Some)
    }

    /// A living token is refused: remembered, so that it costs neither calls nor tokens again. But that a record is refused says
    /// nothing of others.
    fn deny(&self, target: &Target<'_>, token: &AccessToken, why: String) -> Trouble {
        if target.purpose == Purpose::Record {
            return Trouble::Never(why);
        }
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.len() >= MOST_DENIED {
            denied.clear();
        }
        denied.insert(target.denied(token), why.clone());
        Trouble::Never(why)
    }
}

/// A failure in words, with Zoho's own code where there is one.
fn said(failure: Failure) -> String {
    let code = failure.said.as_ref().map(|said| format!(" (Zoho's code {})", said.code));
    format!("{}{}", Problem::from(failure).detail(), code.unwrap_or_default())
}
