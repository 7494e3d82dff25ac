//! What is done with a batch that is due: sent, looked after, or put away.

use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Frozen, Stage};
use shared::store::StoreError;

use crate::EventDelivery;
use crate::retry::unclaimed_pause;

/// What nobody worked on for so long is given up. An agent that was away for less misses nothing.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(14 * 24);

/// When there is more to do.
pub(crate) enum Due {
    /// At once.
    Now,
    /// At once, and the hook took a batch.
    Told,
    /// Then.
    At(Timestamp),
    /// Somebody else does it, or all is done.
    Nothing,
}

impl EventDelivery {
    pub(crate) async fn look_after(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        frozen: Frozen,
    ) -> Result<Due, StoreError> {
        match frozen.batch.stage.clone() {
            Stage::Waiting => self.send(name, hook, frozen).await,
            Stage::Admitted { .. } => self.follow_up(name, frozen).await,
            Stage::Refused { status, hook } => self.give_up_refused(name, frozen, status, &hook).await,
            Stage::Unclaimed => self.give_up_unclaimed(name, frozen).await,
        }
    }

    /// The gateway took it; whether a run took the events is seen by their claims. A run that never came, or died, is begun again
    /// by the same request.
    async fn follow_up(&self, name: &ConnectionName, frozen: Frozen) -> Result<Due, StoreError> {
        let now = self.clock.now();
        let (free, claimed) = self.ledger.still_open(name, &frozen.batch).await?;
        match (free, claimed) {
            (0, None) => {
                self.ledger.close_batch(name, frozen).await?;
                Ok(Due::Nothing)
            }
            (0, Some(until)) => {
                self.ledger.change_batch(name, frozen, |batch| batch.next = until).await?;
                Ok(Due::At(until))
            }
            _ => {
                let too_old = later(frozen.batch.at, GIVE_UP) <= now;
                let changed = self.ledger.change_batch(name, frozen, |batch| {
                    batch.rounds += 1;
                    batch.stage = if too_old { Stage::Unclaimed } else { Stage::Waiting };
                    batch.next = now;
                });
                Ok(if changed.await?.is_some() { Due::Now } else { Due::Nothing })
            }
        }
    }

    /// When an admitted batch is looked at again.
    pub(crate) fn look_again(&self, rounds: u32) -> Timestamp {
        later(self.clock.now(), unclaimed_pause(rounds))
    }

    /// Wrong settings: trying again cannot help, and neither can trying the next batch.
    pub(crate) async fn give_up_refused(
        &self,
        name: &ConnectionName,
        frozen: Frozen,
        status: u16,
        hook: &str,
    ) -> Result<Due, StoreError> {
        self.ledger.refused_by(hook, status).await?;
        let batch = &frozen.batch;
        let note = format!("the agent's hook answered {status}");
        let dead = self.ledger.bury(name, &batch.id, &batch.ids, "refused", &note).await?;
        self.tell_refused(name, batch, status, dead).await;
        self.close_once_done(name, frozen).await
    }

    async fn give_up_unclaimed(&self, name: &ConnectionName, frozen: Frozen) -> Result<Due, StoreError> {
        let batch = &frozen.batch;
        let note = "the agent's hook took it, but no run claimed it within 14 days";
        let dead = self.ledger.bury(name, &batch.id, &batch.ids, "unclaimed", note).await?;
        self.tell_unclaimed(name, batch, dead).await;
        self.close_once_done(name, frozen).await
    }

    /// What somebody works on was not given up. Where they die, it still has to be.
    async fn close_once_done(&self, name: &ConnectionName, frozen: Frozen) -> Result<Due, StoreError> {
        let until = match self.ledger.still_open(name, &frozen.batch).await? {
            (0, None) => {
                self.ledger.close_batch(name, frozen).await?;
                return Ok(Due::Nothing);
            }
            (0, Some(until)) => until,
            // Put back since.
            _ => self.clock.now(),
        };
        self.ledger.change_batch(name, frozen, |batch| batch.next = until).await?;
        Ok(Due::At(until))
    }
}
