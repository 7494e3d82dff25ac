//! What the stores hold, one thing at a time, as a copy of them has it.

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::stores::Stores;
use super::table::{Condition, Key, Put};
use crate::base::clock::Timestamp;
use crate::base::secret::{Secret, expose};

/// One thing of all that an installation keeps.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// A row.
    Row(StoredRow),
    /// The current version of a secret.
    Secret(StoredSecret),
}

/// A row with its table. Its version stays behind: each store gives its own.
#[derive(Serialize, Deserialize)]
pub struct StoredRow {
    /// `state` or `events`.
    pub table: String,
    /// The first part of its key.
    pub partition: String,
    /// The second part of its key.
    pub sort: String,
    /// What it holds.
    pub value: String,
    /// When it ends, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl StoredRow {
    /// The kind that its partition begins with: `audit` of `audit#default`.
    pub fn kind(&self) -> &str {
        self.partition.split('#').next().unwrap_or_default()
    }
}

/// A secret with its name.
#[derive(Serialize, Deserialize)]
pub struct StoredSecret {
    /// Its name within the installation.
    pub name: String,
    /// What it holds.
    #[serde(serialize_with = "expose")]
    pub value: Secret,
}

impl Stored {
    /// Puts it into these stores, whatever is there under its name.
    ///
    /// # Errors
    /// Where a store fails, or none of them keeps such things.
    pub async fn put(self, stores: &Stores) -> Result<(), StoreError> {
        match self {
            Self::Row(row) => {
                let table = match row.table.as_str() {
                    "state" => &stores.state,
                    "events" => &stores.events,
                    other => return Err(StoreError::Unreadable(format!("there is no table {other}"))),
                };
                let put = Put {
                    key: Key::new(row.partition, row.sort),
                    value: row.value,
                    condition: Condition::Any,
                    expires: row.expires,
                };
                table.put(put).await.map(drop)
            }
            Self::Secret(StoredSecret { name, value }) => {
                let from = stores.secrets.get(&name).await?.map(|found| found.version);
                let pending = stores.secrets.stage(&name, &value).await?;
                if stores.secrets.promote(&name, &pending, from.as_ref()).await? {
                    return Ok(());
                }
                Err(StoreError::Unavailable(format!(
                    "the secret {name} was changed by somebody else; do it again"
                )))
            }
        }
    }
}
