//! What other systems call the items and the locations of Zoho Inventory: the product id, SKU and item id of an item, and the names of
//! locations. A mapping is what somebody said, filled in with what Zoho had for it; it is never changed because Zoho changed.
//!
//! Rows of the partition `mapping#<connection>`: `p/<product id>` is a mapping, `i/<item id>/<product id>` leads back to it, `l/<name>` is a
//! location, `r/<run>/…` how far Zoho's items were looked through.

mod locations;
mod mapping;
pub mod progress;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::clock::SharedClock;
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Outcome, Put, Query, StoreError, Table, Version, Write};

pub use self::locations::MappedLocation;
pub use self::mapping::{Mapping, Saving};

/// The most characters of a product id, a SKU, or the name of a location.
pub const MAX_NAME: usize = 200;

/// How many mappings one transaction writes: each takes up to three of its hundred steps.
const SAVED_AT_ONCE: usize = 33;

/// How often a change is tried that collides with others.
const TRIES: usize = 4;

/// How many are read from the store at once.
pub const READ_AT_ONCE: usize = 1000;

/// Mappings as they were read, by product id.
pub type Known = BTreeMap<String, (Mapping, Version)>;

/// How far a change of many came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Saved {
    /// How many were written.
    pub changed: usize,
    /// How many said the same already.
    pub unchanged: usize,
    /// How many there was no time for.
    pub left: usize,
}

/// The mappings of an installation.
#[derive(Clone)]
pub struct Mappings {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl Mappings {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// The mapping of a product id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn get(
        &self,
        connection: &ConnectionName,
        product_id: &str,
    ) -> Result<Option<Mapping>, StoreError> {
        Ok(self.read(connection, product_id).await?.map(|(mapping, _)| mapping))
    }

    async fn read(
        &self,
        connection: &ConnectionName,
        product_id: &str,
    ) -> Result<Option<(Mapping, Version)>, StoreError> {
        let row = self.state.get(&product(connection, product_id)).await?;
        row.map(|row| Ok((row.read()?, row.version))).transpose()
    }

    /// The product ids that lead to an item, of which more than one may; so many at most.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn products_of(
        &self,
        connection: &ConnectionName,
        item_id: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let prefix = format!("i/{item_id}/");
        let query = Query { prefix: prefix.clone(), ..Query::partition(partition(connection), limit) };
        let rows = self.state.query(query).await?.rows;
        let id = |sort: &str| sort.strip_prefix(&prefix).map(str::to_owned);
        Ok(rows.iter().filter_map(|row| id(&row.key.sort)).collect())
    }

    /// A page of the mappings in the order of their product ids, and the product id after which the next one begins.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(
        &self,
        connection: &ConnectionName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Mapping>, Option<String>), StoreError> {
        let (rows, next) = self.page(connection, after, limit).await?;
        Ok((rows.into_iter().map(|(mapping, _)| mapping).collect(), next))
    }

    async fn page(
        &self,
        connection: &ConnectionName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(Mapping, Version)>, Option<String>), StoreError> {
        let query = Query {
            prefix: "p/".to_owned(),
            after: after.map(|id| format!("p/{id}")),
            ..Query::partition(partition(connection), limit)
        };
        let page = self.state.query(query).await?;
        let next = page.next.and_then(|sort| Some(sort.strip_prefix("p/")?.to_owned()));
        let mut rows = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            rows.push((row.read()?, row.version));
        }
        Ok((rows, next))
    }

    /// All of them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn all(&self, connection: &ConnectionName) -> Result<Known, StoreError> {
        let (mut all, mut after) = (Known::new(), None);
        loop {
            let (rows, next) = self.page(connection, after.as_deref(), READ_AT_ONCE).await?;
            all.extend(rows.into_iter().map(|row| (row.0.product_id.clone(), row)));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// These of them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn some(
        &self,
        connection: &ConnectionName,
        product_ids: &[String],
    ) -> Result<Known, StoreError> {
        let mut some = Known::new();
        for id in product_ids {
            if let Some(found) = self.read(connection, id).await? {
                some.insert(id.clone(), found);
            }
        }
        Ok(some)
    }

    /// Sets one mapping; gives it as it is then.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put(&self, connection: &ConnectionName, new: Mapping) -> Result<Mapping, StoreError> {
        let known = self.some(connection, std::slice::from_ref(&new.product_id)).await?;
        self.save(connection, std::slice::from_ref(&new), Saving::Replaced, known, &|| true).await?;
        Ok(self.get(connection, &new.product_id).await?.unwrap_or(new))
    }

    /// Saves mappings, each of its own product id. `known` are those that are there, of these at least; `goes_on` says whether there is time
    /// for another transaction.
    ///
    /// # Errors
    /// Where the store fails: then some may be saved.
    pub async fn save(
        &self,
        connection: &ConnectionName,
        new: &[Mapping],
        saving: Saving,
        mut known: Known,
        goes_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Saved, StoreError> {
        let old = |known: &Known, id: &str| known.get(id).map(|(old, _)| old.clone());
        let differs = |new: &&Mapping| saving.of(old(&known, &new.product_id).as_ref(), new).is_some();
        let pending: Vec<&Mapping> = new.iter().filter(differs).collect();
        let mut saved = Saved { unchanged: new.len() - pending.len(), left: pending.len(), changed: 0 };
        for part in pending.chunks(SAVED_AT_ONCE) {
            if !goes_on() {
                break;
            }
            saved.changed += self.save_part(connection, part, saving, &mut known).await?;
            saved.left -= part.len();
        }
        saved.unchanged = new.len() - saved.left - saved.changed;
        Ok(saved)
    }

    async fn save_part(
        &self,
        connection: &ConnectionName,
        part: &[&Mapping],
        saving: Saving,
        known: &mut Known,
    ) -> Result<usize, StoreError> {
        for _ in 0..TRIES {
            let (mut steps, mut count) = (Vec::new(), 0);
            for new in part {
                let old = known.get(&new.product_id);
                if let Some(next) = saving.of(old.map(|(old, _)| old), new) {
                    self.steps(connection, old, next, &mut steps)?;
                    count += 1;
                }
            }
            if steps.is_empty() || self.state.transact(steps).await?.is_done() {
                return Ok(count);
            }
            // Somebody else has changed one of them.
            for new in part {
                match self.read(connection, &new.product_id).await? {
                    Some(found) => known.insert(new.product_id.clone(), found),
                    None => known.remove(&new.product_id),
                };
            }
        }
        Err(StoreError::Unavailable("the mappings are changed by others all the time".to_owned()))
    }

    /// The steps that put a mapping in an old one's place, together with the row that leads back to it.
    fn steps(
        &self,
        connection: &ConnectionName,
        old: Option<&(Mapping, Version)>,
        mut next: Mapping,
        steps: &mut Vec<Write>,
    ) -> Result<(), StoreError> {
        next.changed = self.clock.now();
        let id = &next.product_id;
        let condition = old.map_or(Condition::Absent, |(_, version)| Condition::Version(version.clone()));
        steps.push(Write::Put(Put::record(product(connection, id), &next, condition)?));
        let before = old.and_then(|(old, _)| old.item_id.as_deref());
        if before != next.item_id.as_deref() {
            // Both belong to this mapping alone, whose version says that nobody else is at them.
            steps.extend(before.map(|item| Write::Delete(back(connection, item, id), Condition::Any)));
            if let Some(item) = &next.item_id {
                steps.push(Write::Put(Put::record(back(connection, item, id), &(), Condition::Any)?));
            }
        }
        Ok(())
    }

    /// Removes the mapping of a product id; false where there is none.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn delete(&self, connection: &ConnectionName, product_id: &str) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some((old, version)) = self.read(connection, product_id).await? else { return Ok(false) };
            let mut steps = vec![Write::Delete(product(connection, product_id), Condition::Version(version))];
            steps.extend(
                old.item_id.map(|item| Write::Delete(back(connection, &item, product_id), Condition::Any)),
            );
            if let Outcome::Done(_) = self.state.transact(steps).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable("the mapping is changed by others all the time".to_owned()))
    }
}

fn partition(connection: &ConnectionName) -> String {
    format!("mapping#{connection}")
}

fn product(connection: &ConnectionName, product_id: &str) -> Key {
    Key::new(partition(connection), format!("p/{product_id}"))
}

fn back(connection: &ConnectionName, item_id: &str, product_id: &str) -> Key {
    Key::new(partition(connection), format!("i/{item_id}/{product_id}"))
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use super::*;
    use crate::base::clock::TokioClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn fresh() -> (Mappings, ConnectionName) {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        (Mappings::new(stores.state, clock), ConnectionName::default())
    }

    fn mapping(product_id: &str, sku: &str, item_id: &str) -> Mapping {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Mapping::new(product_id.to_owned(), some(sku), some(item_id), None)
    }

    fn says(mapping: &Mapping) -> (&str, &str, &str) {
        let text = |text: &'static str| text;
        (
            &mapping.product_id,
            mapping.sku.as_deref().unwrap_or(text("")),
            mapping.item_id.as_deref().unwrap_or(text("")),
        )
    }

    async fn rows(mappings: &Mappings, connection: &ConnectionName) -> Vec<String> {
        let rows = mappings.state.query(Query::partition(partition(connection), 100)).await.unwrap().rows;
        rows.into_iter().map(|row| row.key.sort).collect()
    }

    #[test]
    fn what_is_stored_stays_readable() {
        let stored =
            r#"{"product_id":"7","sku":"A","item_id":"33","name":"Oak","changed":"2026-11-22T10:00:00Z"}"#;
        let read: Mapping = serde_json::from_str(stored).unwrap();
        assert_eq!(says(&read), ("7", "A", "33"));
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_leads_back_to_what_leads_to_it() {
        let (mappings, connection) = fresh();
        mappings.put(&connection, mapping("7", "A", "33")).await.unwrap();
        mappings.put(&connection, mapping("8", "A", "33")).await.unwrap();
        mappings.put(&connection, mapping("9", "B", "333")).await.unwrap();
        assert_eq!(mappings.products_of(&connection, "33", 5).await.unwrap(), ["7", "8"]);
        // Another item, and none: what leads back moves with it.
        let moved = mappings.put(&connection, mapping("7", "", "44")).await.unwrap();
        assert_eq!(says(&moved), ("7", "", "44"));
        mappings.put(&connection, mapping("8", "A", "")).await.unwrap();
        assert!(mappings.products_of(&connection, "33", 5).await.unwrap().is_empty());
        assert_eq!(rows(&mappings, &connection).await, ["i/333/9", "i/44/7", "p/7", "p/8", "p/9"]);
        assert!(mappings.delete(&connection, "7").await.unwrap());
        assert!(!mappings.delete(&connection, "7").await.unwrap());
        assert_eq!(rows(&mappings, &connection).await, ["i/333/9", "p/8", "p/9"]);
        let other: ConnectionName = "other".parse().unwrap();
        assert_eq!(mappings.get(&other, "8").await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_import_keeps_what_it_does_not_contradict() {
        let (mappings, connection) = fresh();
        for old in [mapping("1", "A", "11"), mapping("2", "B", "22"), mapping("3", "C", "33")] {
            mappings.put(&connection, old).await.unwrap();
        }
        let new =
            [mapping("1", "A", ""), mapping("2", "X", ""), mapping("3", "", "44"), mapping("4", "D", "")];
        let known = mappings.all(&connection).await.unwrap();
        let saved = mappings.save(&connection, &new, Saving::Completed, known, &|| true).await.unwrap();
        assert_eq!(saved, Saved { changed: 3, unchanged: 1, left: 0 });
        let (all, next) = mappings.list(&connection, None, 10).await.unwrap();
        let all: Vec<_> = all.iter().map(says).collect();
        assert_eq!(all, [("1", "A", "11"), ("2", "X", ""), ("3", "", "44"), ("4", "D", "")]);
        assert_eq!(next, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_never_overwrites_what_somebody_said_meanwhile() {
        let (mappings, connection) = fresh();
        for id in ["1", "2", "3"] {
            mappings.put(&connection, mapping(id, "A", "")).await.unwrap();
        }
        let known = mappings.all(&connection).await.unwrap();
        mappings.put(&connection, mapping("2", "B", "")).await.unwrap();
        mappings.delete(&connection, "3").await.unwrap();
        let found = [mapping("1", "A", "11"), mapping("2", "A", "11"), mapping("3", "A", "11")];
        let saved = mappings.save(&connection, &found, Saving::Found, known, &|| true).await.unwrap();
        assert_eq!(saved.changed, 1);
        let (all, _) = mappings.list(&connection, None, 10).await.unwrap();
        assert_eq!(all.iter().map(says).collect::<Vec<_>>(), [("1", "A", "11"), ("2", "B", "")]);
        assert_eq!(mappings.products_of(&connection, "11", 5).await.unwrap(), ["1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_saved_in_parts_while_there_is_time() {
        let (mappings, connection) = fresh();
        let many: Vec<Mapping> =
            (0..250).map(|number| mapping(&format!("{number:04}"), "", &format!("9{number}"))).collect();
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let goes_on = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3;
        let saved =
            mappings.save(&connection, &many, Saving::Completed, Known::new(), &goes_on).await.unwrap();
        assert_eq!(saved, Saved { changed: 99, unchanged: 0, left: 151 });
        let known = mappings.all(&connection).await.unwrap();
        let saved = mappings.save(&connection, &many, Saving::Completed, known, &|| true).await.unwrap();
        assert_eq!(saved, Saved { changed: 151, unchanged: 99, left: 0 });
        let (page, next) = mappings.list(&connection, Some("0098"), 2).await.unwrap();
        assert_eq!(page.iter().map(says).collect::<Vec<_>>(), [("0099", "", "999"), ("0100", "", "9100")]);
        assert_eq!(next.as_deref(), Some("0100"));
        assert_eq!(mappings.all(&connection).await.unwrap().len(), 250);
    }
}
