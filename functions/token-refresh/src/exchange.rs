//! A connection out of the code of a consent. In this order, so that a working connection is never replaced by a worse
//! one: exchange, demand a refresh token, test, store, and only then revoke the grant that was replaced.

use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::client::Clients;
use shared::core::connection::Connection;
use shared::core::consent::{Ending, Wish};
use shared::core::grant::{AccessToken, Grant, load, text};
use shared::core::renewal::{Lease, reserve};
use shared::store::{StoreError, Write};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{ClientCredentials, Granted, Refusal};
use tokio::time::{Instant, sleep};

use crate::TokenRefresh;
use crate::probe::Found;
use crate::renew::access_token;

/// A renewal that is under way is waited for.
const PATIENCE: Duration = Duration::from_secs(16);

impl TokenRefresh {
    pub(crate) async fn exchange(
        &self,
        wish: &Wish,
        dc: DataCentre,
        redirect_uri: &str,
        code: &Secret,
    ) -> Result<Ending, StoreError> {
        let name = &wish.connection;
        let clients = Clients::read(&*self.stores.secrets).await?;
        let Some(client) = clients.find(&wish.client_id) else {
            return Ok(failed(["The client of this link is no longer registered in the connector."]));
        };
        if let Err(until) = reserve(&*self.stores.state, &self.clock, name).await? {
            return Ok(failed([format!(
                "This connection asked Zoho for too many tokens. Open a new link after {until}."
            )]));
        }
        let credentials = ClientCredentials { id: &client.id, secret: client.secret_at(dc) };
        let asked_at = self.clock.now();
        let granted = match self.accounts.exchange(dc, credentials, code, redirect_uri).await {
            Ok(granted) => granted,
            Err(refusal) => {
                tracing::warn!(connection = %name, data_centre = %dc, ?refusal, "code not exchanged");
                return Ok(failed(explain(&refusal, dc, redirect_uri)));
            }
        };
        let Some(refresh_token) = granted.refresh_token.clone() else {
            self.give_back(dc, &granted.access_token).await;
            return Ok(failed([
                "Zoho gave an access token, but no refresh token: the connection would have ended within the hour.",
                "Remove this app under Connected Apps in the Zoho account (accounts server, Security), then open a new link.",
            ]));
        };
        let scopes = granted.scopes.clone().unwrap_or_else(|| wish.scopes.clone());
        let found = match self.probe(wish, dc, &scopes, &granted.access_token).await {
            Ok(found) => found,
            Err(lines) => {
                self.give_back(dc, &refresh_token).await;
                return Ok(failed(lines));
            }
        };
        let grant = Grant {
            refresh_token,
            generation: 0,
            client_id: client.id.clone(),
            home: client.home,
            data_centre: dc,
            scopes,
            organization: found.organization.clone(),
            crm_organization: found.crm_organization.clone(),
            connected_at: asked_at,
        };
        let new_token = grant.refresh_token.clone();
        match self.replace(name, grant, granted, asked_at).await {
            Ok(Some((generation, old))) => {
                if let Some(old) = old.filter(|old| old.refresh_token.digest() != new_token.digest()) {
                    self.give_back(old.data_centre, &old.refresh_token).await;
                }
                tracing::info!(connection = %name, data_centre = %dc, generation, "connected");
                Ok(connected(wish, dc, &found))
            }
            Ok(None) => {
                self.give_back(dc, &new_token).await;
                Ok(failed([
                    "Something else works on this connection at the moment. Open a new link in a minute.",
                ]))
            }
            // Whether the new grant is stored is not known, so it must live on.
            Err(error) => Err(error),
        }
    }

    /// Stores the grant and its first token as the next generation, and returns that with the grant that it replaced.
    /// Nothing where the lease could not be had, or was lost before the grant was stored.
    async fn replace(
        &self,
        name: &ConnectionName,
        mut grant: Grant,
        granted: Granted,
        asked_at: shared::base::clock::Timestamp,
    ) -> Result<Option<(u64, Option<Grant>)>, StoreError> {
        let Some(lease) = self.wait_for_lease(name).await? else { return Ok(None) };
        let secrets = &*self.stores.secrets;
        let grant_name = Grant::secret_name(name);
        let (old, old_version) = load::<Grant>(secrets, &grant_name).await?.unzip();
        let token_version = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await?.unzip().1;
        grant.generation = old.as_ref().map_or(0, |old| old.generation) + 1;
        let token = access_token(&grant, granted, asked_at);

        // The grant first: if we die after it, the next renewal finds it and makes its token.
        let pending = secrets.stage(&grant_name, &text(&grant)?).await?;
        if !lease.holds().await? || !secrets.promote(&grant_name, &pending, old_version.as_ref()).await? {
            return Ok(None);
        }
        let finish = async {
            let mut row = Connection::of(name.clone(), &grant);
            if self.store_token(&lease, name, &token, token_version.as_ref()).await? {
                row.token_renewed_at = Some(asked_at);
                row.token_expires = Some(token.expires);
            }
            lease.finish(Write::Put(row.row()?)).await
        };
        if let Err(error) = finish.await {
            tracing::warn!(connection = %name, %error, "the grant is stored; the next renewal stores its token");
        }
        Ok(Some((grant.generation, old)))
    }

    async fn wait_for_lease(&self, name: &ConnectionName) -> Result<Option<Lease<'_>>, StoreError> {
        let started = Instant::now();
        loop {
            let lease = Lease::take(&*self.stores.state, &self.clock, name).await?;
            if lease.is_some() || started.elapsed() > PATIENCE {
                return Ok(lease);
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// Revokes what is of no use any more. Zoho keeps 20 grants per user and then drops the oldest, so none is left lying.
    async fn give_back(&self, dc: DataCentre, token: &Secret) {
        if let Err(refusal) = self.accounts.revoke(dc, token).await {
            tracing::warn!(data_centre = %dc, ?refusal, "an unused grant could not be revoked");
        }
    }
}

fn failed<L: Into<String>>(lines: impl IntoIterator<Item = L>) -> Ending {
    Ending {
        connected: false,
        title: "Not connected".to_owned(),
        lines: lines.into_iter().map(Into::into).collect(),
    }
}

fn connected(wish: &Wish, dc: DataCentre, found: &Found) -> Ending {
    let mut lines = vec![format!("Connection {} · Zoho data centre {dc}", wish.connection)];
    if let Some(organization) = &found.organization {
        lines.push(format!("Zoho Inventory · {} (organisation {})", organization.name, organization.id));
    }
    if let Some(organization) = &found.crm_organization {
        lines.push(format!("Zoho CRM · {}", organization.name));
    }
    lines.push("Tested with one read per product. You can close this page.".to_owned());
    Ending { connected: true, title: "Connected".to_owned(), lines }
}

fn explain(refusal: &Refusal, dc: DataCentre, redirect_uri: &str) -> Vec<String> {
    let line = match refusal {
        Refusal::InvalidCode => {
            "Zoho no longer accepts this consent: it takes each one once, and within a minute. Open a new link.".to_owned()
        }
        Refusal::InvalidClient => format!(
            "Zoho's data centre {dc} does not know the client id. In Zoho's API console, switch on Multi-DC for the client."
        ),
        Refusal::InvalidClientSecret => format!(
            "The client secret is wrong for Zoho's data centre {dc}. Set the right one with `zoho-connector client set`."
        ),
        Refusal::InvalidRedirectUri => {
            format!("In Zoho's API console, register exactly this redirect URI: {redirect_uri}")
        }
        Refusal::AccessDenied | Refusal::Throttled => {
            "Zoho had too many consents or token requests in a short time. Open a new link in ten minutes.".to_owned()
        }
        Refusal::Unknown(word) => format!("Zoho refused with {word:?}. Open a new link in some minutes."),
        Refusal::Unreadable => "Zoho's accounts server is not working properly. Open a new link in some minutes.".to_owned(),
        Refusal::Http(error) => format!("Zoho's accounts server could not be asked: {error}. Open a new link in some minutes."),
    };
    vec![line, "Nothing was changed.".to_owned()]
}
