//! Grants that another one replaced, kept in a secret of their own until Zoho has revoked them.
//!
//! They are written down before the other takes their place, so that none is forgotten where a process dies in between. A row says
//! that there are some. It is written before the secret and removed after it.

use serde::{Deserialize, Serialize};
use shared::base::clock::{SignedDuration, Timestamp, is_to_come, later};
use shared::base::id::ConnectionName;
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::{load, text};
use shared::store::{Condition, Key, Put, Query, Row, StoreError, VersionId, Write};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::Revocable;
use shared::zoho::secrets::RefreshToken;
use tokio::time::Instant;

use crate::app::App;
use crate::clear_parked::REVOKE_ATTEMPTS_END;
use crate::revoke::{Revocation, revoke};

const PARTITION: &str = "replaced-grant";

/// Rows that one scheduled run reads.
const MAX_ROWS: usize = 1000;

/// The run that wrote a row revokes by itself, within this time.
const MAX_RUN: SignedDuration = SignedDuration::from_secs(60);

/// What is needed to revoke a grant.
#[derive(Serialize, Deserialize)]
struct Replaced {
    #[serde(serialize_with = "RefreshToken::serialize_exposed")]
    refresh_token: RefreshToken,
    client_id: String,
    data_centre: DataCentre,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct ReplacedRow {
    since: Timestamp,
}

impl Replaced {
    fn is(&self, grant: &Grant) -> bool {
        self.refresh_token.digest() == grant.refresh_token.digest()
    }

    fn revocation(&self) -> Revocation<'_> {
        Revocation {
            data_centre: self.data_centre,
            client_id: &self.client_id,
            token: Revocable::Refresh(&self.refresh_token),
        }
    }
}

/// Writes down that a grant is to be revoked, because it is about to be replaced. Says whether the lease was still ours.
///
/// # Errors
/// Where the store fails. That keeps nobody from connecting: the grant is revoked all the same, but once.
pub(crate) async fn keep(
    app: &App,
    lease: &mut Lease<'_>,
    name: &ConnectionName,
    old: &Grant,
) -> Result<bool, StoreError> {
    let (secrets, since) = (&*app.stores.secrets, app.clock.now());
    let (kept, version) = load::<Vec<Replaced>>(secrets, &secret_name(name)).await?.unzip();
    let mut kept = kept.unwrap_or_default();
    let mark = Put::record(key(name), &ReplacedRow { since }, Condition::Any)?;
    if !lease.write(Write::Put(mark)).await? {
        return Ok(false);
    }
    // Another process wrote it down and died before it replaced it.
    if kept.iter().any(|one| one.is(old)) {
        return Ok(true);
    }
    kept.push(Replaced {
        refresh_token: old.refresh_token.clone(),
        client_id: old.client_id.clone(),
        data_centre: old.data_centre,
        since,
    });
    let pending = secrets.stage(&secret_name(name), &text(&kept)?).await?;
    if secrets.promote(&secret_name(name), &pending, version.as_ref()).await? {
        return Ok(true);
    }
    Err(StoreError::Unavailable("another process changed the replaced grants".to_owned()))
}

/// Revokes a grant that was replaced, and forgets it. What cannot be done now, the schedule does.
pub(crate) async fn revoke_replaced(app: &App, name: &ConnectionName, old: &Grant) {
    if let Err(refusal) = revoke(app, &Revocation::of(old)).await {
        tracing::warn!(connection = %name, %refusal, "a replaced grant was not revoked yet");
        return;
    }
    if let Err(error) = forget(app, name, old).await {
        tracing::warn!(connection = %name, %error, "a replaced grant is revoked, and not forgotten yet");
    }
}

async fn forget(app: &App, name: &ConnectionName, revoked: &Grant) -> Result<(), StoreError> {
    let Some(lease) = Lease::take(&*app.stores.state, &app.clock, name).await? else { return Ok(()) };
    let found = load::<Vec<Replaced>>(&*app.stores.secrets, &secret_name(name)).await?;
    // A secret may be too new to be seen.
    let Some((mut kept, version)) = found else { return lease.release().await };
    let before = kept.len();
    kept.retain(|one| !one.is(revoked));
    let is_changed = kept.len() < before;
    store(app, lease, name, (&kept, is_changed), &version).await
}

/// Revokes the grants that were replaced and are not revoked yet.
pub(crate) async fn clear_replaced(app: &App, begin_until: Instant) -> Result<(), StoreError> {
    let page = app.stores.state.query(Query::partition(PARTITION, MAX_ROWS)).await?;
    for row in page.rows {
        let Ok(name) = row.key.sort.parse::<ConnectionName>() else { continue };
        if Instant::now() >= begin_until {
            return Ok(());
        }
        if let Err(error) = clear(app, &name, &row).await {
            tracing::warn!(connection = %name, %error, "replaced grants could not be cleared");
        }
    }
    Ok(())
}

async fn clear(app: &App, name: &ConnectionName, row: &Row) -> Result<(), StoreError> {
    let (secrets, now) = (&*app.stores.secrets, app.clock.now());
    if is_to_come(later(row.read::<ReplacedRow>()?.since, MAX_RUN), now, MAX_RUN) {
        return Ok(());
    }
    let Some(mut lease) = Lease::take(&*app.stores.state, &app.clock, name).await? else { return Ok(()) };
    let Some((kept, version)) = load::<Vec<Replaced>>(secrets, &secret_name(name)).await? else {
        return lease.finish(unmark(name)).await.map(drop);
    };
    let current = load::<Grant>(secrets, &Grant::secret_name(name)).await?.map(|(current, _)| current);
    let (mut left, before) = (Vec::new(), kept.len());
    for one in kept {
        // The process that was about to replace it died before it did.
        if current.as_ref().is_some_and(|current| one.is(current)) {
            continue;
        }
        if !lease.covers_a_call().await? {
            return Ok(());
        }
        let revoked = revoke(app, &one.revocation()).await;
        match revoked {
            Ok(()) => {}
            Err(refusal) if now < later(one.since, REVOKE_ATTEMPTS_END) => {
                tracing::warn!(connection = %name, %refusal, "a replaced grant was not revoked yet");
                left.push(one);
            }
            Err(refusal) => tracing::error!(
                connection = %name,
                %refusal,
                "a replaced grant could not be revoked within a day: its user can remove it in Zoho, under Connected Apps"
            ),
        }
    }
    let is_changed = left.len() < before;
    store(app, lease, name, (&left, is_changed), &version).await
}

/// Stores what is left, and gives the lease back.
async fn store(
    app: &App,
    mut lease: Lease<'_>,
    name: &ConnectionName,
    (left, is_changed): (&Vec<Replaced>, bool),
    version: &VersionId,
) -> Result<(), StoreError> {
    let secrets = &*app.stores.secrets;
    if left.is_empty() {
        // Without the lease, another process could have written one down by then: it would never be revoked.
        if lease.covers_a_call().await? {
            secrets.delete(&secret_name(name)).await?;
            lease.finish(unmark(name)).await?;
        }
        return Ok(());
    }
    if is_changed {
        let pending = secrets.stage(&secret_name(name), &text(left)?).await?;
        secrets.promote(&secret_name(name), &pending, Some(version)).await?;
    }
    lease.release().await
}

fn secret_name(connection: &ConnectionName) -> String {
    format!("connections/{connection}/grant-replaced")
}

fn unmark(name: &ConnectionName) -> Write {
    Write::Delete(key(name), Condition::Any)
}

fn key(name: &ConnectionName) -> Key {
    Key::new(PARTITION, name.as_str())
}
