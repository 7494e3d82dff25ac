//! Gives up a batch: its entries are dead until the operator replays them, and a trouble event says so.

use shared::base::clock::{Clock, SignedDuration};
use shared::base::id::ConnectionName;
use shared::core::events::ledger::{Batch, Frozen, Ledger};
use shared::store::StoreError;

use crate::next_step::NextStep;
use crate::trouble_events::TroubleEvents;

/// Entries that are kept no longer than this are given up, because the store would forget them without a word. A batch is looked at
/// more often, at the latest after twelve hours.
const LAST_DAY: SignedDuration = SignedDuration::from_hours(24);

/// What giving up works with.
#[derive(Clone, Copy)]
pub(crate) struct GiveUp<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) trouble_events: TroubleEvents<'a>,
}

impl GiveUp<'_> {
    /// The hook refused the batch because of wrong settings: neither another try nor the next batch can succeed.
    pub(crate) async fn refused(
        &self,
        name: &ConnectionName,
        frozen: Frozen,
        status: u16,
        hook: &str,
    ) -> Result<NextStep, StoreError> {
        let batch = &frozen.batch;
        let reason = batch.reason.as_deref();
        self.ledger.refused_by(hook, status, reason).await?;
        let answer = batch.last_answer().unwrap_or_else(|| status.to_string());
        let note = format!("the agent's hook answered {answer}");
        let dead = self.ledger.bury(name, &batch.id, &batch.ids, "refused", &note).await?;
        self.trouble_events.refused(name, batch, (status, reason), dead).await;
        self.close_once_done(name, frozen).await
    }

    /// The hook took the batch again and again, but no run claimed its events.
    pub(crate) async fn unclaimed(
        &self,
        name: &ConnectionName,
        frozen: Frozen,
    ) -> Result<NextStep, StoreError> {
        let batch = &frozen.batch;
        let note = "the agent's hook took it, but no run claimed it within 14 days";
        let dead = self.ledger.bury(name, &batch.id, &batch.ids, "unclaimed", note).await?;
        self.trouble_events.unclaimed(name, batch, dead, None).await;
        self.close_once_done(name, frozen).await
    }

    /// Gives up those of a batch's entries that are soon forgotten, and no younger ones; says how many.
    pub(crate) async fn ending(&self, name: &ConnectionName, batch: &Batch) -> Result<usize, StoreError> {
        let ids = self.ledger.ending_within(name, batch, LAST_DAY).await?;
        let note = match batch.was_taken() {
            true => "the agent's hook took it, but no run claimed it as long as it is kept",
            false => "the agent's hook did not take it as long as it is kept",
        };
        let dead = self.ledger.bury(name, &batch.id, &ids, "unclaimed", note).await?;
        if dead > 0 {
            self.trouble_events.unclaimed(name, batch, dead, Some(self.clock.now())).await;
        }
        Ok(dead)
    }

    /// Closes the batch, unless a run has claimed some of its entries: these are not given up. The batch stays until their claims end,
    /// because they must be given up if that run dies.
    async fn close_once_done(&self, name: &ConnectionName, frozen: Frozen) -> Result<NextStep, StoreError> {
        let until = match self.ledger.still_open(name, &frozen.batch).await? {
            (0, None) => {
                self.ledger.close_batch(name, frozen).await?;
                return Ok(NextStep::None);
            }
            (0, Some(until)) => until,
            // Some entries were put back into the queue in the meantime.
            _ => self.clock.now(),
        };
        self.ledger.change_batch(name, frozen, |batch| batch.next = until).await?;
        Ok(NextStep::At(until))
    }
}
