//! The end of a token at Zoho. Zoho's documents name two addresses for it, and do not say which one a client needs. The
//! second is tried where the first gives no readable answer.

use shared::core::grant::Grant;
use shared::core::grant::client::Clients;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::http::HttpError;
use shared::zoho::oauth::{CALL_TIMEOUT, ClientCredentials, Refusal, Revocable};
use tokio::time::timeout;

use crate::app::App;

/// What is to be revoked.
pub(crate) struct Revocation<'a> {
    /// Where the user's account lives.
    pub(crate) data_centre: DataCentre,
    /// The client that it was given to.
    pub(crate) client_id: &'a str,
    pub(crate) token: Revocable<'a>,
}

impl<'a> Revocation<'a> {
    pub(crate) fn of(grant: &'a Grant) -> Self {
        let token = Revocable::Refresh(&grant.refresh_token);
        Self { data_centre: grant.data_centre, client_id: &grant.client_id, token }
    }
}

/// Takes no longer than one call, because that is what a lease is good for.
pub(crate) async fn revoke(app: &App, what: &Revocation<'_>) -> Result<(), Refusal> {
    let in_time = timeout(CALL_TIMEOUT, revoke_either_way(app, what)).await;
    in_time.unwrap_or(Err(Refusal::Http(HttpError::Timeout)))
}

async fn revoke_either_way(app: &App, what: &Revocation<'_>) -> Result<(), Refusal> {
    let Revocation { data_centre, client_id, token } = *what;
    let first = app.accounts.revoke(data_centre, token).await;
    if first != Err(Refusal::Unreadable) {
        return first;
    }
    let clients = Clients::read(&*app.stores.secrets).await.map(|(clients, _)| clients);
    match clients.as_ref().ok().and_then(|clients| clients.find(client_id)) {
        Some(client) => {
            let client = ClientCredentials { id: &client.id, secret: client.secret_at(data_centre) };
            app.accounts.revoke_as(data_centre, client, token).await
        }
        None => first,
    }
}

/// Revokes what is not used. Zoho keeps 20 grants of one user and then ends the oldest, so none is left behind.
pub(crate) async fn revoke_unused(app: &App, what: &Revocation<'_>) {
    if let Err(refusal) = revoke(app, what).await {
        tracing::warn!(data_centre = %what.data_centre, %refusal, "an unused grant could not be revoked");
    }
}
