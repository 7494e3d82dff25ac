//! What keeps renewals apart and rare. Only token-refresh uses it.
//!
//! A [`Lease`] lets one process at a time work on a connection. A [`Slot`](reserve) is taken before each call that mints
//! a token and never given back, because Zoho counts calls that failed to reach us, too: 10 access tokens per grant in 10
//! minutes, then it locks the grant out. We stay below with 8, and below 80 secret versions a day.

use serde::{Deserialize, Serialize};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, earlier, later};
use crate::base::id::ConnectionName;
use crate::store::{Condition, Key, Outcome, Put, StoreError, Table, Version, Write};

/// Ends by itself if its holder dies.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

const SHORT: (SignedDuration, usize) = (SignedDuration::from_mins(10), 8);
const LONG: (SignedDuration, usize) = (SignedDuration::from_hours(24), 80);

/// Pauses after a throttle, in minutes. Zoho's own is ten; some report more.
const PAUSES: [i64; 4] = [10, 10, 20, 30];

/// The right to work on one connection.
pub struct Lease<'a> {
    state: &'a dyn Table,
    key: Key,
    version: Version,
}

impl<'a> Lease<'a> {
    /// Takes the lease, or says that somebody else has it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take(
        state: &'a dyn Table,
        clock: &SharedClock,
        connection: &ConnectionName,
    ) -> Result<Option<Self>, StoreError> {
        let key = Key::new("lease", connection.as_str());
        let put = Put {
            key: key.clone(),
            value: "{}".to_owned(),
            condition: Condition::Absent,
            expires: Some(later(clock.now(), LEASE)),
        };
        Ok(match state.put(put).await? {
            Outcome::Done(Some(version)) => Some(Self { state, key, version }),
            _ => None,
        })
    }

    /// Whether it is still ours.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn holds(&self) -> Result<bool, StoreError> {
        Ok(self.state.get(&self.key).await?.is_some_and(|row| row.version == self.version))
    }

    /// Writes the last row and gives the lease back, in one step. Says whether it was still ours; if not, nothing is
    /// written.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn finish(self, last: Write) -> Result<bool, StoreError> {
        let release = Write::Delete(self.key, Condition::Version(self.version));
        Ok(self.state.transact(vec![last, release]).await?.is_done())
    }

    /// Gives it back without having written anything.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn release(self) -> Result<(), StoreError> {
        self.state.delete(self.key, Condition::Version(self.version)).await.map(drop)
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Spent {
    /// Milliseconds, oldest first.
    calls: Vec<i64>,
}

/// Takes a slot for one call that mints a token, or says when the next one comes free.
///
/// # Errors
/// Where the store fails.
pub async fn reserve(
    state: &dyn Table,
    clock: &SharedClock,
    connection: &ConnectionName,
) -> Result<Result<(), Timestamp>, StoreError> {
    let key = Key::new("mint-budget", connection.as_str());
    // Under the lease nobody else writes this row; a few rounds are for a lease that ran out.
    for _ in 0..4 {
        let now = clock.now();
        let found = state.get(&key).await?;
        let mut spent: Spent =
            found.as_ref().map_or_else(|| Ok(Spent::default()), crate::store::Row::read)?;
        spent.calls.retain(|at| *at > earlier(now, LONG.0).as_millisecond());
        if let Some(free) =
            [SHORT, LONG].iter().filter_map(|window| next_free(&spent.calls, now, *window)).max()
        {
            return Ok(Err(free));
        }
        spent.calls.push(now.as_millisecond());
        let condition = found.map_or(Condition::Absent, |row| Condition::Version(row.version));
        let put = Put::record(key.clone(), &spent, condition)?.until(later(now, LONG.0));
        if state.put(put).await?.is_done() {
            return Ok(Ok(()));
        }
    }
    Err(StoreError::Unavailable("the mint budget is being changed by others all the time".to_owned()))
}

/// When a window lets the next call in, if it does not now.
fn next_free(calls: &[i64], now: Timestamp, (length, most): (SignedDuration, usize)) -> Option<Timestamp> {
    let since = earlier(now, length).as_millisecond();
    let within = calls.iter().filter(|at| **at > since).count();
    let blocking = within.checked_sub(most)?;
    let first = calls.iter().filter(|at| **at > since).nth(blocking)?;
    Timestamp::from_millisecond(*first).ok().map(|at| later(at, length))
}

/// How long to leave Zoho alone after its `times`-th throttle in a row, counted from 1.
pub fn pause(times: u32) -> SignedDuration {
    let index = usize::try_from(times.saturating_sub(1)).unwrap_or(usize::MAX);
    SignedDuration::from_mins(PAUSES.get(index).or(PAUSES.last()).copied().unwrap_or(30))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::base::clock::TokioClock;
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

        let second = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        tokio::time::advance(Duration::from_secs(16)).await;
        let third = Lease::take(state, &clock, &name).await.unwrap().unwrap();
        assert!(!second.holds().await.unwrap());
        let row = Write::Put(Put::record(Key::new("x", "y"), &1, Condition::Any).unwrap());
        assert!(!second.finish(row.clone()).await.unwrap(), "who lost the lease writes nothing");
        assert!(state.get(&Key::new("x", "y")).await.unwrap().is_none());
        assert!(third.finish(row).await.unwrap());
        assert!(state.get(&Key::new("x", "y")).await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn eight_in_ten_minutes_and_eighty_a_day() {
        let (stores, clock) = stores();
        let (state, name) = (&*stores.state, ConnectionName::default());
        let begin = clock.now();
        let mut taken = Vec::new();
        // One try a minute for a day and a half.
        for _ in 0..36 * 60 {
            match reserve(state, &clock, &name).await.unwrap() {
                Ok(()) => taken.push(clock.now()),
                Err(free) => assert!(free > clock.now()),
            }
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        for (length, most) in [SHORT, LONG] {
            for (index, first) in taken.iter().enumerate() {
                let within = taken[index..].iter().filter(|at| **at < later(*first, length)).count();
                assert!(within <= most, "{within} within {length:?} of {first}");
            }
        }
        assert!(taken.iter().filter(|at| **at < later(begin, LONG.0)).count() == 80);
    }

    #[test]
    fn pauses_grow_and_stay() {
        let minutes: Vec<_> = (1..=6).map(|times| pause(times).as_mins()).collect();
        assert_eq!(minutes, [10, 10, 20, 30, 30, 30]);
    }
}
