//! The end of a token at Zoho. Zoho's documents name two addresses for it; which one a client needs is not told, so the
//! second is tried where the first is none.

use shared::base::secret::Secret;
use shared::core::grant::Grant;
use shared::core::grant::client::Clients;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::http::HttpError;
use shared::zoho::oauth::{ClientCredentials, PATIENCE, Refusal};
use tokio::time::timeout;

use crate::TokenRefresh;

/// What is to end.
pub(crate) struct Ending<'a> {
    /// Where its user lives.
    pub(crate) data_centre: DataCentre,
    /// For which client it was given.
    pub(crate) client_id: &'a str,
    /// A refresh token, which takes its access tokens along, or an access token.
    pub(crate) token: &'a Secret,
}

impl<'a> Ending<'a> {
    /// A grant.
    pub(crate) fn of(grant: &'a Grant) -> Self {
        Self { data_centre: grant.data_centre, client_id: &grant.client_id, token: &grant.refresh_token }
    }
}

impl TokenRefresh {
    /// Takes no longer than one call, because that is what a lease is good for.
    pub(crate) async fn revoke(&self, ending: &Ending<'_>) -> Result<(), Refusal> {
        let in_time = timeout(PATIENCE, self.revoke_either_way(ending)).await;
        in_time.unwrap_or(Err(Refusal::Http(HttpError::Timeout)))
    }

    async fn revoke_either_way(&self, ending: &Ending<'_>) -> Result<(), Refusal> {
        let Ending { data_centre, client_id, token } = *ending;
        let first = self.accounts.revoke(data_centre, token).await;
        if first != Err(Refusal::Unreadable) {
            return first;
        }
        let clients = Clients::read(&*self.stores.secrets).await.map(|(clients, _)| clients);
        match clients.as_ref().ok().and_then(|clients| clients.find(client_id)) {
            Some(client) => {
                let client = ClientCredentials { id: &client.id, secret: client.secret_at(data_centre) };
                self.accounts.revoke_as(data_centre, client, token).await
            }
            None => first,
        }
    }

    /// Revokes what is of no use any more. Zoho keeps 20 grants per user and then drops the oldest, so none is left lying.
    pub(crate) async fn give_back(&self, ending: &Ending<'_>) {
        if let Err(refusal) = self.revoke(ending).await {
            tracing::warn!(data_centre = %ending.data_centre, ?refusal, "an unused grant could not be revoked");
        }
    }
}
