//! The end of a connection: revoked at Zoho, deleted here.

use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::grant::{AccessToken, Grant, load};
use shared::core::renewal::Lease;
use shared::core::renewer::Reply;
use shared::store::{Condition, StoreError, Write};

use crate::TokenRefresh;

impl TokenRefresh {
    pub(crate) async fn disconnect(&self, name: &ConnectionName) -> Result<Reply, StoreError> {
        let state = &*self.stores.state;
        let secrets = &*self.stores.secrets;
        let Some(lease) = Lease::take(state, &self.clock, name).await? else { return Ok(Reply::Busy) };
        let Some((grant, _)) = load::<Grant>(secrets, &Grant::secret_name(name)).await? else {
            lease.finish(Write::Delete(connection::key(name), Condition::Any)).await?;
            return Ok(Reply::Unknown);
        };
        // First there, then here: a grant that is forgotten here could not be revoked any more.
        let revoked = match self.accounts.revoke(grant.data_centre, &grant.refresh_token).await {
            Ok(()) => true,
            Err(refusal) => {
                tracing::warn!(connection = %name, ?refusal, "Zoho did not confirm the revocation");
                false
            }
        };
        secrets.delete(&AccessToken::secret_name(name)).await?;
        secrets.delete(&Grant::secret_name(name)).await?;
        lease.finish(Write::Delete(connection::key(name), Condition::Any)).await?;
        tracing::info!(connection = %name, revoked, "disconnected");
        Ok(Reply::Disconnected { revoked })
    }
}
