//! Claims: an agent takes entries to work on them.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::sleep;

use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::base::id::ConnectionName;
use crate::base::secret::random_hex;
use crate::core::events::ledger::batch::{open_key, told_key};
use crate::core::events::ledger::scan::{Chooser, Read};
use crate::core::events::ledger::{Batch, Claim, Entry, Ledger, MAX_AT_ONCE, MAX_TRIES, crowded};
use crate::store::{Condition, Row, StoreError, Write};

/// When to ask again for what stands behind more entries than are read.
const FULL_QUEUE_PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// What is to be claimed.
#[derive(Debug, Clone, Copy)]
pub enum ClaimTarget<'a> {
    /// What has waited longest.
    Oldest,
    /// What a batch told of.
    Batch(&'a str),
}

/// What came of it.
#[derive(Debug)]
pub enum Claimed {
    /// These are the caller's now.
    Taken {
        /// The right to them; nothing where there was nothing to take.
        claim: Option<Claim>,
        /// In their order.
        entries: Vec<Entry>,
        /// Whether there is more to take.
        more: bool,
    },
    /// Others have claimed all entries of the batch, until then at least.
    Busy(Timestamp),
    /// All entries of the batch are closed.
    Over,
    /// There is no such batch.
    Unknown,
}

impl Ledger {
    /// Takes entries, for `seconds`, in the order of each record.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn claim(
        &self,
        connection: &ConnectionName,
        wanted: ClaimTarget<'_>,
        limit: usize,
        seconds: u32,
        by: &str,
    ) -> Result<Claimed, StoreError> {
        let batch = match wanted {
            ClaimTarget::Oldest => None,
            ClaimTarget::Batch(id) => match self.batch_row(connection, id).await? {
                Some(row) => Some(row.read::<Batch>()?),
                None => return Ok(Claimed::Unknown),
            },
        };
        let ids: Option<HashSet<&str>> =
            batch.as_ref().map(|batch| batch.ids.iter().map(String::as_str).collect());
        let limit = limit.min(MAX_AT_ONCE);
        for tried in 1..=MAX_TRIES {
            let now = self.clock.now();
            let mut read = Vec::new();
            // The whole queue: a claimed entry of the same record may be far behind.
            let whole = self.scan(connection, None, |entry, version| {
                read.push((entry, version));
                true
            });
            let whole = whole.await?;
            let mut chooser = Chooser::new(ids.as_ref(), limit, now);
            chooser.see_all(read);
            let Chooser { chosen, more, busy, .. } = chooser;
            if chosen.is_empty() {
                return match &batch {
                    None => Ok(Claimed::Taken { claim: None, entries: Vec::new(), more }),
                    Some(batch) => self.nothing_left(connection, batch, busy, whole, now).await,
                };
            }
            let until = later(now, SignedDuration::from_secs(seconds.into()));
            let claim = Claim { id: random_hex::<8>(), by: by.to_owned(), until };
            let entries = claimed(chosen, &claim, batch.as_ref());
            let mut steps = Vec::with_capacity(entries.len());
            for (entry, version) in &entries {
                let condition = Condition::Version(version.clone());
                steps.push(Write::Put(entry.put(connection, condition, self.retention)?));
            }
            if self.write(steps).await? {
                let entries = entries.into_iter().map(|(entry, _)| entry).collect();
                return Ok(Claimed::Taken { claim: Some(claim), entries, more });
            }
            // Another run claimed or closed one of them in between.
            sleep(self.clock.jittered(Duration::from_millis(20) * tried)).await;
        }
        Err(crowded())
    }

    /// The answer if nothing of a batch can be taken, which wastes a turn of the agent's. `whole` says that all of the queue was read.
    async fn nothing_left(
        &self,
        connection: &ConnectionName,
        batch: &Batch,
        busy: Option<Timestamp>,
        whole: bool,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let nothing = match busy {
            Some(until) => Claimed::Busy(until),
            // The entries are behind so many others that they were not read.
            None if !whole && self.still_open(connection, batch).await? != (0, None) => {
                Claimed::Busy(later(now, FULL_QUEUE_PAUSE))
            }
            None => Claimed::Over,
        };
        if let Err(error) = self.note_wasted(connection, batch).await {
            tracing::warn!(%connection, %error, "a wasted turn could not be noted");
        }
        Ok(nothing)
    }

    /// A batch, open or not.
    pub(super) async fn batch_row(
        &self,
        connection: &ConnectionName,
        id: &str,
    ) -> Result<Option<Row>, StoreError> {
        match self.events.get(&open_key(connection, id)).await? {
            Some(row) => Ok(Some(row)),
            None => self.events.get(&told_key(connection, id)).await,
        }
    }
}

/// The entries with the claim on them, in their order. Those that the batch told of note it.
fn claimed(mut chosen: Vec<Read>, claim: &Claim, batch: Option<&Batch>) -> Vec<Read> {
    chosen.sort_unstable_by(|(left, _), (right, _)| left.id.cmp(&right.id));
    for (entry, _) in &mut chosen {
        entry.claim = Some(claim.clone());
        entry.claims += 1;
        if let Some(batch) = batch.filter(|batch| batch.ids.contains(&entry.id)) {
            entry.batch = Some(batch.id.clone());
        }
    }
    chosen
}
