//! The end of a connection: revoked at Zoho, deleted here.

use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::load;
use shared::store::{Condition, StoreError, Write};

use crate::app::App;
use crate::channels::end_channel;
use crate::parked::end_choice;
use crate::renew::is_perhaps_unseen;
use crate::revoke::{Revocation, revoke};

/// Ends a connection: because the operator asked for it, or because the process that had `begun` it died.
pub(crate) async fn disconnect(app: &App, name: &ConnectionName, begun: bool) -> Result<Reply, StoreError> {
    let state = &*app.stores.state;
    let secrets = &*app.stores.secrets;
    let Some(mut lease) = Lease::take(state, &app.clock, name).await? else { return Ok(Reply::Busy) };
    if begun && !is_ending(connection::get(state, name).await?.as_ref()) {
        // It was ended or connected anew since the schedule read its row.
        lease.release().await?;
        return Ok(Reply::Unknown);
    }
    let delete_row = Write::Delete(connection::key(name), Condition::Any);
    let Some((grant, _)) = load::<Grant>(secrets, &Grant::secret_name(name)).await? else {
        let row = connection::get(state, name).await?;
        if row.is_some_and(|row| is_perhaps_unseen(&row, app.clock.now())) {
            lease.release().await?;
            return Ok(Reply::Busy);
        }
        if !end_choice(app, &mut lease, name).await? {
            return Ok(Reply::Busy);
        }
        lease.finish(delete_row).await?;
        return Ok(Reply::Unknown);
    };
    // A tombstone first: if the process dies after it, the next scheduled run goes on here, and nobody reconnects.
    let mut row = grant.connection(name.clone());
    row.state = State::Disconnecting;
    if !lease.write(Write::Put(row.row()?)).await? {
        return Ok(Reply::Busy);
    }
    // A pending choice ends too, before anything is revoked. It would bring the connection back, perhaps with this very
    // grant, where a process stored it and died before it deleted the parked copy.
    if !end_choice(app, &mut lease, name).await? {
        return Ok(Reply::Busy);
    }
    end_channel(app, name).await;
    // First at Zoho, then here: a grant that is deleted here can no longer be revoked.
    let revoked = match revoke(app, &Revocation::of(&grant)).await {
        Ok(()) => true,
        Err(refusal) => {
            tracing::warn!(connection = %name, %refusal, "Zoho did not confirm the revocation");
            false
        }
    };
    for secret in [AccessToken::secret_name(name), Grant::secret_name(name)] {
        // Without the lease, a grant that another process stored by then would be lost.
        if !lease.covers_a_call().await? {
            return Ok(Reply::Busy);
        }
        secrets.delete(&secret).await?;
    }
    if !lease.finish(delete_row).await? {
        return Ok(Reply::Busy);
    }
    tracing::info!(connection = %name, revoked, "disconnected");
    Ok(Reply::Disconnected { revoked })
}

fn is_ending(found: Option<&Connection>) -> bool {
    found.is_some_and(|found| found.state == State::Disconnecting)
}
