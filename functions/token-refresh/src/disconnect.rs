//! The end of a connection: revoked at Zoho, deleted here.

use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::load;
use shared::store::{Condition, StoreError, Write};

use crate::TokenRefresh;
use crate::revoke::Ending;

impl TokenRefresh {
    /// Ends a connection: because the operator asked for it, or because a process that `begun` it died.
    pub(crate) async fn disconnect(&self, name: &ConnectionName, begun: bool) -> Result<Reply, StoreError> {
        let state = &*self.stores.state;
        let secrets = &*self.stores.secrets;
        let Some(mut lease) = Lease::take(state, &self.clock, name).await? else { return Ok(Reply::Busy) };
        if begun && !is_ending(connection::get(state, name).await?.as_ref()) {
            // Somebody ended it, or connected it anew, since the schedule read its row.
            lease.release().await?;
            return Ok(Reply::Unknown);
        }
        let forget = Write::Delete(connection::key(name), Condition::Any);
        let Some((grant, _)) = load::<Grant>(secrets, &Grant::secret_name(name)).await? else {
            if !self.end_choice(&mut lease, name).await? {
                return Ok(Reply::Busy);
            }
            lease.finish(forget).await?;
            return Ok(Reply::Unknown);
        };
        // A tombstone first: whoever dies after it, the next tick goes on here, and nobody brings the connection back.
        let mut row = grant.connection(name.clone());
        row.state = State::Disconnecting;
        if !lease.write(Write::Put(row.row()?)).await? {
            return Ok(Reply::Busy);
        }
        // What is still to be chosen ends with it, and before anything is revoked: a choice would bring the connection back,
        // perhaps with this very grant, where whoever stored it died before it was cleared away.
        if !self.end_choice(&mut lease, name).await? {
            return Ok(Reply::Busy);
        }
        self.end_channel(name).await;
        // First there, then here: a grant that is forgotten here could not be revoked any more.
        let revoked = match self.revoke(&Ending::of(&grant)).await {
            Ok(()) => true,
            Err(refusal) => {
                tracing::warn!(connection = %name, ?refusal, "Zoho did not confirm the revocation");
                false
            }
        };
        for secret in [AccessToken::secret_name(name), Grant::secret_name(name)] {
            // A grant that somebody else stored by then would be lost.
            if !lease.covers_a_call().await? {
                return Ok(Reply::Busy);
            }
            secrets.delete(&secret).await?;
        }
        if !lease.finish(forget).await? {
            return Ok(Reply::Busy);
        }
        tracing::info!(connection = %name, revoked, "disconnected");
        Ok(Reply::Disconnected { revoked })
    }
}

fn is_ending(found: Option<&Connection>) -> bool {
    found.is_some_and(|found| found.state == State::Disconnecting)
}
