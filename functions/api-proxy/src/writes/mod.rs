//! Safe writes. Every write goes this way: what it would do is worked out (a [`Plan`]), shown or performed once for each
//! `Idempotency-Key` (here), and then, in `engine`, written down, sent once, and where Zoho stays silent, looked for instead of being
//! sent again.

mod answer;
mod digest;
mod engine;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod engine_tests;
pub(crate) mod exact_response;
#[cfg(test)]
#[cfg(feature = "embedded")]
pub(crate) mod fixtures;
pub(crate) mod plan;
pub(crate) mod recovery;
pub(crate) mod request;

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::core::access::usage::KeyUsage;
use shared::core::reconciliation;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;
use shared::core::writes::idempotency::{Begun, Idempotency, SentWrite, Ticket};
use shared::core::writes::preview::{Found as Previewed, Previews};

use crate::zoho::Zoho;
use answer::{preview_required, replay, running};
use engine::{Engine, Finished};
use plan::{Draft, Plan, Prepared};
use request::WriteRequest;

/// What writes work with.
pub(crate) struct Writes {
    zoho: Arc<Zoho>,
    /// The callers' keys.
    idempotency: Arc<Idempotency>,
    /// The keys of the connector's own work, which it does in parts.
    parts: Idempotency,
    previews: Previews,
    engine: Engine,
}

/// Whether a write needs a preview and has none: one whose key may write nothing else, or one that names a preview by its id.
fn lacks_preview(needs_preview: bool, is_id: bool, previewed: &Previewed) -> bool {
    (needs_preview || is_id) && !matches!(previewed, Previewed::Same(_))
}

/// A plan in the making.
type Preparing<'a> = Pin<Box<dyn Future<Output = Result<Prepared, Problem>> + Send + 'a>>;

/// Reads a plan of the kind that a request is for.
type Restore = fn(Value) -> Result<Prepared, Problem>;

impl Writes {
    pub(crate) fn new(services: &Services, zoho: Arc<Zoho>, audit: Arc<Audit>, usage: Arc<KeyUsage>) -> Self {
        let (state, clock) = (&services.stores.state, services.clock.clone());
        // A part is known at least as long as the reconciliation that it belongs to.
        let of_parts = services.settings.retention.audit.max(reconciliation::RETENTION);
        let idempotency = Arc::new(Idempotency::new(state.clone(), clock.clone()));
        Self {
            parts: Idempotency::of_parts(state.clone(), clock.clone(), of_parts),
            previews: Previews::new(state.clone(), clock),
            engine: Engine::new(services, zoho.clone(), audit, usage, idempotency.clone()),
            idempotency,
            zoho,
        }
    }

    /// Shows or performs a write. This only says of which kind the plan is, so that all that follows is compiled once for all kinds.
    pub(crate) async fn perform<P>(
        &self,
        request: &WriteRequest<'_>,
        prepare: impl Future<Output = Result<Draft<P>, Problem>> + Send,
    ) -> Result<Response, Problem>
    where
        P: Plan + Serialize + DeserializeOwned + 'static,
    {
        let prepare = Box::pin(async { Prepared::new(prepare.await?) });
        self.show_or_perform(request, prepare, Prepared::restore::<P>).await
    }

    /// Does one part of a longer piece of work once, no matter which call goes on with that work. Returns the record that the part made.
    /// If `may_begin` is false, a part that was sent is looked for, and no new part is begun.
    pub(crate) async fn perform_part<P>(
        &self,
        request: &WriteRequest<'_>,
        part: &str,
        draft: Draft<P>,
        may_begin: bool,
    ) -> Result<Value, Problem>
    where
        P: Plan + Serialize + DeserializeOwned + 'static,
    {
        self.do_part(request, part, Prepared::new(draft)?, Prepared::restore::<P>, may_begin).await
    }

    async fn do_part(
        &self,
        request: &WriteRequest<'_>,
        part: &str,
        prepared: Prepared,
        restore: Restore,
        may_begin: bool,
    ) -> Result<Value, Problem> {
        let finished = match self.parts.begin(request.connection.as_str(), part, &request.digest).await? {
            Begun::Answered(kept) => return Ok(kept.body),
            Begun::Running(seconds) => return Err(running(seconds)),
            Begun::Other => return Err(Problem::internal(format!("{part} is the part of something else"))),
            Begun::First(ticket) if !may_begin => {
                self.engine.forget(ticket).await;
                return Err(Problem::new(Code::ReconciliationExpired, "It was compared too long ago."));
            }
            Begun::First(ticket) => match self.engine.execute(request, prepared, Some(ticket)).await {
                Ok(finished) => finished,
                // The next call looks for it once more, and has all of its time for that.
                Err(problem) if problem.code() == Code::WriteUncertain => return Err(running(1)),
                Err(problem) => return Err(problem),
            },
            Begun::Unsettled(ticket, sent) => {
                self.find_out(request, ticket, sent, Box::pin(ready(Ok(prepared))), restore).await?
            }
        };
        Ok(finished.kept.body)
    }

    async fn show_or_perform(
        &self,
        request: &WriteRequest<'_>,
        prepare: Preparing<'_>,
        restore: Restore,
    ) -> Result<Response, Problem> {
        let (owner, fields) = (request.caller.key.id.as_str(), request.fields.as_deref());
        if request.dry_run {
            return self.preview(request, prepare.await?).await;
        }
        let Some(key) = &request.key else {
            if request.needs_preview {
                return Err(preview_required(&Previewed::None, false));
            }
            return self.engine.execute(request, prepare.await?, None).await?.response(fields);
        };
        let previewed = self.previews.find(owner, key, &request.digest).await?;
        let is_id = Previews::is_id(key);
        let previewless = lacks_preview(request.needs_preview, is_id, &previewed);
        let refusal = preview_required(&previewed, is_id);
        let prepare: Preparing<'_> = match previewed {
            Previewed::Same(plan) => Box::pin(async move { restore(plan) }),
            Previewed::Differs | Previewed::None => prepare,
        };
        match self.idempotency.begin(owner, key, &request.digest).await? {
            Begun::Answered(kept) => replay(kept, fields),
            Begun::Running(seconds) => Err(running(seconds)),
            Begun::Other => Err(Problem::new(
                Code::IdempotencyKeyReused,
                "This `Idempotency-Key` was used with another request.",
            )),
            // Only a write that begins needs a preview: one that was performed has its answer, and one that runs comes to its end.
            Begun::First(ticket) if previewless => {
                self.idempotency.forget(ticket).await?;
                Err(refusal)
            }
            Begun::First(ticket) => match prepare.await {
                Ok(prepared) => self.engine.execute(request, prepared, Some(ticket)).await?.response(fields),
                Err(problem) => {
                    self.engine.forget(ticket).await;
                    Err(problem)
                }
            },
            Begun::Unsettled(ticket, sent) => {
                self.find_out(request, ticket, sent, prepare, restore).await?.response(fields)
            }
        }
    }

    /// Finds out how a write ended that an earlier request with the same key sent.
    async fn find_out(
        &self,
        request: &WriteRequest<'_>,
        ticket: Ticket,
        sent: SentWrite,
        prepare: Preparing<'_>,
        restore: Restore,
    ) -> Result<Finished, Problem> {
        // A store that was restored from a copy has the row without its plan. Then only the request itself says what was to be written.
        let prepared = if sent.plan.is_null() { prepare.await } else { restore(sent.plan.clone()) };
        match prepared {
            Ok(prepared) => self.engine.recover(request, ticket, prepared, sent).await,
            Err(problem) => {
                self.idempotency.unsettled(ticket, sent).await?;
                Err(problem)
            }
        }
    }

    async fn preview(&self, request: &WriteRequest<'_>, prepared: Prepared) -> Result<Response, Problem> {
        // What could not be performed is not shown.
        self.zoho.demand_scope(&request.target(prepared.plan.needs())).await?;
        let kept = self.previews.keep(&request.caller.key.id, &request.digest, prepared.stored).await?;
        let mut shown = json!({
            "preview_id": kept.id,
            "valid_until": kept.until,
            "notice": "Nothing was written. Send the same body with the header `Idempotency-Key: <preview_id>`, without `dry_run`, to perform it.",
        });
        if let (Some(shown), Value::Object(rest)) = (shown.as_object_mut(), prepared.preview) {
            shown.extend(rest);
        }
        Ok(Json(shown).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_preview_or_names_a_preview_is_held_to_one_of_the_same_request() {
        for (needs_preview, is_id, lacks) in
            [(false, false, false), (true, false, true), (false, true, true), (true, true, true)]
        {
            for other in [Previewed::None, Previewed::Differs] {
                assert_eq!(lacks_preview(needs_preview, is_id, &other), lacks, "{needs_preview} {is_id}");
            }
            assert!(!lacks_preview(needs_preview, is_id, &Previewed::Same(Value::Null)));
        }
    }
}
