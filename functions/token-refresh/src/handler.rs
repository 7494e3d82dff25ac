//! The entry of the function: checks that a request may be done (`proof`), and calls the file that does it.

use serde_json::Value;
use shared::base::telemetry::count;
use shared::core::connection::token_refresh::{Ask, Reply};
use shared::core::services::Services;
use shared::store::StoreError;

use crate::app::App;
use crate::channels::watch;
use crate::choose_organization::choose;
use crate::disconnect::disconnect;
use crate::exchange::exchange;
use crate::proof::proven;
use crate::renew::{EXPIRES_SOON, renew};
use crate::schedule::tick;
use crate::task::Task;

/// The function, made once for a process.
pub struct TokenRefresh(App);

impl TokenRefresh {
    /// Made of a process's services.
    pub fn new(services: &Services) -> Self {
        Self(App::new(services))
    }

    /// Does what is asked, if it is allowed.
    ///
    /// # Errors
    /// Where the store fails. Everything that Zoho can do is a reply.
    pub async fn handle(&self, ask: Ask) -> Result<Reply, StoreError> {
        match proven(&self.0, ask).await? {
            Ok(task) => self.perform(task).await,
            Err(reply) => Ok(reply),
        }
    }

    /// Does what is known to be allowed.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub async fn perform(&self, task: Task) -> Result<Reply, StoreError> {
        let app = &self.0;
        match task {
            Task::Renew { connection, dead } => renew(app, &connection, dead.as_deref(), EXPIRES_SOON).await,
            Task::Exchange(asked) => exchange(app, &asked).await,
            Task::Choose { connection, ticket, organization } => {
                choose(app, &connection, &ticket, &organization).await
            }
            Task::Disconnect(connection) => disconnect(app, &connection, false).await,
            Task::Watch(connection) => watch(app, &connection).await,
            Task::Tick => tick(app).await.inspect_err(|_| count("renewals", "failed", 1)),
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
