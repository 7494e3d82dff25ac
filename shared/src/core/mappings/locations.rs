//! What other systems call the locations where stock is.

use serde::{Deserialize, Serialize};

use super::{Mappings, partition};
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Put, Query, StoreError, Write};

/// Rows that are read at once. Mostly, these are all: an organisation has few locations.
const READ_AT_ONCE: usize = 1000;

/// How many a transaction writes.
const WRITTEN_AT_ONCE: usize = 100;

/// A name of another system's for a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedLocation {
    /// What the other system calls it.
    pub name: String,
    /// Zoho's id of it.
    pub location_id: String,
}

impl Mappings {
    /// The location of this name, as another system calls it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn location(
        &self,
        connection: &ConnectionName,
        name: &str,
    ) -> Result<Option<MappedLocation>, StoreError> {
        self.state.get(&key(connection, name)).await?.map(|row| row.read()).transpose()
    }

    /// All such names, in their order.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn locations(&self, connection: &ConnectionName) -> Result<Vec<MappedLocation>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let query = Query {
                prefix: "l/".to_owned(),
                after,
                ..Query::partition(partition(connection), READ_AT_ONCE)
            };
            let page = self.state.query(query).await?;
            for row in &page.rows {
                all.push(row.read()?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Sets names, each once; without an id, a name is removed.
    ///
    /// # Errors
    /// Where the store fails: then some may be set.
    pub async fn set_locations(
        &self,
        connection: &ConnectionName,
        named: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        for part in named.chunks(WRITTEN_AT_ONCE) {
            let step = |(name, id): &(String, Option<String>)| {
                let key = key(connection, name);
                Ok(match id {
                    Some(id) => {
                        let row = MappedLocation { name: name.clone(), location_id: id.clone() };
                        Write::Put(Put::record(key, &row, Condition::Any)?)
                    }
                    None => Write::Delete(key, Condition::Any),
                })
            };
            let steps: Result<Vec<Write>, StoreError> = part.iter().map(step).collect();
            self.state.transact(steps?).await?;
        }
        Ok(())
    }
}

fn key(connection: &ConnectionName, name: &str) -> Key {
    Key::new(partition(connection), format!("l/{name}"))
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::{SharedClock, TokioClock};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test(start_paused = true)]
    async fn a_location_is_found_by_the_other_name_until_that_is_removed() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let (mappings, connection) = (Mappings::new(stores.state, clock), ConnectionName::default());
        let many: Vec<_> =
            (0..1_150).map(|number| (format!("shop {number:03}"), Some(number.to_string()))).collect();
        mappings.set_locations(&connection, &many).await.unwrap();
        let found = mappings.location(&connection, "shop 007").await.unwrap().unwrap();
        assert_eq!(found.location_id, "7");
        mappings.set_locations(&connection, &[("shop 007".to_owned(), None)]).await.unwrap();
        assert_eq!(mappings.location(&connection, "shop 007").await.unwrap(), None);
        let all = mappings.locations(&connection).await.unwrap();
        assert_eq!(
            (all.len(), all.last().map(|last| last.name.as_str())),
            (1_149, Some("shop 999")),
            "of two reads"
        );
    }
}
