//! One sweep over connections: new events go into the queue, due batches go to the hook, and due lists are polled. Each step
//! handles each connection by itself, many at once, so that one in trouble holds up none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt, stream};
use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{FanOut, Ledger};
use shared::store::{StoreError, Stores};
use tokio::time::Instant;

use crate::hook_delivery::HookDelivery;
use crate::polling::Polling;
use crate::queue::{Queue, Queued};
use crate::sweep_order::{AT_ONCE, rotate_by_minute};
use crate::swept::Swept;

/// After this nothing new is begun, so that what has begun ends before Lambda ends the function.
const SWEEP_BUDGET: Duration = Duration::from_secs(30);

/// After this no record is looked up for the queue: a slow Zoho must not make other connections wait.
const LOOKUP_BUDGET: Duration = Duration::from_secs(12);

/// The steps of a sweep, and what they have in common.
pub(crate) struct Sweep<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) queue: Queue<'a>,
    pub(crate) hook_delivery: HookDelivery<'a>,
    pub(crate) polling: Polling<'a>,
}

impl Sweep<'_> {
    /// Sweeps these connections, which have new events. If none is named, sweeps all connections and polls their lists.
    pub(crate) async fn run(&self, woken: &BTreeSet<ConnectionName>) -> Result<Swept, StoreError> {
        let (started, until) = (Instant::now(), Instant::now() + SWEEP_BUDGET);
        let connections = if woken.is_empty() {
            self.connections().await?
        } else {
            woken.iter().map(|name| (name.clone(), None)).collect()
        };
        let names: Vec<_> = connections.iter().map(|(name, _)| name.clone()).collect();
        let mut swept = Swept::default();
        let queued = self.queue_events(connections, started + LOOKUP_BUDGET, until, &mut swept).await;
        self.tell_hook(names, until, &mut swept).await;
        if woken.is_empty() {
            self.polling.run(queued, until, &mut swept).await?;
        }
        Ok(swept)
    }

    /// All connections that have, or may have, events, and where the queue of each goes on.
    async fn connections(&self) -> Result<Vec<(ConnectionName, Option<FanOut>)>, StoreError> {
        let mut all = self.ledger.fan_outs().await?;
        let (found, _) = connection::readable(&*self.stores.state).await?;
        for found in found {
            all.entry(found.name).or_insert_with_key(FanOut::begin);
        }
        let mut all: Vec<_> = all.into_iter().map(|(name, from)| (name, Some(from))).collect();
        rotate_by_minute(&mut all, self.clock.now());
        Ok(all)
    }

    /// Fills the queue of each connection, and says what came of it.
    async fn queue_events(
        &self,
        connections: Vec<(ConnectionName, Option<FanOut>)>,
        lookups_until: Instant,
        until: Instant,
        swept: &mut Swept,
    ) -> BTreeMap<ConnectionName, Queued> {
        let fill = async |(name, from): (ConnectionName, Option<FanOut>)| {
            let queued = self.queue.fill((&name, from), lookups_until, until).await;
            (name, queued)
        };
        let mut filled = stream::iter(connections).map(fill).buffer_unordered(AT_ONCE);
        let mut all = BTreeMap::new();
        while let Some((name, mut queued)) = filled.next().await {
            swept.queued += queued.count;
            if let Some(error) = queued.failed.take() {
                swept.failed_for(&name, &error);
            }
            all.insert(name, queued);
        }
        all
    }

    async fn tell_hook(&self, connections: Vec<ConnectionName>, until: Instant, swept: &mut Swept) {
        let hook = Hook::read(&*self.stores.secrets).await.unwrap_or_else(|error| {
            swept.failed += 1;
            tracing::error!(%error, "the agent's hook cannot be read, so nothing is sent to it");
            None
        });
        let Some(hook) = &hook.filter(|hook| !hook.paused) else { return };
        let deliver = async |name: ConnectionName| {
            let mut told = Swept::default();
            if let Err(error) = self.hook_delivery.deliver(&name, hook, until, &mut told).await {
                told.failed_for(&name, &error);
            }
            told
        };
        let mut delivered = stream::iter(connections).map(deliver).buffer_unordered(AT_ONCE);
        while let Some(told) = delivered.next().await {
            swept.add(&told);
        }
    }
}
