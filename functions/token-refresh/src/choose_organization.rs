//! The choice among several organisations: the tested grant is parked until the person has chosen.

use shared::base::clock::later;
use shared::base::id::ConnectionName;
use shared::base::secret::digests_equal;
use shared::core::connection::consent::CHOICE;
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::core::grant::lease::Lease;
use shared::core::grant::{Chosen, Grant};
use shared::store::StoreError;
use shared::store::secret_record::{load, text};

use crate::app::App;
use crate::consent_results::{connected, failed};
use crate::fresh_grant::FreshGrant;
use crate::parked::{Parked, mark, revoke_parked};
use crate::store_grant::{NotStored, Replaces, store_grant};

/// Keeps a grant until its organisation is chosen. A connection has one parked grant, the latest.
pub(crate) async fn park(
    app: &App,
    name: &ConnectionName,
    fresh: FreshGrant,
    organizations: Vec<Organization>,
    ticket: &str,
) -> Result<Reply, NotStored> {
    let mut lease = Lease::wait(&*app.stores.state, &app.clock, name).await?.ok_or(NotStored::Busy)?;
    let secrets = &*app.stores.secrets;
    let until = later(app.clock.now(), CHOICE);
    if !lease.write(mark(name, until)?).await? {
        return Err(NotStored::Busy);
    }
    let secret_name = Parked::secret_name(name);
    let (old, version) = load::<Parked>(secrets, &secret_name).await?.unzip();
    let current = load::<Grant>(secrets, &Grant::secret_name(name)).await?.map(|(current, _)| current);
    let over = current.as_ref().map_or(0, |current| current.generation);
    let parked = Parked { ticket: ticket.to_owned(), until, over, organizations, fresh };
    let pending = secrets.stage(&secret_name, &text(&parked)?).await?;
    // The grant that was parked before is revoked below: nobody may be choosing it by then.
    if !lease.covers_a_call().await? || !secrets.promote(&secret_name, &pending, version.as_ref()).await? {
        return Err(NotStored::Busy);
    }
    // Zoho may have given the same grant again.
    let is_unused = |old: &Parked| {
        ![current.as_ref(), Some(&parked.fresh.grant)].into_iter().any(|grant| old.is_stored(grant))
    };
    if let Some(old) = old.filter(is_unused) {
        revoke_parked(app, name, &old).await;
    }
    // The grant is parked in any case; a lease ends by itself.
    if let Err(error) = lease.release().await {
        tracing::warn!(connection = %name, %error, "a lease was not given back");
    }
    tracing::info!(connection = %name, "an organisation must be chosen");
    Ok(Reply::Choose { organizations: parked.organizations })
}

/// Stores the parked grant with the organisation that was chosen.
pub(crate) async fn choose(
    app: &App,
    name: &ConnectionName,
    ticket: &str,
    organization: &str,
) -> Result<Reply, StoreError> {
    let Some(lease) = Lease::wait(&*app.stores.state, &app.clock, name).await? else {
        return Ok(Reply::Busy);
    };
    let parked = load::<Parked>(&*app.stores.secrets, &Parked::secret_name(name)).await?;
    let parked = parked
        .map(|(parked, _)| parked)
        .filter(|parked| digests_equal(&parked.ticket, ticket) && app.clock.now() < parked.until);
    let overtaken = || {
        let line = "The choice came too late, or a newer consent took its place. Open a new link.";
        Ok(Reply::Exchanged { ending: failed([line]) })
    };
    let Some(Parked { mut fresh, organizations, over, .. }) = parked else {
        let taken = taken(app, name, ticket).await?;
        lease.release().await?;
        return taken.map_or_else(overtaken, Ok);
    };
    let Some(chosen) = organizations.into_iter().find(|found| found.id == organization) else {
        lease.release().await?;
        let ending = failed(["This organisation was not among those to choose from. Open a new link."]);
        return Ok(Reply::Exchanged { ending });
    };
    fresh.grant.chosen = Some(Chosen { ticket: ticket.to_owned(), missing: fresh.missing.clone() });
    fresh.grant.organization = Some(chosen.clone());
    fresh.token.organization = Some(chosen);
    match store_grant(app, lease, name, fresh, Replaces::Generation(over)).await {
        Ok(reply) => Ok(reply),
        Err(NotStored::Overtaken) => overtaken(),
        // It is still parked: the same choice can be made again.
        Err(NotStored::Busy) => Ok(Reply::Busy),
        Err(NotStored::Before(error) | NotStored::While(error)) => Err(error),
    }
}

/// The end of this very choice, where it was taken before: its first answer was lost on the way, or could not be kept.
async fn taken(app: &App, name: &ConnectionName, ticket: &str) -> Result<Option<Reply>, StoreError> {
    let current = load::<Grant>(&*app.stores.secrets, &Grant::secret_name(name)).await?;
    let Some((grant, _)) = current else { return Ok(None) };
    let Some(chosen) = grant.chosen.as_ref().filter(|chosen| digests_equal(&chosen.ticket, ticket)) else {
        return Ok(None);
    };
    let (all, _) = connection::readable(&*app.stores.state).await?;
    let is_over =
        |row: &Connection| matches!(row.state, State::Disconnecting | State::ReconnectRequired { .. });
    if all.iter().any(|row| row.name == *name && is_over(row)) {
        return Ok(None);
    }
    let ending = connected(&grant.connection(name.clone()), &chosen.missing, &all);
    Ok(Some(Reply::Exchanged { ending }))
}
