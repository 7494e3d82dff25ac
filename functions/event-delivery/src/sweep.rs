//! One sweep over all connections: new events go into the queue, due batches go to the hook, and due lists are polled. Each step
//! handles each connection by itself, so that one in trouble holds up none.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::Ledger;
use shared::store::{StoreError, Stores};
use shared::zoho::scope::Product;
use tokio::time::Instant;

use crate::hook_delivery::HookDelivery;
use crate::polling::Polling;
use crate::queue::{Queue, Remaining};
use crate::rotation::rotate_by_minute;
use crate::swept::Swept;
use crate::zoho_reads::Run;

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
    pub(crate) async fn run(&self, also: &BTreeSet<ConnectionName>) -> Result<Swept, StoreError> {
        let (started, until) = (Instant::now(), Instant::now() + SWEEP_BUDGET);
        let connections = self.connections(also).await?;
        let mut swept = Swept::default();
        let mut run = Run::new(started + LOOKUP_BUDGET);
        let waiting = self.queue_events(&connections, until, &mut run, &mut swept).await;
        self.tell_hook(&connections, until, &mut swept).await;
        run.until = until;
        self.polling.run(&waiting, &mut run, &mut swept).await?;
        Ok(swept)
    }

    /// All connections that have, or may have, events.
    async fn connections(&self, also: &BTreeSet<ConnectionName>) -> Result<Vec<ConnectionName>, StoreError> {
        let mut names = also.clone();
        names.extend(self.ledger.connections().await?);
        names.extend(connection::list(&*self.stores.state).await?.into_iter().map(|found| found.name));
        let mut names: Vec<_> = names.into_iter().collect();
        rotate_by_minute(&mut names, self.clock.now());
        Ok(names)
    }

    /// Gives the connections and products whose events still wait to be queued.
    async fn queue_events(
        &self,
        connections: &[ConnectionName],
        until: Instant,
        run: &mut Run,
        swept: &mut Swept,
    ) -> BTreeSet<(ConnectionName, Product)> {
        let mut waiting = BTreeSet::new();
        for name in connections {
            match self.queue.fill(name, until, run, &mut swept.queued).await {
                Ok(Remaining::None) => {}
                Ok(Remaining::WaitsFor(product)) => drop(waiting.insert((name.clone(), product))),
                Ok(Remaining::Unknown) => {
                    waiting.extend(Product::ALL.map(|product| (name.clone(), product)));
                }
                Err(error) => swept.failed_for(name, &error),
            }
        }
        waiting
    }

    async fn tell_hook(&self, connections: &[ConnectionName], until: Instant, swept: &mut Swept) {
        let hook = Hook::read(&*self.stores.secrets).await.unwrap_or_else(|error| {
            swept.failed += 1;
            tracing::error!(%error, "the agent's hook cannot be read, so nothing is sent to it");
            None
        });
        let Some(hook) = hook.filter(|hook| !hook.paused) else { return };
        for name in connections {
            if let Err(error) = self.hook_delivery.deliver(name, &hook, until, swept).await {
                swept.failed_for(name, &error);
            }
        }
    }
}
