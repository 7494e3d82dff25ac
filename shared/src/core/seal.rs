//! A store that nothing may work on: it was moved elsewhere, or is not whole yet.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::core::connection;
use crate::core::grant::lease::{free, take_for_good};
use crate::store::{Condition, Key, Put, StoreError, Table};

/// Why a store is sealed, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
}

/// Why a store is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The installation goes on there.
    Moved {
        /// Where, in the operator's words.
        to: String,
    },
    /// It is being filled from a copy.
    Filling,
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Moved { to } => write!(
                f,
                "this installation was moved to {to} at {}: its store is sealed, and no token is made here any more. Work on it there; if it never arrived, `zoho-connector move undo` opens the store again",
                self.at
            ),
            Why::Filling => write!(
                f,
                "this store is not whole: what began to fill it at {} has not ended. Delete the folder, and do it again",
                self.at
            ),
        }
    }
}

fn key() -> Key {
    Key::new("installation", "seal")
}

/// The seal of a store, if it has one.
///
/// # Errors
/// Where the store fails.
pub async fn get(state: &dyn Table) -> Result<Option<Seal>, StoreError> {
    state.get(&key()).await?.map(|row| row.read()).transpose()
}

/// Seals a store that is about to be filled.
///
/// # Errors
/// Where the store fails.
pub async fn while_filling(state: &dyn Table, now: Timestamp) -> Result<(), StoreError> {
    let seal = Seal { at: now, why: Why::Filling };
    state.put(Put::record(key(), &seal, Condition::Any)?).await.map(drop)
}

/// Seals a store for good, and takes the leases of its connections with it: whatever process still runs here makes no token any more.
/// False where a renewal does not end; then the store is as it was.
///
/// # Errors
/// Where the store fails.
pub async fn move_to(state: &dyn Table, to: &str, now: Timestamp) -> Result<bool, StoreError> {
    let seal = Seal { at: now, why: Why::Moved { to: to.to_owned() } };
    state.put(Put::record(key(), &seal, Condition::Any)?).await?;
    for connection in connection::list(state).await? {
        if !take_for_good(state, &connection.name).await? {
            lift(state).await?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the seal off, and gives the leases back that came with it.
///
/// # Errors
/// Where the store fails.
pub async fn lift(state: &dyn Table) -> Result<(), StoreError> {
    let sealed = get(state).await?;
    if matches!(sealed, Some(Seal { why: Why::Moved { .. }, .. })) {
        for connection in connection::list(state).await? {
            free(state, &connection.name).await?;
        }
    }
    state.delete(key(), Condition::Any).await.map(drop)
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::SystemClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test]
    async fn a_seal_says_where_to_and_can_be_taken_off() {
        let stores: Stores = Sqlite::in_memory(Arc::new(SystemClock)).unwrap().into();
        let state = &*stores.state;
        assert!(get(state).await.unwrap().is_none());
        let now = "2026-11-30T10:00:00Z".parse().unwrap();
        assert!(move_to(state, "the stack zoho", now).await.unwrap());
        let said = get(state).await.unwrap().unwrap().to_string();
        assert!(said.contains("moved to the stack zoho at 2026-11-30T10:00:00Z"), "{said}");
        lift(state).await.unwrap();
        assert!(get(state).await.unwrap().is_none());
        while_filling(state, now).await.unwrap();
        assert!(get(state).await.unwrap().unwrap().to_string().contains("Delete the folder"));
        lift(state).await.unwrap();
        assert!(get(state).await.unwrap().is_none());
    }
}
