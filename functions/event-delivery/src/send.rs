//! One attempt to send a batch: the attempt is stored, the batch sent, the answer judged, and the outcome stored.

use std::time::Duration;

use shared::base::clock::{Clock, SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::agent_hook::Hook;
use shared::core::events::gateway_words::reason;
use shared::core::events::ledger::{Batch, Begun, Frozen, Ledger, Stage};
use shared::store::StoreError;
use shared::zoho::http::{self, Answer, Http, HttpError};

use crate::give_up::GiveUp;
use crate::hook_retry::{Verdict, claim_pause, judge, retry_pause};
use crate::next_step::NextStep;

/// How a try went, as its batch keeps it.
struct Tried {
    said: String,
    reason: Option<String>,
}

impl Tried {
    fn of(answer: &Result<Answer, HttpError>, token: &Secret) -> Self {
        match answer {
            Ok(answer) => Self { said: answer.status.to_string(), reason: reason(answer, token) },
            Err(error) => Self { said: error.to_string(), reason: None },
        }
    }

    fn note(self, batch: &mut Batch) {
        (batch.said, batch.reason) = (Some(self.said), self.reason);
    }
}

/// What sending works with.
pub(crate) struct Sender<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) http: &'a Http,
    pub(crate) hook_timeout: Duration,
    pub(crate) give_up: GiveUp<'a>,
}

impl Sender<'_> {
    pub(crate) async fn send(
        &self,
        name: &ConnectionName,
        hook: &Hook,
        frozen: Frozen,
    ) -> Result<NextStep, StoreError> {
        let (frozen, turn) = match self.ledger.begin_try(name, &frozen, hook.turns()).await? {
            Begun::Try(frozen, turn) => (frozen, turn),
            Begun::NoTurn(free) => {
                self.ledger.note_no_turn(free, &hook.types).await?;
                return Ok(NextStep::At(free));
            }
            Begun::Taken => return Ok(NextStep::None),
        };
        let batch = &frozen.batch;
        let message = http::Hook { token: &hook.token, key: &batch.id, body: &batch.body };
        let answer = self.http.post_hook(hook.url.as_str(), message, self.hook_timeout).await;
        let verdict = judge(&answer);
        let tried = Tried::of(&answer, &hook.token);
        // The gateway's words are not logged, because not only the operator reads logs. The batch keeps them.
        let (status, error) = (answer.as_ref().ok().map(|answer| answer.status), answer.as_ref().err());
        let error = error.map(ToString::to_string);
        tracing::info!(
            connection = %name, batch = batch.id, attempt = batch.attempts, status, error,
            "sent a batch to the agent's hook"
        );
        if !verdict.may_have_begun() {
            self.ledger.give_back(turn).await?;
        }
        match verdict {
            Verdict::Admitted { run } => self.admitted(name, frozen, run, tried).await,
            Verdict::Later { after, .. } => self.postpone(name, frozen, after, tried).await,
            Verdict::Refused { status } => self.refused(name, frozen, hook, status, tried).await,
        }
    }

    async fn admitted(
        &self,
        name: &ConnectionName,
        frozen: Frozen,
        run: Option<String>,
        tried: Tried,
    ) -> Result<NextStep, StoreError> {
        let now = self.clock.now();
        let next = later(now, claim_pause(frozen.batch.rounds));
        let changed = self.ledger.change_batch(name, frozen, |batch| {
            batch.stage = Stage::Admitted { run, at: now };
            batch.next = next;
            tried.note(batch);
        });
        Ok(if changed.await?.is_some() { NextStep::Admitted } else { NextStep::None })
    }

    async fn postpone(
        &self,
        name: &ConnectionName,
        frozen: Frozen,
        retry_after: Option<u64>,
        tried: Tried,
    ) -> Result<NextStep, StoreError> {
        let wait = self.clock.jittered(retry_pause(frozen.batch.attempts));
        let wait = wait.max(Duration::from_secs(retry_after.unwrap_or_default()));
        let next = later(self.clock.now(), SignedDuration::try_from(wait).unwrap_or_default());
        let changed = self.ledger.change_batch(name, frozen, |batch| {
            batch.next = next;
            tried.note(batch);
        });
        changed.await?;
        Ok(NextStep::At(next))
    }

    /// Writes the refusal down before anything else: if this process dies, the next sweep finds the batch and gives it up.
    async fn refused(
        &self,
        name: &ConnectionName,
        frozen: Frozen,
        hook: &Hook,
        status: u16,
        tried: Tried,
    ) -> Result<NextStep, StoreError> {
        let (by, now) = (hook.digest(), self.clock.now());
        let changed = self.ledger.change_batch(name, frozen, |batch| {
            batch.stage = Stage::Refused { status, hook: by.clone() };
            batch.next = now;
            tried.note(batch);
        });
        match changed.await? {
            Some(frozen) => self.give_up.refused(name, frozen, status, &by).await,
            None => Ok(NextStep::None),
        }
    }
}
