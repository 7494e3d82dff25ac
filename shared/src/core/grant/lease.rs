//! What keeps renewals of a connection apart and few. Only token-refresh uses it.
//!
//! A [`Lease`] lets one process at a time work on a connection. Before each call that mints a token a slot is taken
//! ([`reserve`]). It is never given back, because Zoho counts calls whose answer was lost, too: after 10 access tokens of a
//! grant in 10 minutes it locks the grant out. The secret store keeps all versions of a day, about 100 at most, so tokens are
//! stored only while there is [`room`] for one more.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::base::clock::{
    CLOCK_TOLERANCE, SharedClock, SignedDuration, Timestamp, earlier, is_to_come, later,
};
use crate::base::id::ConnectionName;
use crate::core::connection::access_token::AccessToken;
use crate::store::{Condition, Key, Outcome, Put, Secrets, StoreError, Table, Version, Write};

/// A lease ends by itself if its holder dies.
const LEASE_TIME: SignedDuration = SignedDuration::from_secs(15);

/// How long a caller waits for a lease, so that it outlasts one of a process that died.
const LEASE_WAIT: Duration = Duration::from_secs(16);

/// The pause between two tries to take a lease.
const LEASE_RETRY: Duration = Duration::from_millis(250);

/// No call to a store takes longer: see `store/aws/client.rs`.
const STORE_CALL: SignedDuration = SignedDuration::from_secs(10);

/// Calls of a connection that mint a token, and the time in which they are counted.
pub const MAX_CALLS: usize = 8;
/// How many of these may be for consents that anybody can begin. The rest is left for people with a link of the operator's.
pub const MAX_CALLS_OF_STRANGERS: usize = 5;
const CALLS_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// Versions of a secret in a day: up to here by renewals, the rest is for people who connect.
const MAX_VERSIONS_BY_RENEWAL: usize = 72;
const MAX_VERSIONS: usize = 80;

/// Pauses after throttles, in minutes. Zoho's own is ten; some report more.
const AFTER_THROTTLE: [i64; 4] = [10, 10, 20, 30];

/// Pauses in minutes after a call that Zoho did not answer properly.
const AFTER_SILENCE: [i64; 4] = [1, 2, 5, 10];

/// The right to work on one connection.
pub struct Lease<'a> {
    state: &'a dyn Table,
    clock: &'a SharedClock,
    key: Key,
    version: Version,
    ends: Timestamp,
}

impl<'a> Lease<'a> {
    /// Takes the lease; nothing where another process has it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take(
        state: &'a dyn Table,
        clock: &'a SharedClock,
        connection: &ConnectionName,
    ) -> Result<Option<Self>, StoreError> {
        let key = Key::new("lease", connection.as_str());
        let now = clock.now();
        let ends = later(now, LEASE_TIME);
        let mut outcome = state.put(lease_row(&key, ends, Condition::Absent)).await?;
        if let Outcome::Refused { current: Some(row), .. } = &outcome
            && row.expires.is_some_and(|ends| !is_to_come(ends, now, LEASE_TIME))
        {
            let condition = Condition::Version(row.version.clone());
            outcome = state.put(lease_row(&key, ends, condition)).await?;
        }
        Ok(match outcome {
            Outcome::Done(Some(version)) => Some(Self { state, clock, key, version, ends }),
            _ => None,
        })
    }

    /// As [`Self::take`], but waits for a holder to finish.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn wait(
        state: &'a dyn Table,
        clock: &'a SharedClock,
        connection: &ConnectionName,
    ) -> Result<Option<Self>, StoreError> {
        let started = Instant::now();
        loop {
            let lease = Self::take(state, clock, connection).await?;
            if lease.is_some() || started.elapsed() > LEASE_WAIT {
                return Ok(lease);
            }
            sleep(LEASE_RETRY).await;
        }
    }

    /// Whether it is still ours.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn holds(&self) -> Result<bool, StoreError> {
        Ok(self.state.get(&self.key).await?.is_some_and(|row| row.version == self.version))
    }

    /// Writes a row and prolongs the lease, in one step. Says whether it was still ours; if not, nothing
    /// is written.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn write(&mut self, write: Write) -> Result<bool, StoreError> {
        let ends = later(self.clock.now(), LEASE_TIME);
        let lease = lease_row(&self.key, ends, Condition::Version(self.version.clone()));
        match self.state.transact(vec![Write::Put(lease), write]).await? {
            Outcome::Done(Some(version)) => {
                (self.version, self.ends) = (version, ends);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether a call to a store that begins now ends before another process can take the lease.
    pub fn outlasts_a_call(&self) -> bool {
        later(self.clock.now(), STORE_CALL) <= self.ends
    }

    /// Prolongs it, and says whether it outlasts a call now: for what cannot be done on a condition, such as deleting a secret.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn covers_a_call(&mut self) -> Result<bool, StoreError> {
        let ends = later(self.clock.now(), LEASE_TIME);
        let lease = lease_row(&self.key, ends, Condition::Version(self.version.clone()));
        let Outcome::Done(Some(version)) = self.state.put(lease).await? else { return Ok(false) };
        (self.version, self.ends) = (version, ends);
        Ok(self.outlasts_a_call())
    }

    /// Writes the last row and gives the lease back, in one step. Says whether it was still ours; if not, nothing is
    /// written.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn finish(self, last: Write) -> Result<bool, StoreError> {
        self.finish_all(vec![last]).await
    }

    /// As [`Self::finish`], with several rows.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn finish_all(self, mut last: Vec<Write>) -> Result<bool, StoreError> {
        last.push(Write::Delete(self.key, Condition::Version(self.version)));
        Ok(self.state.transact(last).await?.is_done())
    }

    /// Gives it back without having written anything.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn release(self) -> Result<(), StoreError> {
        self.state.delete(self.key, Condition::Version(self.version)).await.map(drop)
    }
}

/// Takes the lease for good, once its holder has finished: from then on nobody works on the connection here. It may be taken so again.
/// False where the holder does not finish.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn take_for_good(
    state: &dyn Table,
    connection: &ConnectionName,
) -> Result<bool, StoreError> {
    let key = Key::new("lease", connection.as_str());
    let started = Instant::now();
    loop {
        let row =
            Put { key: key.clone(), value: "{}".to_owned(), condition: Condition::Absent, expires: None };
        match state.put(row).await? {
            Outcome::Done(_) => return Ok(true),
            Outcome::Refused { current: Some(row), .. } if row.expires.is_none() => return Ok(true),
            Outcome::Refused { .. } if started.elapsed() > LEASE_WAIT => return Ok(false),
            Outcome::Refused { .. } => sleep(LEASE_RETRY).await,
        }
    }
}

/// Gives back a lease that was taken for good.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn free(state: &dyn Table, connection: &ConnectionName) -> Result<(), StoreError> {
    let key = Key::new("lease", connection.as_str());
    match state.get(&key).await? {
        Some(row) if row.expires.is_none() => {
            state.delete(key, Condition::Version(row.version)).await.map(drop)
        }
        // It belongs to a renewal, or to nobody.
        _ => Ok(()),
    }
}

fn lease_row(key: &Key, ends: Timestamp, condition: Condition) -> Put {
    Put { key: key.clone(), value: "{}".to_owned(), condition, expires: Some(ends) }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Spent {
    /// Milliseconds, oldest first.
    calls: Vec<i64>,
}

/// Takes a slot for one call that mints a token, where fewer than `most` are taken, or says when the next one comes free.
///
/// # Errors
/// Where the store fails.
pub async fn reserve(
    state: &dyn Table,
    clock: &SharedClock,
    connection: &ConnectionName,
    most: usize,
) -> Result<Result<(), Timestamp>, StoreError> {
    let key = Key::new("mint-budget", connection.as_str());
    // Exchanges have no lease, so one may take the slot in between: then the calls are counted again.
    for _ in 0..8 {
        let now = clock.now();
        let found = state.get(&key).await?;
        let mut spent: Spent =
            found.as_ref().map_or_else(|| Ok(Spent::default()), crate::store::Row::read)?;
        spent.calls.retain(|at| *at > earlier(now, CALLS_WINDOW).as_millisecond());
        // When calls were made before the clock was set back, nobody knows: they count from now.
        let (latest, mut is_set_back) = (later(now, CLOCK_TOLERANCE).as_millisecond(), false);
        for at in spent.calls.iter_mut().filter(|at| **at > latest) {
            (*at, is_set_back) = (now.as_millisecond(), true);
        }
        if let Some(blocking) = spent.calls.len().checked_sub(most) {
            if let (true, Some(row)) = (is_set_back, &found) {
                let condition = Condition::Version(row.version.clone());
                state
                    .put(Put::record(key.clone(), &spent, condition)?.until(later(now, CALLS_WINDOW)))
                    .await?;
            }
            let first = spent.calls.get(blocking).copied().unwrap_or_default();
            return Ok(Err(later(Timestamp::from_millisecond(first).unwrap_or(now), CALLS_WINDOW)));
        }
        spent.calls.push(now.as_millisecond());
        let condition = found.map_or(Condition::Absent, |row| Condition::Version(row.version));
        let put = Put::record(key.clone(), &spent, condition)?.until(later(now, CALLS_WINDOW));
        if state.put(put).await?.is_done() {
            return Ok(Ok(()));
        }
    }
    Err(StoreError::Unavailable("other processes keep changing the budget of token calls".to_owned()))
}

/// Whether another version of the access token may be stored today. What is left at the end of the day is for people who
/// connect, not for renewals.
///
/// # Errors
/// Where the store fails.
pub async fn room(
    secrets: &dyn Secrets,
    clock: &SharedClock,
    connection: &ConnectionName,
    for_person: bool,
) -> Result<bool, StoreError> {
    let since = earlier(clock.now(), SignedDuration::from_hours(24));
    let stored = secrets.versions_since(&AccessToken::secret_name(connection), since).await?;
    Ok(stored < if for_person { MAX_VERSIONS } else { MAX_VERSIONS_BY_RENEWAL })
}

/// The pause after Zoho's `times`-th throttle in a row, counted from 1.
pub fn after_throttle(times: u32) -> SignedDuration {
    pause(AFTER_THROTTLE, times)
}

/// The pause after the `times`-th call in a row without a proper answer, counted from 1.
pub fn after_silence(times: u32) -> SignedDuration {
    pause(AFTER_SILENCE, times)
}

fn pause(minutes: [i64; 4], times: u32) -> SignedDuration {
    let index = usize::try_from(times.saturating_sub(1)).unwrap_or(usize::MAX);
    SignedDuration::from_mins(minutes.get(index).or(minutes.last()).copied().unwrap_or(30))
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::{SetClock, TokioClock};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn stores() -> (Stores, SharedClock) {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-21T10:00:00Z".parse().unwrap()));
        (Sqlite::in_memory(clock.clone()).unwrap().into(), clock)
    }

    #[tokio::test(start_paused = true)]
    async fn one_holds_the_lease_until_it_is_given_back_or_runs_out() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let first = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_none());
        assert!(first.holds().await.unwrap());
        first.release().await.unwrap();

        let mut second = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        tokio::time::advance(Duration::from_secs(10)).await;
        let begun = Write::Put(Put::record(Key::new("x", "begun"), &1, Condition::Any).unwrap());
        assert!(second.write(begun.clone()).await.unwrap());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(second.holds().await.unwrap(), "prolonged by the write");
        tokio::time::advance(Duration::from_secs(6)).await;
        let third = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        assert!(!second.holds().await.unwrap());
        let row = Write::Put(Put::record(Key::new("x", "y"), &1, Condition::Any).unwrap());
        assert!(!second.write(begun).await.unwrap());
        assert!(!second.finish(row.clone()).await.unwrap(), "who lost the lease writes nothing");
        assert!(state.get(&Key::new("x", "y")).await.unwrap().is_none());
        assert!(third.finish(row).await.unwrap());
        assert!(state.get(&Key::new("x", "y")).await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_taken_for_good_where_its_holder_ends_and_given_up_where_he_does_not() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let mut holder = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        let started = Instant::now();
        let (taken, ()) = tokio::join!(take_for_good(state, &name), async {
            // He prolongs it, over and over.
            while started.elapsed() < LEASE_WAIT * 2 {
                holder.write(write()).await.unwrap();
                sleep(Duration::from_millis(900)).await;
            }
        });
        assert!(!taken.unwrap());
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_none(), "it is still his");

        holder.release().await.unwrap();
        assert!(take_for_good(state, &name).await.unwrap() && take_for_good(state, &name).await.unwrap());
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_none());
        free(state, &name).await.unwrap();
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_leaves_no_lease_behind_and_forgets_no_call() {
        let moved = Arc::new(SetClock::at_ten());
        let clock: SharedClock = moved.clone();
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let dead = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        for _ in 0..MAX_CALLS {
            assert!(reserve(state, &clock, &name, MAX_CALLS).await.unwrap().is_ok());
        }
        moved.shift(SignedDuration::from_hours(-24));
        let lease = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        assert!(!dead.holds().await.unwrap() && lease.holds().await.unwrap());
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_none(), "one at a time, as ever");
        let free = reserve(state, &clock, &name, MAX_CALLS).await.unwrap().unwrap_err();
        assert_eq!(free, later(clock.now(), CALLS_WINDOW), "they may have been made a moment ago");
        moved.shift(CALLS_WINDOW + SignedDuration::from_millis(1));
        assert!(reserve(state, &clock, &name, MAX_CALLS).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_call_counts_from_when_it_was_made_unless_that_is_more_than_a_minute_ahead() {
        for (back, is_known) in [(60_000, true), (60_001, false)] {
            let moved = Arc::new(SetClock::at_ten());
            let clock: SharedClock = moved.clone();
            let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
            let (state, name, made) = (&*stores.state, ConnectionName::default(), clock.now());
            reserve(state, &clock, &name, 1).await.unwrap().unwrap();
            moved.shift(SignedDuration::from_millis(-back));
            let since = if is_known { made } else { clock.now() };
            let free = reserve(state, &clock, &name, 1).await.unwrap().unwrap_err();
            assert_eq!(free, later(since, CALLS_WINDOW), "{back}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn eight_in_any_ten_minutes() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let mut taken = Vec::new();
        for _ in 0..12 * 60 {
            match reserve(state, &clock, &name, MAX_CALLS).await.unwrap() {
                Ok(()) => taken.push(clock.now()),
                Err(free) => assert!(free > clock.now() && free <= later(clock.now(), CALLS_WINDOW)),
            }
            tokio::time::advance(Duration::from_secs(20)).await;
        }
        for (index, first) in taken.iter().enumerate() {
            let within = taken[index..].iter().filter(|at| **at < later(*first, CALLS_WINDOW)).count();
            assert!(within <= MAX_CALLS, "{within} from {first}");
        }
        assert!(taken.len() >= 4 * 6 * MAX_CALLS, "{}: not fewer than allowed", taken.len());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_versions_of_a_day_are_for_people() {
        let (stores, clock) = stores();
        let (secrets, name) = (&*stores.secrets, ConnectionName::default());
        let room = |for_person| room(secrets, &clock, &name, for_person);
        for stored in 0..=MAX_VERSIONS {
            assert_eq!(room(false).await.unwrap(), stored < MAX_VERSIONS_BY_RENEWAL, "{stored}");
            assert_eq!(room(true).await.unwrap(), stored < MAX_VERSIONS, "{stored}");
            let value = crate::base::secret::Secret::new("x");
            secrets.stage(&AccessToken::secret_name(&name), &value).await.unwrap();
        }
        tokio::time::advance(Duration::from_secs(25 * 3600)).await;
        assert!(room(false).await.unwrap());
    }

    #[test]
    fn pauses_grow_and_stay() {
        let throttled: Vec<_> = (1..=6).map(|times| after_throttle(times).as_mins()).collect();
        assert_eq!(throttled, [10, 10, 20, 30, 30, 30]);
        let silent: Vec<_> = (1..=6).map(|times| after_silence(times).as_mins()).collect();
        assert_eq!(silent, [1, 2, 5, 10, 10, 10]);
    }

    fn write() -> Write {
        Write::Put(Put::record(Key::new("x", "y"), &1, Condition::Any).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_after_fifteen_seconds_and_outlasts_a_call_for_the_first_five() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let mut lease = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        assert!(lease.outlasts_a_call());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(lease.outlasts_a_call(), "ten seconds are left, which is what a call takes at most");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!lease.outlasts_a_call());
        assert!(lease.covers_a_call().await.unwrap(), "prolonged");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(lease.outlasts_a_call(), "from when it was prolonged");
        assert!(lease.write(write()).await.unwrap());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(lease.outlasts_a_call(), "a write prolongs it, too");
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        let other = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        assert!(!lease.covers_a_call().await.unwrap(), "it is somebody else's");
        lease.release().await.unwrap();
        assert!(other.holds().await.unwrap(), "who lost it does not give it back");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_outlasts_a_dead_holder_and_not_a_busy_one() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let _dead = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        let begun = Instant::now();
        let mut held = Lease::wait(state, &clock, &name).await.unwrap().unwrap();
        let waited = begun.elapsed();
        assert!((Duration::from_secs(15)..=LEASE_WAIT).contains(&waited), "{waited:?}");
        let begun = Instant::now();
        let (waited, ()) = tokio::join!(Lease::wait(state, &clock, &name), async {
            for _ in 0..6 {
                sleep(Duration::from_secs(4)).await;
                assert!(held.write(write()).await.unwrap());
            }
        });
        assert!(waited.unwrap().is_none());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_was_taken_for_good_ends_only_when_it_is_freed() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        assert!(take_for_good(state, &name).await.unwrap());
        assert!(take_for_good(state, &name).await.unwrap(), "again");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(Lease::take(state, &clock, &name).await.unwrap().is_none());
        free(state, &name).await.unwrap();
        let lease = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        free(state, &name).await.unwrap();
        assert!(lease.holds().await.unwrap(), "that of a renewal is not freed");
        // A holder that finishes makes way.
        let (taken, ()) = tokio::join!(take_for_good(state, &name), async {
            sleep(Duration::from_secs(2)).await;
            lease.release().await.unwrap();
        });
        assert!(taken.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_for_a_token_comes_free_ten_minutes_after_it_was_taken() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let mut taken = Vec::new();
        for _ in 0..MAX_CALLS {
            taken.push(clock.now());
            reserve(state, &clock, &name, MAX_CALLS).await.unwrap().unwrap();
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        let free = async |most| reserve(state, &clock, &name, most).await.unwrap().err();
        assert_eq!(free(MAX_CALLS).await, Some(later(taken[0], CALLS_WINDOW)));
        // A stranger waits until fewer than their share are taken.
        assert_eq!(free(MAX_CALLS_OF_STRANGERS).await, Some(later(taken[3], CALLS_WINDOW)));
        let other: ConnectionName = "other".parse().unwrap();
        assert!(reserve(state, &clock, &other, 1).await.unwrap().is_ok(), "each connection has its own");
        let first = later(taken[0], CALLS_WINDOW).duration_since(clock.now()).unsigned_abs();
        tokio::time::advance(first - Duration::from_millis(1)).await;
        assert_eq!(free(MAX_CALLS).await, Some(later(taken[0], CALLS_WINDOW)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(free(MAX_CALLS).await, None);
        assert_eq!(free(MAX_CALLS).await, Some(later(taken[1], CALLS_WINDOW)));
    }

    #[test]
    fn a_first_pause_is_that_of_the_first_time() {
        assert_eq!((after_throttle(0).as_mins(), after_silence(0).as_mins()), (10, 1));
        assert_eq!((after_throttle(u32::MAX).as_mins(), after_silence(u32::MAX).as_mins()), (30, 10));
    }
}
