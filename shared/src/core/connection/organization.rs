//! The organisation that a connection is for.

use serde::{Deserialize, Serialize};

/// An organisation of the user who connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its name, which people wrote.
    pub name: String,
}
