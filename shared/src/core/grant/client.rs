//! The clients that the operator registered in Zoho's API console: one secret in the store, which only token-refresh
//! and the operator may read.

use serde::{Deserialize, Serialize};

use crate::store::secret_record::{load, write};
use crate::store::{Secrets, StoreError, VersionId};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::secrets::ClientSecret;

const SECRET: &str = "client";

/// A client. Zoho gives it one secret for all data centres, or one for each.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Client {
    /// Its id, which is no secret.
    pub id: String,
    /// The data centre where it is registered: consent begins there.
    pub home: DataCentre,
    /// Its secret, where no other is set for the data centre.
    #[serde(serialize_with = "ClientSecret::serialize_exposed")]
    pub secret: ClientSecret,
    /// Secrets of single data centres.
    #[serde(default)]
    pub secrets: Vec<CentreSecret>,
}

/// The secret of one data centre.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CentreSecret {
    /// Where it holds.
    pub data_centre: DataCentre,
    /// The secret.
    #[serde(serialize_with = "ClientSecret::serialize_exposed")]
    pub secret: ClientSecret,
}

impl Client {
    /// The secret for a data centre.
    pub fn secret_at(&self, dc: DataCentre) -> &ClientSecret {
        let own = self.secrets.iter().find(|entry| entry.data_centre == dc);
        own.map_or(&self.secret, |entry| &entry.secret)
    }
}

/// All clients; the last one set is used for new connections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Clients(Vec<Client>);

impl Clients {
    /// Reads them, with a version that changes whenever the operator sets one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn read(secrets: &dyn Secrets) -> Result<(Self, Option<VersionId>), StoreError> {
        Ok(load(secrets, SECRET).await?.map_or_else(Default::default, |(clients, at)| (clients, Some(at))))
    }

    /// The client of that id.
    pub fn find(&self, id: &str) -> Option<&Client> {
        self.0.iter().find(|client| client.id == id)
    }

    /// All of them, the newest last.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.0.iter()
    }

    /// The client for new connections.
    pub fn newest(&self) -> Option<&Client> {
        self.0.last()
    }
}

/// Registers a client, in place of one with the same id.
///
/// # Errors
/// Where the store fails, or another process set a client at the same moment.
pub async fn set(secrets: &dyn Secrets, client: Client) -> Result<(), StoreError> {
    let (mut clients, version) = Clients::read(secrets).await?;
    clients.0.retain(|known| known.id != client.id);
    clients.0.push(client);
    write(secrets, SECRET, &clients, version.as_ref()).await
}
