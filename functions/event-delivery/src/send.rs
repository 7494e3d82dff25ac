//! One try: written down, sent, judged, written down.

use std::time::Duration;

use shared::base::clock::{SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::core::events::agent_hook::Hook;
use shared::core::events::ledger::{Begun, Frozen, Stage};
use shared::store::StoreError;
use shared::zoho::http;

use crate::EventDelivery;
use crate::batch_lifecycle::Due;
use crate::retry::{Verdict, judge, pause};

impl EventDelivery {
    pub(crate) async fn send(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        frozen: Frozen,
    ) -> Result<Due, StoreError> {
        let (frozen, turn) = match self.ledger.begin_try(name, &frozen, hook.turns()).await? {
            Begun::Try(frozen, turn) => (frozen, turn),
            Begun::NoTurn(free) => return Ok(Due::At(free)),
            Begun::Taken => return Ok(Due::Nothing),
        };
        let batch = &frozen.batch;
        let message = http::Hook { token: &hook.token, key: &batch.id, body: &batch.body };
        let answer = self.http.post_hook(hook.url.as_str(), message, self.patience).await;
        let verdict = judge(&answer);
        let said = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::info!(connection = %name, batch = batch.id, attempt = batch.attempts, said, "told the agent's hook");
        if !verdict.may_have_begun() {
            self.ledger.give_back(turn).await?;
        }
        match verdict {
            Verdict::Admitted { run } => {
                let (at, next) = (self.clock.now(), self.look_again(batch.rounds));
                let changed = self.ledger.change_batch(name, frozen, |batch| {
                    batch.stage = Stage::Admitted { run, at };
                    (batch.next, batch.said) = (next, Some(said));
                });
                Ok(if changed.await?.is_some() { Due::Told } else { Due::Nothing })
            }
            Verdict::Later { after, .. } => {
                let wait = self.clock.jittered(pause(batch.attempts));
                let wait = wait.max(Duration::from_secs(after.unwrap_or_default()));
                let next = later(self.clock.now(), SignedDuration::try_from(wait).unwrap_or_default());
                self.ledger
                    .change_batch(name, frozen, |batch| (batch.next, batch.said) = (next, Some(said)))
                    .await?;
                Ok(Due::At(next))
            }
            Verdict::Refused { status } => {
                // First of all that it was refused: whoever finds it so ends it.
                let (by, now) = (hook.digest(), self.clock.now());
                let changed = self.ledger.change_batch(name, frozen, |batch| {
                    batch.stage = Stage::Refused { status, hook: by.clone() };
                    (batch.next, batch.said) = (now, Some(said));
                });
                match changed.await? {
                    Some(frozen) => self.give_up_refused(name, frozen, status, &by).await,
                    None => Ok(Due::Nothing),
                }
            }
        }
    }
}
