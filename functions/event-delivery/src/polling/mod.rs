//! Polls Zoho's lists for changes that no webhook reported: CRM's channel was lost, Inventory's rules were off, or Zoho has no
//! address to post to. Each list is read from where its last poll ended, and a change that is not known becomes an event. What
//! was deleted in Inventory cannot be found: its lists do not say.

mod checkpoint;
mod daily_share;
mod fetch;
#[cfg(test)]
mod fixtures;
mod list;
pub(crate) mod list_poll;
mod pager;
pub(crate) mod report;
mod schedule;

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, stream};
use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::base::telemetry::gauge;
use shared::core::events::subscription;
use shared::store::{StoreError, Stores};
use tokio::time::Instant;

use crate::queue::Queued;
use crate::sweep_order::{AT_ONCE, rotate_by_minute};
use crate::swept::Swept;
use crate::zoho_reads::ReadBudget;
use checkpoint::StoredCheckpoint;
use daily_share::share_the_day;
use list::{List, lists_of};
use list_poll::ListPoll;

/// The lists of one connection.
struct Polled {
    lists: Vec<(List, StoredCheckpoint)>,
    budget: ReadBudget,
}

/// What polling works with.
pub(crate) struct Polling<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) list_poll: ListPoll<'a>,
    /// How many calls Inventory allows in a day, where that is known.
    pub(crate) inventory_calls_per_day: Option<u32>,
}

impl Polling<'_> {
    /// Polls every list that is due, while there is time. It leaves out lists of products for which events wait for the queue: what
    /// is found would overtake them.
    pub(crate) async fn run(
        &self,
        mut queued: BTreeMap<ConnectionName, Queued>,
        until: Instant,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let watched = subscription::list(&*self.stores.state).await?;
        let mut lists: Vec<_> = watched.iter().flat_map(|stored| lists_of(&stored.watch, now)).collect();
        share_the_day(&mut lists, self.inventory_calls_per_day);
        let waits = |list: &List| {
            queued.get(&list.connection).is_some_and(|queued| queued.waiting.contains(&list.product()))
        };
        lists.retain(|list| !waits(list));
        if lists.is_empty() {
            return Ok(());
        }
        let stored = checkpoint::read_all(&*self.stores.events).await?;
        let mut stored: HashMap<String, StoredCheckpoint> =
            stored.into_iter().map(|stored| (stored.list().to_owned(), stored)).collect();
        let mut connections: BTreeMap<ConnectionName, Polled> = BTreeMap::new();
        for list in lists {
            let name = list.name();
            let checkpoint = stored.remove(&name).unwrap_or_else(|| StoredCheckpoint::new(&name));
            let polled = connections.entry(list.connection.clone()).or_insert_with_key(|name| {
                let mut budget =
                    queued.remove(name).map_or_else(|| ReadBudget::new(until), |queued| queued.budget);
                budget.until = until;
                Polled { lists: Vec::new(), budget }
            });
            polled.lists.push((list, checkpoint));
        }
        let mut connections: Vec<Polled> = connections.into_values().collect();
        connections.iter_mut().for_each(|polled| rotate_by_minute(&mut polled.lists, now));
        rotate_by_minute(&mut connections, now);
        let mut polled = stream::iter(connections).map(|polled| self.poll(polled)).buffer_unordered(AT_ONCE);
        while let Some(found) = polled.next().await {
            swept.add(&found);
        }
        if swept.found > 0 {
            gauge("events_found_by_sweep", swept.found);
        }
        Ok(())
    }

    /// Polls the lists of one connection, one after the other.
    async fn poll(&self, Polled { lists, mut budget }: Polled) -> Swept {
        let mut swept = Swept::default();
        for (list, checkpoint) in lists {
            if !budget.has_time() {
                break;
            }
            match self.list_poll.run(&list, checkpoint, &mut budget).await {
                Ok(found) => swept.found += found,
                Err(error) => swept.failed_for(&list.connection, &error),
            }
        }
        swept
    }
}
