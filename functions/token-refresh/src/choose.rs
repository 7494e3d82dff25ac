//! The choice among several organisations: the tested grant is parked in a secret of its own, until the person has
//! chosen, or until the schedule revokes it.
//!
//! A row says that something is parked. It is written before the secret and removed after it, so that nothing parked is
//! ever forgotten.

use serde::{Deserialize, Serialize};
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::digests_equal;
use shared::core::connection::Organization;
use shared::core::consent::CHOICE;
use shared::core::grant::{Grant, load, text};
use shared::core::renewal::Lease;
use shared::core::renewer::Reply;
use shared::store::{Condition, Key, Put, Query, StoreError, Write};

use crate::TokenRefresh;
use crate::endings::failed;
use crate::settle::{Fresh, NotSettled};

const PARTITION: &str = "parked-grant";

/// How many are looked at in one tick.
const MOST: usize = 1000;

/// How long Zoho is asked to revoke what was not chosen.
const INSISTENCE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Serialize, Deserialize)]
struct Parked {
    ticket: String,
    until: Timestamp,
    organizations: Vec<Organization>,
    fresh: Fresh,
}

#[derive(Serialize, Deserialize)]
struct ParkedRow {
    until: Timestamp,
}

impl TokenRefresh {
    /// Keeps a grant until its organisation is chosen. Of one connection, the last one is kept.
    pub(crate) async fn park(
        &self,
        name: &ConnectionName,
        fresh: Fresh,
        organizations: Vec<Organization>,
        ticket: &str,
    ) -> Result<Reply, NotSettled> {
        let mut lease = self.wait_for_lease(name).await?.ok_or(NotSettled::Busy)?;
        let secrets = &*self.stores.secrets;
        let until = later(self.clock.now(), CHOICE);
        let row = Put::record(key(name), &ParkedRow { until }, Condition::Any)?;
        if !lease.write(Write::Put(row)).await? {
            return Err(NotSettled::Busy);
        }
        let (old, version) = load::<Parked>(secrets, &secret_name(name)).await?.unzip();
        let parked = Parked { ticket: ticket.to_owned(), until, organizations, fresh };
        let pending = secrets.stage(&secret_name(name), &text(&parked)?).await?;
        if !lease.holds().await? || !secrets.promote(&secret_name(name), &pending, version.as_ref()).await? {
            return Err(NotSettled::Busy);
        }
        if let Some(old) = old {
            self.give_back_parked(name, &old).await?;
        }
        lease.release().await?;
        tracing::info!(connection = %name, "an organisation must be chosen");
        Ok(Reply::Choose { organizations: parked.organizations })
    }

    /// Stores the parked grant with the organisation that was chosen.
    pub(crate) async fn choose(
        &self,
        name: &ConnectionName,
        ticket: &str,
        organization: &str,
    ) -> Result<Reply, StoreError> {
        let secrets = &*self.stores.secrets;
        let Some(lease) = self.wait_for_lease(name).await? else { return Ok(Reply::Busy) };
        let parked = load::<Parked>(secrets, &secret_name(name)).await?.map(|(parked, _)| parked);
        let parked =
            parked.filter(|parked| digests_equal(&parked.ticket, ticket) && self.clock.now() < parked.until);
        let Some(Parked { mut fresh, organizations, .. }) = parked else {
            lease.release().await?;
            let ending =
                failed(["The choice came too late, or a newer consent took its place. Open a new link."]);
            return Ok(Reply::Exchanged { ending });
        };
        let Some(chosen) = organizations.into_iter().find(|found| found.id == organization) else {
            lease.release().await?;
            let ending = failed(["This organisation was not among those to choose from. Open a new link."]);
            return Ok(Reply::Exchanged { ending });
        };
        fresh.grant.organization = Some(chosen.clone());
        fresh.token.organization = Some(chosen);
        let tidy = async || {
            secrets.delete(&secret_name(name)).await?;
            Ok(vec![Write::Delete(key(name), Condition::Any)])
        };
        match self.settle(lease, name, fresh, tidy).await {
            Ok(reply) => Ok(reply),
            // It is still parked: the same choice can be made again.
            Err(NotSettled::Busy) => Ok(Reply::Busy),
            Err(NotSettled::Before(error) | NotSettled::While(error)) => Err(error),
        }
    }

    /// Revokes what nobody chose in time.
    pub(crate) async fn clear_parked(&self) -> Result<(), StoreError> {
        let page = self.stores.state.query(Query::partition(PARTITION, MOST)).await?;
        for row in page.rows {
            let Ok(name) = row.key.sort.parse::<ConnectionName>() else { continue };
            let ParkedRow { until } = row.read()?;
            if until <= self.clock.now()
                && let Err(error) = self.clear(&name).await
            {
                tracing::warn!(connection = %name, %error, "a parked grant could not be cleared away");
            }
        }
        Ok(())
    }

    async fn clear(&self, name: &ConnectionName) -> Result<(), StoreError> {
        let secrets = &*self.stores.secrets;
        let Some(lease) = Lease::take(&*self.stores.state, &self.clock, name).await? else { return Ok(()) };
        if let Some((parked, _)) = load::<Parked>(secrets, &secret_name(name)).await? {
            let now = self.clock.now();
            let insists = now < later(parked.until, INSISTENCE);
            if now < parked.until || (!self.give_back_parked(name, &parked).await? && insists) {
                return lease.release().await;
            }
            secrets.delete(&secret_name(name)).await?;
        }
        lease.finish(Write::Delete(key(name), Condition::Any)).await?;
        Ok(())
    }

    /// Says whether it is revoked, or need not be.
    async fn give_back_parked(&self, name: &ConnectionName, parked: &Parked) -> Result<bool, StoreError> {
        let grant = &parked.fresh.grant;
        let current = load::<Grant>(&*self.stores.secrets, &Grant::secret_name(name)).await?;
        // Whoever stored it died before it was cleared away.
        if current.is_some_and(|(current, _)| current.refresh_token.digest() == grant.refresh_token.digest())
        {
            return Ok(true);
        }
        let revoked = self.accounts.revoke(grant.data_centre, &grant.refresh_token).await;
        if let Err(refusal) = &revoked {
            tracing::warn!(connection = %name, ?refusal, "a parked grant could not be revoked");
        }
        Ok(revoked.is_ok())
    }
}

fn key(name: &ConnectionName) -> Key {
    Key::new(PARTITION, name.as_str())
}

fn secret_name(name: &ConnectionName) -> String {
    format!("connections/{name}/grant-parked")
}
