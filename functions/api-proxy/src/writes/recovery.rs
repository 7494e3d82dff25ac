//! Looking for what was sent and not answered.

use std::time::Duration;

use axum::response::Response;
use serde_json::Value;
use shared::base::clock::{SignedDuration, Timestamp, earlier};
use shared::base::problem::Problem;
use shared::core::writes::audit::Outcome;
use shared::core::writes::idempotency::Ticket;
use shared::zoho::value::{Object, text, timestamp};
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::writes::{Asked, Done, Plan, Prepared, uncertain};

/// When it is looked for: Zoho may still be at it, and its lists lag behind.
const LOOKS: [u64; 4] = [300, 1000, 2500, 4000];

/// What a look may take; without that much time left none is begun.
const LOOK: Duration = Duration::from_secs(3);

/// By how much our clock and Zoho's may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Whether a record can have been made by what was sent at that time. One that does not say when can.
pub(crate) fn made_since(row: &Object, field: &str, at: Timestamp) -> bool {
    text(row, field).and_then(timestamp).is_none_or(|made| made >= earlier(at, SKEW))
}

/// The only one. Of two that are alike it cannot be told which is ours.
pub(crate) fn only<T>(mut found: Vec<T>) -> Option<T> {
    found.pop().filter(|_| found.is_empty())
}

impl App {
    /// Looks several times, while the caller's time lasts.
    pub(crate) async fn look(&self, plan: &Plan, asked: &Asked<'_>, at: Timestamp) -> Option<Done> {
        if !plan.can_be_found() {
            return None;
        }
        for wait in LOOKS {
            let wait = self.clock.jittered(Duration::from_millis(wait));
            if Instant::now() + wait + LOOK > asked.caller.deadline {
                break;
            }
            sleep(wait).await;
            match plan.find(self, asked, at).await {
                Ok(Some(done)) => return Some(done),
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(code = problem.code().as_str(), "a write could not be looked for");
                }
            }
        }
        None
    }

    /// The request before this one, with the same key, was sent and never ended: it is looked for, and never sent again.
    pub(crate) async fn settle_later(
        &self,
        asked: &Asked<'_>,
        ticket: Ticket,
        plan: Value,
        at: Timestamp,
    ) -> Result<Response, Problem> {
        let prepared = Prepared::of(plan.clone())?;
        let found = prepared.plan.find(self, asked, at).await;
        match found {
            Ok(Some(done)) => {
                let (before, after) = (prepared.before.clone(), prepared.plan.asked_for());
                let mut entry = self
                    .audit
                    .sending(&asked.caller.key, asked.connection, &asked.action, before, after)
                    .await?;
                entry.outcome = Outcome::Done;
                self.finish(&mut entry, Some(ticket), &prepared, done).await
            }
            Ok(None) => {
                self.idempotency.unsettled(ticket, plan, at).await?;
                Err(uncertain(&prepared.plan, true))
            }
            Err(problem) => {
                self.idempotency.unsettled(ticket, plan, at).await?;
                Err(problem)
            }
        }
    }
}
