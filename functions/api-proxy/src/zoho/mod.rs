//! Calls to Zoho in an agent's name. This module retries while there is time, notes account and quota for the answer's headers, and
//! turns failures into problems. [`ZohoClient`] below it has tokens, scopes and slots.

pub(crate) mod field_cache;
mod read;
mod write;

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::{SharedClock, Timestamp};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::access::usage::KeyUsage;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::organization::Organization;
use shared::core::quota::{self, Priority};
use shared::core::zoho_client::{Call, Session, ZohoClient};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::failure::Failure;
use shared::zoho::http::Answer;
use shared::zoho::scope::Product;

pub(crate) use shared::core::zoho_client::{Endpoint, Outgoing, Question};
pub(crate) use write::WriteFailure;

use crate::request::caller::Caller;

/// How long Zoho may take for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(12);

/// What is asked, once it is known where. Behind these two pointers, a call is compiled once, and not for each place that makes one.
type Ask<'a> = dyn Fn(&Endpoint<'_>) -> Question + Sync + 'a;

/// Judges an answer, and keeps what was found in it.
type Keep<'a> = dyn FnMut(&Answer) -> Result<(), Failure> + Send + 'a;

/// The way to Zoho.
pub(crate) struct Zoho {
    client: Arc<ZohoClient>,
    /// The keys' shares of the day: each call to Zoho takes one.
    usage: Arc<KeyUsage>,
    clock: SharedClock,
}

/// Where a call goes, and in whose name.
pub(crate) struct Target<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) connection: &'a ConnectionName,
    pub(crate) product: Product,
    /// The scope that it needs.
    pub(crate) scope: Scope<'a>,
    /// The account that it must reach, if the call was prepared for that account.
    pub(crate) account: Option<&'a str>,
    /// Of a read: only what was changed since, in CRM's form.
    pub(crate) if_modified_since: Option<&'a str>,
    /// The fields of other systems' ids by which the call names its records.
    pub(crate) external: Option<&'a str>,
}

/// The scope that a call needs.
#[derive(Clone)]
pub(crate) enum Scope<'a> {
    /// This scope.
    Known(&'a str),
    /// Only Zoho knows which scope it needs. This is the name of the call.
    OfCall(String),
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
        Self { caller, connection, product, scope, account: None, if_modified_since: None, external: None }
    }

    /// A call whose scope nobody knows but Zoho; `call` is its name.
    pub(crate) fn of_unknown_scope(
        caller: &'a Caller,
        connection: &'a ConnectionName,
        product: Product,
        call: String,
    ) -> Self {
        let scope = Scope::OfCall(call);
        Self { caller, connection, product, scope, account: None, if_modified_since: None, external: None }
    }

    /// A target like this one for another call, which needs another scope. What narrows or names the records of this call alone is left
    /// out.
    pub(crate) fn with_scope<'b>(&self, scope: &'b str) -> Target<'b>
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
            external: None,
        }
    }

    fn call(&self) -> Call<'_> {
        let (scope, name) = match &self.scope {
            Scope::Known(scope) => (Some(*scope), *scope),
            Scope::OfCall(call) => (None, call.as_str()),
        };
        let (key, deadline) = (self.caller.key.id.as_str(), self.caller.deadline);
        Call {
            connection: self.connection,
            product: self.product,
            scope,
            name,
            organization: self.caller.organization.as_deref(),
            account: self.account,
            external: self.external,
            caller: quota::Caller { key, priority: Priority::Agent, deadline },
            timeout: CALL_TIMEOUT,
        }
    }
}

impl Zoho {
    pub(crate) fn new(client: Arc<ZohoClient>, usage: Arc<KeyUsage>, clock: SharedClock) -> Self {
        Self { client, usage, clock }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Demands a scope beside the one that a call itself needs.
    pub(crate) async fn demand_scope(&self, target: &Target<'_>) -> Result<(), Problem> {
        self.begin(target).await.map(drop)
    }

    /// The account of a connection, which must be of the organisation that the caller names, where one is named.
    pub(crate) async fn account(
        &self,
        caller: &Caller,
        connection: &ConnectionName,
    ) -> Result<String, Problem> {
        let token = self.client.tokens.current(connection, caller.deadline).await?;
        token.demand_organization(connection, caller.organization.as_deref())?;
        Ok(token.account())
    }

    /// The organisation of Inventory that a connection is for, as far as it was told when it was connected.
    pub(crate) async fn organization(
        &self,
        caller: &Caller,
        connection: &ConnectionName,
    ) -> Result<Option<Organization>, Problem> {
        let token = self.client.tokens.current(connection, caller.deadline).await?;
        Ok(token.organization.clone())
    }

    /// The data centre and the organisation of Inventory that a connection is for: connections to the same one share what is
    /// the organisation's.
    pub(crate) async fn whose_stock(
        &self,
        caller: &Caller,
        connection: &ConnectionName,
    ) -> Result<(DataCentre, String), Problem> {
        let token = self.client.tokens.current(connection, caller.deadline).await?;
        let organization = token.organization.as_ref().map_or("-", |organization| &organization.id);
        Ok((token.data_centre, organization.to_owned()))
    }

    /// Finds a token that allows the call, and tells the caller whose account it is for.
    async fn begin<'a>(&'a self, target: &'a Target<'_>) -> Result<Session<'a>, Problem> {
        let found = |token: &AccessToken| target.caller.headers.account(target.product, token);
        let session = self.client.begin(target.call(), found).await;
        session.map_err(|error| target.call().problem(error))
    }

    /// Tells the caller what is left of the organisation's calls.
    fn tell_quota(&self, target: &Target<'_>, session: &Session<'_>) {
        if session.counts_at_inventory() {
            target.caller.headers.quota(self.client.quotas.known(session.token()));
        }
    }
}

/// What cannot be: an answer was judged to be good, and nothing was kept of it.
fn not_kept() -> Problem {
    Problem::internal("an answer was judged and not kept")
}

/// The problem of an answer of Zoho's that lacks the part that was asked for.
pub(crate) fn unreadable(field: &str) -> Problem {
    Problem::new(Code::ZohoUnreadable, format!("Zoho's answer has no `{field}`."))
}
