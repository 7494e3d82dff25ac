//! Revokes and deletes parked grants whose organisation nobody chose in time.

use shared::base::clock::{SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::StoreError;
use shared::store::secret_record::load;
use tokio::time::Instant;

use crate::app::App;
use crate::parked::{self, Parked, revoke_parked, unmark};

/// A choice that came in time is stored after this time, because a run ends within a minute.
const MAX_RUN: SignedDuration = SignedDuration::from_secs(60);

/// How long the connector goes on asking Zoho to revoke a grant that was not chosen, or that was replaced.
pub(crate) const REVOKE_ATTEMPTS_END: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn clear_parked(app: &App, begin_until: Instant) -> Result<(), StoreError> {
    for (name, until) in parked::list(&*app.stores.state).await? {
        if Instant::now() >= begin_until {
            return Ok(());
        }
        // Where a row cannot be read, the secret says until when.
        if until.is_ok_and(|until| later(until, MAX_RUN) > app.clock.now()) {
            continue;
        }
        if let Err(error) = clear(app, &name).await {
            tracing::warn!(connection = %name, %error, "a parked grant could not be cleared");
        }
    }
    Ok(())
}

async fn clear(app: &App, name: &ConnectionName) -> Result<(), StoreError> {
    let secrets = &*app.stores.secrets;
    let Some(mut lease) = Lease::take(&*app.stores.state, &app.clock, name).await? else {
        return Ok(());
    };
    if let Some((parked, _)) = load::<Parked>(secrets, &Parked::secret_name(name)).await? {
        let now = app.clock.now();
        if now < later(parked.until, MAX_RUN) {
            return lease.release().await;
        }
        let current = load::<Grant>(secrets, &Grant::secret_name(name)).await?.map(|(current, _)| current);
        // The process that stored it died before it deleted the parked copy.
        let revoked = parked.is_stored(current.as_ref()) || revoke_parked(app, name, &parked).await;
        let tries_again = now < later(parked.until, REVOKE_ATTEMPTS_END);
        if (!revoked && tries_again) || !parked::delete(secrets, &mut lease, name).await? {
            return lease.release().await;
        }
    }
    lease.finish(unmark(name)).await?;
    Ok(())
}
