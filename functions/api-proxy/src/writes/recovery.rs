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

/// So many of the last writes are read at once, and so often at most, to know what they made.
const RECENT_WRITES: usize = 100;
const MAX_PAGES: usize = 10;

/// Whether a record can have been made by what was sent at that time. One that does not say when can.
pub(crate) fn made_since(row: &Object, field: &str, at: Timestamp) -> bool {
    text(row, field).and_then(timestamp).is_none_or(|made| made >= earlier(at, CLOCK_SKEW))
}

/// What came of looking for a write.
pub(super) enum Looked {
    Found(Box<Done>),
    NotThere,
    /// There was no time for it, or Zoho let nobody look.
    NotAtAll,
}

/// Finds out at Zoho how writes ended.
pub(super) struct Recovery {
    pub(super) zoho: Arc<Zoho>,
    pub(super) audit: Arc<Audit>,
    pub(super) clock: SharedClock,
}

impl Recovery {
    /// Looks several times, while the caller's time lasts.
    pub(super) async fn look(&self, plan: &dyn Plan, request: &WriteRequest<'_>, sent: &SentWrite) -> Looked {
        let mut looked = Looked::NotAtAll;
        if plan.call_if_lost().is_some() {
            return looked;
        }
        for pause in PAUSES {
            let pause = self.clock.jittered(Duration::from_millis(pause));
            if Instant::now() + pause + LOOK_TIMEOUT > request.caller.deadline {
                break;
            }
            sleep(pause).await;
            match self.find(plan, request, sent).await {
                Ok(Some(done)) => return Looked::Found(Box::new(done)),
                Ok(None) => looked = Looked::NotThere,
                Err(problem) => {
                    tracing::warn!(code = problem.code().as_str(), "a write could not be looked for");
                }
            }
        }
        looked
    }

    /// Looks at Zoho for what was sent, and is none of those that other writes have made.
    pub(super) async fn find(
        &self,
        plan: &dyn Plan,
        request: &WriteRequest<'_>,
        sent: &SentWrite,
    ) -> Result<Option<Done>, Problem> {
        let mut taken: Vec<String> = Vec::new();
        let mut below = None;
        for _ in 0..MAX_PAGES {
            let (entries, next) = self.audit.list(request.connection, below, RECENT_WRITES).await?;
            let is_older = entries.last().is_some_and(|entry| entry.at < earlier(sent.at, CLOCK_SKEW));
            // Not what an earlier look for this very write has found.
            let others = entries.into_iter().filter(|entry| Some(&entry.id) != sent.entry.as_ref());
            taken.extend(others.filter_map(|entry| entry.subject));
            below = next;
            if is_older || below.is_none() {
                break;
            }
        }
        plan.find(&self.zoho, request, &Sent { at: sent.at, taken: &taken }).await
    }
}
