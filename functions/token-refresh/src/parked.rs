//! The parked grant of a connection: tested, and kept in a secret of its own until the person has chosen one of several
//! organisations.
//!
//! A row says that something is parked. It is written before the secret and removed after it, so that no parked grant is ever
//! forgotten.

use serde::{Deserialize, Serialize};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::organization::Organization;
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::{load, text};
use shared::store::{Condition, Key, Put, Query, Secrets, StoreError, Table, Write};

use crate::app::App;
use crate::fresh_grant::FreshGrant;
use crate::revoke::{Revocation, revoke};

const PARTITION: &str = "parked-grant";

/// Rows that one scheduled run reads.
const MAX_ROWS: usize = 1000;

#[derive(Serialize, Deserialize)]
pub(crate) struct Parked {
    /// The digest of what its owner must bring to choose.
    pub(crate) ticket: String,
    /// The end of the time for a choice.
    pub(crate) until: Timestamp,
    /// The generation that the connection had when this was parked, or 0. Any other means that somebody was faster.
    pub(crate) over: u64,
    pub(crate) organizations: Vec<Organization>,
    pub(crate) fresh: FreshGrant,
}

#[derive(Serialize, Deserialize)]
struct ParkedRow {
    until: Timestamp,
}

impl Parked {
    pub(crate) fn secret_name(connection: &ConnectionName) -> String {
        format!("connections/{connection}/grant-parked")
    }

    /// Whether it is the connection's grant already.
    pub(crate) fn is_stored(&self, current: Option<&Grant>) -> bool {
        let digest = |grant: &Grant| grant.refresh_token.digest();
        current.is_some_and(|current| digest(current) == digest(&self.fresh.grant))
    }
}

/// Which connections have a parked grant, and until when each can be chosen.
pub(crate) async fn list(
    state: &dyn Table,
) -> Result<impl Iterator<Item = (ConnectionName, Result<Timestamp, StoreError>)>, StoreError> {
    let page = state.query(Query::partition(PARTITION, MAX_ROWS)).await?;
    Ok(page.rows.into_iter().filter_map(|row| {
        let until = row.read().map(|ParkedRow { until }| until);
        Some((row.key.sort.parse().ok()?, until))
    }))
}

/// Writes the row that says that something is parked.
pub(crate) fn mark(name: &ConnectionName, until: Timestamp) -> Result<Write, StoreError> {
    Put::record(key(name), &ParkedRow { until }, Condition::Any).map(Write::Put)
}

/// Removes that row.
pub(crate) fn unmark(name: &ConnectionName) -> Write {
    Write::Delete(key(name), Condition::Any)
}

/// Ends the time for a choice; the schedule then revokes the parked grant. Revoking comes second, because a process that
/// dies in between would otherwise leave a dead grant to be chosen. Says whether it is done.
pub(crate) async fn end_choice(
    app: &App,
    lease: &mut Lease<'_>,
    name: &ConnectionName,
) -> Result<bool, StoreError> {
    let secrets = &*app.stores.secrets;
    let secret_name = Parked::secret_name(name);
    let Some((mut parked, version)) = load::<Parked>(secrets, &secret_name).await? else { return Ok(true) };
    parked.until = parked.until.min(app.clock.now());
    if !lease.write(mark(name, parked.until)?).await? {
        return Ok(false);
    }
    let pending = secrets.stage(&secret_name, &text(&parked)?).await?;
    secrets.promote(&secret_name, &pending, Some(&version)).await
}

/// Deletes the secret, unless the lease ends too soon: then the schedule deletes it. Says whether it is done.
pub(crate) async fn delete(
    secrets: &dyn Secrets,
    lease: &mut Lease<'_>,
    name: &ConnectionName,
) -> Result<bool, StoreError> {
    // Without the lease, another process could have parked a grant by then: it would be deleted and never revoked.
    let is_covered = lease.covers_a_call().await?;
    if is_covered {
        secrets.delete(&Parked::secret_name(name)).await?;
    }
    Ok(is_covered)
}

/// Revokes the parked grant. Says whether it is done.
pub(crate) async fn revoke_parked(app: &App, name: &ConnectionName, parked: &Parked) -> bool {
    let revoked = revoke(app, &Revocation::of(&parked.fresh.grant)).await;
    if let Err(refusal) = &revoked {
        tracing::warn!(connection = %name, %refusal, "a parked grant could not be revoked");
    }
    revoked.is_ok()
}

fn key(name: &ConnectionName) -> Key {
    Key::new(PARTITION, name.as_str())
}
