//! The secrets by which genuine webhooks are known, all in one secret: for each connection those that Zoho Inventory
//! signs with, the token of each CRM channel, and those of custom senders. Of each the newest two are accepted, so that
//! one can replace the other while deliveries are under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::base::id::ConnectionName;
use crate::base::secret::Secret;
use crate::store::secret_record::{load, write};
use crate::store::{Secrets, StoreError};

const SECRET: &str = "webhooks";

/// How many secrets of one source are accepted.
const MAX_ACCEPTED: usize = 2;

/// The secrets of all connections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WebhookSecrets(BTreeMap<ConnectionName, Sources>);

/// Those of one connection. A source that is not there has none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Sources {
    #[serde(skip_serializing_if = "Accepted::is_empty")]
    inventory: Accepted,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inventory_query: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    crm: BTreeMap<String, Accepted>,
    #[serde(skip_serializing_if = "Accepted::is_empty")]
    custom: Accepted,
}

/// The newest first.
#[derive(Debug, Clone, Default, Deserialize)]
struct Accepted(Vec<Secret>);

impl Accepted {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, secret: Secret) {
        self.0.retain(|known| !known.equals(secret.expose()));
        self.0.insert(0, secret);
        self.0.truncate(MAX_ACCEPTED);
    }
}

impl Serialize for Accepted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Secret::expose))
    }
}

/// Sources with a secret that the operator enters at the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Zoho Inventory.
    Inventory,
    /// Senders of any other kind.
    Custom,
}

impl WebhookSecrets {
    /// Reads them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn read(secrets: &dyn Secrets) -> Result<Self, StoreError> {
        Ok(load::<Self>(secrets, SECRET).await?.map(|(found, _)| found).unwrap_or_default())
    }

    /// Those that Zoho Inventory may sign with, for a connection. The newest first, as everywhere here.
    pub fn inventory(&self, connection: &ConnectionName) -> &[Secret] {
        self.0.get(connection).map_or(&[], |sources| &sources.inventory.0)
    }

    /// Whether the URL of Zoho Inventory's webhooks is expected to have a query string, which is then signed as well.
    pub fn inventory_query(&self, connection: &ConnectionName) -> bool {
        self.0.get(connection).is_some_and(|sources| sources.inventory_query)
    }

    /// The tokens that a channel of CRM may send.
    pub fn channel(&self, connection: &ConnectionName, channel_id: &str) -> &[Secret] {
        self.0.get(connection).and_then(|sources| sources.crm.get(channel_id)).map_or(&[], |found| &found.0)
    }

    /// The ids of a connection's channels of CRM.
    pub fn channels(&self, connection: &ConnectionName) -> impl Iterator<Item = &str> {
        self.0.get(connection).into_iter().flat_map(|sources| sources.crm.keys().map(String::as_str))
    }

    /// Those of custom senders.
    pub fn custom(&self, connection: &ConnectionName) -> &[Secret] {
        self.0.get(connection).map_or(&[], |sources| &sources.custom.0)
    }

    /// Whether anything that is sent for a connection can be genuine.
    pub fn has_any(&self, connection: &ConnectionName) -> bool {
        !self.inventory(connection).is_empty()
            || !self.custom(connection).is_empty()
            || self.channels(connection).next().is_some()
    }
}

/// Sets the secret of a source; the one before it is still accepted.
///
/// # Errors
/// Where the store fails.
pub async fn set(
    secrets: &dyn Secrets,
    connection: &ConnectionName,
    source: Source,
    secret: Secret,
) -> Result<(), StoreError> {
    change(secrets, connection, |sources| match source {
        Source::Inventory => sources.inventory.add(secret),
        Source::Custom => sources.custom.add(secret),
    })
    .await
}

/// Says whether the URL of Zoho Inventory's webhooks is expected to have a query string.
///
/// # Errors
/// Where the store fails.
pub async fn set_inventory_query(
    secrets: &dyn Secrets,
    connection: &ConnectionName,
    expected: bool,
) -> Result<(), StoreError> {
    change(secrets, connection, |sources| sources.inventory_query = expected).await
}

/// Sets the token of a channel of CRM; the one before it is still accepted.
///
/// # Errors
/// Where the store fails.
pub async fn set_channel(
    secrets: &dyn Secrets,
    connection: &ConnectionName,
    channel_id: &str,
    token: Secret,
) -> Result<(), StoreError> {
    change(secrets, connection, |sources| sources.crm.entry(channel_id.to_owned()).or_default().add(token))
        .await
}

/// Forgets a channel of CRM: what it still sends is refused.
///
/// # Errors
/// Where the store fails.
pub async fn remove_channel(
    secrets: &dyn Secrets,
    connection: &ConnectionName,
    channel_id: &str,
) -> Result<(), StoreError> {
    change(secrets, connection, |sources| drop(sources.crm.remove(channel_id))).await
}

/// Forgets all secrets of a connection: whatever is still sent for it is refused. Says whether there were any.
///
/// # Errors
/// Where the store fails.
pub async fn forget(secrets: &dyn Secrets, connection: &ConnectionName) -> Result<bool, StoreError> {
    let Some((mut all, version)) = load::<WebhookSecrets>(secrets, SECRET).await? else { return Ok(false) };
    if all.0.remove(connection).is_none() {
        return Ok(false);
    }
    write(secrets, SECRET, &all, Some(&version)).await?;
    Ok(true)
}

async fn change(
    secrets: &dyn Secrets,
    connection: &ConnectionName,
    how: impl FnOnce(&mut Sources),
) -> Result<(), StoreError> {
    let found = load::<WebhookSecrets>(secrets, SECRET).await?;
    let (mut all, version) = found.map_or_else(Default::default, |(all, version)| (all, Some(version)));
    how(all.0.entry(connection.clone()).or_default());
    write(secrets, SECRET, &all, version.as_ref()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_there_were_more_sources_is_read_and_stays_as_it_was() {
        let old = r#"{"default":{"inventory":["new","old"]}}"#;
        let read: WebhookSecrets = serde_json::from_str(old).unwrap();
        let name = ConnectionName::default();
        assert_eq!(read.inventory(&name).iter().map(Secret::expose).collect::<Vec<_>>(), ["new", "old"]);
        assert!(read.custom(&name).is_empty() && !read.inventory_query(&name));
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }

    #[test]
    fn each_connection_has_its_own_channels_and_each_channel_its_own_tokens() {
        let stored = r#"{"default":{"crm":{"7":["new","old"],"8":["other"]}},"shop":{"inventory":["key"]}}"#;
        let read: WebhookSecrets = serde_json::from_str(stored).unwrap();
        let (name, shop) = (ConnectionName::default(), "shop".parse().unwrap());
        assert_eq!(read.channels(&name).collect::<Vec<_>>(), ["7", "8"]);
        assert_eq!(read.channels(&shop).count(), 0);
        let tokens = |connection: &ConnectionName, channel: &str| {
            read.channel(connection, channel)
                .iter()
                .map(|token| token.expose().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(tokens(&name, "7"), ["new", "old"]);
        assert_eq!(tokens(&name, "8"), ["other"]);
        assert!(tokens(&name, "9").is_empty() && tokens(&shop, "7").is_empty());
        assert!(read.inventory(&name).is_empty() && !read.inventory(&shop).is_empty());
    }

    #[test]
    fn of_each_source_the_newest_two_are_accepted() {
        let mut accepted = Accepted::default();
        for secret in ["a", "b", "b", "c", "c"] {
            accepted.add(Secret::new(secret));
        }
        assert_eq!(serde_json::to_string(&accepted).unwrap(), r#"["c","b"]"#);
    }

    #[cfg(feature = "embedded")]
    #[tokio::test]
    async fn what_is_set_is_read_until_its_connection_is_forgotten() {
        use std::sync::Arc;

        use crate::base::clock::SetClock;
        use crate::store::Stores;
        use crate::store::sqlite::Sqlite;

        let stores: Stores = Sqlite::in_memory(Arc::new(SetClock::at_ten())).unwrap().into();
        let secrets = &*stores.secrets;
        let (name, shop): (ConnectionName, ConnectionName) =
            (ConnectionName::default(), "shop".parse().unwrap());
        assert!(!forget(secrets, &name).await.unwrap(), "there is nothing yet");
        set(secrets, &name, Source::Inventory, Secret::new("signs")).await.unwrap();
        for custom in ["old", "new"] {
            set(secrets, &name, Source::Custom, Secret::new(custom)).await.unwrap();
        }
        set_inventory_query(secrets, &name, true).await.unwrap();
        for channel in ["7", "8"] {
            set_channel(secrets, &name, channel, Secret::new("token")).await.unwrap();
        }
        remove_channel(secrets, &name, "7").await.unwrap();
        set(secrets, &shop, Source::Custom, Secret::new("own")).await.unwrap();

        let texts = |found: &[Secret]| found.iter().map(|one| one.expose().to_owned()).collect::<Vec<_>>();
        let read = WebhookSecrets::read(secrets).await.unwrap();
        assert_eq!(texts(read.inventory(&name)), ["signs"]);
        assert_eq!(texts(read.custom(&name)), ["new", "old"]);
        assert!(read.inventory_query(&name) && !read.inventory_query(&shop));
        assert_eq!(read.channels(&name).collect::<Vec<_>>(), ["8"]);
        assert_eq!(texts(read.channel(&name, "8")), ["token"]);

        assert!(forget(secrets, &name).await.unwrap());
        assert!(!forget(secrets, &name).await.unwrap(), "it is forgotten");
        let left = WebhookSecrets::read(secrets).await.unwrap();
        assert!(left.inventory(&name).is_empty() && left.channels(&name).next().is_none());
        assert_eq!(texts(left.custom(&shop)), ["own"]);
    }
}
