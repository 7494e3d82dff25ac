//! How other functions ask token-refresh, which alone may exchange, renew and revoke: a Lambda invocation on AWS, a call on
//! one machine. Asks and replies are the same.

#[cfg(feature = "aws")]
pub mod lambda;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
#[cfg(doc)]
use crate::core::connection::consent::CHOICE;
use crate::core::connection::consent::Ending;
use crate::core::connection::organization::Organization;
use crate::zoho::data_centre::DataCentre;
use crate::zoho::secrets::{AuthorizationCode, CodeVerifier};

/// What token-refresh can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// A new access token for one connection.
    Renew {
        /// The connection.
        connection: ConnectionName,
        /// The digest of a token that Zoho refused although it should still be valid: any other will do.
        dead: Option<String>,
    },
    /// A connection made from the code of a consent.
    Exchange {
        /// To what the user consented.
        consented: Consented,
        /// Where the user's account lives.
        data_centre: DataCentre,
        /// Where Zoho sent the browser; nothing for a code of a Self Client.
        redirect_uri: Option<String>,
        /// The code.
        #[serde(serialize_with = "AuthorizationCode::serialize_exposed")]
        code: AuthorizationCode,
        /// What belongs to the consent's challenge, where it had one.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "CodeVerifier::serialize_exposed_option"
        )]
        verifier: Option<CodeVerifier>,
        /// The digest of what its owner must bring to choose one of several organisations.
        ticket: String,
    },
    /// The choice of an organisation, where an exchange asked for one.
    Choose {
        /// The connection that it is for.
        connection: ConnectionName,
        /// As in the exchange.
        ticket: String,
        /// The id of the chosen organisation of Inventory.
        organization: String,
    },
    /// What the operator has ordered.
    Order {
        /// The order's id.
        id: String,
    },
    /// The renewal of everything that ends soon.
    Tick,
}

/// To what a user consented: token-refresh looks up what that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Consented {
    /// To a link of the operator's, which is used up.
    ByLink {
        /// The digest of the link.
        link: String,
    },
    /// To a dead connection, once more.
    Again {
        /// The connection.
        connection: ConnectionName,
        /// When it was connected before.
        since: Timestamp,
    },
}

/// What token-refresh answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// A token is stored that was not refused.
    Renewed,
    /// Another process works on the connection: read the token again a little later.
    Busy,
    /// The account runs as many functions as it may, and perhaps each of them waits for token-refresh to start.
    Full,
    /// No token for some seconds.
    Wait {
        /// In how many seconds it makes sense to ask again.
        seconds: u64,
        /// Why, in words for people.
        reason: String,
    },
    /// The grant is dead.
    ReconnectRequired {
        /// Whether its user can consent again without a link of the operator's.
        by_user: bool,
    },
    /// The client is wrong.
    Misconfigured {
        /// Why, in words that say what to correct.
        reason: String,
    },
    /// There is no such connection, or order.
    Unknown,
    /// The link was used already, or its time is over.
    LinkUsed,
    /// How an exchange or a choice ended.
    Exchanged {
        /// In words for the user.
        ending: Ending,
    },
    /// The user is in several organisations: one must be chosen within [`CHOICE`].
    Choose {
        /// Which they are.
        organizations: Vec<Organization>,
    },
    /// The connection is gone here.
    Disconnected {
        /// Whether Zoho confirmed the end.
        revoked: bool,
    },
    /// CRM's channel is as it is wanted.
    Watching {
        /// When it ends unless it is renewed; nothing where none is wanted.
        expires: Option<Timestamp>,
    },
    /// CRM's channel is not as it is wanted.
    NotWatching {
        /// Why.
        reason: String,
    },
    /// What a tick did.
    Ticked {
        /// Connections that were due and are in order now.
        renewed: usize,
        /// Connections that were due and still need a renewal.
        failed: usize,
    },
}

/// token-refresh could not be asked, or failed on the way.
#[derive(Debug, Clone, thiserror::Error)]
#[error("token-refresh did not answer: {0}")]
pub struct TokenRefreshError(pub String);

/// The way to token-refresh.
#[async_trait]
pub trait TokenRefreshClient: Send + Sync {
    /// Asks, and waits for the answer.
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError>;
}
