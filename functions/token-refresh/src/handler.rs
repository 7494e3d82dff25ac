//! The entry: each ask goes to the file that does it.

use serde_json::Value;
use shared::core::connection::token_refresh::{Ask, Reply};
use shared::core::services::Services;
use shared::store::StoreError;

use crate::app::App;
use crate::channels::watch;
use crate::choose_organization::choose;
use crate::disconnect::disconnect;
use crate::exchange::{Exchange, exchange};
use crate::renew::{EXPIRES_SOON, renew};
use crate::schedule::tick;

/// The function, made once for a process.
pub struct TokenRefresh(App);

impl TokenRefresh {
    /// Made of a process's services.
    pub fn new(services: &Services) -> Self {
        Self(App::new(services))
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// Where the store fails. Everything that Zoho can do is a reply.
    pub async fn handle(&self, ask: Ask) -> Result<Reply, StoreError> {
        let app = &self.0;
        match ask {
            Ask::Renew { connection, dead } => renew(app, &connection, dead.as_deref(), EXPIRES_SOON).await,
            Ask::Exchange { wish, data_centre, redirect_uri, code, ticket } => {
                let (wish, code, ticket) = (&wish, &code, ticket.as_str());
                let redirect_uri = redirect_uri.as_deref();
                exchange(app, &Exchange { wish, data_centre, redirect_uri, code, ticket }).await
            }
            Ask::Choose { connection, ticket, organization } => {
                choose(app, &connection, &ticket, &organization).await
            }
            Ask::Disconnect { connection } => disconnect(app, &connection, false).await,
            Ask::Watch { connection } => watch(app, &connection).await,
            Ask::Tick => tick(app).await,
        }
    }
}

/// What a Lambda event asks for: an [`Ask`], or a tick where the event is EventBridge's.
///
/// # Errors
/// Where it is neither.
pub fn ask_of(event: Value) -> Result<Ask, serde_json::Error> {
    let is_scheduled =
        event.get("source").and_then(Value::as_str).is_some_and(|source| source.starts_with("aws."));
    if is_scheduled { Ok(Ask::Tick) } else { serde_json::from_value(event) }
}
