//! The trait of the secret store, with the semantics of AWS Secrets Manager: versions, a pending stage and a
//! conditional promotion.

use async_trait::async_trait;

use super::error::StoreError;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

/// Names one version of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionId(pub String);

/// The current version of a secret.
#[derive(Debug, Clone)]
pub struct SecretValue {
    /// What it holds: a JSON document.
    pub value: Secret,
    /// Which version it is.
    pub version: VersionId,
}

/// Keeps secrets by name.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The current version, or nothing where there is none.
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError>;

    /// Stores a value as pending: nobody reads it yet. It takes the place of an earlier pending value.
    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError>;

    /// Makes the pending version current if `from` still is (`None`: if there is no current version). Says whether
    /// it is current now: `false` means that somebody else was faster.
    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError>;

    /// Removes the secret with all its versions, at once and for good.
    async fn delete(&self, name: &str) -> Result<(), StoreError>;

    /// How many versions of it were stored since then. Secrets Manager keeps all of the last day, about 100 at most.
    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError>;
}
