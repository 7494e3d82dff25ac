//! Brings one connection's queue to the agent's hook: advances each open batch that is due, and makes the next batch once none
//! waits to be sent.

use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::base::telemetry::gauge;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Batch, Entry, Ledger, MAX_OPEN_BATCHES, Stage, Standing};
use shared::store::StoreError;
use tokio::time::Instant;

use crate::batch_lifecycle::BatchLifecycle;
use crate::message;
use crate::next_step::NextStep;
use crate::swept::Swept;

/// What delivery to the hook works with.
pub(crate) struct HookDelivery<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) lifecycle: BatchLifecycle<'a>,
}

/// How one pass over the open batches of a connection ended.
struct Pass {
    /// Whether something changed, so that another pass has something to do.
    again: bool,
    /// Whether there is room for another batch: none waits to be sent, and there are not too many.
    room: bool,
}

impl HookDelivery<'_> {
    pub(crate) async fn deliver(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        until: Instant,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let digest = hook.digest();
        while Instant::now() < until {
            let mut standing = self.ledger.standing().await?;
            let is_out_of_turns = standing.next_turn(self.clock.now(), hook.turns()).is_some();
            if is_out_of_turns && self.ledger.give_back_wasted(name, hook.turns()).await? > 0 {
                standing = self.ledger.standing().await?;
            }
            let is_refused = standing.refused.as_ref().is_some_and(|(refused, _)| *refused == digest);
            let Pass { mut again, room } = self.advance_open(name, hook, is_refused, swept).await?;
            if is_refused {
                return Ok(());
            }
            if room {
                // A batch that was sent has taken a turn.
                let standing = if again { self.ledger.standing().await? } else { standing };
                again |= self.freeze_next(name, hook, &standing, swept).await?;
            }
            if !again {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Advances each open batch that is due. While the hook refuses everything, it only gives up batches.
    async fn advance_open(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        is_refused: bool,
        swept: &mut Swept,
    ) -> Result<Pass, StoreError> {
        let (mut waiting, mut again) = (false, false);
        let open = self.ledger.open_batches(name).await?;
        let is_full = open.len() >= MAX_OPEN_BATCHES;
        for frozen in open {
            let is_waiting = frozen.batch.stage == Stage::Waiting;
            waiting |= is_waiting;
            if frozen.batch.is_early(self.clock.now()) {
                swept.due_at(frozen.batch.next);
                if is_waiting && frozen.batch.attempts > 1 {
                    self.gauge_delay(&frozen.batch);
                }
                continue;
            }
            if is_refused && matches!(frozen.batch.stage, Stage::Waiting | Stage::Admitted { .. }) {
                continue;
            }
            match self.lifecycle.advance(name, hook, frozen).await? {
                NextStep::Now => again = true,
                NextStep::Admitted => (again, swept.told) = (true, swept.told + 1),
                NextStep::At(next) => swept.due_at(next),
                NextStep::None => {}
            }
        }
        Ok(Pass { again, room: !waiting && !is_full })
    }

    /// Makes a batch of the entries that no batch has told yet. If the turns of the hour are used up, it makes none: entries that come
    /// before the next free turn join one batch. Says whether it made one.
    async fn freeze_next(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        standing: &Standing,
        swept: &mut Swept,
    ) -> Result<bool, StoreError> {
        if let Some(free) = standing.next_turn(self.clock.now(), hook.turns()) {
            self.ledger.note_no_turn(free, &hook.types).await?;
            swept.due_at(free);
            return Ok(false);
        }
        let wanted = |entry: &Entry| hook.wants(&entry.kind);
        let write = |id: &str, entries: &[_]| message::write(name, hook, id, entries);
        Ok(self.ledger.freeze(name, wanted, write).await?.is_some())
    }

    fn gauge_delay(&self, batch: &Batch) {
        let behind = self.clock.now().duration_since(batch.at).as_mins();
        gauge("delivery_behind_minutes", usize::try_from(behind).unwrap_or_default());
    }
}
