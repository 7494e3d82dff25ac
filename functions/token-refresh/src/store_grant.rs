//! A tested grant becomes the connection's next generation.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::consent::Wish;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, State};
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::{load, text};
use shared::store::{StoreError, Write};
use tokio::time::{Instant, sleep};

use crate::TokenRefresh;
use crate::choose_organization::unmark;
use crate::consent_results::connected;
use crate::revoke::Ending;

/// A renewal that is under way is waited for.
const PATIENCE: Duration = Duration::from_secs(16);

/// A grant that was tested and is not stored yet.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fresh {
    /// Its generation is given when it is stored.
    pub(crate) grant: Grant,
    pub(crate) token: AccessToken,
    /// What was asked for and not given.
    pub(crate) missing: Vec<String>,
}

/// Why a grant did not take the place of another.
pub(crate) enum NotSettled {
    /// Somebody else has the lease.
    Busy,
    /// Since it was parked, or since the consent began, the connection was made anew or ended.
    Overtaken,
    /// The store failed before anything was changed.
    Before(StoreError),
    /// The store failed while the grant was put in its place.
    While(StoreError),
}

/// What a grant may take the place of.
#[derive(Clone, Copy)]
pub(crate) enum Over {
    /// Whatever there is: the operator asked for it.
    Anything,
    /// The generation that it was parked over.
    Generation(u64),
    /// A connection of that time that is still dead: anybody may bring that back, and nothing else.
    Dead(Timestamp),
}

impl From<StoreError> for NotSettled {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

impl TokenRefresh {
    /// Stores a grant that nothing else has to be known for.
    pub(crate) async fn settle_new(&self, wish: &Wish, fresh: Fresh) -> Result<Reply, NotSettled> {
        let name = &wish.connection;
        let lease = self.wait_for_lease(name).await?.ok_or(NotSettled::Busy)?;
        self.settle(lease, name, fresh, wish.again.map_or(Over::Anything, Over::Dead)).await
    }

    /// Stores the grant and its first token as the next generation, and revokes the grant that it replaces.
    pub(crate) async fn settle(
        &self,
        mut lease: Lease<'_>,
        name: &ConnectionName,
        fresh: Fresh,
        over: Over,
    ) -> Result<Reply, NotSettled> {
        let Fresh { mut grant, mut token, missing } = fresh;
        let secrets = &*self.stores.secrets;
        let grant_name = Grant::secret_name(name);
        let (old, old_version) = load::<Grant>(secrets, &grant_name).await?.unzip();
        let before = old.as_ref().map_or(0, |old| old.generation);
        // Itself it may replace: a process that stored it can have died before it said so.
        let old = old.filter(|old| old.refresh_token.digest() != grant.refresh_token.digest());
        let all = connection::list(&*self.stores.state).await?;
        let overtaken = match over {
            Over::Anything => false,
            Over::Generation(over) => over != before && (old.is_some() || before == 0),
            Over::Dead(since) => !all.iter().any(|row| {
                row.name == *name
                    && row.connected_at == since
                    && matches!(row.state, State::ReconnectRequired { .. })
            }),
        };
        if overtaken {
            lease.release().await?;
            return Err(NotSettled::Overtaken);
        }
        let token_version = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await?.unzip().1;
        grant.generation = before + 1;
        token.generation = grant.generation;
        let pending = secrets.stage(&grant_name, &text(&grant)?).await?;

        // The row before the grant: if we die between them, the schedule sees that they differ and makes the row anew.
        let mut row = grant.connection(name.clone());
        // A grant that becomes current after somebody else had the lease could be one that they revoked.
        if !lease.write(Write::Put(row.row()?)).await? || !lease.outlasts_a_call() {
            return Err(NotSettled::Busy);
        }
        match secrets.promote(&grant_name, &pending, old_version.as_ref()).await {
            Ok(true) => {}
            Ok(false) => return Err(NotSettled::Busy),
            Err(error) => return Err(NotSettled::While(error)),
        }
        let finish = async {
            if self.store_token(&lease, name, &token, token_version.as_ref()).await? {
                row.token_renewed_at = Some(grant.connected_at);
                row.token_expires = Some(token.expires);
            }
            let mut last = vec![Write::Put(row.row()?)];
            if matches!(over, Over::Generation(_)) && self.delete_parked(&mut lease, name).await? {
                last.push(unmark(name));
            }
            lease.finish_all(last).await
        };
        if let Err(error) = finish.await {
            tracing::warn!(connection = %name, %error, "the grant is stored; the next renewal stores its token");
        }
        if let Some(old) = old {
            self.give_back(&Ending::of(&old)).await;
        }
        if let Some(before) = all.iter().find(|before| before.name == *name) {
            self.announce(&before.state, &row).await;
        }
        tracing::info!(connection = %name, data_centre = %grant.data_centre, "connected");
        Ok(Reply::Exchanged { ending: connected(&row, &missing, &all) })
    }

    pub(crate) async fn wait_for_lease(
        &self,
        name: &ConnectionName,
    ) -> Result<Option<Lease<'_>>, StoreError> {
        let started = Instant::now();
        loop {
            let lease = Lease::take(&*self.stores.state, &self.clock, name).await?;
            if lease.is_some() || started.elapsed() > PATIENCE {
                return Ok(lease);
            }
            sleep(Duration::from_millis(250)).await;
        }
    }
}
