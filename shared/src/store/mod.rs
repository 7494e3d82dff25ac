//! Where things are kept: secrets and tables, each behind one trait. On AWS they are Secrets Manager and DynamoDB,
//! on one machine both sit on one SQLite file. `tests/src/conformance.rs` is what every adapter must pass.

pub mod secret_record;
mod secrets;
mod table;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "embedded")]
pub mod sqlite;

pub use secrets::{SecretValue, Secrets, VersionId};
pub use table::{Condition, Key, Order, Outcome, Page, Put, Query, Row, Table, Version, Write};

use crate::base::problem::{Code, Problem};

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is locked for too long, or its disk fails.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// More than one row or one transaction may hold, on any of the stores.
    #[error("the store takes no more than {0}")]
    TooLarge(&'static str),
    /// A stored record that this version cannot read.
    #[error("a stored record cannot be read: {0}")]
    Unreadable(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                Self::new(Code::StoreUnavailable, "The connector could not reach its own store.")
                    .because(cause)
            }
            other => Self::internal(other.to_string()),
        }
    }
}

/// All that an installation keeps.
#[derive(Clone)]
pub struct Stores {
    /// Client secrets, grants, access tokens, webhook secrets.
    pub secrets: std::sync::Arc<dyn Secrets>,
    /// Connections, leases, budgets, keys, consents: everything but events.
    pub state: std::sync::Arc<dyn Table>,
    /// Events and what was delivered.
    pub events: std::sync::Arc<dyn Table>,
}

#[cfg(feature = "embedded")]
impl From<sqlite::Sqlite> for Stores {
    fn from(database: sqlite::Sqlite) -> Self {
        Self { secrets: database.secrets(), state: database.table("state"), events: database.table("events") }
    }
}
