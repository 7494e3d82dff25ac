//! Batches: the events that one call to the agent's hook reports. A batch is stored, to its last byte, before it is first sent:
//! the gateway recognises a repetition only by equal bytes.

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::base::clock::{SignedDuration, Timestamp, earlier, later};
use crate::base::id::{ConnectionName, time_ordered};
use crate::core::events::ledger::fan_out::PROGRESS;
use crate::core::events::ledger::{Entry, Ledger, MAX_AT_ONCE, MAX_TRIES, crowded};
use crate::store::{Condition, Key, Outcome, Put, Query, Row, StoreError, Version, Write};

/// The most entries of one batch: their ids fit into a row.
const MAX_BATCH_ENTRIES: usize = 2000;

/// Marks of replays that go in one transaction.
const MAX_MARKS: usize = 90;

/// Open batches that one sweep reads. With that many open, no further batch is made: no sweep would read it.
pub const MAX_OPEN_BATCHES: usize = 100;

/// A try that takes longer is counted as failed: its process died.
const MAX_TRY_TIME: SignedDuration = SignedDuration::from_secs(45);

/// Turns are counted over this time.
const TURN_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// What was told, or will be.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// How the last try went.
    pub said: Option<String>,
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
        /// When.
        at: Timestamp,
    },
    /// The gateway will never take it.
    Refused {
        /// With which status.
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
    version: Version,
}

/// How far batches have come in a connection's queue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Progress {
    told: Option<String>,
}

/// The state of the agent's hook: turns taken, and its refusal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Standing {
    /// When turns were begun in the last hour, in milliseconds.
    turns: Vec<i64>,
    /// The hook, as a digest, that refused us for good, and how.
    pub refused: Option<(String, u16)>,
}

/// Whether a try may begin.
#[derive(Debug)]
pub enum Begun {
    /// It may, and is written down. The moment is the turn that it takes.
    Try(Frozen, i64),
    /// All turns of the hour are taken; then one comes free.
    NoTurn(Timestamp),
    /// Another run is working on it.
    Taken,
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

fn progress_key(connection: &ConnectionName) -> Key {
    Key::new(PROGRESS, format!("tell/{connection}"))
}

fn standing_key() -> Key {
    Key::new("agent", "hook")
}

impl Standing {
    /// When the next turn is free, where none is now.
    pub fn next_turn(&self, now: Timestamp, per_hour: usize) -> Option<Timestamp> {
        let since = earlier(now, TURN_WINDOW).as_millisecond();
        let recent: Vec<i64> = self.turns.iter().copied().filter(|at| *at > since).collect();
        let blocking = recent.len().checked_sub(per_hour)?;
        let first = recent.get(blocking).or(recent.last()).copied().unwrap_or_default();
        Some(later(Timestamp::from_millisecond(first).unwrap_or(now), TURN_WINDOW))
    }
}

impl Ledger {
    /// The batches of which not all is done with, oldest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn open_batches(&self, connection: &ConnectionName) -> Result<Vec<Frozen>, StoreError> {
        let page =
            self.events.query(Query::partition(format!("batch#{connection}"), MAX_OPEN_BATCHES)).await?;
        page.rows.iter().map(|row| Ok(Frozen { batch: row.read()?, version: row.version.clone() })).collect()
    }

    /// Makes a batch of the entries that are wanted and were in none yet. Nothing where there are no such entries, where all of them
    /// are claimed, or where another run has just made a batch.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn freeze(
        &self,
        connection: &ConnectionName,
        wanted: impl Fn(&Entry) -> bool,
        write: impl FnOnce(&str, &[Entry]) -> String,
    ) -> Result<Option<Frozen>, StoreError> {
        let key = progress_key(connection);
        let row = self.events.get(&key).await?;
        let progress: Progress = row.as_ref().map_or_else(|| Ok(Progress::default()), Row::read)?;
        let mut entries = Vec::new();
        let again =
            self.events.query(Query::partition(format!("again#{connection}"), MAX_BATCH_ENTRIES)).await?;
        for row in &again.rows {
            // Replayed entries that batches have not reached yet come with the others.
            if progress.told.as_ref().is_some_and(|told| row.key.sort <= *told)
                && let Some(found) = self.open_row(connection, &row.key.sort).await?
            {
                entries.push(found.read()?);
            }
        }
        let mut last = progress.told.clone();
        self.scan(connection, progress.told.clone(), |entry, _| {
            last = Some(entry.id.clone());
            if wanted(&entry) {
                entries.push(entry);
            }
            entries.len() < MAX_BATCH_ENTRIES
        })
        .await?;
        let now = self.clock.now();
        if entries.iter().all(|entry| entry.is_claimed(now)) && !entries.is_empty() {
            return Ok(None);
        }
        let condition = row.map_or(Condition::Absent, |row| Condition::Version(row.version));
        let moved = last != progress.told;
        let mut steps = Vec::new();
        let id = time_ordered(now);
        let batch = Batch {
            body: write(&id, &entries),
            id,
            at: now,
            ids: entries.iter().map(|entry| entry.id.clone()).collect(),
            attempts: 0,
            rounds: 0,
            stage: Stage::Waiting,
            next: now,
            said: None,
        };
        let made = !entries.is_empty();
        if made {
            steps.push(Write::Put(batch.put(connection, Condition::Absent, self.retention)?));
        }
        steps.push(Write::Put(Put::record(key, &Progress { told: last }, condition)?));
        let gone = again.rows.into_iter().map(|row| Write::Delete(row.key, Condition::Version(row.version)));
        let mut gone: Vec<Write> = gone.collect();
        let rest = gone.split_off(gone.len().min(MAX_MARKS));
        steps.extend(gone);
        if !made && !moved && steps.len() == 1 {
            return Ok(None);
        }
        let outcome = self.events.transact(steps).await?;
        if outcome.is_done() {
            // If the process dies before this, the remaining entries are reported twice.
            for rest in rest.chunks(MAX_MARKS) {
                self.write(rest.to_vec()).await?;
            }
        }
        match outcome {
            Outcome::Done(Some(version)) if made => Ok(Some(Frozen { batch, version })),
            _ => Ok(None),
        }
    }

    /// How we stand with the hook.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        Ok(self.read_standing().await?.0)
    }

    async fn read_standing(&self) -> Result<(Standing, Condition), StoreError> {
        match self.events.get(&standing_key()).await? {
            Some(row) => Ok((row.read()?, Condition::Version(row.version))),
            None => Ok((Standing::default(), Condition::Absent)),
        }
    }

    /// Writes down that a batch is about to be sent, and takes a turn for it: a run may begin even where its answer is lost.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begin_try(
        &self,
        connection: &ConnectionName,
        frozen: &Frozen,
        per_hour: usize,
    ) -> Result<Begun, StoreError> {
        for _ in 0..MAX_TRIES {
            let now = self.clock.now();
            let (mut standing, condition) = self.read_standing().await?;
            if let Some(free) = standing.next_turn(now, per_hour) {
                return Ok(Begun::NoTurn(free));
            }
            let turn = now.as_millisecond();
            let since = earlier(now, TURN_WINDOW).as_millisecond();
            standing.turns.retain(|at| *at > since);
            standing.turns.push(turn);
            let mut batch = frozen.batch.clone();
            batch.attempts += 1;
            batch.next = later(now, MAX_TRY_TIME);
            let steps = vec![
                Write::Put(batch.put(
                    connection,
                    Condition::Version(frozen.version.clone()),
                    self.retention,
                )?),
                Write::Put(Put::record(standing_key(), &standing, condition)?),
            ];
            match self.events.transact(steps).await? {
                Outcome::Done(Some(version)) => return Ok(Begun::Try(Frozen { batch, version }, turn)),
                Outcome::Refused { step: 1, .. } => {}
                _ => return Ok(Begun::Taken),
            }
        }
        Err(crowded())
    }

    /// Gives a turn back: no run began.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn give_back(&self, turn: i64) -> Result<(), StoreError> {
        self.change_standing(|standing| {
            if let Some(place) = standing.turns.iter().position(|at| *at == turn) {
                standing.turns.remove(place);
            }
        })
        .await
    }

    /// Remembers that this hook refuses us, until there is another.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn refused_by(&self, hook: &str, status: u16) -> Result<(), StoreError> {
        self.change_standing(|standing| standing.refused = Some((hook.to_owned(), status))).await
    }

    async fn change_standing(&self, change: impl Fn(&mut Standing)) -> Result<(), StoreError> {
        for _ in 0..MAX_TRIES {
            let (mut standing, condition) = self.read_standing().await?;
            change(&mut standing);
            if self.events.put(Put::record(standing_key(), &standing, condition)?).await?.is_done() {
                return Ok(());
            }
        }
        Err(crowded())
    }

    /// Stores the new state of a batch, unless another run has changed it since. Gives the batch as stored.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn change_batch(
        &self,
        connection: &ConnectionName,
        frozen: Frozen,
        change: impl FnOnce(&mut Batch),
    ) -> Result<Option<Frozen>, StoreError> {
        let Frozen { mut batch, version } = frozen;
        change(&mut batch);
        let written =
            self.write_row(batch.put(connection, Condition::Version(version), self.retention)?).await?;
        Ok(written.map(|version| Frozen { batch, version }))
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
                match row.read::<Entry>()?.claim.filter(|claim| claim.until > now) {
                    Some(claim) => claimed = claimed.max(Some(claim.until)),
                    None => free += 1,
                }
            }
        }
        Ok((free, claimed))
    }
}

impl Batch {
    fn put(
        &self,
        connection: &ConnectionName,
        condition: Condition,
        retention: SignedDuration,
    ) -> Result<Put, StoreError> {
        let put = Put::record(open_key(connection, &self.id), self, condition)?;
        Ok(put.until(later(self.at, retention)))
    }
}
