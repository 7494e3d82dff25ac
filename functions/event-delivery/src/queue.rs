//! Puts a connection's settled events into the queue, after the records they are about were looked up.

use std::collections::BTreeSet;

use shared::base::id::ConnectionName;
use shared::core::events::Events;
use shared::core::events::ledger::{FanOut, Ledger};
use shared::core::writes::own_writes::OwnWrites;
use shared::store::StoreError;
use shared::zoho::scope::Product;
use tokio::time::Instant;

use crate::enrich::Enrichment;
use crate::zoho_reads::ReadBudget;

/// How many events one step reads.
const EVENTS_PER_STEP: usize = 25;

/// What became of a connection's events.
pub(crate) struct Queued {
    /// Entries that were made of them.
    pub(crate) count: usize,
    /// The products whose events wait for a lookup, or may wait because the time was over.
    pub(crate) waiting: BTreeSet<Product>,
    /// What is left for further reads.
    pub(crate) budget: ReadBudget,
    /// The failure of the store, where there was one.
    pub(crate) failed: Option<StoreError>,
}

/// What queueing works with.
pub(crate) struct Queue<'a> {
    pub(crate) events: &'a Events,
    pub(crate) ledger: &'a Ledger,
    pub(crate) own_writes: &'a OwnWrites,
    pub(crate) enrichment: Enrichment<'a>,
}

impl Queue<'_> {
    /// Makes entries of settled events, in their order. It stops at the first event whose record cannot be looked up yet.
    /// `from` is where to go on, as far as that was read already.
    pub(crate) async fn fill(
        &self,
        (name, from): (&ConnectionName, Option<FanOut>),
        lookups_until: Instant,
        until: Instant,
    ) -> Queued {
        let (budget, waiting) = (ReadBudget::new(lookups_until), BTreeSet::new());
        let mut queued = Queued { count: 0, waiting, budget, failed: None };
        if let Err(error) = self.fill_until(name, from, until, &mut queued).await {
            queued.failed = Some(error);
        }
        queued
    }

    async fn fill_until(
        &self,
        name: &ConnectionName,
        mut from: Option<FanOut>,
        until: Instant,
        queued: &mut Queued,
    ) -> Result<(), StoreError> {
        while Instant::now() < until {
            let from = match from.take() {
                Some(from) => from,
                None => self.ledger.fan_out_from(name).await?,
            };
            let after = from.after().map(str::to_owned);
            let (events, _) = self.events.list(name, after, EVENTS_PER_STEP).await?;
            if events.is_empty() {
                return Ok(());
            }
            let mut step = from.step(&events);
            let enriched = self.enrichment.look_up(name, step.entries(), &mut queued.budget).await;
            if let Some((index, _)) = enriched.waits {
                step.end_before(index);
            }
            queued.count += self.ledger.fan_out(name, step, &enriched.known, self.own_writes).await?;
            if let Some((_, product)) = enriched.waits {
                queued.waiting.insert(product);
                return Ok(());
            }
        }
        queued.waiting.extend(Product::ALL);
        Ok(())
    }
}
