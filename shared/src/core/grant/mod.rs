//! The grant of a connection and what its renewal needs. Only token-refresh uses this module, and the operator's command line
//! to register clients.

pub mod client;
pub mod lease;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
use crate::core::connection::organization::Organization;
use crate::core::connection::{Connection, State};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::scope::ScopeSet;
use crate::zoho::secrets::RefreshToken;

/// What a consent gave. The row of the connection can be made from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The long-lived token.
    #[serde(serialize_with = "RefreshToken::serialize_exposed")]
    pub refresh_token: RefreshToken,
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
    /// When it was consented to.
    pub connected_at: Timestamp,
    /// The choice of an organisation that made it, where one was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
}

/// A choice that was taken. Whoever comes with it again, because the answer was lost, is told the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The digest of what its owner brought to choose.
    pub ticket: String,
    /// Scopes that were requested and not granted.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Grant {
    /// The secret's name.
    pub fn secret_name(connection: &ConnectionName) -> String {
        format!("connections/{connection}/grant")
    }

    /// The row of its connection, before it has a token.
    pub fn connection(&self, name: ConnectionName) -> Connection {
        Connection {
            name,
            generation: self.generation,
            client_id: self.client_id.clone(),
            home: self.home,
            data_centre: self.data_centre,
            scopes: self.scopes.clone(),
            organization: self.organization.clone(),
            crm_organization: self.crm_organization.clone(),
            user: self.user.clone(),
            connected_at: self.connected_at,
            token_renewed_at: None,
            token_expires: None,
            clock_ahead: None,
            state: State::Healthy,
        }
    }
}
