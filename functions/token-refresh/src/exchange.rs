//! A connection out of the code of a consent. In this order, so that a working connection is never replaced by a worse
//! one: exchange, demand a refresh token, test, store, and only then revoke the grant that was replaced.

use std::time::Duration;

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::client::Clients;
use shared::core::connection::Connection;
use shared::core::consent::{Ending, Wish};
use shared::core::grant::{AccessToken, Grant, load, text};
use shared::core::renewal::{Lease, reserve, room};
use shared::store::{StoreError, Write};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{ClientCredentials, Granted, Refusal};
use shared::zoho::scope::ScopeSet;
use tokio::time::{Instant, sleep};

use crate::TokenRefresh;
use crate::probe::Found;
use crate::renew::{access_token, blame};

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
        let (clients, _) = Clients::read(&*self.stores.secrets).await?;
        let Some(client) = clients.find(&wish.client_id) else {
            return Ok(failed(["The client of this link is no longer registered in the connector."]));
        };
        if !room(&*self.stores.secrets, &self.clock, name, true).await? {
            return Ok(failed(["This connection was made anew too often today. Open a new link tomorrow."]));
        }
        if let Err(until) = reserve(&*self.stores.state, &self.clock, name).await? {
            let line =
                format!("This connection asked Zoho for too many tokens. Open a new link after {until}.");
            return Ok(failed([line]));
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
        let found = match unfit(wish, &scopes) {
            Some(lines) => Err(lines),
            None => self.probe(wish, dc, &scopes, &granted.access_token).await,
        };
        let found = match found {
            Ok(found) => found,
            Err(lines) => {
                self.give_back(dc, &refresh_token).await;
                return Ok(failed(lines));
            }
        };
        let missing: Vec<_> =
            wish.scopes.iter().filter(|scope| !scopes.allows(scope)).map(str::to_owned).collect();
        let grant = Grant {
            refresh_token: refresh_token.clone(),
            generation: 0,
            client_id: client.id.clone(),
            home: client.home,
            data_centre: dc,
            scopes,
            organization: found.organization.clone(),
            crm_organization: found.crm_organization.clone(),
            connected_at: asked_at,
        };
        match self.replace(name, grant, granted, asked_at).await {
            Ok(old) => {
                if let Some(old) = old.filter(|old| old.refresh_token.digest() != refresh_token.digest()) {
                    self.give_back(old.data_centre, &old.refresh_token).await;
                }
                tracing::info!(connection = %name, data_centre = %dc, "connected");
                Ok(connected(wish, dc, &found, &missing))
            }
            Err(NotReplaced::Busy) => {
                self.give_back(dc, &refresh_token).await;
                Ok(failed([
                    "Something else works on this connection at the moment. Open a new link in a minute.",
                ]))
            }
            Err(NotReplaced::Before(error)) => {
                self.give_back(dc, &refresh_token).await;
                Err(error)
            }
            // Whether the new grant is stored is not known, so it must live on.
            Err(NotReplaced::While(error)) => Err(error),
        }
    }

    /// Stores the grant and its first token as the next generation, and returns the grant that it replaced.
    async fn replace(
        &self,
        name: &ConnectionName,
        mut grant: Grant,
        granted: Granted,
        asked_at: Timestamp,
    ) -> Result<Option<Grant>, NotReplaced> {
        let Some(mut lease) = self.wait_for_lease(name).await? else { return Err(NotReplaced::Busy) };
        let secrets = &*self.stores.secrets;
        let grant_name = Grant::secret_name(name);
        let (old, old_version) = load::<Grant>(secrets, &grant_name).await?.unzip();
        let token_version = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await?.unzip().1;
        grant.generation = old.as_ref().map_or(0, |old| old.generation) + 1;
        let token = access_token(&grant, granted, asked_at);
        let pending = secrets.stage(&grant_name, &text(&grant)?).await?;

        // The row before the grant: if we die between them, the schedule sees that they differ and makes the row anew.
        let mut row = Connection::of(name.clone(), &grant);
        if !lease.write(Write::Put(row.row()?)).await? {
            return Err(NotReplaced::Busy);
        }
        match secrets.promote(&grant_name, &pending, old_version.as_ref()).await {
            Ok(true) => {}
            Ok(false) => return Err(NotReplaced::Busy),
            Err(error) => return Err(NotReplaced::While(error)),
        }
        let finish = async {
            if self.store_token(&lease, name, &token, token_version.as_ref()).await? {
                row.token_renewed_at = Some(asked_at);
                row.token_expires = Some(token.expires);
            }
            lease.finish(Write::Put(row.row()?)).await
        };
        if let Err(error) = finish.await {
            tracing::warn!(connection = %name, %error, "the grant is stored; the next renewal stores its token");
        }
        Ok(old)
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

/// Why a grant did not take the place of another.
enum NotReplaced {
    /// Somebody else has the lease.
    Busy,
    /// The store failed before anything was changed.
    Before(StoreError),
    /// The store failed while the grant was put in its place.
    While(StoreError),
}

impl From<StoreError> for NotReplaced {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

/// Why these scopes will not do. They travel through the user's browser, where they can be edited.
fn unfit(wish: &Wish, granted: &ScopeSet) -> Option<Vec<String>> {
    let products = granted.products();
    if let Some(product) = wish.scopes.products().into_iter().find(|product| !products.contains(product)) {
        return Some(vec![
            format!("Zoho gave no access to {product}, which was asked for."),
            "Open a new link; to leave the product out, `zoho-connector connect --products …`.".to_owned(),
        ]);
    }
    let wider = granted.iter().find(|scope| !wish.scopes.allows(scope));
    match wider {
        Some(scope) if wish.again => Some(vec![
            format!("Zoho gave more access than the connection had before: {scope}."),
            "To widen it, the operator runs `zoho-connector connect`.".to_owned(),
        ]),
        _ => None,
    }
}

fn failed<L: Into<String>>(lines: impl IntoIterator<Item = L>) -> Ending {
    Ending {
        connected: false,
        title: "Not connected".to_owned(),
        lines: lines.into_iter().map(Into::into).collect(),
    }
}

fn connected(wish: &Wish, dc: DataCentre, found: &Found, missing: &[String]) -> Ending {
    let mut lines = vec![format!("Connection {} · Zoho data centre {dc}", wish.connection)];
    if let Some(organization) = &found.organization {
        lines.push(format!("Zoho Inventory · {} (organisation {})", organization.name, organization.id));
    }
    if let Some(organization) = &found.crm_organization {
        lines.push(format!("Zoho CRM · {}", organization.name));
    }
    if !missing.is_empty() {
        lines.push(format!(
            "Zoho did not give these scopes, so what needs them will not work: {}.",
            missing.join(", ")
        ));
    }
    lines.push("Tested with one read per product. You can close this page.".to_owned());
    Ending { connected: true, title: "Connected".to_owned(), lines }
}

fn explain(refusal: &Refusal, dc: DataCentre, redirect_uri: &str) -> Vec<String> {
    let line = match refusal {
        Refusal::InvalidCode => {
            "Zoho no longer accepts this consent: it takes each one once, and within a minute. Open a new link.".to_owned()
        }
        refusal if refusal.blames_client() => {
            format!("{}. Set the right one: `zoho-connector client set`, with `--only-for {dc}` if it differs there.", blame(refusal, dc))
        }
        Refusal::InvalidRedirectUri => {
            format!("In Zoho's API console, register exactly this redirect URI: {redirect_uri}")
        }
        Refusal::AccessDenied | Refusal::Throttled => {
            "Zoho had too many consents or token requests in a short time. Open a new link in ten minutes.".to_owned()
        }
        Refusal::Unknown(word) => format!("Zoho refused with {word:?}. Open a new link in some minutes."),
        Refusal::Unreadable | Refusal::InvalidClient | Refusal::InvalidClientSecret => "Zoho's accounts server is not working properly. Open a new link in some minutes.".to_owned(),
        Refusal::Http(error) => format!("Zoho's accounts server could not be asked: {error}. Open a new link in some minutes."),
    };
    vec![line, "Nothing was changed.".to_owned()]
}
