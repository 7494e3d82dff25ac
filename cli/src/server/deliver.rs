//! event-delivery in this process: new events trigger it, as the table's stream does in the cloud, and so does every minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use event_delivery::{EventDelivery, Wake};
use shared::base::clock::{SharedClock, Timestamp};
use shared::base::id::{ConnectionName, moment_of};
use shared::core::services::Services;
use shared::store::{Key, Outcome, Page, Query, Row, StoreError, Table, Write};
use token_refresh::Local;
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The interval of the schedule in the cloud.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Connections with new events that no delivery run has seen.
#[derive(Clone, Default)]
pub(crate) struct NewEvents(Arc<Inner>);

#[derive(Default)]
struct Inner {
    wake: Mutex<Wake>,
    came: Notify,
}

impl NewEvents {
    /// The same services, with a table of events that reports new ones.
    pub(crate) fn watch(&self, services: &Services) -> Services {
        let mut watched = services.clone();
        let table = services.stores.events.clone();
        watched.stores.events = Arc::new(Watched { table, new: self.clone() });
        watched
    }

    fn take(&self) -> Wake {
        std::mem::take(&mut *self.0.wake.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, connection: ConnectionName, at: Option<Timestamp>) {
        let mut wake = self.0.wake.lock().unwrap_or_else(PoisonError::into_inner);
        wake.connections.insert(connection);
        wake.newest = wake.newest.max(at);
        drop(wake);
        self.0.came.notify_one();
    }
}

/// Delivers until the process ends. The next process continues from the ledger.
pub(crate) async fn run(services: &Services, token_refresh: Local, new: NewEvents) {
    let function = EventDelivery::new(services, Arc::new(token_refresh));
    let mut all_at = Instant::now();
    loop {
        let wake = select! {
            () = sleep_until(all_at) => Wake::default(),
            () = new.0.came.notified() => new.take(),
        };
        if wake.connections.is_empty() {
            all_at = Instant::now() + SWEEP_INTERVAL;
        }
        match function.handle(wake).await {
            Ok(swept) => {
                let next = swept.next.map_or(SWEEP_INTERVAL, |at| until(at, &services.clock));
                all_at = all_at.min(Instant::now() + next);
            }
            Err(error) => tracing::error!(%error, "events could not be delivered"),
        }
    }
}

/// A second at least, a minute at most.
fn until(at: Timestamp, clock: &SharedClock) -> Duration {
    let wait = Duration::try_from(at.duration_since(clock.now())).unwrap_or_default();
    wait.clamp(Duration::from_secs(1), SWEEP_INTERVAL)
}

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
        let event = steps.iter().find_map(|step| match step {
            Write::Put(put) => {
                let connection = put.key.partition.strip_prefix("event#")?.parse().ok()?;
                Some((connection, moment_of(&put.key.sort)))
            }
            Write::Delete(..) => None,
        });
        let outcome = self.table.transact(steps).await?;
        if let Some((connection, at)) = event.filter(|_| outcome.is_done()) {
            self.new.add(connection, at);
        }
        Ok(outcome)
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }
}
