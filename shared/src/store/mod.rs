//! Where things are kept: secrets and tables, each behind one trait. On AWS they are Secrets Manager and DynamoDB,
//! on one machine both sit on one SQLite file. `tests/src/conformance.rs` is what every adapter must pass.

mod error;
pub mod secret_record;
mod secrets;
mod stored;
mod stores;
mod table;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "embedded")]
pub mod sqlite;

pub use error::StoreError;
pub use secrets::{SecretValue, Secrets, VersionId};
pub use stored::{Stored, StoredRow, StoredSecret};
pub use stores::Stores;
pub use table::{
    Condition, Key, Order, Outcome, Page, Put, Query, Row, Table, Version, Write, all_rows, take,
};
