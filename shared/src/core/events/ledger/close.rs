//! Closes entries, and reopens closed ones.

use futures::future::try_join_all;

use crate::base::clock::{SignedDuration, later};
use crate::base::id::ConnectionName;
use crate::core::events::ledger::{
    Claim, Closed, End, EndState, Entry, Ledger, MAX_AT_ONCE, MAX_TRIES, crowded, ends, queue,
};
use crate::store::{Condition, Key, Put, Query, Row, StoreError, Write};

/// The outcome that an acknowledgement reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The work is done.
    Done,
    /// The work cannot be done.
    Failed,
    /// The entries go back to the queue.
    Retry,
}

/// The result of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub enum AckResult {
    /// All entries, by their ids, with their new states.
    Written(Vec<(String, &'static str)>),
    /// No entry has this id. Nothing was changed.
    Unknown(String),
    /// The caller holds no claim on the entry with this id. Nothing was changed.
    NotClaimed(String),
}

/// The partition, before the connection's name, of the row that each acknowledgement writes: it wakes event-delivery.
pub const FREED: &str = "freed#";

/// How long that row is kept. Only the moment of its writing counts.
const FREED_RETENTION: SignedDuration = SignedDuration::from_hours(1);

/// The outcome of an entry that an operator replayed, until it is closed again.
pub const REPLAYED: &str = "replayed";

/// What became of an entry that was to be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// It was closed, and can be delivered again.
    Again,
    /// It is open already.
    Open,
    /// It is a test of the operator's, of which no agent is ever told. Nothing was changed.
    Test,
    /// No entry has this id: its event is not in the queue yet, or no longer kept.
    Unknown,
}

/// Where an entry is stored at the moment.
enum Found {
    Open(Entry, Row),
    Closed(Closed),
    None,
}

impl Ledger {
    /// Closes entries, or puts them back, for the caller that claimed them: all of them or none. Closed entries stay as they are.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn ack(
        &self,
        connection: &ConnectionName,
        ids: &[String],
        ending: Ending,
        note: Option<&str>,
        by: &str,
        claim: Option<&str>,
    ) -> Result<AckResult, StoreError> {
        let own = |found: &Claim| found.by == by && claim.is_none_or(|claim| claim == found.id);
        for _ in 0..MAX_TRIES {
            let found = try_join_all(ids.iter().map(|id| self.find(connection, id))).await?;
            let (mut steps, mut states) = (Vec::new(), Vec::new());
            for (id, found) in ids.iter().zip(found) {
                let state = match found {
                    Found::None => return Ok(AckResult::Unknown(id.clone())),
                    Found::Closed(closed) => closed.end.state.as_str(),
                    Found::Open(entry, _) if !entry.claim.as_ref().is_some_and(own) => {
                        return Ok(AckResult::NotClaimed(id.clone()));
                    }
                    Found::Open(mut entry, row) => {
                        let over = match ending {
                            Ending::Done => EndState::Done,
                            Ending::Failed => EndState::Failed,
                            Ending::Retry => {
                                entry.claim = None;
                                steps.push(Write::Put(entry.put(
                                    connection,
                                    Condition::Version(row.version),
                                    self.retention,
                                )?));
                                states.push((id.clone(), "queued"));
                                continue;
                            }
                        };
                        let end = self.end(over, over.as_str(), note);
                        steps.extend(closing(connection, entry, row, end, self.retention)?);
                        over.as_str()
                    }
                };
                states.push((id.clone(), state));
            }
            if steps.is_empty() {
                return Ok(AckResult::Written(states));
            }
            if self.write(steps).await? {
                self.wake_delivery(connection).await;
                return Ok(AckResult::Written(states));
            }
        }
        Err(crowded())
    }

    /// Writes the row by which event-delivery is woken: later changes of these records may wait for the acknowledgement. A failure is
    /// no reason to refuse it, because the schedule comes within a minute.
    async fn wake_delivery(&self, connection: &ConnectionName) {
        let now = self.clock.now();
        let key = Key::new(format!("{FREED}{connection}"), "last");
        let written = async {
            let put = Put::record(key, &now, Condition::Any)?.until(later(now, FREED_RETENTION));
            self.events.put(put).await
        };
        if let Err(error) = written.await {
            tracing::warn!(%connection, %error, "delivery could not be woken after an acknowledgement");
        }
    }

    /// Closes those of the entries that are not claimed, because they cannot be delivered; says how many.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn bury(
        &self,
        connection: &ConnectionName,
        batch: &str,
        ids: &[String],
        outcome: &str,
        note: &str,
    ) -> Result<usize, StoreError> {
        let mut buried = 0;
        for ids in ids.chunks(MAX_AT_ONCE) {
            buried += self.bury_some(connection, batch, ids, outcome, note).await?;
        }
        Ok(buried)
    }

    async fn bury_some(
        &self,
        connection: &ConnectionName,
        batch: &str,
        ids: &[String],
        outcome: &str,
        note: &str,
    ) -> Result<usize, StoreError> {
        for _ in 0..MAX_TRIES {
            let rows = try_join_all(ids.iter().map(|id| self.open_row(connection, id))).await?;
            let (now, mut steps) = (self.clock.now(), Vec::new());
            for row in rows.into_iter().flatten() {
                let mut entry: Entry = row.read()?;
                if !entry.is_claimed(now) {
                    entry.batch = Some(batch.to_owned());
                    let end = self.end(EndState::Dead, outcome, Some(note));
                    steps.extend(closing(connection, entry, row, end, self.retention)?);
                }
            }
            let count = steps.len() / 2;
            if steps.is_empty() || self.write(steps).await? {
                return Ok(count);
            }
        }
        Err(crowded())
    }

    /// Makes an entry that is closed deliverable again, unless it is a test of the operator's.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn replay(&self, connection: &ConnectionName, id: &str) -> Result<Replayed, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(row) = self.closed_row(connection, id).await? else {
                let open = self.open_row(connection, id).await?;
                return Ok(if open.is_some() { Replayed::Open } else { Replayed::Unknown });
            };
            let mut entry = row.read::<Closed>()?.entry;
            if entry.is_test() {
                return Ok(Replayed::Test);
            }
            (entry.claim, entry.batch, entry.replayed) = (None, None, Some(self.clock.now()));
            // This mark has the next batch tell of it, even if batches have passed it.
            let again = Put::record(
                crate::core::events::ledger::batch::again_key(connection, id),
                &REPLAYED,
                Condition::Any,
            )?;
            let steps = vec![
                Write::Delete(row.key, Condition::Version(row.version)),
                Write::Put(entry.put(connection, Condition::Absent, self.retention)?),
                Write::Put(again.until(entry.end(self.retention))),
            ];
            if self.write(steps).await? {
                return Ok(Replayed::Again);
            }
        }
        Err(crowded())
    }

    /// The dead entries that are no tests, oldest first, and at most this many.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn dead(&self, connection: &ConnectionName, most: usize) -> Result<Vec<String>, StoreError> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let query = Query { partition: ends(connection), after, limit: 250, ..Query::default() };
            let page = self.events.query(query).await?;
            for row in page.rows {
                let Closed { entry, end } = row.read()?;
                if end.state == EndState::Dead && !entry.is_test() {
                    ids.push(entry.id);
                }
            }
            after = page.next;
            if after.is_none() || ids.len() >= most {
                ids.truncate(most);
                return Ok(ids);
            }
        }
    }

    async fn find(&self, connection: &ConnectionName, id: &str) -> Result<Found, StoreError> {
        if let Some(row) = self.open_row(connection, id).await? {
            return Ok(Found::Open(row.read()?, row));
        }
        match self.closed_row(connection, id).await? {
            Some(row) => Ok(Found::Closed(row.read()?)),
            None => Ok(Found::None),
        }
    }

    fn end(&self, state: EndState, outcome: &str, note: Option<&str>) -> End {
        End { state, outcome: outcome.to_owned(), note: note.map(str::to_owned), at: self.clock.now() }
    }
}

impl EndState {
    /// Its name in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

fn closing(
    connection: &ConnectionName,
    entry: Entry,
    row: Row,
    end: End,
    retention: SignedDuration,
) -> Result<[Write; 2], StoreError> {
    debug_assert_eq!(row.key, Key::new(queue(connection), &entry.id));
    let put = entry.put_closed(connection, end, retention)?;
    debug_assert_eq!(put.key.partition, ends(connection));
    Ok([Write::Delete(row.key, Condition::Version(row.version)), Write::Put(put)])
}
