//! A grant that was tested and is not the connection's yet.

use serde::{Deserialize, Serialize};
use shared::core::connection::access_token::AccessToken;
use shared::core::grant::Grant;

#[derive(Serialize, Deserialize)]
pub(crate) struct FreshGrant {
    /// Its generation is given when it is stored.
    pub(crate) grant: Grant,
    pub(crate) token: AccessToken,
    /// Scopes that were requested and not granted.
    pub(crate) missing: Vec<String>,
}
