//! Records that are kept as secrets.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use super::secrets::{SecretValue, Secrets, VersionId};
use crate::base::secret::Secret;

/// Reads a stored record.
fn read<T: DeserializeOwned>(found: &SecretValue) -> Result<T, StoreError> {
    // The parser's message could quote the secret, so it is not passed on.
    serde_json::from_str(found.value.expose())
        .map_err(|_| StoreError::Unreadable("a secret is not the record it should be".to_owned()))
}

/// A record as it will be stored.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn text(record: &impl Serialize) -> Result<Secret, StoreError> {
    serde_json::to_string(record)
        .map(Secret::new)
        .map_err(|_| StoreError::Unreadable("a record cannot be written".to_owned()))
}

/// Reads a record with the version it was read at.
///
/// # Errors
/// Where the store fails or holds something else.
pub async fn load<T: DeserializeOwned>(
    secrets: &dyn Secrets,
    name: &str,
) -> Result<Option<(T, VersionId)>, StoreError> {
    match secrets.get(name).await? {
        Some(found) => Ok(Some((read(&found)?, found.version))),
        None => Ok(None),
    }
}

/// Writes a record in one step, for secrets that only the operator changes.
pub(crate) async fn write(
    secrets: &dyn Secrets,
    name: &str,
    record: &impl Serialize,
    from: Option<&VersionId>,
) -> Result<(), StoreError> {
    let pending = secrets.stage(name, &text(record)?).await?;
    if secrets.promote(name, &pending, from).await? {
        Ok(())
    } else {
        Err(StoreError::Unavailable(format!("the secret {name} was changed by somebody else; do it again")))
    }
}
