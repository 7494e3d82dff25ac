//! The ledger of deliveries: the state of each event after it was stored.
//!
//! An event is **received** when it is stored. event-delivery puts it into the **queue**, one entry for each record that it is
//! about. From there it is taken by a **claim**, which ends by itself, and closed by an **acknowledgement**. Where the agent
//! has a hook, entries are also told to it, in a **batch** that is frozen before it is sent first. An entry that is closed
//! leaves the queue and is kept with its end.
//!
//! All of it are rows of the events table, each written on the condition that it is what was read.

mod batch;
mod change;
mod claim;
mod close;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod contested_tests;
mod entry;
mod fan_out;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod fan_out_tests;
mod freeze;
mod hook_standing;
mod life;
mod lookup;
mod newest;
mod scan;
mod step;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests;

use std::sync::Arc;

pub use batch::{Batch, Frozen, MAX_OPEN_BATCHES, Stage};
pub use claim::{ClaimTarget, Claimed};
pub use close::{AckResult, Ending, FREED, REPLAYED, Replayed};
pub use entry::{Claim, Closed, EARLIER, End, EndState, Entry, FOUND, is_entry_id, split_entry_id};
pub use freeze::Progress;
pub use hook_standing::{Begun, Standing};
pub use life::Life;
pub use lookup::{RecordState, RecordStates, UNCONFIRMED};
pub use newest::{Newest, REMEMBERED};
pub use step::{FanOut, Step, narrow};

use crate::base::clock::{SharedClock, SignedDuration};
use crate::base::id::ConnectionName;
use crate::base::settings::Retention;
use crate::store::{Key, Outcome, Put, Row, StoreError, Table, Version, Write};

/// The most entries that one claim or one acknowledgement takes: a transaction has 100 steps.
pub const MAX_AT_ONCE: usize = 50;

/// How often a change is tried while others change the same rows.
const MAX_TRIES: u32 = 12;

/// The ledger of an installation.
#[derive(Clone)]
pub struct Ledger {
    events: Arc<dyn Table>,
    clock: SharedClock,
    /// How long entries, batches and ends are kept: as long as the events themselves.
    retention: SignedDuration,
}

impl Ledger {
    /// The rows are in this table.
    pub fn new(events: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { events, clock, retention: Retention::default().events }
    }

    /// The same, with everything kept so long.
    #[must_use]
    pub fn kept_for(self, retention: SignedDuration) -> Self {
        Self { retention, ..self }
    }

    /// Writes all of it or nothing; says whether the rows were still what was read.
    async fn write(&self, steps: Vec<Write>) -> Result<bool, StoreError> {
        Ok(self.events.transact(steps).await?.is_done())
    }

    /// Writes one row, and gives its new version if it was still what was read.
    async fn write_row(&self, put: Put) -> Result<Option<Version>, StoreError> {
        match self.events.put(put).await? {
            Outcome::Done(version) => Ok(version),
            Outcome::Refused { .. } => Ok(None),
        }
    }

    async fn open_row(&self, connection: &ConnectionName, id: &str) -> Result<Option<Row>, StoreError> {
        self.events.get(&Key::new(queue(connection), id)).await
    }

    /// An entry, open or closed.
    async fn entry(&self, connection: &ConnectionName, id: &str) -> Result<Option<Entry>, StoreError> {
        if let Some(row) = self.open_row(connection, id).await? {
            return row.read().map(Some);
        }
        let closed = self.closed_row(connection, id).await?;
        closed.map(|row| Ok(row.read::<Closed>()?.entry)).transpose()
    }

    async fn closed_row(&self, connection: &ConnectionName, id: &str) -> Result<Option<Row>, StoreError> {
        self.events.get(&Key::new(ends(connection), id)).await
    }
}

fn queue(connection: &ConnectionName) -> String {
    format!("queue#{connection}")
}

fn ends(connection: &ConnectionName) -> String {
    format!("life#{connection}")
}

/// The error where others keep changing the same rows.
fn crowded() -> StoreError {
    StoreError::Unavailable("the ledger's rows are being changed by others all the time".to_owned())
}
