//! How far Zoho's items were looked through for mappings: a row for each page, with the items that may be meant. A call that ends, or
//! dies, leaves what it read to the next one.

use serde::{Deserialize, Serialize};

use super::{Mappings, partition};
use crate::base::clock::{SignedDuration, later};
use crate::base::id::{ConnectionName, time_ordered};
use crate::store::{Condition, Key, Put, Query, StoreError};

/// How long a run can be gone on with.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Rows that are read at once; a run of more pages takes several reads.
const ROWS: usize = 100;

/// An item of Zoho's that a mapping may mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its id.
    pub item_id: String,
    /// Its SKU; empty where it has none.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// Whether it can be sold and adjusted.
    pub is_active: bool,
}

/// A page of Zoho's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Those of its items that a mapping may mean.
    pub candidates: Vec<Candidate>,
    /// Whether the list goes on.
    pub more: bool,
}

/// What a run is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The mappings; all of them where nothing is said.
    pub product_ids: Option<Vec<String>>,
}

impl Mappings {
    /// Begins a run; gives its id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begin_run(&self, connection: &ConnectionName, asked: &Asked) -> Result<String, StoreError> {
        let run = time_ordered(self.clock.now());
        self.keep(connection, &run, 0, asked).await?;
        Ok(run)
    }

    /// What a run is about; none where there is no such run, or it is older than a day.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn asked(&self, connection: &ConnectionName, run: &str) -> Result<Option<Asked>, StoreError> {
        self.state.get(&key(connection, run, 0)).await?.map(|row| row.read()).transpose()
    }

    /// Keeps a page, counted from 1.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn keep_page(
        &self,
        connection: &ConnectionName,
        run: &str,
        number: u32,
        page: &Page,
    ) -> Result<(), StoreError> {
        self.keep(connection, run, number, page).await
    }

    /// The pages of a run, as far as they were read, in their order.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn pages(&self, connection: &ConnectionName, run: &str) -> Result<Vec<Page>, StoreError> {
        let (mut pages, mut after) = (Vec::new(), Some(sort(run, 0)));
        loop {
            let query =
                Query { prefix: format!("r/{run}/"), after, ..Query::partition(partition(connection), ROWS) };
            let found = self.state.query(query).await?;
            for row in &found.rows {
                pages.push(row.read()?);
            }
            match found.next {
                Some(next) => after = Some(next),
                None => return Ok(pages),
            }
        }
    }

    async fn keep(
        &self,
        connection: &ConnectionName,
        run: &str,
        number: u32,
        record: &(impl Serialize + Sync),
    ) -> Result<(), StoreError> {
        let put = Put::record(key(connection, run, number), record, Condition::Any)?;
        self.state.put(put.until(later(self.clock.now(), RETENTION))).await.map(drop)
    }
}

fn key(connection: &ConnectionName, run: &str, number: u32) -> Key {
    Key::new(partition(connection), sort(run, number))
}

fn sort(run: &str, number: u32) -> String {
    format!("r/{run}/{number:05}")
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::base::clock::{SharedClock, TokioClock};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test(start_paused = true)]
    async fn a_run_is_gone_on_with_for_a_day() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let (mappings, connection) = (Mappings::new(stores.state, clock), ConnectionName::default());
        let asked = Asked { product_ids: Some(vec!["7".to_owned()]) };
        let run = mappings.begin_run(&connection, &asked).await.unwrap();
        for number in 1..=120 {
            let page = Page { candidates: Vec::new(), more: number < 120 };
            mappings.keep_page(&connection, &run, number, &page).await.unwrap();
        }
        assert_eq!(mappings.asked(&connection, &run).await.unwrap(), Some(asked));
        let pages = mappings.pages(&connection, &run).await.unwrap();
        assert_eq!((pages.len(), pages.last().map(|page| page.more)), (120, Some(false)));
        tokio::time::advance(Duration::from_secs(24 * 3600)).await;
        assert_eq!(mappings.asked(&connection, &run).await.unwrap(), None);
    }
}
