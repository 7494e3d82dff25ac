//! The secrets with which Zoho signs its webhooks: one per connection, two while one replaces the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::grant::{load, write};
use crate::base::id::ConnectionName;
use crate::base::secret::Secret;
use crate::store::{Secrets, StoreError};

const SECRET: &str = "webhooks";

/// The secrets of all connections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WebhookSecrets(BTreeMap<ConnectionName, Pair>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pair {
    /// The newest first.
    #[serde(serialize_with = "expose_all")]
    inventory: Vec<Secret>,
}

fn expose_all<S: Serializer>(secrets: &[Secret], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(secrets.iter().map(Secret::expose))
}

impl WebhookSecrets {
    /// Reads them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn read(secrets: &dyn Secrets) -> Result<Self, StoreError> {
        Ok(load::<Self>(secrets, SECRET).await?.map(|(found, _)| found).unwrap_or_default())
    }

    /// Those that Zoho Inventory may sign with, for a connection.
    pub fn inventory(&self, connection: &ConnectionName) -> &[Secret] {
        self.0.get(connection).map_or(&[], |pair| &pair.inventory)
    }
}

/// Sets the secret of a connection; the one before it is still accepted.
///
/// # Errors
/// Where the store fails.
pub async fn set(
    secrets: &dyn Secrets,
    connection: &ConnectionName,
    secret: Secret,
) -> Result<(), StoreError> {
    let found = load::<WebhookSecrets>(secrets, SECRET).await?;
    let (mut all, version) = found.map_or_else(Default::default, |(all, version)| (all, Some(version)));
    let pair = all.0.entry(connection.clone()).or_insert(Pair { inventory: Vec::new() });
    pair.inventory.insert(0, secret);
    pair.inventory.truncate(2);
    write(secrets, SECRET, &all, version.as_ref()).await
}
