//! Batches: the events that one call to the agent's hook reports. A batch is stored, to its last byte, before it is first sent:
//! the gateway recognises a repetition only by equal bytes.

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, is_to_come, later};
use crate::base::id::{ConnectionName, moment_of};
use crate::core::events::ledger::entry::LONGEST_CLAIM;
use crate::core::events::ledger::{Entry, Ledger, MAX_AT_ONCE};
use crate::store::{Condition, Key, Order, Outcome, Put, Query, Row, StoreError, Version, Write};

/// Open batches that one sweep reads. With that many open, no further batch is made: no sweep would read it.
pub const MAX_OPEN_BATCHES: usize = 100;

/// How many of the batches that are done with are read, to find the one that the gateway took last.
const LAST_TOLD: usize = 10;

/// What was told, or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id, which is also the idempotency key of its request.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The entries that it tells of.
    pub ids: Vec<String>,
    /// The request's body.
    pub body: String,
    /// How often it was sent, or was about to be.
    pub attempts: u32,
    /// How often it was admitted without all of its entries being closed in time.
    pub rounds: u32,
    /// Where it stands.
    pub stage: Stage,
    /// When it is looked at next.
    pub next: Timestamp,
    /// How the last try went: the status of the hook's answer, or why there was none. Rows that were stored before there was `reason` have
    /// the reason here, too, behind a colon.
    pub said: Option<String>,
    /// Why the gateway did not take it, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The turn that the last try took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<i64>,
}

/// Where a batch stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is to be sent.
    Waiting,
    /// The gateway took it.
    Admitted {
        /// The run that it began, as far as the gateway says.
        run: Option<String>,
        /// When the gateway took it.
        at: Timestamp,
    },
    /// The gateway will never take it.
    Refused {
        /// With which HTTP status.
        status: u16,
        /// Which hook that was.
        hook: String,
    },
    /// It was taken again and again, but no run claimed what it told of.
    Unclaimed,
}

/// A batch as it was read.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// The batch.
    pub batch: Batch,
    pub(super) version: Version,
}

pub(super) fn open_key(connection: &ConnectionName, id: &str) -> Key {
    Key::new(format!("batch#{connection}"), id)
}

pub(super) fn told_key(connection: &ConnectionName, id: &str) -> Key {
    Key::new(format!("told#{connection}"), id)
}

pub(super) fn again_key(connection: &ConnectionName, id: &str) -> Key {
    Key::new(format!("again#{connection}"), id)
}

impl Ledger {
    /// When the gateway took one of the last batches that are done with.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn told_last(&self, connection: &ConnectionName) -> Result<Option<Timestamp>, StoreError> {
        let query = Query {
            partition: format!("told#{connection}"),
            limit: LAST_TOLD,
            order: Order::Descending,
            ..Query::default()
        };
        let mut last = None;
        for row in self.events.query(query).await?.rows {
            if let Stage::Admitted { at, .. } = row.read::<Batch>()?.stage {
                last = last.max(Some(at));
            }
        }
        Ok(last)
    }

    /// The batches of which not all is done with, oldest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn open_batches(&self, connection: &ConnectionName) -> Result<Vec<Frozen>, StoreError> {
        let page =
            self.events.query(Query::partition(format!("batch#{connection}"), MAX_OPEN_BATCHES)).await?;
        page.rows.iter().map(|row| Ok(Frozen { batch: row.read()?, version: row.version.clone() })).collect()
    }

    /// Stores the new state of a batch, unless another run has changed it since. Gives the batch as stored.
    ///
    /// That words of the gateway were forgotten meanwhile is no other state: a try whose end is not noted would be made once more.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn change_batch(
        &self,
        connection: &ConnectionName,
        frozen: Frozen,
        change: impl FnOnce(&mut Batch),
    ) -> Result<Option<Frozen>, StoreError> {
        let Frozen { batch: before, version } = frozen;
        let mut batch = before.clone();
        change(&mut batch);
        let put = batch.put(connection, Condition::Version(version), self.retention)?;
        let current = match self.events.put(put).await? {
            Outcome::Done(version) => return Ok(version.map(|version| Frozen { batch, version })),
            Outcome::Refused { current, .. } => current,
        };
        let Some(row) = current else { return Ok(None) };
        let now: Batch = row.read()?;
        if now.without_words() != before.without_words() {
            return Ok(None);
        }
        batch.keep_forgotten(&before, now);
        let put = batch.put(connection, Condition::Version(row.version), self.retention)?;
        Ok(self.write_row(put).await?.map(|version| Frozen { batch, version }))
    }

    /// Puts a batch away, of which all is done with.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn close_batch(&self, connection: &ConnectionName, frozen: Frozen) -> Result<(), StoreError> {
        let Frozen { batch, version } = frozen;
        let put = Put::record(told_key(connection, &batch.id), &batch, Condition::Any)?;
        let steps = vec![
            Write::Delete(open_key(connection, &batch.id), Condition::Version(version)),
            Write::Put(put.until(later(batch.at, self.retention))),
        ];
        self.write(steps).await.map(drop)
    }

    /// Of a batch's entries: how many are free, and until when others are claimed, at the latest.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn still_open(
        &self,
        connection: &ConnectionName,
        batch: &Batch,
    ) -> Result<(usize, Option<Timestamp>), StoreError> {
        let (now, mut free, mut claimed) = (self.clock.now(), 0, None::<Timestamp>);
        for ids in batch.ids.chunks(MAX_AT_ONCE) {
            let rows = try_join_all(ids.iter().map(|id| self.open_row(connection, id))).await?;
            for row in rows.into_iter().flatten() {
                match row.read::<Entry>()?.claim.filter(|claim| claim.holds(now)) {
                    Some(claim) => claimed = claimed.max(Some(claim.until)),
                    None => free += 1,
                }
            }
        }
        Ok((free, claimed))
    }

    /// The open entries of a batch that are kept no longer than this time from now: after it, nobody hears of them any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn ending_within(
        &self,
        connection: &ConnectionName,
        batch: &Batch,
        span: SignedDuration,
    ) -> Result<Vec<String>, StoreError> {
        let (soon, mut ending) = (later(self.clock.now(), span), Vec::new());
        // By when their events came, so that hardly any batch needs a read. What was replayed is kept longer than that.
        let is_old = |id: &&String| moment_of(id).is_some_and(|came| later(came, self.retention) <= soon);
        let old: Vec<&String> = batch.ids.iter().filter(is_old).collect();
        for ids in old.chunks(MAX_AT_ONCE) {
            let rows = try_join_all(ids.iter().map(|id| self.open_row(connection, id))).await?;
            let ends_soon = |row: &Row| row.expires.is_some_and(|end| end <= soon);
            ending.extend(rows.into_iter().flatten().filter(ends_soon).map(|row| row.key.sort));
        }
        Ok(ending)
    }
}

/// The longest time for which a batch that is to be sent is put off.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

impl Batch {
    /// How the last try went, with the gateway's reason.
    pub fn last_answer(&self) -> Option<String> {
        let said = self.said.clone()?;
        Some(match &self.reason {
            Some(reason) => format!("{said}: {reason}"),
            None => said,
        })
    }

    /// Whether the gateway took it once.
    pub fn was_taken(&self) -> bool {
        self.rounds > 0 || matches!(self.stage, Stage::Admitted { .. })
    }

    /// Whether it is looked at later than now.
    pub fn is_early(&self, now: Timestamp) -> bool {
        // One that was taken waits for claims, or for their end.
        let longest = if self.stage == Stage::Waiting { LONGEST_WAIT } else { LONGEST_CLAIM };
        is_to_come(self.next, now, longest)
    }

    /// It, without what the gateway said.
    fn without_words(&self) -> Self {
        Self { said: None, reason: None, ..self.clone() }
    }

    /// Has the words that it had before as they are now. New ones stay.
    fn keep_forgotten(&mut self, before: &Self, now: Self) {
        if self.said == before.said {
            self.said = now.said;
        }
        if self.reason == before.reason {
            self.reason = now.reason;
        }
    }

    pub(super) fn put(
        &self,
        connection: &ConnectionName,
        condition: Condition,
        retention: SignedDuration,
    ) -> Result<Put, StoreError> {
        let put = Put::record(open_key(connection, &self.id), self, condition)?;
        Ok(put.until(later(self.at, retention)))
    }
}
