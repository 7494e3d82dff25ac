//! The tasks of the function. `proof` makes a task of a request that is allowed.

use shared::base::id::ConnectionName;
use shared::core::connection::consent::Wish;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::secrets::{AuthorizationCode, CodeVerifier};

/// A piece of work.
pub enum Task {
    /// A new access token for one connection.
    Renew {
        /// The connection.
        connection: ConnectionName,
        /// The digest of a token that Zoho refused although it should still be valid: any other will do.
        dead: Option<String>,
    },
    /// A connection made from the code of a consent.
    Exchange(Exchange),
    /// The choice of an organisation, where an exchange asked for one.
    Choose {
        /// The connection that it is for.
        connection: ConnectionName,
        /// As in the exchange.
        ticket: String,
        /// The id of the chosen organisation of Inventory.
        organization: String,
    },
    /// The end of a connection.
    Disconnect(ConnectionName),
    /// CRM's channel, brought in line with what is watched for a connection.
    Watch(ConnectionName),
    /// The renewal of everything that ends soon.
    Tick,
}

/// A code, and what it is for.
pub struct Exchange {
    /// What was asked of the user.
    pub wish: Wish,
    /// Where the user's account lives.
    pub data_centre: DataCentre,
    /// Where Zoho sent the browser; nothing for a code of a Self Client.
    pub redirect_uri: Option<String>,
    /// The code.
    pub code: AuthorizationCode,
    /// What belongs to the consent's challenge, where it had one.
    pub verifier: Option<CodeVerifier>,
    /// The digest of what its owner must bring to choose one of several organisations.
    pub ticket: String,
}
