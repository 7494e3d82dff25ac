//! What is used of a key: when it was last seen, and what it took of its share of the day. A day ends at midnight UTC, like that of an
//! organisation's calls.
//!
//! Calls to Zoho are leased, some at once, so that most of them ask no store; what a process leases and does not use counts as used.
//! While the store is down, calls go out uncounted, as they do of the organisation's quota. A write waits for its count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::key::ServiceKey;
use crate::base::background::Background;
use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_younger, later, seconds_until};
use crate::base::problem::{Code, Problem};
use crate::store::{Condition, Key, Outcome, Put, Row, StoreError, Table, Version, all_rows};

const PARTITION: &str = "key-use";

const SECONDS_OF_A_DAY: i64 = 86_400;

/// How often a process writes down that a key was seen, and for how long that is kept.
const SEEN_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
const SEEN_RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// How often a count is tried that other processes change at the same time, and the pause between.
const MAX_TRIES: u32 = 20;
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A process leases this part of a day's calls at once, and no more calls than that.
const PART_OF_A_DAY: u32 = 50;
const MAX_LEASE: u32 = 20;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Calls,
    Writes,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Writes => "writes",
        }
    }

    /// How much is taken at once.
    fn lease(self, most: u32) -> u32 {
        match self {
            Self::Calls => (most / PART_OF_A_DAY).clamp(1, MAX_LEASE),
            Self::Writes => 1,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Counted {
    day: i64,
    used: u32,
}

#[derive(Serialize, Deserialize)]
struct Seen {
    at: Timestamp,
}

/// What this process knows of one count.
#[derive(Default)]
struct Held {
    day: i64,
    /// How many calls are leased and not used yet.
    left: u32,
    /// How many are used or leased by all processes, as it is stored.
    used: u32,
    version: Option<Version>,
    /// Until the end of the day there is no more.
    is_spent: bool,
}

#[derive(Default)]
struct Memory {
    counts: HashMap<String, Held>,
    seen: HashMap<String, Timestamp>,
}

/// What was used of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// When it was last seen, to the hour.
    pub last: Option<Timestamp>,
    /// Calls to Zoho of this day, where they are limited.
    pub calls: u32,
    /// Writes of this day, where they are limited.
    pub writes: u32,
}

/// A write that was taken of a key's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct TakenWrite {
    /// Of the share of which day. Nothing where there is no limit.
    of: Option<i64>,
}

/// What is used of all keys.
pub struct KeyUsage {
    state: Arc<dyn Table>,
    clock: SharedClock,
    memory: Mutex<Memory>,
    background: Background,
}

impl KeyUsage {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock, memory: Mutex::default(), background: Background::default() }
    }

    /// As part of this process's work beside its requests.
    #[must_use]
    pub fn written_beside(self, background: Background) -> Self {
        Self { background, ..self }
    }

    /// Writes down that a key is used, now and then, and beside the request.
    pub fn seen(&self, key: &ServiceKey) {
        let now = self.clock.now();
        {
            let mut memory = self.memory();
            if memory.seen.get(&key.id).is_some_and(|at| is_younger(*at, now, SEEN_INTERVAL)) {
                return;
            }
            memory.seen.insert(key.id.clone(), now);
        }
        let Ok(put) = Put::record(row(&key.id, "seen"), &Seen { at: now }, Condition::Any) else { return };
        let (state, put) = (self.state.clone(), put.until(later(now, SEEN_RETENTION)));
        self.background.spawn(async move {
            if let Err(error) = state.put(put).await {
                tracing::warn!(%error, "that a key was used could not be written down");
            }
        });
    }

    /// Takes one call to Zoho of the key's share.
    ///
    /// # Errors
    /// Where the share of the day is used up.
    pub async fn call(&self, key: &ServiceKey) -> Result<(), Problem> {
        let Some(most) = key.limits.calls else { return Ok(()) };
        match self.take(key, What::Calls, most).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(self.spent(most, "calls to Zoho")),
            Err(error) => {
                tracing::error!(%error, "the calls of a key go out uncounted");
                Ok(())
            }
        }
    }

    /// Takes one write of the key's share.
    ///
    /// # Errors
    /// Where the share of the day is used up, or the store fails.
    pub async fn write(&self, key: &ServiceKey) -> Result<TakenWrite, Problem> {
        let Some(most) = key.limits.writes else { return Ok(TakenWrite { of: None }) };
        match self.take(key, What::Writes, most).await? {
            Some(day) => Ok(TakenWrite { of: Some(day) }),
            None => Err(self.spent(most, "writes")),
        }
    }

    /// Gives a write back that never went to Zoho. Where the store fails, it stays counted.
    pub async fn unsent(&self, key: &ServiceKey, taken: TakenWrite) {
        let Some(day) = taken.of else { return };
        if let Err(error) = self.give_back(key, What::Writes, day).await {
            tracing::warn!(%error, "a write that was not sent stays counted");
        }
    }

    /// What was used of a key, as it is stored.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn of(&self, key: &ServiceKey) -> Result<Used, StoreError> {
        let mut used = Used::default();
        for (limit, what) in [(key.limits.calls, What::Calls), (key.limits.writes, What::Writes)] {
            if limit.is_some()
                && let Some(row) = self.state.get(&row(&key.id, what.as_str())).await?
            {
                self.add(&mut used, what.as_str(), &row)?;
            }
        }
        Ok(used)
    }

    /// What was used of every key that was used, by its id.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn all(&self) -> Result<HashMap<String, Used>, StoreError> {
        let mut all: HashMap<String, Used> = HashMap::new();
        for row in all_rows(&*self.state, PARTITION, "").await? {
            if let Some((id, what)) = row.key.sort.split_once('/') {
                self.add(all.entry(id.to_owned()).or_default(), what, &row)?;
            }
        }
        Ok(all)
    }

    /// When the present day ends.
    pub fn day_ends(&self) -> Timestamp {
        end_of(day(self.clock.now()))
    }

    fn add(&self, used: &mut Used, what: &str, row: &Row) -> Result<(), StoreError> {
        let counted = || {
            let counted: Counted = row.read()?;
            Ok::<u32, StoreError>(if is_of(counted.day, day(self.clock.now())) { counted.used } else { 0 })
        };
        match what {
            "calls" => used.calls = counted()?,
            "writes" => used.writes = counted()?,
            "seen" => used.last = Some(row.read::<Seen>()?.at),
            _ => {}
        }
        Ok(())
    }

    /// Takes one, and says of which day. Nothing where there is no more.
    async fn take(&self, key: &ServiceKey, what: What, most: u32) -> Result<Option<i64>, StoreError> {
        let name = format!("{}/{}", key.id, what.as_str());
        let today = day(self.clock.now());
        let (mut on, mut used, version) = match self.held(&name, today) {
            Known::Taken(on) => return Ok(Some(on)),
            Known::Spent => return Ok(None),
            Known::Stored(on, used, version) => (on, used, version),
        };
        let mut condition = version.map_or(Condition::Absent, Condition::Version);
        for tried in 0..MAX_TRIES {
            if tried > 1 {
                sleep(self.clock.jittered(RETRY_PAUSE)).await;
            }
            let lease = what.lease(most).min(most.saturating_sub(used));
            let Some(left) = lease.checked_sub(1) else {
                // A write may be given back, by any process; so this is asked again each time.
                let is_spent = what == What::Calls;
                self.memory().counts.insert(name, Held { day: on, is_spent, ..Held::default() });
                return Ok(None);
            };
            let counted = Counted { day: on, used: used.saturating_add(lease) };
            let put = Put::record(row(&key.id, what.as_str()), &counted, condition)?.until(end_of(on));
            match self.state.put(put).await? {
                Outcome::Done(version) => {
                    self.learn(name, on, left, counted.used, version);
                    return Ok(Some(on));
                }
                Outcome::Refused { current, .. } => {
                    let stored = current.as_ref().map(Row::read::<Counted>).transpose()?;
                    let stored = stored.filter(|stored| is_of(stored.day, today));
                    (on, used) = stored.map_or((today, 0), |stored| (stored.day, stored.used));
                    condition = current.map_or(Condition::Absent, |row| Condition::Version(row.version));
                }
            }
        }
        Err(contended())
    }

    /// Gives one back that was taken of this day's share. Of a day that has ended, nothing is left to give back to.
    async fn give_back(&self, key: &ServiceKey, what: What, of: i64) -> Result<(), StoreError> {
        let place = row(&key.id, what.as_str());
        for tried in 0..MAX_TRIES {
            if tried > 0 {
                sleep(self.clock.jittered(RETRY_PAUSE)).await;
            }
            let Some(stored) = self.state.get(&place).await? else { return Ok(()) };
            let Counted { day, used } = stored.read()?;
            let Some(used) = used.checked_sub(1).filter(|_| day == of) else { return Ok(()) };
            let condition = Condition::Version(stored.version);
            let put = Put::record(place.clone(), &Counted { day, used }, condition)?.until(end_of(day));
            if let Outcome::Done(_) = self.state.put(put).await? {
                // What this process knew of the count no longer holds: the next one learns it from the row.
                self.memory().counts.remove(&place.sort);
                return Ok(());
            }
        }
        Err(contended())
    }

    /// Takes one of a lease in memory, or says what is known of the row.
    fn held(&self, name: &str, today: i64) -> Known {
        let mut memory = self.memory();
        match memory.counts.get_mut(name).filter(|held| is_of(held.day, today)) {
            Some(held) if held.is_spent && held.left == 0 => Known::Spent,
            Some(held) => match held.left.checked_sub(1) {
                Some(left) => {
                    held.left = left;
                    Known::Taken(held.day)
                }
                None => Known::Stored(held.day, held.used, held.version.clone()),
            },
            None => Known::Stored(today, 0, None),
        }
    }

    fn learn(&self, name: String, on: i64, left: u32, used: u32, version: Option<Version>) {
        let mut memory = self.memory();
        let held = memory.counts.entry(name).or_default();
        if held.day != on {
            *held = Held { day: on, ..Held::default() };
        }
        held.left = held.left.saturating_add(left);
        (held.used, held.version) = (used, version);
    }

    fn spent(&self, most: u32, what: &str) -> Problem {
        let ends = self.day_ends();
        let detail =
            format!("This key may make {most} {what} a day, and has made them; the day ends at {ends}.");
        Problem::new(Code::KeyDailyLimit, detail).retry_after(seconds_until(ends, self.clock.now()))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a process knows before it asks the store.
enum Known {
    /// One was there, and is taken, of this day's share.
    Taken(i64),
    /// There is no more today.
    Spent,
    /// On which day how much was used, and at which version that was.
    Stored(i64, u32, Option<Version>),
}

fn contended() -> StoreError {
    StoreError::Unavailable("other processes keep changing the count of a key".to_owned())
}

fn row(key: &str, what: &str) -> Key {
    Key::new(PARTITION, format!("{key}/{what}"))
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(SECONDS_OF_A_DAY)
}

/// Whether the count of a day holds today. That of tomorrow does: the clock of whoever began it is ahead, and to begin today anew would
/// give both days' shares a second time. A day that is further away is of a wrong clock.
fn is_of(day: i64, today: i64) -> bool {
    (today..=today.saturating_add(1)).contains(&day)
}

fn end_of(day: i64) -> Timestamp {
    Timestamp::from_second((day + 1).saturating_mul(SECONDS_OF_A_DAY)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use super::*;
    use crate::base::clock::TokioClock;
    use crate::base::id::ConnectionName;
    use crate::core::access::key::{DayLimits, Keys, NewKey};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    async fn limited(limits: DayLimits) -> (Stores, SharedClock, ServiceKey) {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-21T23:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let may = vec!["inventory:stock".parse().unwrap()];
        let wanted = NewKey { limits, ..NewKey::new("test", may, vec![ConnectionName::default()]) };
        let key = Keys::new(stores.state.clone(), clock.clone()).create(wanted).await.unwrap().0;
        (stores, clock, key)
    }

    /// How many of a hundred and twenty calls several processes let through, by turns.
    async fn through(most: u32, processes: usize) -> usize {
        let (stores, clock, key) = limited(DayLimits { calls: Some(most), writes: None }).await;
        let processes: Vec<_> =
            (0..processes).map(|_| KeyUsage::new(stores.state.clone(), clock.clone())).collect();
        let mut through = 0;
        for _ in 0..120_usize.div_ceil(processes.len()) {
            for process in &processes {
                through += usize::from(process.call(&key).await.is_ok());
            }
        }
        through
    }

    #[tokio::test(start_paused = true)]
    async fn no_number_of_processes_makes_more_calls_than_the_share() {
        for (most, processes) in [(1, 1), (7, 1), (7, 3), (100, 1), (100, 4)] {
            assert_eq!(through(most, processes).await, usize::try_from(most).unwrap(), "{most} {processes}");
        }
        assert_eq!(through(1_000, 2).await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_names_the_end_of_the_day_and_the_next_day_begins_anew() {
        let (stores, clock, key) = limited(DayLimits { calls: Some(2), writes: Some(1) }).await;
        let usage = KeyUsage::new(stores.state.clone(), clock);
        let _sent = usage.write(&key).await.unwrap();
        let problem = usage.write(&key).await.unwrap_err();
        assert_eq!((problem.code(), problem.wait()), (Code::KeyDailyLimit, 3600));
        assert!(problem.detail().contains("1 writes"), "{}", problem.detail());
        usage.call(&key).await.unwrap();
        assert_eq!(usage.of(&key).await.unwrap(), Used { last: None, calls: 1, writes: 1 });
        tokio::time::advance(Duration::from_secs(3600)).await;
        let _sent = usage.write(&key).await.unwrap();
        assert_eq!(usage.of(&key).await.unwrap(), Used { last: None, calls: 0, writes: 1 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_not_sent_is_given_back_once_and_to_its_own_day_only() {
        let (stores, clock, key) = limited(DayLimits { calls: None, writes: Some(2) }).await;
        let process = || KeyUsage::new(stores.state.clone(), clock.clone());
        let (one, other) = (process(), process());
        let taken = one.write(&key).await.unwrap();
        let _sent = other.write(&key).await.unwrap();
        for process in [&one, &other] {
            process.write(&key).await.unwrap_err();
        }
        one.unsent(&key, taken).await;
        assert_eq!(one.of(&key).await.unwrap().writes, 1);
        let taken = other.write(&key).await.unwrap();
        for process in [&one, &other] {
            process.write(&key).await.unwrap_err();
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        let _sent = one.write(&key).await.unwrap();
        other.unsent(&key, taken).await;
        assert_eq!(one.of(&key).await.unwrap().writes, 1, "it was of the day before");
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_give_back_at_once_is_all_free_again() {
        let (stores, clock, key) = limited(DayLimits { calls: None, writes: Some(4) }).await;
        let usage = KeyUsage::new(stores.state.clone(), clock);
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(usage.write(&key).await.unwrap());
        }
        futures::future::join_all(taken.into_iter().map(|taken| usage.unsent(&key, taken))).await;
        assert_eq!(usage.of(&key).await.unwrap().writes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_that_differ_at_midnight_give_no_share_twice() {
        let (stores, _, key) = limited(DayLimits { calls: None, writes: Some(2) }).await;
        let process = |now: &str| {
            let clock = Arc::new(TokioClock::starting_at(now.parse().unwrap()));
            KeyUsage::new(stores.state.clone(), clock)
        };
        let (ahead, behind) = (process("2026-11-22T00:00:10Z"), process("2026-11-21T23:59:50Z"));
        for process in [&ahead, &behind] {
            let _sent = process.write(&key).await.unwrap();
        }
        for process in [&ahead, &behind] {
            process.write(&key).await.unwrap_err();
            assert_eq!(process.of(&key).await.unwrap().writes, 2);
        }
        for now in ["2036-01-01T12:00:00Z", "2026-11-21T23:59:55Z"] {
            let _sent = process(now).write(&key).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_without_limits_asks_no_store_and_is_seen_once_an_hour() {
        let (stores, clock, key) = limited(DayLimits::default()).await;
        let usage = KeyUsage::new(stores.state.clone(), clock.clone());
        for _ in 0..1000 {
            usage.call(&key).await.unwrap();
            let taken = usage.write(&key).await.unwrap();
            usage.unsent(&key, taken).await;
        }
        assert!(usage.all().await.unwrap().is_empty());
        let seen = clock.now();
        usage.seen(&key);
        tokio::time::advance(Duration::from_secs(3000)).await;
        usage.seen(&key);
        let last = async || loop {
            if let Some(used) = usage.all().await.unwrap().get(&key.id) {
                break used.last;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(last().await, Some(seen));
        tokio::time::advance(Duration::from_secs(700)).await;
        usage.seen(&key);
        while last().await == Some(seen) {
            tokio::task::yield_now().await;
        }
    }
}
