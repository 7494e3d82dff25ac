//! How one write is performed: in its turn, written down, sent once, looked for where Zoho stays silent, and its answer kept for
//! repetitions.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use futures::future::join_all;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::core::access::usage::KeyUsage;
use shared::core::services::Services;
use shared::core::writes::audit::{Audit, Entry, Outcome};
use shared::core::writes::idempotency::{Exact, Idempotency, SentWrite, StoredAnswer, Ticket};
use shared::core::writes::own_writes::{Before, OwnWrites};
use shared::core::writes::turns::{Turn, Turns};
use shared::core::writes::twins::{Twin, Twins};
use shared::zoho::value::timestamp;
use tokio::join;

use super::answer::{self, not_looked_for, running, say_twice, small, uncertain};
use super::exact_response;
use super::plan::{Done, Prepared, Touched};
use super::recovery::{Looked, Recovery};
use super::request::WriteRequest;
use crate::request::response_headers::Written;
use crate::zoho::{WriteFailure, Zoho};

/// The time that a write needs after it got its turn. Nobody waits for a turn longer than leaves this much.
const NEEDED_AFTER_TURN: Duration = Duration::from_secs(10);

/// The steps of every write, of any kind.
pub(super) struct Engine {
    zoho: Arc<Zoho>,
    audit: Arc<Audit>,
    /// Settles the tickets of all writes. A ticket knows its row and how long that is kept, also where it is of a part.
    idempotency: Arc<Idempotency>,
    turns: Turns,
    twins: Twins,
    own_writes: OwnWrites,
    recovery: Recovery,
    /// The keys' shares of the day: each write takes one.
    usage: Arc<KeyUsage>,
}

/// A write that was done.
pub(super) struct Finished {
    pub(super) kept: StoredAnswer,
    /// Zoho's own words, where these are the answer.
    whole: Option<Exact>,
}

impl Finished {
    pub(super) fn response(self, fields: Option<&str>) -> Result<Response, Problem> {
        let mut response = match self.whole {
            Some(exact) => exact_response::response(self.kept.status, exact)?,
            None => answer::response(self.kept, fields)?,
        };
        response.extensions_mut().insert(Written);
        Ok(response)
    }
}

/// Whether looking for a write failed for good: looking again would fail in the same way. Such a failure says nothing about the write
/// itself.
fn look_failed_for_good(problem: &Problem) -> bool {
    let own = matches!(problem.code(), Code::ResponseTooLarge | Code::ZohoForbidden);
    !problem.code().is_retryable() && (own || problem.said().is_some())
}

/// Whether the caller must be told if the same request was done a moment ago. Only a record that was made can be there twice; a key
/// prevents that, and Zoho's own answers are not changed.
fn can_be_a_twin(key: Option<&str>, done: &Done) -> bool {
    key.is_none() && done.status == 201 && done.exact.is_none()
}

impl Engine {
    pub(super) fn new(
        services: &Services,
        zoho: Arc<Zoho>,
        audit: Arc<Audit>,
        usage: Arc<KeyUsage>,
        idempotency: Arc<Idempotency>,
    ) -> Self {
        let (state, clock) = (&services.stores.state, services.clock.clone());
        Self {
            idempotency,
            turns: Turns::new(state.clone(), clock.clone()),
            twins: Twins::new(state.clone(), clock.clone()),
            own_writes: OwnWrites::new(state.clone(), clock.clone()),
            recovery: Recovery { zoho: zoho.clone(), audit: audit.clone(), clock },
            zoho,
            audit,
            usage,
        }
    }

    /// Performs a write. One that moves stock waits for its turn.
    pub(super) async fn execute(
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
            Err(problem) => Err(self.nothing_done(ticket, problem).await),
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

    /// Looks at what must be known, records the write, sends it once, and finds out how it ended. If the process dies after it
    /// recorded the write, the next request with the same key finds out.
    async fn send(
        &self,
        request: &WriteRequest<'_>,
        mut prepared: Prepared,
        mut ticket: Option<Ticket>,
    ) -> Result<Finished, Problem> {
        let key = &request.caller.key;
        let taken = match prepared.plan.look(&self.zoho, request).await {
            Ok(None) => self.usage.write(key).await,
            Ok(Some(nothing_to_send)) => return Ok(self.keep(ticket, nothing_to_send).await),
            Err(problem) => Err(problem),
        };
        let taken = match taken {
            Ok(taken) => taken,
            Err(problem) => return Err(self.nothing_done(ticket, problem).await),
        };
        let plan = &*prepared.plan;
        let mut entry = self.entry(request, &prepared);
        if let Err(error) = self.audit.begin(&entry).await {
            self.usage.unsent(key, taken).await;
            // Otherwise a caller who sends the request again would be told that it is still running.
            if let Some(ticket) = ticket {
                self.forget(ticket).await;
            }
            return Err(error.into());
        }
        let sent = SentWrite { plan: prepared.stored.clone(), at: entry.at, entry: Some(entry.id.clone()) };
        if let Some(ticket) = &mut ticket {
            let sending = self.idempotency.sending(ticket, sent.clone()).await;
            if !matches!(sending, Ok(true)) {
                self.usage.unsent(key, taken).await;
                entry.outcome = Outcome::Refused;
                self.note(&entry).await;
                return Err(sending.map_or_else(Problem::from, |_| running(1)));
            }
        }
        match plan.send(&self.zoho, request).await {
            Ok(done) => self.finish(request, &mut entry, ticket, &prepared, done).await,
            Err(WriteFailure::Unsent(problem)) => {
                self.usage.unsent(key, taken).await;
                Err(self.refused(&mut entry, ticket, problem).await)
            }
            Err(WriteFailure::Refused(problem)) => Err(self.refused(&mut entry, ticket, problem).await),
            Err(WriteFailure::Uncertain(problem)) => {
                self.after_silence(request, &prepared, ticket, &mut entry, sent, &problem).await
            }
        }
    }

    /// Looks at once for a write that has no answer.
    async fn after_silence(
        &self,
        request: &WriteRequest<'_>,
        prepared: &Prepared,
        ticket: Option<Ticket>,
        entry: &mut Entry,
        sent: SentWrite,
        problem: &Problem,
    ) -> Result<Finished, Problem> {
        let plan = &*prepared.plan;
        // The action is not logged: that of a call that is passed through holds ids.
        let (write, code) = (plan.subject(), problem.code().as_str());
        tracing::warn!(write, code, "a write has no answer");
        let was_looked = match self.recovery.look(plan, request, &sent).await {
            Looked::Found(done) => return self.finish(request, entry, ticket, prepared, *done).await,
            Looked::NotThere => true,
            Looked::NotAtAll => false,
        };
        entry.outcome = Outcome::Uncertain;
        self.note(entry).await;
        let problem = uncertain(plan, ticket.is_some(), was_looked, problem.said());
        if let Some(ticket) = ticket
            && let Err(error) = self.idempotency.unsettled(ticket, sent).await
        {
            tracing::error!(%error, "an uncertain write could not be noted");
        }
        Err(problem)
    }

    /// Looks for a write that an earlier request with the same key sent, and whose end is not known. The write is never sent again.
    pub(super) async fn recover(
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
            Err(problem) if look_failed_for_good(&problem) => not_looked_for(&*prepared.plan, &problem),
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
        // Zoho reports this change in a webhook or a list. The mark is how we know then that it is our own.
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
        // If this fails, the write is done all the same: a caller who repeats the request finds the record at Zoho.
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

    /// Writes down that nothing was done, and gives the problem back that is to be told.
    async fn refused(&self, entry: &mut Entry, ticket: Option<Ticket>, problem: Problem) -> Problem {
        entry.outcome = Outcome::Refused;
        self.note(entry).await;
        self.nothing_done(ticket, problem).await
    }

    /// Sets the key free, if there is one, and gives the problem back that is to be told.
    async fn nothing_done(&self, ticket: Option<Ticket>, problem: Problem) -> Problem {
        if let Some(ticket) = ticket {
            self.forget(ticket).await;
        }
        problem
    }

    /// Sets the key free, because nothing was done. A failure here is logged only: what the caller is told stays true.
    pub(super) async fn forget(&self, ticket: Ticket) {
        if let Err(error) = self.idempotency.forget(ticket).await {
            tracing::error!(%error, "an idempotency key could not be set free");
        }
    }

    /// Writes down how it ended. A failure here is logged only: what the caller is told stays true.
    async fn note(&self, entry: &Entry) {
        if let Err(error) = self.audit.end(entry).await {
            tracing::error!(%error, entry = entry.id, "an audit entry could not be completed");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use serde_json::json;
    use shared::base::problem::ZohoSaid;

    use super::*;

    #[test]
    fn what_only_a_look_can_come_to_says_nothing_of_the_write() {
        let said = || ZohoSaid { code: "57".to_owned(), message: "No".to_owned(), details: None };
        for (code, has_said, look_failed_for_good) in [
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
            assert_eq!(super::look_failed_for_good(&problem), look_failed_for_good, "{code:?} {has_said}");
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
