//! The two secrets of a connection: its grant, which only token-refresh reads, and its access token, which the
//! functions use. Each carries the grant's generation, so that a token of an older grant is known as such.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::connection::Organization;
use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
use crate::base::secret::{Secret, expose};
use crate::store::{SecretValue, Secrets, StoreError, VersionId};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::scope::ScopeSet;

/// What a consent gave. All that is known of a connection can be told from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The long-lived token.
    #[serde(serialize_with = "expose")]
    pub refresh_token: Secret,
    /// Counts the consents of this connection.
    pub generation: u64,
    /// The client that asked.
    pub client_id: String,
    /// Where the client is registered.
    pub home: DataCentre,
    /// Where the user's account lives.
    pub data_centre: DataCentre,
    /// What was granted.
    pub scopes: ScopeSet,
    /// The Inventory organisation, where Inventory was granted.
    pub organization: Option<Organization>,
    /// The CRM organisation, where CRM was granted and its name may be read.
    pub crm_organization: Option<Organization>,
    /// The address of the user who consented, where it may be read.
    pub user: Option<String>,
    /// When.
    pub connected_at: Timestamp,
}

impl Grant {
    /// The secret's name.
    pub fn secret_name(connection: &ConnectionName) -> String {
        format!("connections/{connection}/grant")
    }
}

/// A short-lived token with what is needed to use it, so that one read is enough.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessToken {
    /// The token.
    #[serde(serialize_with = "expose")]
    pub token: Secret,
    /// The grant's generation.
    pub generation: u64,
    /// When Zoho stops to take it.
    pub expires: Timestamp,
    /// Where it is valid.
    pub data_centre: DataCentre,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The Inventory organisation.
    pub organization: Option<Organization>,
    /// The CRM organisation.
    pub crm_organization: Option<Organization>,
}

impl AccessToken {
    /// The organisations that it is for, as one text: of two tokens with the same one, either may finish what the other began.
    pub fn account(&self) -> String {
        let id = |organization: &Option<Organization>| {
            organization.as_ref().map_or("-", |found| &found.id).to_owned()
        };
        format!("{}/{}", id(&self.organization), id(&self.crm_organization))
    }

    /// The secret's name.
    pub fn secret_name(connection: &ConnectionName) -> String {
        format!("connections/{connection}/access-token")
    }
}

/// Reads a stored record.
pub(super) fn read<T: DeserializeOwned>(found: &SecretValue) -> Result<T, StoreError> {
    // The parser's message could quote the secret, so it is not passed on.
    serde_json::from_str(found.value.expose())
        .map_err(|_| StoreError::Unreadable("a secret is not the record it should be".to_owned()))
}

/// Writes a record as it will be stored.
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
pub(super) async fn write(
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
