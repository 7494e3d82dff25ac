//! Turns: writes that look at a figure before they change it are done one after the other for each organisation. Zoho has no
//! compare-and-set, so that two of ours at the same time could both believe the same figure. Zoho takes too few calls in a minute
//! for more than one at a time to be of use.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_to_come, later, seconds_until};
use crate::store::{Condition, Key, Outcome, Put, StoreError, Table, Version};
use crate::zoho::data_centre::DataCentre;

/// When a turn ends by itself, because its holder must have died: no request runs longer.
const LIFETIME: SignedDuration = SignedDuration::from_secs(35);

/// How long a request waits before it tries again to take the turn.
const LOOK_PAUSE: Duration = Duration::from_millis(400);

#[derive(Serialize, Deserialize)]
struct Record {
    until: Timestamp,
}

/// The right of one request to write now.
pub struct Turn {
    key: Key,
    version: Version,
}

/// The turns of an installation.
pub struct Turns {
    state: Arc<dyn Table>,
    clock: SharedClock,
}

impl Turns {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Waits for the turn to move stock of an organisation. If another request has it until after `deadline`, the inner result is an error:
    /// for how many seconds that request may still have it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take(
        &self,
        data_centre: DataCentre,
        organization: &str,
        deadline: Instant,
    ) -> Result<Result<Turn, u64>, StoreError> {
        let key = Key::new(format!("turn#{data_centre}/{organization}"), "stock");
        let mut condition = Condition::Absent;
        loop {
            let now = self.clock.now();
            let record = Record { until: later(now, LIFETIME) };
            let put = Put::record(key.clone(), &record, condition)?.until(record.until);
            let current = match self.state.put(put).await? {
                Outcome::Done(Some(version)) => return Ok(Ok(Turn { key, version })),
                Outcome::Done(None) => None,
                Outcome::Refused { current, .. } => current,
            };
            let held = current.as_ref().map(crate::store::Row::read::<Record>).transpose()?;
            let is_over = held.as_ref().is_some_and(|held| !is_to_come(held.until, now, LIFETIME));
            if let (Some(row), true) = (current, is_over) {
                // The holder has died, and the store has not hidden the row yet; or the clock was set back since.
                condition = Condition::Version(row.version);
                continue;
            }
            condition = Condition::Absent;
            let pause = self.clock.jittered(LOOK_PAUSE);
            if Instant::now() + pause > deadline {
                return Ok(Err(held.map_or(1, |held| seconds_until(held.until, now))));
            }
            sleep(pause).await;
        }
    }

    /// Ends a turn. If it ran out and another request has taken it, that request keeps it.
    ///
    /// # Errors
    /// Where the store fails: then it ends by itself.
    pub async fn end(&self, turn: Turn) -> Result<(), StoreError> {
        self.state.delete(turn.key, Condition::Version(turn.version)).await.map(drop)
    }
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use super::*;
    use crate::base::clock::{SetClock, TokioClock};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test]
    async fn a_turn_from_before_the_clock_was_set_back_stops_nobody() {
        let clock = Arc::new(SetClock::at_ten());
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let turns = Turns::new(stores.state, clock.clone());
        let _dead = turns.take(DataCentre::Eu, "1", Instant::now()).await.unwrap().ok().unwrap();
        assert_eq!(turns.take(DataCentre::Eu, "1", Instant::now()).await.unwrap().err(), Some(35));
        clock.shift(SignedDuration::from_hours(-1));
        assert!(turns.take(DataCentre::Eu, "1", Instant::now()).await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_and_a_dead_one_gives_way() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let turns = Turns::new(stores.state, clock);
        let soon = || Instant::now() + Duration::from_secs(2);
        let first = turns.take(DataCentre::Eu, "1", soon()).await.unwrap().ok().unwrap();
        assert!(
            turns.take(DataCentre::Us, "1", soon()).await.unwrap().is_ok(),
            "organisations do not wait for each other"
        );
        let waited = turns.take(DataCentre::Eu, "1", soon()).await.unwrap().err();
        assert!(waited.is_some_and(|seconds| (30..=35).contains(&seconds)), "{waited:?}");
        turns.end(first).await.unwrap();
        let _dead = turns.take(DataCentre::Eu, "1", soon()).await.unwrap().ok().unwrap();
        tokio::time::advance(Duration::from_secs(36)).await;
        let third = turns.take(DataCentre::Eu, "1", soon()).await.unwrap().ok().unwrap();
        assert!(turns.take(DataCentre::Eu, "1", soon()).await.unwrap().is_err());
        turns.end(third).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_lasts_35_seconds_and_who_lost_it_does_not_end_the_next() {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let turns = Turns::new(stores.state, clock);
        let take = async |wait| turns.take(DataCentre::Eu, "1", Instant::now() + wait).await.unwrap();
        let late = take(Duration::ZERO).await.ok().unwrap();
        assert_eq!(take(Duration::ZERO).await.err(), Some(35));
        tokio::time::advance(Duration::from_millis(34_999)).await;
        assert_eq!(take(Duration::ZERO).await.err(), Some(1));
        tokio::time::advance(Duration::from_millis(1)).await;
        let _next = take(Duration::ZERO).await.ok().unwrap();
        turns.end(late).await.unwrap();
        assert_eq!(take(Duration::ZERO).await.err(), Some(35), "it is still the next one's");
        // Who may wait that long outlasts a holder that died.
        assert!(take(Duration::from_secs(36)).await.is_ok());
    }
}
