//! event-delivery in this process: new events and acknowledgements trigger it, as the table's stream does in the cloud, and so does
//! every minute.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use event_delivery::{EventDelivery, Trigger};
use futures::future::BoxFuture;
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::id::{ConnectionName, moment_of};
use shared::core::events::EVENTS;
use shared::core::events::ledger::FREED;
use shared::core::services::Services;
use shared::store::{Key, Outcome, Page, Query, Row, StoreError, Table, Write};
use token_refresh::Local;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::{join, select};

/// The interval of the schedule in the cloud.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Connections with new events and acknowledgements that no delivery run has seen.
#[derive(Clone, Default)]
pub(crate) struct NewEvents(Arc<Inner>);

#[derive(Default)]
struct Inner {
    trigger: Mutex<Trigger>,
    came: Notify,
    freed: Mutex<BTreeSet<ConnectionName>>,
    acknowledged: Notify,
}

/// When something is due next.
struct Due {
    at: Mutex<Instant>,
    sooner: Notify,
}

impl NewEvents {
    /// The same services, with a table of events that reports new rows.
    pub(crate) fn watch(&self, services: &Services) -> Services {
        let mut watched = services.clone();
        let table = services.stores.events.clone();
        watched.stores.events = Arc::new(Watched { table, new: self.clone() });
        watched
    }

    fn take(&self) -> Trigger {
        std::mem::take(&mut *self.0.trigger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, connection: ConnectionName, at: Option<Timestamp>) {
        let mut trigger = self.0.trigger.lock().unwrap_or_else(PoisonError::into_inner);
        trigger.connections.insert(connection);
        trigger.newest = trigger.newest.max(at);
        drop(trigger);
        self.0.came.notify_one();
    }

    fn take_freed(&self) -> BTreeSet<ConnectionName> {
        std::mem::take(&mut *self.0.freed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add_freed(&self, connection: ConnectionName) {
        self.0.freed.lock().unwrap_or_else(PoisonError::into_inner).insert(connection);
        self.0.acknowledged.notify_one();
    }
}

impl Due {
    fn wait(&self) -> Duration {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).saturating_duration_since(Instant::now())
    }

    fn set(&self, at: Instant) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn not_later_than(&self, at: Instant) {
        let mut due = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at < *due {
            *due = at;
            self.sooner.notify_one();
        }
    }
}

/// Delivers until the process ends. The next process continues from the ledger.
pub(crate) async fn run(services: &Services, token_refresh: Local, new: NewEvents) {
    let function = EventDelivery::new(services, Arc::new(token_refresh));
    let due = Due { at: Mutex::new(Instant::now()), sooner: Notify::new() };
    let delivery = InProcess { function, due, clock: services.clock.clone(), new };
    join!(delivery.on_schedule_and_events(), delivery.on_acknowledgements());
}

/// Waits for what begins the next delivery: the time when something is due, or new events.
struct Alarm<'a> {
    due: &'a Due,
    clock: &'a SharedClock,
    /// It keeps running while events are delivered. A new timer after each delivery would never end while events keep coming.
    timer: BoxFuture<'static, ()>,
}

impl<'a> Alarm<'a> {
    fn set(due: &'a Due, clock: &'a SharedClock) -> Self {
        Self { due, clock, timer: clock.sleep(due.wait()) }
    }

    /// What is due comes first. Otherwise it would wait for as long as events keep coming.
    async fn next(&mut self, new: &NewEvents) -> Trigger {
        loop {
            let trigger = select! {
                biased;
                () = &mut self.timer => Trigger::default(),
                () = self.due.sooner.notified() => {
                    *self = Self::set(self.due, self.clock);
                    continue;
                }
                () = new.0.came.notified() => new.take(),
            };
            if trigger.connections.is_empty() {
                self.due.set(Instant::now() + SWEEP_INTERVAL);
                *self = Self::set(self.due, self.clock);
            }
            return trigger;
        }
    }
}

/// The function, and what triggers it.
struct InProcess {
    function: EventDelivery,
    due: Due,
    clock: SharedClock,
    new: NewEvents,
}

impl InProcess {
    async fn on_schedule_and_events(&self) {
        let mut alarm = Alarm::set(&self.due, &self.clock);
        loop {
            let trigger = alarm.next(&self.new).await;
            self.deliver(trigger).await;
        }
    }

    /// Delivers after acknowledgements, beside the other loop. That one may be waiting for an event to settle, and what an acknowledgement
    /// makes free has settled long ago.
    async fn on_acknowledgements(&self) {
        let Inner { acknowledged, .. } = &*self.new.0;
        loop {
            acknowledged.notified().await;
            let connections = self.new.take_freed();
            if !connections.is_empty() {
                self.deliver(Trigger { connections, newest: None }).await;
            }
        }
    }

    async fn deliver(&self, trigger: Trigger) {
        match self.function.handle(trigger).await {
            Ok(swept) => {
                let next = swept.next.map_or(SWEEP_INTERVAL, |at| until(at, &self.clock));
                self.due.not_later_than(Instant::now() + next);
            }
            Err(error) => tracing::error!(%error, "events could not be delivered"),
        }
    }
}

/// How long it is until then: a second at least, and a minute at most.
fn until(at: Timestamp, clock: &SharedClock) -> Duration {
    let wait = Duration::try_from(at.duration_since(clock.now())).unwrap_or_default();
    wait.clamp(Duration::from_secs(1), SWEEP_INTERVAL)
}

/// A table that reports the rows that the stream would report in the cloud.
struct Watched {
    table: Arc<dyn Table>,
    new: NewEvents,
}

#[async_trait]
impl Table for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.table.get(key).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let of = |prefix: &str| {
            steps.iter().find_map(|step| match step {
                Write::Put(put) => {
                    let connection: ConnectionName = put.key.partition.strip_prefix(prefix)?.parse().ok()?;
                    Some((connection, moment_of(&put.key.sort)))
                }
                Write::Delete(..) => None,
            })
        };
        let (event, freed) = (of(EVENTS), of(FREED));
        let outcome = self.table.transact(steps).await?;
        if let Some((connection, at)) = event.filter(|_| outcome.is_done()) {
            self.new.add(connection, at);
        }
        if let Some((connection, _)) = freed.filter(|_| outcome.is_done()) {
            self.new.add_freed(connection);
        }
        Ok(outcome)
    }

    fn is_dated_by_one_machine(&self) -> bool {
        self.table.is_dated_by_one_machine()
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }
}

#[cfg(test)]
mod tests {
    use shared::base::clock::SystemClock;
    use shared::store::sqlite::Sqlite;
    use shared::store::{Condition, Put, Stores};
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test]
    async fn an_acknowledgement_wakes_and_a_claim_does_not() {
        let stores: Stores = Sqlite::in_memory(Arc::new(SystemClock)).unwrap().into();
        let new = NewEvents::default();
        let table = Watched { table: stores.events, new: new.clone() };
        let put = |partition: &str| Put::record(Key::new(partition, "last"), &1, Condition::Any).unwrap();
        table.put(put("queue#eu")).await.unwrap();
        assert!(new.take_freed().is_empty() && new.take() == Trigger::default());
        table.put(put("freed#eu")).await.unwrap();
        assert_eq!(new.take_freed().into_iter().map(String::from).collect::<Vec<_>>(), ["eu"]);
        assert_eq!(new.take(), Trigger::default(), "no new event");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_is_done_however_many_events_come() {
        // Time stands between two ticks of the timer, as it mostly does.
        advance(Duration::from_micros(300)).await;
        let clock: SharedClock = Arc::new(SystemClock);
        let due = Due { at: Mutex::new(Instant::now()), sooner: Notify::new() };
        let (new, mut alarm) = (NewEvents::default(), Alarm::set(&due, &clock));
        let mut swept = 0;
        for _ in 0..30 {
            new.add(ConnectionName::default(), None);
            if alarm.next(&new).await.connections.is_empty() {
                swept += 1;
            }
            // The sweep takes this long, and the next event arrives meanwhile.
            sleep(Duration::from_secs(5)).await;
        }
        assert_eq!(swept, 3, "once a minute");

        due.not_later_than(Instant::now() + Duration::from_secs(2));
        let (begun, _) = (Instant::now(), new.take());
        while !alarm.next(&new).await.connections.is_empty() {}
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
