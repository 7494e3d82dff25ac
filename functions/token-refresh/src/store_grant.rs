//! A tested grant becomes the connection's next generation.

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::consent::Wish;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::{load, text};
use shared::store::{Secrets, StoreError, VersionId, Write};

use crate::announce;
use crate::app::App;
use crate::consent_results::connected;
use crate::fresh_grant::FreshGrant;
use crate::parked;
use crate::replaced::{keep, revoke_replaced};
use crate::store_token::store_token;

/// Why a grant was not stored.
pub(crate) enum NotStored {
    /// Another process has the lease.
    Busy,
    /// The connection was ended or connected anew since the consent began or the grant was parked.
    Overtaken,
    /// The store failed before anything was changed.
    Before(StoreError),
    /// The store failed while the grant was put in its place.
    While(StoreError),
}

impl From<StoreError> for NotStored {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

/// What a grant may replace.
#[derive(Clone, Copy)]
pub(crate) enum Replaces {
    /// Whatever there is: the operator asked for it.
    Anything,
    /// The generation that the connection had when the grant was parked.
    Generation(u64),
    /// A connection made at that time whose grant is still dead: anybody may reconnect that, and nothing else.
    Dead(Timestamp),
}

impl Replaces {
    /// Whether something else was done with the connection meanwhile, whose grant is of this generation; `has_other` is whether there is
    /// another grant than the new one.
    fn is_overtaken(self, generation: u64, has_other: bool, row: Option<&Connection>) -> bool {
        match self {
            Self::Anything => false,
            Self::Generation(over) => over != generation && (has_other || generation == 0),
            Self::Dead(since) => row.is_none_or(|row| {
                row.connected_at != since || !matches!(row.state, State::ReconnectRequired { .. })
            }),
        }
    }
}

/// Stores a grant right after its test.
pub(crate) async fn store_new_grant(app: &App, wish: &Wish, fresh: FreshGrant) -> Result<Reply, NotStored> {
    let name = &wish.connection;
    let lease = Lease::wait(&*app.stores.state, &app.clock, name).await?.ok_or(NotStored::Busy)?;
    store_grant(app, lease, name, fresh, wish.again.map_or(Replaces::Anything, Replaces::Dead)).await
}

/// Stores the grant and its first token as the next generation, and revokes the grant that it replaces.
pub(crate) async fn store_grant(
    app: &App,
    mut lease: Lease<'_>,
    name: &ConnectionName,
    fresh: FreshGrant,
    replaces: Replaces,
) -> Result<Reply, NotStored> {
    let FreshGrant { mut grant, mut token, missing } = fresh;
    let secrets = &*app.stores.secrets;
    let grant_name = Grant::secret_name(name);
    let (old, old_version) = load::<Grant>(secrets, &grant_name).await?.unzip();
    let before = old.as_ref().map_or(0, |old| old.generation);
    // It may replace itself: a process can have stored it and died before it said so.
    let old = old.filter(|old| old.refresh_token.digest() != grant.refresh_token.digest());
    let (all, _) = connection::readable(&*app.stores.state).await?;
    let known = all.iter().find(|row| row.name == *name);
    if replaces.is_overtaken(before, old.is_some(), known) {
        lease.release().await?;
        return Err(NotStored::Overtaken);
    }
    let token_version = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await?.unzip().1;
    grant.generation = before + 1;
    token.generation = grant.generation;
    if let Some(old) = &old
        && !keep_until_revoked(app, &mut lease, name, old).await
    {
        return Err(NotStored::Busy);
    }
    let mut row = grant.connection(name.clone());
    make_current(secrets, &mut lease, &grant, &row, old_version.as_ref()).await?;
    if let Err(error) = finish(secrets, lease, &mut row, (&token, token_version.as_ref()), replaces).await {
        tracing::warn!(connection = %name, %error, "the grant is stored; the next renewal stores its token");
    }
    if let Some(old) = &old {
        revoke_replaced(app, name, old).await;
    }
    if let Some(before) = known {
        announce::state_change(&app.events, &before.state, &row).await;
        announce::user_change(&app.events, before, &row).await;
    }
    tracing::info!(connection = %name, data_centre = %grant.data_centre, "connected");
    Ok(Reply::Exchanged { ending: connected(&row, &missing, &all) })
}

/// Keeps the grant that is replaced, so that its end at Zoho is tried until it is done. False where another process has the lease.
async fn keep_until_revoked(app: &App, lease: &mut Lease<'_>, name: &ConnectionName, old: &Grant) -> bool {
    keep(app, lease, name, old).await.unwrap_or_else(|error| {
        tracing::warn!(connection = %name, %error, "a grant that is replaced will be revoked once, and not again");
        true
    })
}

/// Makes the grant the connection's, in place of the version that was read.
async fn make_current(
    secrets: &dyn Secrets,
    lease: &mut Lease<'_>,
    grant: &Grant,
    row: &Connection,
    from: Option<&VersionId>,
) -> Result<(), NotStored> {
    let name = Grant::secret_name(&row.name);
    let pending = secrets.stage(&name, &text(grant)?).await?;
    // The row before the grant: if the process dies between them, the schedule sees that they differ and writes the row anew. Once
    // another process has the lease, it may revoke this grant, which must not become current after that.
    if !lease.write(Write::Put(row.row()?)).await? || !lease.outlasts_a_call() {
        return Err(NotStored::Busy);
    }
    match secrets.promote(&name, &pending, from).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(NotStored::Busy),
        Err(error) => Err(NotStored::While(error)),
    }
}

/// Stores the first token, in place of the version that was read, and releases the lease.
async fn finish(
    secrets: &dyn Secrets,
    mut lease: Lease<'_>,
    row: &mut Connection,
    (token, from): (&AccessToken, Option<&VersionId>),
    replaces: Replaces,
) -> Result<bool, StoreError> {
    if store_token(secrets, &lease, &row.name, token, from).await? {
        row.token_renewed_at = Some(row.connected_at);
        row.token_expires = Some(token.expires);
    }
    let mut last = vec![Write::Put(row.row()?)];
    if matches!(replaces, Replaces::Generation(_)) && parked::delete(secrets, &mut lease, &row.name).await? {
        last.push(parked::unmark(&row.name));
    }
    lease.finish_all(last).await
}
