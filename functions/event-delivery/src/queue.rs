//! Puts a connection's settled events into the queue, after the records they are about were looked up.

use shared::base::id::ConnectionName;
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::writes::own_writes::OwnWrites;
use shared::store::StoreError;
use shared::zoho::scope::Product;
use tokio::time::Instant;

use crate::enrich::Enrichment;
use crate::zoho_reads::Run;

/// Events of one step.
const EVENTS_PER_STEP: usize = 25;

/// What is left of a connection's events.
pub(crate) enum Remaining {
    /// None that is settled.
    None,
    /// Some, until this product can be asked.
    WaitsFor(Product),
    /// Perhaps some, because the time was over. Another sweep goes on.
    Unknown,
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
    pub(crate) async fn fill(
        &self,
        name: &ConnectionName,
        until: Instant,
        run: &mut Run,
        queued: &mut usize,
    ) -> Result<Remaining, StoreError> {
        while Instant::now() < until {
            let from = self.ledger.fan_out_from(name).await?;
            let after = from.after().map(str::to_owned);
            let (events, _) = self.events.list(name, after, EVENTS_PER_STEP).await?;
            if events.is_empty() {
                return Ok(Remaining::None);
            }
            let mut step = from.step(&events);
            let enriched = self.enrichment.look_up(name, step.entries(), run).await;
            if let Some((index, _)) = enriched.waits {
                step.end_before(index);
            }
            *queued += self.ledger.fan_out(name, step, &enriched.known, self.own_writes).await?;
            if let Some((_, product)) = enriched.waits {
                return Ok(Remaining::WaitsFor(product));
            }
        }
        Ok(Remaining::Unknown)
    }
}
