//! Safe writes. Every write goes this way: what it would do is worked out (a [`Plan`]), shown or performed, written down
//! (`core::writes::audit`), sent once, and where Zoho stays silent, looked for (`recovery`) instead of being sent again.

mod answer;
mod digest;
pub(crate) mod exact_response;
pub(crate) mod plan;
pub(crate) mod recovery;
pub(crate) mod request;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use futures::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::access::usage::KeyUsage;
use shared::core::services::Services;
use shared::core::writes::audit::{Audit, Entry, Outcome};
use shared::core::writes::idempotency::{Begun, Exact, Idempotency, SentWrite, StoredAnswer, Ticket};
use shared::core::writes::own_writes::{Before, OwnWrites};
use shared::core::writes::preview::{Found as Previewed, Previews};
use shared::core::writes::turns::{Turn, Turns};
use shared::core::writes::twins::{Twin, Twins};
use shared::zoho::value::timestamp;
use tokio::join;

use crate::request::response_headers::Written;
use crate::zoho::{WriteFailure, Zoho};
use answer::{not_looked_for, preview_required, replay, running, say_twice, small, uncertain};
use plan::{Done, Draft, Plan, Prepared, Touched};
use recovery::{Looked, Recovery};
use request::WriteRequest;

/// What writes work with.
pub(crate) struct Writes {
    zoho: Arc<Zoho>,
    audit: Arc<Audit>,
    idempotency: Idempotency,
    parts: Idempotency,
    previews: Previews,
    turns: Turns,
    twins: Twins,
    own_writes: OwnWrites,
    recovery: Recovery,
    /// Of which each write takes one.
    usage: Arc<KeyUsage>,
}

/// What a write that looks at stock first needs of its caller's time.
const NEEDED_AFTER_TURN: Duration = Duration::from_secs(10);

/// A write that was done.
struct Finished {
    kept: StoredAnswer,
    /// Zoho's own words, where these are the answer.
    whole: Option<Exact>,
}

impl Finished {
    fn response(self, fields: Option<&str>) -> Result<Response, Problem> {
        let mut response = match self.whole {
            Some(exact) => exact_response::response(self.kept.status, exact)?,
            None => answer::response(self.kept, fields)?,
        };
        response.extensions_mut().insert(Written);
        Ok(response)
    }
}

/// Whether only the look for a write came to this, and would again: then it says nothing of the write.
fn is_of_the_look(problem: &Problem) -> bool {
    let own = matches!(problem.code(), Code::ResponseTooLarge | Code::ZohoForbidden);
    !problem.code().is_retryable() && (own || problem.said().is_some())
}

/// Whether a write needs a preview and has none: one whose key may write nothing else, or one that names a preview by its id.
fn lacks_preview(needs_preview: bool, is_id: bool, previewed: &Previewed) -> bool {
    (needs_preview || is_id) && !matches!(previewed, Previewed::Same(_))
}

/// Whether the same request may have been done before and nothing said so: a change that is made again changes nothing, and Zoho's own
/// answers stay as they are.
fn can_be_a_twin(key: Option<&str>, done: &Done) -> bool {
    key.is_none() && done.status == 201 && done.exact.is_none()
}

/// A plan in the making.
type Preparing<'a> = Pin<Box<dyn Future<Output = Result<Prepared, Problem>> + Send + 'a>>;

/// Reads a plan of the kind that a request is for.
type Restore = fn(Value) -> Result<Prepared, Problem>;

impl Writes {
    pub(crate) fn new(services: &Services, zoho: Arc<Zoho>, audit: Arc<Audit>, usage: Arc<KeyUsage>) -> Self {
        let (state, clock) = (&services.stores.state, services.clock.clone());
        // A part is known at least as long as the reconciliation that it belongs to.
        let of_parts = services.settings.retention.audit.max(shared::core::reconciliation::RETENTION);
        Self {
            idempotency: Idempotency::new(state.clone(), clock.clone()),
            parts: Idempotency::of_parts(state.clone(), clock.clone(), of_parts),
            previews: Previews::new(state.clone(), clock.clone()),
            turns: Turns::new(state.clone(), clock.clone()),
            twins: Twins::new(state.clone(), clock.clone()),
            own_writes: OwnWrites::new(state.clone(), clock.clone()),
            recovery: Recovery { zoho: zoho.clone(), audit: audit.clone(), clock },
            zoho,
            audit,
            usage,
        }
    }

    /// Shows or performs a write. All kinds of writes share one engine: this only says of which kind the plan is.
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

    /// Does a part of a longer piece of work, once, whoever goes on with it and whenever; gives the record that it made. With
    /// `may_begin` false, a part that was sent is looked for, and no other is begun.
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
                self.forget(ticket).await;
                return Err(Problem::new(Code::ReconciliationExpired, "It was compared too long ago."));
            }
            Begun::First(ticket) => match self.execute(request, prepared, Some(ticket)).await {
                Ok(finished) => finished,
                // Who comes next looks for it once more, with all of a call's time.
                Err(problem) if problem.code() == Code::WriteUncertain => return Err(running(1)),
                Err(problem) => return Err(problem),
            },
            // Of what a restored store does not know, only what it was meant to be is known.
            Begun::Unsettled(ticket, sent) if sent.plan.is_null() => {
                self.recover(request, ticket, prepared, sent).await?
            }
            Begun::Unsettled(ticket, sent) => match restore(sent.plan.clone()) {
                Ok(prepared) => self.recover(request, ticket, prepared, sent).await?,
                Err(problem) => {
                    self.parts.unsettled(ticket, sent).await?;
                    return Err(problem);
                }
            },
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
        let previewed = match &request.key {
            Some(key) => self.previews.find(owner, key, &request.digest).await?,
            None => Previewed::None,
        };
        let is_id = request.key.as_deref().is_some_and(Previews::is_id);
        let previewless = lacks_preview(request.needs_preview, is_id, &previewed);
        let refusal = preview_required(&previewed, is_id);
        let prepare = async {
            match previewed {
                Previewed::Same(plan) => restore(plan),
                Previewed::Differs | Previewed::None => prepare.await,
            }
        };
        let Some(key) = &request.key else {
            if previewless {
                return Err(refusal);
            }
            let prepared = prepare.await?;
            return self.execute(request, prepared, None).await?.response(fields);
        };
        match self.idempotency.begin(owner, key, &request.digest).await? {
            Begun::Answered(kept) => replay(kept, fields),
            Begun::Running(seconds) => Err(running(seconds)),
            Begun::Other => Err(Problem::new(
                Code::IdempotencyKeyReused,
                "This `Idempotency-Key` was used with another request.",
            )),
            // What was performed already has its answer, and what is under way its end; only a beginning needs the preview.
            Begun::First(ticket) if previewless => {
                self.idempotency.forget(ticket).await?;
                Err(refusal)
            }
            Begun::First(ticket) => match prepare.await {
                Ok(prepared) => self.execute(request, prepared, Some(ticket)).await?.response(fields),
                Err(problem) => {
                    self.forget(ticket).await;
                    Err(problem)
                }
            },
            Begun::Unsettled(ticket, sent) => {
                // Of what a restored store does not know, only the request itself says what it was meant to be.
                let prepared = if sent.plan.is_null() { prepare.await } else { restore(sent.plan.clone()) };
                match prepared {
                    Ok(prepared) => self.recover(request, ticket, prepared, sent).await?.response(fields),
                    Err(problem) => {
                        self.idempotency.unsettled(ticket, sent).await?;
                        Err(problem)
                    }
                }
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

    /// Performs it, in its turn where it needs one.
    async fn execute(
        &self,
        request: &WriteRequest<'_>,
        prepared: Prepared,
        ticket: Option<Ticket>,
    ) -> Result<Finished, Problem> {
        if !prepared.plan.moves_stock() {
            return self.send(request, prepared, ticket).await;
        }
        match self.turn(request).await {
            Ok(turn) => {
                let finished = self.send(request, prepared, ticket).await;
                if let Err(error) = self.turns.end(turn).await {
                    tracing::error!(%error, "a turn could not be ended, and ends by itself");
                }
                finished
            }
            Err(problem) => {
                if let Some(ticket) = ticket {
                    self.forget(ticket).await;
                }
                Err(problem)
            }
        }
    }

    async fn turn(&self, request: &WriteRequest<'_>) -> Result<Turn, Problem> {
        let (data_centre, organization) = self.zoho.whose_stock(request.caller, request.connection).await?;
        let last = request.caller.deadline.checked_sub(NEEDED_AFTER_TURN).unwrap_or(request.caller.deadline);
        let taken = self.turns.take(data_centre, &organization, last).await?;
        taken.map_err(|seconds| {
            let detail = "Another write moves stock of this organisation. Nothing was written.";
            Problem::new(Code::StockInProgress, detail).retry_after(seconds)
        })
    }

    /// Looks, writes it down, sends it once, and finds out how it ended. Where the process dies after the look, the next request
    /// with the same key finds out.
    async fn send(
        &self,
        request: &WriteRequest<'_>,
        mut prepared: Prepared,
        mut ticket: Option<Ticket>,
    ) -> Result<Finished, Problem> {
        let looked = match prepared.plan.look(&self.zoho, request).await {
            Ok(None) => self.usage.write(&request.caller.key).await,
            Ok(Some(nothing_to_send)) => return Ok(self.keep(ticket, nothing_to_send).await),
            Err(problem) => Err(problem),
        };
        match looked {
            Ok(()) => {}
            Err(problem) => {
                if let Some(ticket) = ticket {
                    self.forget(ticket).await;
                }
                return Err(problem);
            }
        }
        let plan = &*prepared.plan;
        let mut entry = self.entry(request, &prepared);
        self.audit.begin(&entry).await?;
        let sent = SentWrite { plan: prepared.stored.clone(), at: entry.at, entry: Some(entry.id.clone()) };
        if let Some(ticket) = &mut ticket {
            let sending = self.idempotency.sending(ticket, sent.clone()).await;
            if !matches!(sending, Ok(true)) {
                entry.outcome = Outcome::Refused;
                self.note(&entry).await;
                return Err(sending.map_or_else(Problem::from, |_| running(1)));
            }
        }
        match plan.send(&self.zoho, request).await {
            Ok(done) => self.finish(request, &mut entry, ticket, &prepared, done).await,
            Err(WriteFailure::Refused(problem)) => {
                entry.outcome = Outcome::Refused;
                self.note(&entry).await;
                if let Some(ticket) = ticket {
                    self.forget(ticket).await;
                }
                Err(problem)
            }
            Err(WriteFailure::Uncertain(problem)) => {
                // Not the action: of a call that is passed through it holds ids.
                let (write, code) = (plan.subject(), problem.code().as_str());
                tracing::warn!(write, code, "a write has no answer");
                match self.recovery.look(plan, request, &sent).await {
                    Looked::Found(done) => self.finish(request, &mut entry, ticket, &prepared, *done).await,
                    looked @ (Looked::NotThere | Looked::NotAtAll) => {
                        entry.outcome = Outcome::Uncertain;
                        self.note(&entry).await;
                        let was_looked = matches!(looked, Looked::NotThere);
                        let has_key = request.key.is_some() || ticket.is_some();
                        let problem = uncertain(plan, has_key, was_looked, problem.said());
                        if let Some(ticket) = ticket
                            && let Err(error) = self.idempotency.unsettled(ticket, sent).await
                        {
                            tracing::error!(%error, "an uncertain write could not be noted");
                        }
                        Err(problem)
                    }
                }
            }
        }
    }

    /// The request before this one, with the same key, was sent and never ended: it is looked for, and never sent again.
    async fn recover(
        &self,
        request: &WriteRequest<'_>,
        ticket: Ticket,
        prepared: Prepared,
        sent: SentWrite,
    ) -> Result<Finished, Problem> {
        let problem = match self.recovery.find(&*prepared.plan, request, &sent).await {
            Ok(Some(done)) => {
                let mut entry = self.entry(request, &prepared);
                if let Some(id) = sent.entry {
                    // The same write has one entry, whoever finds out how it ended.
                    (entry.id, entry.at) = (id, sent.at);
                }
                return self.finish(request, &mut entry, Some(ticket), &prepared, done).await;
            }
            Ok(None) => uncertain(&*prepared.plan, true, true, None),
            Err(problem) if is_of_the_look(&problem) => not_looked_for(&*prepared.plan, &problem),
            Err(problem) => problem,
        };
        self.idempotency.unsettled(ticket, sent).await?;
        Err(problem)
    }

    /// The entry of the audit for a write that is about to be sent.
    fn entry(&self, request: &WriteRequest<'_>, prepared: &Prepared) -> Entry {
        let (before, after) = (prepared.before.clone(), prepared.plan.shown());
        self.audit.entry(&request.caller.key, request.connection, &request.action, before, after)
    }

    async fn finish(
        &self,
        request: &WriteRequest<'_>,
        entry: &mut Entry,
        ticket: Option<Ticket>,
        prepared: &Prepared,
        mut done: Done,
    ) -> Result<Finished, Problem> {
        entry.outcome = Outcome::Done;
        entry.subject = Some(done.subject.clone());
        entry.after = small(done.body.clone());
        // Zoho will tell us of it: then it is known as our own.
        let before = prepared.changed_before(done.status);
        // The caller waits for the slowest of these, and not for each.
        let (marked, (), (), twin) = join!(
            self.own_writes.mark(&entry.connection, &done.subject, &done.body, before),
            self.mark_touched(&entry.connection, &done.touched),
            self.note(entry),
            self.twin(request, &done),
        );
        if let Err(error) = marked {
            tracing::error!(%error, "a write of ours could not be marked");
        }
        if let Some(twin) = twin {
            say_twice(&mut done.body, &twin, &done.subject);
        }
        Ok(self.keep(ticket, done).await)
    }

    /// Keeps the answer for repetitions of the request.
    async fn keep(&self, ticket: Option<Ticket>, done: Done) -> Finished {
        let status = done.status;
        let (kept, whole) = match done.exact {
            Some(exact) => (exact_response::kept(status, exact.clone()), Some(exact)),
            None => (StoredAnswer { status, body: small(done.body), exact: None }, None),
        };
        // A failure here is no failure of the write: whoever repeats the request finds the record at Zoho.
        if let Some(mut ticket) = ticket
            && let Err(error) = self.idempotency.done(&mut ticket, &kept).await
        {
            tracing::error!(%error, "the answer of a write could not be kept");
        }
        Finished { kept, whole }
    }

    /// Marks the other records that a write changed.
    async fn mark_touched(&self, connection: &ConnectionName, touched: &[Touched]) {
        let marks = touched.iter().map(|touched| {
            let before = touched.before.as_deref().and_then(timestamp).map_or(Before::Unknown, Before::At);
            self.own_writes.mark(connection, &touched.subject, &touched.record, before)
        });
        for marked in join_all(marks).await {
            if let Err(error) = marked {
                tracing::error!(%error, "a record that a write of ours changed could not be marked");
            }
        }
    }

    /// The same request of a moment ago, where neither has an `Idempotency-Key` that would have kept it from being done twice.
    async fn twin(&self, request: &WriteRequest<'_>, done: &Done) -> Option<Twin> {
        if !can_be_a_twin(request.key.as_deref(), done) {
            return None;
        }
        let noted = self.twins.note(&request.caller.key.id, &request.digest, &done.subject).await;
        noted.unwrap_or_else(|error| {
            tracing::warn!(%error, "an equal request could not be looked for");
            None
        })
    }

    /// Nothing was done; that the key could not be set free is no reason to tell another story.
    async fn forget(&self, ticket: Ticket) {
        if let Err(error) = self.idempotency.forget(ticket).await {
            tracing::error!(%error, "an idempotency key could not be set free");
        }
    }

    /// What was done is written down; that it could not be is no reason to tell the caller that it was not done.
    async fn note(&self, entry: &Entry) {
        if let Err(error) = self.audit.end(entry).await {
            tracing::error!(%error, entry = entry.id, "an audit entry could not be completed");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use shared::base::problem::ZohoSaid;

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

    #[test]
    fn what_only_a_look_can_come_to_says_nothing_of_the_write() {
        let said = || ZohoSaid { code: "57".to_owned(), message: "No".to_owned(), details: None };
        for (code, has_said, is_of_the_look) in [
            (Code::ResponseTooLarge, false, true),
            (Code::ZohoForbidden, false, true),
            (Code::ZohoRejected, true, true),
            (Code::ZohoRejected, false, false),
            (Code::Internal, false, false),
            // It may end otherwise the next time.
            (Code::ZohoRateLimited, true, false),
            (Code::ZohoTimeout, false, false),
        ] {
            let problem = Problem::new(code, "It failed.");
            let problem = if has_said { problem.zoho(said()) } else { problem };
            assert_eq!(super::is_of_the_look(&problem), is_of_the_look, "{code:?} {has_said}");
        }
    }

    #[test]
    fn only_what_was_made_anew_without_a_key_can_be_a_twin() {
        let exact = || Exact { content_type: None, content_disposition: None, body: Bytes::new() };
        for (key, status, exact, expected) in [
            (None, 201, None, true),
            (Some("key"), 201, None, false),
            (None, 200, None, false),
            (None, 202, None, false),
            (None, 201, Some(exact()), false),
            (Some("key"), 200, Some(exact()), false),
        ] {
            let (is_exact, done) = (exact.is_some(), Done::new(status, "note/61".to_owned(), json!({})));
            let done = Done { exact, ..done };
            assert_eq!(can_be_a_twin(key, &done), expected, "{key:?} {status} {is_exact}");
        }
    }
}
