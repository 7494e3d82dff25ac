//! The organisation that a connection is for.

use serde::{Deserialize, Serialize};

/// An organisation of the user who connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its name, which people wrote.
    pub name: String,
    /// Its own currency, where Inventory has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency_code: Option<String>,
    /// To how many decimals it rounds amounts in that currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_precision: Option<u32>,
}
