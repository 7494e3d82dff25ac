//! Looking for what was sent and not answered.

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::{SharedClock, SignedDuration, Timestamp, earlier};
use shared::base::problem::Problem;
use shared::core::writes::audit::Audit;
use shared::core::writes::idempotency::SentWrite;
use shared::zoho::value::{Object, text, timestamp};
use tokio::time::{Instant, sleep};

use super::plan::{Done, Plan, Sent};
use super::request::WriteRequest;
use crate::zoho::Zoho;

/// When it is looked for, in milliseconds: Zoho may still be at it, and its lists lag behind.
const PAUSES: [u64; 4] = [300, 1000, 2500, 4000];

/// What a look may take; without that much time left none is begun.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// By how much our clock and Zoho's may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// So many of the last writes are known by what they made.
const RECENT_WRITES: usize = 100;

/// Whether a record can have been made by what was sent at that time. One that does not say when can.
pub(crate) fn made_since(row: &Object, field: &str, at: Timestamp) -> bool {
    text(row, field).and_then(timestamp).is_none_or(|made| made >= earlier(at, CLOCK_SKEW))
}

/// Finds out at Zoho how writes ended.
pub(super) struct Recovery {
    pub(super) zoho: Arc<Zoho>,
    pub(super) audit: Arc<Audit>,
    pub(super) clock: SharedClock,
}

impl Recovery {
    /// Looks several times, while the caller's time lasts.
    pub(super) async fn look(
        &self,
        plan: &dyn Plan,
        request: &WriteRequest<'_>,
        sent: &SentWrite,
    ) -> Option<Done> {
        if plan.call_if_lost().is_some() {
            return None;
        }
        for pause in PAUSES {
            let pause = self.clock.jittered(Duration::from_millis(pause));
            if Instant::now() + pause + LOOK_TIMEOUT > request.caller.deadline {
                break;
            }
            sleep(pause).await;
            match self.find(plan, request, sent).await {
                Ok(Some(done)) => return Some(done),
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(code = problem.code().as_str(), "a write could not be looked for");
                }
            }
        }
        None
    }

    /// Looks at Zoho for what was sent, and is none of those that other writes have made.
    pub(super) async fn find(
        &self,
        plan: &dyn Plan,
        request: &WriteRequest<'_>,
        sent: &SentWrite,
    ) -> Result<Option<Done>, Problem> {
        let (entries, _) = self.audit.list(request.connection, None, RECENT_WRITES).await?;
        // Not what an earlier look for this very write has found.
        let others = entries.into_iter().filter(|entry| Some(&entry.id) != sent.entry.as_ref());
        let taken: Vec<String> = others.filter_map(|entry| entry.subject).collect();
        plan.find(&self.zoho, request, &Sent { at: sent.at, taken: &taken }).await
    }
}
