//! The only writer of tokens: renews what ends soon, exchanges the codes of consents, ends connections. No other
//! function may read a client secret or a refresh token.

mod announce;
mod channel;
mod choose_organization;
mod consent_results;
mod disconnect;
mod exchange;
mod probe;
mod renew;
mod revoke;
mod schedule;
mod store_grant;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use shared::base::clock::SharedClock;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::events::Events;
use shared::core::services::Services;
use shared::store::{StoreError, Stores};
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use shared::zoho::oauth::Accounts;
use tokio::sync::RwLock;

use crate::exchange::Exchange;

/// The function and what it works with.
pub struct TokenRefresh {
    stores: Stores,
    events: Events,
    clock: SharedClock,
    accounts: Accounts,
    http: Http,
    centres: DataCentres,
}

impl TokenRefresh {
    /// Made of a process's services.
    pub fn new(services: &Services) -> Self {
        Self {
            events: Events::new(services.stores.events.clone(), services.clock.clone()),
            stores: services.stores.clone(),
            clock: services.clock.clone(),
            accounts: Accounts::new(services.http.clone(), services.centres.clone()),
            http: services.http.clone(),
            centres: services.centres.clone(),
        }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// Where the store fails. Everything that Zoho can do is a reply.
    pub async fn handle(&self, ask: Ask) -> Result<Reply, StoreError> {
        match ask {
            Ask::Renew { connection, dead } => self.renew(&connection, dead.as_deref(), renew::SOON).await,
            Ask::Exchange { wish, data_centre, redirect_uri, code, ticket } => {
                let (wish, code, ticket) = (&wish, &code, ticket.as_str());
                let redirect_uri = redirect_uri.as_deref();
                self.exchange(&Exchange { wish, data_centre, redirect_uri, code, ticket }).await
            }
            Ask::Choose { connection, ticket, organization } => {
                self.choose(&connection, &ticket, &organization).await
            }
            Ask::Disconnect { connection } => self.disconnect(&connection, false).await,
            Ask::Watch { connection } => self.watch(&connection).await,
            Ask::Tick => self.tick().await,
        }
    }
}

/// What a Lambda event asks for: an [`Ask`], or a tick where the event is EventBridge's.
///
/// # Errors
/// Where it is neither.
pub fn ask_of(event: Value) -> Result<Ask, serde_json::Error> {
    let scheduled =
        event.get("source").and_then(Value::as_str).is_some_and(|source| source.starts_with("aws."));
    if scheduled { Ok(Ask::Tick) } else { serde_json::from_value(event) }
}

/// The function in the same process. What it has begun goes on when the caller stops waiting, as it does on Lambda.
#[derive(Clone)]
pub struct Local {
    function: Arc<TokenRefresh>,
    /// Read-locked by whatever is under way.
    busy: Arc<RwLock<()>>,
}

impl Local {
    /// Made of a process's services.
    pub fn new(services: &Services) -> Self {
        Self { function: Arc::new(TokenRefresh::new(services)), busy: Arc::default() }
    }

    /// Waits for the end of what is under way: a code that Zoho has taken must not be lost to the end of the process.
    pub async fn idle(&self) {
        drop(self.busy.write().await);
    }
}

#[async_trait]
impl TokenRefreshClient for Local {
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        let (function, busy) = (self.function.clone(), self.busy.clone().read_owned().await);
        let work = tokio::spawn(async move {
            let result = function.handle(ask).await;
            drop(busy);
            result
        });
        match work.await {
            Ok(result) => result.map_err(|error| TokenRefreshError(error.to_string())),
            Err(_) => Err(TokenRefreshError("it panicked".to_owned())),
        }
    }
}
