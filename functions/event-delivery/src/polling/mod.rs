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

use std::collections::{BTreeSet, HashMap};

use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::base::telemetry::gauge;
use shared::core::events::subscription;
use shared::store::{StoreError, Stores};
use shared::zoho::scope::Product;

use crate::rotation::rotate_by_minute;
use crate::swept::Swept;
use crate::zoho_reads::Run;
use checkpoint::StoredCheckpoint;
use daily_share::share_the_day;
use list::lists_of;
use list_poll::ListPoll;

/// What polling works with.
pub(crate) struct Polling<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) list_poll: ListPoll<'a>,
    /// How many calls Inventory allows in a day, where that is known.
    pub(crate) inventory_calls_per_day: Option<u32>,
}

impl Polling<'_> {
    /// Polls every list that is due, while there is time. It leaves out lists of products for which queued events wait: what is
    /// found would overtake them.
    pub(crate) async fn run(
        &self,
        waiting: &BTreeSet<(ConnectionName, Product)>,
        run: &mut Run,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let watched = subscription::list(&*self.stores.state).await?;
        let mut lists: Vec<_> = watched.iter().flat_map(|stored| lists_of(&stored.watch, now)).collect();
        share_the_day(&mut lists, self.inventory_calls_per_day);
        lists.retain(|list| !waiting.contains(&(list.connection.clone(), list.product())));
        if lists.is_empty() {
            return Ok(());
        }
        let stored = checkpoint::read_all(&*self.stores.events).await?;
        let mut stored: HashMap<String, StoredCheckpoint> =
            stored.into_iter().map(|stored| (stored.list().to_owned(), stored)).collect();
        rotate_by_minute(&mut lists, now);
        for list in &lists {
            if !run.has_time() {
                break;
            }
            let stored = stored.remove(&list.name()).unwrap_or_else(|| StoredCheckpoint::new(&list.name()));
            match self.list_poll.run(list, stored, run).await {
                Ok(found) => swept.found += found,
                Err(error) => swept.failed_for(&list.connection, &error),
            }
        }
        if swept.found > 0 {
            gauge("events_found_by_sweep", swept.found);
        }
        Ok(())
    }
}
