//! The calls of the last 90 days, by the hour, as `serve` stores them. Each process has a row of its own for each hour and writes
//! all of it anew: nothing is added up twice, and no process waits for another.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::call_counts::{Counted, start_of};
use crate::base::clock::{SignedDuration, later};
use crate::store::{Condition, Key, Put, Query, StoreError, Table};

/// How long they are kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

const PARTITION: &str = "calls";

/// Rows of one read.
const ROWS_PER_READ: usize = 250;

#[derive(Serialize, Deserialize)]
struct Stored {
    counted: Vec<Counted>,
}

/// The calls of an installation.
pub struct CallHistory {
    state: Arc<dyn Table>,
}

impl CallHistory {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>) -> Self {
        Self { state }
    }

    /// Stores what a process has counted of an hour so far, in the place of what it stored of that hour before.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn put(&self, process: &str, hour: i64, counted: Vec<Counted>) -> Result<(), StoreError> {
        let key = Key::new(PARTITION, format!("{}#{process}", number(hour)));
        let put = Put::record(key, &Stored { counted }, Condition::Any)?;
        self.state.put(put.until(later(start_of(hour), RETENTION))).await.map(drop)
    }

    /// Shows each count of the hours from this one on, with its hour.
    ///
    /// # Errors
    /// Where the store fails, or a row cannot be read.
    pub async fn since(&self, hour: i64, mut see: impl FnMut(i64, Counted)) -> Result<(), StoreError> {
        // The numbers of processes stand behind it, so that it is below all rows of its hour.
        let mut after = Some(number(hour));
        while after.is_some() {
            let query = Query { after: after.take(), ..Query::partition(PARTITION, ROWS_PER_READ) };
            let page = self.state.query(query).await?;
            for row in &page.rows {
                let hour = row.key.sort.split('#').next().and_then(|hour| hour.parse().ok());
                let hour = hour.ok_or_else(|| StoreError::Unreadable(format!("calls/{}", row.key.sort)))?;
                row.read::<Stored>()?.counted.into_iter().for_each(|counted| see(hour, counted));
            }
            after = page.next;
        }
        Ok(())
    }
}

/// An hour in a key, so that keys sort by time.
fn number(hour: i64) -> String {
    format!("{hour:08}")
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use super::*;
    use crate::base::call_counts::{CallKind, Tally, hour_of};
    use crate::base::clock::{SharedClock, TokioClock};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn counted(calls: u64) -> Counted {
        let kind = CallKind {
            method: "GET".to_owned(),
            route: "/v1".to_owned(),
            status: 200,
            code: String::new(),
            zoho: String::new(),
        };
        Counted { kind, tally: Tally { calls, milliseconds: calls, slowest: 1 } }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_writes_its_hour_anew_and_the_hours_of_all_are_read_in_order_until_90_days_are_over() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-29T10:30:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let history = CallHistory::new(stores.state);
        let now = hour_of(clock.now());
        for (process, hour, calls) in
            [("b", now, 1), ("b", now, 3), ("a", now, 5), ("a", now - 2, 7), ("a", now - 3, 9)]
        {
            history.put(process, hour, vec![counted(calls)]).await.unwrap();
        }
        let since = async |hour: i64| {
            let mut seen = Vec::new();
            history.since(hour, |hour, counted| seen.push((hour - now, counted.tally.calls))).await.unwrap();
            seen
        };
        assert_eq!(since(now - 2).await, [(-2, 7), (0, 5), (0, 3)]);
        tokio::time::advance(std::time::Duration::from_secs(90 * 24 * 3600 - 2 * 3600)).await;
        assert_eq!(since(now - 3).await, [(0, 5), (0, 3)], "what is 90 days old has ended");
    }
}
