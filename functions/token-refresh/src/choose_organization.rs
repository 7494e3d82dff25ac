//! The choice among several organisations: the tested grant is parked in a secret of its own, until the person has
//! chosen, or until the schedule revokes it.
//!
//! A row says that something is parked. It is written before the secret and removed after it, so that nothing parked is
//! ever forgotten.

use serde::{Deserialize, Serialize};
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::secret::digests_equal;
use shared::core::connection::consent::CHOICE;
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::Reply;
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::{load, text};
use shared::store::{Condition, Key, Put, Query, StoreError, Write};

use crate::TokenRefresh;
use crate::consent_results::failed;
use crate::revoke::Ending;
use crate::store_grant::{Fresh, NotSettled, Over};

const PARTITION: &str = "parked-grant";

/// How many are looked at in one tick.
const MOST: usize = 1000;

/// A choice that came in time is taken by then: a run ends within a minute.
const LAST_RUN: SignedDuration = SignedDuration::from_secs(60);

/// How long Zoho is asked to revoke what was not chosen.
const INSISTENCE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Serialize, Deserialize)]
struct Parked {
    ticket: String,
    until: Timestamp,
    /// The generation that the connection had then, or 0: any other means that somebody was faster.
    over: u64,
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
        let current = load::<Grant>(secrets, &Grant::secret_name(name)).await?.map(|(current, _)| current);
        let over = current.as_ref().map_or(0, |current| current.generation);
        let parked = Parked { ticket: ticket.to_owned(), until, over, organizations, fresh };
        let pending = secrets.stage(&secret_name(name), &text(&parked)?).await?;
        // What was parked before is revoked below: nobody may be choosing it by then.
        if !lease.covers_a_call().await?
            || !secrets.promote(&secret_name(name), &pending, version.as_ref()).await?
        {
            return Err(NotSettled::Busy);
        }
        if let Some(old) = old.filter(|old| !old.is_stored(current.as_ref())) {
            self.give_back_parked(name, &old).await;
        }
        // It is parked whatever comes now; a lease ends by itself.
        if let Err(error) = lease.release().await {
            tracing::warn!(connection = %name, %error, "a lease was not given back");
        }
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
        let overtaken = || {
            let line = "The choice came too late, or a newer consent took its place. Open a new link.";
            Ok(Reply::Exchanged { ending: failed([line]) })
        };
        let Some(Parked { mut fresh, organizations, over, .. }) = parked else {
            lease.release().await?;
            return overtaken();
        };
        let Some(chosen) = organizations.into_iter().find(|found| found.id == organization) else {
            lease.release().await?;
            let ending = failed(["This organisation was not among those to choose from. Open a new link."]);
            return Ok(Reply::Exchanged { ending });
        };
        fresh.grant.organization = Some(chosen.clone());
        fresh.token.organization = Some(chosen);
        match self.settle(lease, name, fresh, Over::Generation(over)).await {
            Ok(reply) => Ok(reply),
            Err(NotSettled::Overtaken) => overtaken(),
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
            if later(until, LAST_RUN) <= self.clock.now()
                && let Err(error) = self.clear(&name).await
            {
                tracing::warn!(connection = %name, %error, "a parked grant could not be cleared away");
            }
        }
        Ok(())
    }

    async fn clear(&self, name: &ConnectionName) -> Result<(), StoreError> {
        let secrets = &*self.stores.secrets;
        let Some(mut lease) = Lease::take(&*self.stores.state, &self.clock, name).await? else {
            return Ok(());
        };
        if let Some((parked, _)) = load::<Parked>(secrets, &secret_name(name)).await? {
            let now = self.clock.now();
            if now < later(parked.until, LAST_RUN) {
                return lease.release().await;
            }
            let current =
                load::<Grant>(secrets, &Grant::secret_name(name)).await?.map(|(current, _)| current);
            // Whoever stored it died before it was cleared away.
            let revoked = parked.is_stored(current.as_ref()) || self.give_back_parked(name, &parked).await;
            let insists = now < later(parked.until, INSISTENCE);
            if (!revoked && insists) || !self.delete_parked(&mut lease, name).await? {
                return lease.release().await;
            }
        }
        lease.finish(unmark(name)).await?;
        Ok(())
    }

    /// Ends the time for a choice; the schedule revokes what was to be chosen. Not the other way round: who dies in between
    /// would leave a dead grant to be chosen. Says whether it is done.
    pub(crate) async fn end_choice(
        &self,
        lease: &mut Lease<'_>,
        name: &ConnectionName,
    ) -> Result<bool, StoreError> {
        let secrets = &*self.stores.secrets;
        let Some((mut parked, version)) = load::<Parked>(secrets, &secret_name(name)).await? else {
            return Ok(true);
        };
        parked.until = parked.until.min(self.clock.now());
        let row = Put::record(key(name), &ParkedRow { until: parked.until }, Condition::Any)?;
        if !lease.write(Write::Put(row)).await? {
            return Ok(false);
        }
        let pending = secrets.stage(&secret_name(name), &text(&parked)?).await?;
        secrets.promote(&secret_name(name), &pending, Some(&version)).await
    }

    /// Deletes the secret, unless the lease ends too soon: then the schedule clears it away.
    pub(crate) async fn delete_parked(
        &self,
        lease: &mut Lease<'_>,
        name: &ConnectionName,
    ) -> Result<bool, StoreError> {
        // What somebody else parked by then would be forgotten, and never revoked.
        let covered = lease.covers_a_call().await?;
        if covered {
            self.stores.secrets.delete(&secret_name(name)).await?;
        }
        Ok(covered)
    }

    /// Says whether it is revoked.
    async fn give_back_parked(&self, name: &ConnectionName, parked: &Parked) -> bool {
        let grant = &parked.fresh.grant;
        let revoked = self.revoke(&Ending::of(grant)).await;
        if let Err(refusal) = &revoked {
            tracing::warn!(connection = %name, ?refusal, "a parked grant could not be revoked");
        }
        revoked.is_ok()
    }
}

impl Parked {
    /// Whether it is the connection's grant already.
    fn is_stored(&self, current: Option<&Grant>) -> bool {
        let digest = |grant: &Grant| grant.refresh_token.digest();
        current.is_some_and(|current| digest(current) == digest(&self.fresh.grant))
    }
}

/// Removes the row that says that something is parked.
pub(crate) fn unmark(name: &ConnectionName) -> Write {
    Write::Delete(key(name), Condition::Any)
}

fn key(name: &ConnectionName) -> Key {
    Key::new(PARTITION, name.as_str())
}

fn secret_name(name: &ConnectionName) -> String {
    format!("connections/{name}/grant-parked")
}
