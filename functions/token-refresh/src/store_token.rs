//! A new access token: its record, and its way into the store.

use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::grant::Grant;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::text;
use shared::store::{Secrets, StoreError, VersionId};
use shared::zoho::oauth::Granted;

/// The record of a new token. Its lifetime is counted from before the call, so that it never seems longer than it is.
pub(crate) fn access_token(grant: &Grant, granted: Granted, asked_at: Timestamp) -> AccessToken {
    let lifetime = SignedDuration::try_from(granted.lifetime).unwrap_or(SignedDuration::ZERO);
    AccessToken {
        token: granted.access_token,
        generation: grant.generation,
        expires: later(asked_at, lifetime),
        data_centre: grant.data_centre,
        scopes: granted.scopes.unwrap_or_else(|| grant.scopes.clone()),
        organization: grant.organization.clone(),
        crm_organization: grant.crm_organization.clone(),
    }
}

/// Replaces the very version that was read, while the lease is held. Says whether it did.
pub(crate) async fn store_token(
    secrets: &dyn Secrets,
    lease: &Lease<'_>,
    name: &ConnectionName,
    token: &AccessToken,
    from: Option<&VersionId>,
) -> Result<bool, StoreError> {
    let secret_name = AccessToken::secret_name(name);
    let pending = secrets.stage(&secret_name, &text(token)?).await?;
    Ok(lease.holds().await? && secrets.promote(&secret_name, &pending, from).await?)
}
