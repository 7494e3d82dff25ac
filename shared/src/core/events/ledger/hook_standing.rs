//! How the connector stands with the agent's hook: the turns of the last hour, and a refusal. All connections share one row.

use serde::{Deserialize, Serialize};

use crate::base::clock::{CLOCK_TOLERANCE, SignedDuration, Timestamp, earlier, is_to_come, later};
use crate::base::id::ConnectionName;
use crate::core::events::agent_hook::is_among;
use crate::core::events::ledger::{Batch, Frozen, Ledger, MAX_AT_ONCE, MAX_TRIES, crowded};
use crate::store::{Condition, Key, Outcome, Put, Query, StoreError, Write};

/// How long a try may take. After that it counts as failed, because its process must have died.
const MAX_TRY_TIME: SignedDuration = SignedDuration::from_secs(45);

/// Turns are counted over this time.
const TURN_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How many notes of wasted turns are read at once.
const MAX_WASTED: usize = 100;

/// The state of the agent's hook: turns taken, and its refusal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Standing {
    /// When turns were begun in the last hour, in milliseconds.
    turns: Vec<i64>,
    /// When turns of the last hour were begun that were given back, because their runs got nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given_back: Vec<i64>,
    /// The hook, as a digest, that refused us for good, and how.
    pub refused: Option<(String, u16)>,
    /// The gateway's reason for the refusal, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Set if all turns were taken when something was to be told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_turn: Option<NoTurn>,
}

/// All turns of the hour are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NoTurn {
    /// When the next turn is free.
    until: Timestamp,
    /// The types of events that wait for that.
    types: Vec<String>,
}

/// Whether a try may begin.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub enum Begun {
    /// It may begin, and that is written down. The number is the turn that it takes, as the moment of its begin.
    Try(Frozen, i64),
    /// It may not, because all turns of the hour are taken. At this moment one comes free.
    NoTurn(Timestamp),
    /// It may not, because another process is sending the batch.
    Taken,
}

fn standing_key() -> Key {
    Key::new("agent", "hook")
}

fn wasted(connection: &ConnectionName) -> String {
    format!("wasted#{connection}")
}

impl Standing {
    /// When the next turn is free, if none is free now.
    pub fn next_turn(&self, now: Timestamp, per_hour: usize) -> Option<Timestamp> {
        let since = earlier(now, TURN_WINDOW).as_millisecond();
        let latest = later(now, CLOCK_TOLERANCE).as_millisecond();
        // A turn that is later than now is from before the clock was set back. It would block others until then, and for an hour more.
        let recent: Vec<i64> = self.turns.iter().copied().filter(|at| *at > since && *at <= latest).collect();
        let blocking = recent.len().checked_sub(per_hour)?;
        let first = recent.get(blocking).or(recent.last()).copied().unwrap_or_default();
        Some(later(Timestamp::from_millisecond(first).unwrap_or(now), TURN_WINDOW))
    }

    /// Until when an event of this type waits for a turn, if it waits for one.
    pub(super) fn waits_for_turn(&self, kind: &str, now: Timestamp) -> Option<Timestamp> {
        let no_turn = self.no_turn.as_ref().filter(|no_turn| is_to_come(no_turn.until, now, TURN_WINDOW))?;
        is_among(&no_turn.types, kind).then_some(no_turn.until)
    }
}

impl Ledger {
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
            let latest = later(now, CLOCK_TOLERANCE).as_millisecond();
            standing.turns.retain(|at| *at > since && *at <= latest);
            standing.turns.push(turn);
            let mut batch = frozen.batch.clone();
            batch.attempts += 1;
            batch.turn = Some(turn);
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
            let index = standing.turns.iter().position(|at| *at == turn)?;
            standing.turns.remove(index);
            Some(())
        })
        .await
    }

    /// Gives back the turns of runs that got nothing, as many in an hour as there are turns: an agent that always takes the events of a
    /// run in another way would have turns without end. Says how many notes of such runs there were.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn give_back_wasted(
        &self,
        connection: &ConnectionName,
        per_hour: usize,
    ) -> Result<usize, StoreError> {
        let since = earlier(self.clock.now(), TURN_WINDOW).as_millisecond();
        let page = self.events.query(Query::partition(wasted(connection), MAX_WASTED)).await?;
        let count = page.rows.len();
        for row in page.rows {
            let turn: i64 = row.read()?;
            self.change_standing(|standing| {
                let index = standing.turns.iter().position(|at| *at == turn)?;
                standing.given_back.retain(|at| *at > since);
                (standing.given_back.len() < per_hour).then(|| {
                    standing.turns.remove(index);
                    standing.given_back.push(turn);
                })
            })
            .await?;
            self.events.delete(row.key, Condition::Any).await?;
        }
        Ok(count)
    }

    /// Notes that a run was told of a batch and got nothing of it, so that its turn does not count. If entries of the batch were claimed
    /// before, it had its run, and this claim has wasted no turn.
    pub(super) async fn note_wasted(
        &self,
        connection: &ConnectionName,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        let Some(turn) = batch.turn else { return Ok(()) };
        if self.had_its_run(connection, batch).await? {
            return Ok(());
        }
        let put = Put::record(Key::new(wasted(connection), &batch.id), &turn, Condition::Any)?;
        self.write_row(put.until(later(self.clock.now(), TURN_WINDOW))).await.map(drop)
    }

    async fn had_its_run(&self, connection: &ConnectionName, batch: &Batch) -> Result<bool, StoreError> {
        // The oldest are claimed first.
        for id in batch.ids.iter().take(MAX_AT_ONCE) {
            if self.entry(connection, id).await?.is_some_and(|entry| entry.batch.as_ref() == Some(&batch.id))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Remembers that this hook refuses us, and why. This holds until another hook is set.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn refused_by(&self, hook: &str, status: u16, reason: Option<&str>) -> Result<(), StoreError> {
        self.change_standing(|standing| {
            standing.refused = Some((hook.to_owned(), status));
            standing.reason = reason.map(str::to_owned);
            Some(())
        })
        .await
    }

    /// Remembers until when events of these types wait for a turn.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn note_no_turn(&self, until: Timestamp, types: &[String]) -> Result<(), StoreError> {
        let no_turn = NoTurn { until, types: types.to_vec() };
        self.change_standing(|standing| {
            let is_news = standing.no_turn.as_ref() != Some(&no_turn);
            is_news.then(|| standing.no_turn = Some(no_turn.clone()))
        })
        .await
    }

    /// Stores what `change` makes of it; nothing where it says that nothing changed.
    async fn change_standing(&self, change: impl Fn(&mut Standing) -> Option<()>) -> Result<(), StoreError> {
        for _ in 0..MAX_TRIES {
            let (mut standing, condition) = self.read_standing().await?;
            if change(&mut standing).is_none() {
                return Ok(());
            }
            if self.events.put(Put::record(standing_key(), &standing, condition)?).await?.is_done() {
                return Ok(());
            }
        }
        Err(crowded())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_waits_for_a_turn_says_until_when() {
        let until = at("2026-11-22T11:00:00Z");
        let types = vec!["zoho.inventory.*".to_owned()];
        let standing = Standing { no_turn: Some(NoTurn { until, types }), ..Standing::default() };
        let now = at("2026-11-22T10:30:00Z");
        assert_eq!(standing.waits_for_turn("zoho.inventory.item.updated", now), Some(until));
        assert_eq!(standing.waits_for_turn("zoho.crm.deal.updated", now), None, "the hook is not told of it");
        assert_eq!(standing.waits_for_turn("zoho.inventory.item.updated", until), None);
    }

    #[test]
    fn turns_from_before_the_clock_was_set_back_are_in_nobodys_way() {
        let now = at("2026-11-22T10:00:00Z");
        let turns = vec![later(now, SignedDuration::from_hours(1)).as_millisecond()];
        let no_turn = Some(NoTurn { until: at("2026-11-22T12:00:00Z"), types: vec!["zoho.*".to_owned()] });
        let standing = Standing { turns, no_turn, ..Standing::default() };
        assert_eq!(standing.next_turn(now, 1), None);
        assert_eq!(standing.waits_for_turn("zoho.crm.deal.updated", now), None);
    }

    #[test]
    fn a_row_of_earlier_code_is_read() {
        let standing: Standing =
            serde_json::from_str(r#"{"turns":[1795341600000],"refused":["digest",400]}"#).unwrap();
        assert_eq!(standing.refused, Some(("digest".to_owned(), 400)));
        assert!(standing.reason.is_none() && standing.no_turn.is_none());
        let free = standing.next_turn(at("2026-11-22T10:30:00Z"), 1);
        assert_eq!(free, Some(later(Timestamp::from_millisecond(1_795_341_600_000).unwrap(), TURN_WINDOW)));
    }

    #[test]
    fn a_turn_comes_free_an_hour_after_it_was_taken() {
        let taken = ["10:00:00", "10:10:00", "10:20:00"].map(|time| at(&format!("2026-11-22T{time}Z")));
        let turns = taken.iter().map(|turn| turn.as_millisecond()).collect();
        let standing = Standing { turns, ..Standing::default() };
        let now = at("2026-11-22T10:30:00Z");
        let hour_after = |turn: usize| Some(later(taken[turn], TURN_WINDOW));
        for (per_hour, free) in
            [(4, None), (3, hour_after(0)), (2, hour_after(1)), (1, hour_after(2)), (0, hour_after(2))]
        {
            assert_eq!(standing.next_turn(now, per_hour), free, "{per_hour}");
        }
        assert_eq!(standing.next_turn(at("2026-11-22T10:59:59.999Z"), 3), hour_after(0));
        assert_eq!(standing.next_turn(at("2026-11-22T11:00:00Z"), 3), None, "the first is an hour old");
        assert_eq!(standing.next_turn(at("2026-11-22T11:00:00Z"), 2), hour_after(1));
        assert_eq!(Standing::default().next_turn(now, 1), None);
    }
}
