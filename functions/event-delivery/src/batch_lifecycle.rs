//! The next step of a batch that is due: it is sent, its claims are checked, or it is given up.

use shared::base::clock::{Clock, SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Frozen, Ledger, Stage};
use shared::store::StoreError;

use crate::give_up::GiveUp;
use crate::next_step::NextStep;
use crate::send::Sender;

/// A batch that no run claimed for this long is given up. An agent that was away for less misses nothing.
const UNCLAIMED_LIMIT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What the steps of a batch work with.
pub(crate) struct BatchLifecycle<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) sender: Sender<'a>,
    pub(crate) give_up: GiveUp<'a>,
}

impl BatchLifecycle<'_> {
    /// Does the next step of a batch.
    pub(crate) async fn advance(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        frozen: Frozen,
    ) -> Result<NextStep, StoreError> {
        // What was never tried is tried once, however old its events are.
        let is_told = frozen.batch.attempts > 0
            && matches!(frozen.batch.stage, Stage::Waiting | Stage::Admitted { .. });
        if is_told
            && self.give_up.ending(name, &frozen.batch).await? > 0
            && self.ledger.still_open(name, &frozen.batch).await? == (0, None)
        {
            self.ledger.close_batch(name, frozen).await?;
            return Ok(NextStep::Now);
        }
        match frozen.batch.stage.clone() {
            Stage::Waiting => self.sender.send(name, hook, frozen).await,
            Stage::Admitted { .. } => self.check_claims(name, frozen).await,
            Stage::Refused { status, hook } => self.give_up.refused(name, frozen, status, &hook).await,
            Stage::Unclaimed => self.give_up.unclaimed(name, frozen).await,
        }
    }

    /// The gateway admitted the batch; only claims show that a run took its events. Where a run never started, or died, the same
    /// request is sent again.
    async fn check_claims(&self, name: &ConnectionName, frozen: Frozen) -> Result<NextStep, StoreError> {
        let now = self.clock.now();
        let (free, claimed) = self.ledger.still_open(name, &frozen.batch).await?;
        match (free, claimed) {
            (0, None) => {
                self.ledger.close_batch(name, frozen).await?;
                Ok(NextStep::None)
            }
            (0, Some(until)) => {
                self.ledger.change_batch(name, frozen, |batch| batch.next = until).await?;
                Ok(NextStep::At(until))
            }
            _ => {
                let too_old = later(frozen.batch.at, UNCLAIMED_LIMIT) <= now;
                let changed = self.ledger.change_batch(name, frozen, |batch| {
                    batch.rounds += 1;
                    batch.stage = if too_old { Stage::Unclaimed } else { Stage::Waiting };
                    batch.next = now;
                });
                Ok(if changed.await?.is_some() { NextStep::Now } else { NextStep::None })
            }
        }
    }
}
