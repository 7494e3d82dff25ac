//! One sweep over all connections: new events into the queue, then what is due to the hook, then a look for what was not told.
//! Each connection by itself, so that one in trouble holds up none.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::telemetry::gauge;
use shared::core::connection;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{MOST_OPEN, Stage};
use shared::store::StoreError;
use shared::zoho::scope::Product;
use tokio::time::Instant;

use crate::EventDelivery;
use crate::batch_lifecycle::Due;
use crate::zoho_reads::Run;

/// After this nothing new is begun, so that what has begun ends before the function is ended.
const BUDGET: Duration = Duration::from_secs(30);

/// After this no record is looked up for the queue: where Zoho is slow, other connections are not to wait for it.
const LOOKS: Duration = Duration::from_secs(12);

/// Events of one step.
const EVENTS_AT_ONCE: usize = 25;

/// What a sweep did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Entries that were made of events.
    pub queued: usize,
    /// Batches that the hook took.
    pub told: usize,
    /// Changes that were found although nobody told them.
    pub found: usize,
    /// Connections for which something failed.
    pub failed: usize,
    /// When something is due again, as far as that is known.
    pub next: Option<Timestamp>,
}

impl EventDelivery {
    /// Does all that is due, for these connections and for all that are known.
    ///
    /// # Errors
    /// Where the store fails for all of them.
    pub async fn sweep(&self, also: &BTreeSet<ConnectionName>) -> Result<Swept, StoreError> {
        let (started, until) = (Instant::now(), Instant::now() + BUDGET);
        let mut names = also.clone();
        names.extend(self.ledger.connections().await?);
        names.extend(connection::list(&*self.stores.state).await?.into_iter().map(|found| found.name));
        let mut names: Vec<_> = names.into_iter().collect();
        take_turns(&mut names, self.clock.now());
        let (mut swept, mut waiting) = (Swept::default(), BTreeSet::new());
        let mut run = Run::new(started + LOOKS);
        for name in &names {
            match self.queue_events(name, until, &mut run, &mut swept.queued).await {
                Ok(Queue::Empty) => {}
                Ok(Queue::WaitsFor(product)) => drop(waiting.insert((name.clone(), product))),
                Ok(Queue::NoTime) => waiting.extend(Product::ALL.map(|product| (name.clone(), product))),
                Err(error) => swept.fail(name, &error),
            }
        }
        let hook = Hook::read(&*self.stores.secrets).await.unwrap_or_else(|error| {
            swept.failed += 1;
            tracing::error!(%error, "the hook cannot be read, so the agent is told nothing");
            None
        });
        if let Some(hook) = hook.filter(|hook| !hook.paused) {
            for name in &names {
                if let Err(error) = self.tell(name, &hook, until, &mut swept).await {
                    swept.fail(name, &error);
                }
            }
        }
        run.until = until;
        self.find_gaps(&waiting, &mut run, &mut swept).await?;
        Ok(swept)
    }

    /// Settled events become entries, but for those that wait until Zoho can be asked what they are about, and all after them.
    async fn queue_events(
        &self,
        name: &ConnectionName,
        until: Instant,
        run: &mut Run,
        queued: &mut usize,
    ) -> Result<Queue, StoreError> {
        while Instant::now() < until {
            let from = self.ledger.fan_out_from(name).await?;
            let after = from.after().map(str::to_owned);
            let (events, _) = self.events.list(name, after, EVENTS_AT_ONCE).await?;
            if events.is_empty() {
                return Ok(Queue::Empty);
            }
            let mut step = from.step(&events);
            let seen = self.look_up(name, step.entries(), run).await;
            if let Some((index, _)) = seen.waits {
                step.end_before(index);
            }
            *queued += self.ledger.fan_out(name, step, &seen.known, &self.own).await?;
            if let Some((_, product)) = seen.waits {
                return Ok(Queue::WaitsFor(product));
            }
        }
        Ok(Queue::NoTime)
    }

    /// Sends what is due, looks after what was sent, and makes the next batch once nothing waits to be sent.
    async fn tell(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        until: Instant,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let digest = hook.digest();
        while Instant::now() < until {
            let (mut waiting, mut again) = (false, false);
            let refused = self.ledger.standing().await?.refused.is_some_and(|(refused, _)| refused == digest);
            let open = self.ledger.open_batches(name).await?;
            let is_full = open.len() >= MOST_OPEN;
            for frozen in open {
                let is_waiting = frozen.batch.stage == Stage::Waiting;
                waiting |= is_waiting;
                if frozen.batch.next > self.clock.now() {
                    swept.due(frozen.batch.next);
                    if is_waiting && frozen.batch.attempts > 1 {
                        let behind = self.clock.now().duration_since(frozen.batch.at).as_mins();
                        gauge("delivery_behind_minutes", usize::try_from(behind).unwrap_or_default());
                    }
                    continue;
                }
                if refused && matches!(frozen.batch.stage, Stage::Waiting | Stage::Admitted { .. }) {
                    continue;
                }
                match self.look_after(name, hook, frozen).await? {
                    Due::Now => again = true,
                    Due::Told => (again, swept.told) = (true, swept.told + 1),
                    Due::At(next) => swept.due(next),
                    Due::Nothing => {}
                }
            }
            if refused {
                return Ok(());
            }
            if !waiting && !is_full {
                let now = self.clock.now();
                if let Some(free) = self.ledger.standing().await?.next_turn(now, hook.turns()) {
                    // Until then, what comes joins one batch.
                    swept.due(free);
                } else {
                    let wanted = |entry: &shared::core::events::ledger::Entry| hook.wants(&entry.kind);
                    let write = |id: &str, entries: &[_]| crate::message::write(name, hook, id, entries);
                    again |= self.ledger.freeze(name, wanted, write).await?.is_some();
                }
            }
            if !again {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// What is left of a connection's events.
enum Queue {
    /// None that is settled.
    Empty,
    /// Some, until this product can be asked.
    WaitsFor(Product),
    /// Perhaps some, for another sweep.
    NoTime,
}

/// Begins with another one every minute, so that none is always the last to have its time.
pub(crate) fn take_turns<T>(all: &mut [T], now: Timestamp) {
    if let (Ok(minute), false) = (usize::try_from(now.as_second() / 60), all.is_empty()) {
        all.rotate_left(minute % all.len());
    }
}

impl Swept {
    fn due(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |known| known.min(at)));
    }

    pub(crate) fn fail(&mut self, connection: &ConnectionName, error: &StoreError) {
        self.failed += 1;
        tracing::error!(%connection, %error, "events could not be delivered");
    }
}
