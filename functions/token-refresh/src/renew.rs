//! A new access token for one connection.

use shared::base::clock::{SignedDuration, Timestamp, earlier, later, seconds_until};
use shared::base::id::ConnectionName;
use shared::base::secret::digests_equal;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::core::grant::Grant;
use shared::core::grant::client::Clients;
use shared::core::grant::lease::{Lease, after_silence, after_throttle, reserve, room};
use shared::store::secret_record::{load, text};
use shared::store::{Condition, StoreError, VersionId, Write};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{ClientCredentials, Granted, Refusal};

use crate::TokenRefresh;

/// A token that ends within this time is renewed when a caller asks.
pub(crate) const SOON: SignedDuration = SignedDuration::from_secs(60);

/// When to look again whether there is room for another version of the secret.
const CROWDED: SignedDuration = SignedDuration::from_mins(30);

impl TokenRefresh {
    /// Renews the token, unless a good one is stored: one that lives on after `margin`, and is not the one whose
    /// digest is `dead`.
    pub(crate) async fn renew(
        &self,
        name: &ConnectionName,
        dead: Option<&str>,
        margin: SignedDuration,
    ) -> Result<Reply, StoreError> {
        let state = &*self.stores.state;
        // Without the lease, because callers come again and again during a pause.
        if let Some(wait) = connection::get(state, name).await?.and_then(|found| self.pausing(&found)) {
            return Ok(wait);
        }
        let Some(lease) = Lease::take(state, &self.clock, name).await? else { return Ok(Reply::Busy) };

        let secrets = &*self.stores.secrets;
        let Some((grant, _)) = load::<Grant>(secrets, &Grant::secret_name(name)).await? else {
            // A consent or a disconnect that died half-way leaves a row without a grant.
            lease.finish(Write::Delete(connection::key(name), Condition::Any)).await?;
            return Ok(Reply::Unknown);
        };
        let token = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await?;
        let mut found = match connection::get(state, name).await? {
            Some(row) if row.generation == grant.generation => row,
            // The process that stored this grant died before it wrote the row.
            _ => grant.connection(name.clone()),
        };

        if let Some((token, _)) = &token
            && token.generation == grant.generation
            && self.clock.now() < earlier(token.expires, margin)
            && dead.is_none_or(|dead| !digests_equal(dead, &token.token.digest()))
        {
            if found.token_expires != Some(token.expires) {
                found.token_expires = Some(token.expires);
                lease.finish(Write::Put(found.row()?)).await?;
            } else {
                lease.release().await?;
            }
            return Ok(Reply::Renewed);
        }

        let version = token.map(|(_, version)| version);
        let before = found.state.clone();
        let reply = self.call_zoho(&lease, &grant, version, &mut found).await?;
        if !lease.finish(Write::Put(found.row()?)).await? {
            // The lease ran out on us: whoever has it now writes what is true.
            return Ok(Reply::Busy);
        }
        self.announce(&before, &found).await;
        Ok(reply)
    }

    /// The reply of a connection that must leave Zoho alone for now.
    fn pausing(&self, found: &Connection) -> Option<Reply> {
        let now = self.clock.now();
        match &found.state {
            State::CoolingDown { until, reason, .. } if now < *until => {
                Some(Reply::Wait { seconds: seconds_until(*until, now), reason: reason.clone() })
            }
            State::Exhausted { until } if now < *until => Some(exhausted(*until, now)),
            _ => None,
        }
    }

    async fn call_zoho(
        &self,
        lease: &Lease<'_>,
        grant: &Grant,
        version: Option<VersionId>,
        found: &mut Connection,
    ) -> Result<Reply, StoreError> {
        if let Some(wait) = self.pausing(found) {
            return Ok(wait);
        }
        match found.state {
            State::ReconnectRequired { .. } => return Ok(Reply::ReconnectRequired),
            State::Disconnecting => return Ok(Reply::Unknown),
            _ => {}
        }
        let (clients, mark) = Clients::read(&*self.stores.secrets).await?;
        let mark = mark.map(|version| version.0);
        if let State::Misconfigured { reason, clients } = &found.state
            && *clients == mark
        {
            return Ok(Reply::Misconfigured { reason: reason.clone() });
        }
        let Some(client) = clients.find(&grant.client_id) else {
            let reason = "its client is not registered in this connector".to_owned();
            found.state = State::Misconfigured { reason: reason.clone(), clients: mark };
            return Ok(Reply::Misconfigured { reason });
        };
        if !room(&*self.stores.secrets, &self.clock, &found.name, false).await? {
            let until = later(self.clock.now(), CROWDED);
            found.state = State::Exhausted { until };
            return Ok(exhausted(until, self.clock.now()));
        }
        if let Err(until) = reserve(&*self.stores.state, &self.clock, &found.name).await? {
            found.state = State::Exhausted { until };
            tracing::warn!(connection = %found.name, %until, "token budget spent");
            return Ok(exhausted(until, self.clock.now()));
        }

        let credentials = ClientCredentials { id: &client.id, secret: client.secret_at(grant.data_centre) };
        let asked_at = self.clock.now();
        match self.accounts.renew(grant.data_centre, credentials, &grant.refresh_token).await {
            Ok(granted) => {
                found.clock_ahead = granted.date.and_then(|theirs| ahead(self.clock.now(), theirs));
                if let Some(seconds) = found.clock_ahead {
                    tracing::warn!(seconds, "this machine's clock is ahead of Zoho's: set it right");
                }
                let token = access_token(grant, granted, asked_at);
                if !self.store_token(lease, &found.name, &token, version.as_ref()).await? {
                    return Ok(Reply::Busy);
                }
                found.state = State::Healthy;
                found.token_renewed_at = Some(asked_at);
                found.token_expires = Some(token.expires);
                tracing::info!(connection = %found.name, expires = %token.expires, "token renewed");
                Ok(Reply::Renewed)
            }
            Err(refusal) => {
                tracing::warn!(connection = %found.name, ?refusal, "token not renewed");
                Ok(self.refused(found, refusal, mark))
            }
        }
    }

    /// Puts a token in the place of the very version that was read, while the lease is ours.
    pub(crate) async fn store_token(
        &self,
        lease: &Lease<'_>,
        name: &ConnectionName,
        token: &AccessToken,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let secrets = &*self.stores.secrets;
        let secret_name = AccessToken::secret_name(name);
        let pending = secrets.stage(&secret_name, &text(token)?).await?;
        Ok(lease.holds().await? && secrets.promote(&secret_name, &pending, from).await?)
    }

    fn refused(&self, found: &mut Connection, refusal: Refusal, mark: Option<String>) -> Reply {
        let now = self.clock.now();
        if refusal == Refusal::InvalidCode {
            found.state = State::ReconnectRequired { since: now };
            return Reply::ReconnectRequired;
        }
        if refusal.blames_client() {
            let reason = blame(&refusal, found.data_centre);
            found.state = State::Misconfigured { reason: reason.clone(), clients: mark };
            return Reply::Misconfigured { reason };
        }
        let times = 1 + match &found.state {
            State::CoolingDown { times, .. } => *times,
            _ => 0,
        };
        let (length, reason) = match refusal {
            Refusal::Http(error) => {
                (after_silence(times), format!("Zoho's accounts server could not be asked: {error}"))
            }
            Refusal::Unreadable => (
                after_silence(times),
                "Zoho's accounts server answered with something that is no token".to_owned(),
            ),
            Refusal::Throttled => {
                (after_throttle(times), "Zoho throttles the token requests of this connection".to_owned())
            }
            Refusal::Unknown(word) => {
                (after_throttle(times), format!("Zoho refused a new token with {word:?}"))
            }
            _ => (after_throttle(times), "Zoho refused a new token for now".to_owned()),
        };
        let until = later(now, length);
        found.state = State::CoolingDown { until, times, reason: reason.clone() };
        Reply::Wait { seconds: seconds_until(until, now), reason }
    }
}

/// What is wrong with the client, in words that say what to set right.
pub(crate) fn blame(refusal: &Refusal, dc: DataCentre) -> String {
    if *refusal == Refusal::InvalidClient {
        format!(
            "Zoho's data centre {dc} does not know the client id: switch on Multi-DC for it in Zoho's API console"
        )
    } else {
        format!(
            "the client secret is wrong for Zoho's data centre {dc}: Zoho can give one secret for all, or one for each"
        )
    }
}

/// By how many seconds our clock is ahead of Zoho's, if that is a minute or more.
fn ahead(ours: Timestamp, theirs: Timestamp) -> Option<i64> {
    let seconds = ours.duration_since(theirs).as_secs();
    (seconds.abs() >= 60).then_some(seconds)
}

fn exhausted(until: Timestamp, now: Timestamp) -> Reply {
    Reply::Wait {
        seconds: seconds_until(until, now),
        reason: "So many tokens were needed that one more could make Zoho lock the connection".to_owned(),
    }
}

/// The record of a new token. Its life is counted from before the call, so that it never seems longer than it is.
pub(crate) fn access_token(grant: &Grant, granted: Granted, asked_at: Timestamp) -> AccessToken {
    let lifetime = SignedDuration::try_from(granted.lifetime).unwrap_or(SignedDuration::ZERO);
    AccessToken {
        token: granted.access_token,
        generation: grant.generation,
        expires: later(asked_at, lifetime),
        data_centre: grant.data_centre,
        scopes: granted.scopes.unwrap_or_else(|| grant.scopes.clone()),
        organization: grant.organization.clone(),
        crm_organization: grant.crm_organization.clone(),
    }
}
