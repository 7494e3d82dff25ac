//! Safe writes. Every write goes this way: what it would do is worked out (`plan`), shown or performed, written down
//! (`core::audit`), sent once, and where Zoho stays silent, looked for (`settle`) instead of being sent again.

mod digest;
pub(crate) mod exact_response;
pub(crate) mod plan;
pub(crate) mod recovery;
mod request;

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::core::writes::audit::{Entry, Outcome};
use shared::core::writes::idempotency::{Begun, Kept, Ticket};
use shared::core::writes::preview::Previews;

pub(crate) use plan::{Done, Plan, Prepared};
pub(crate) use request::{Asked, WriteParams};

use crate::app::App;
use crate::request::response_headers::Written;
use crate::zoho::WriteFailure;

/// Says that an answer is that of an earlier request with the same key.
const REPLAYED: &str = "idempotency-replayed";

/// What is kept of a record: before and after must fit into one row.
const LARGEST_KEPT: usize = 150_000;

impl App {
    /// Shows or performs a write.
    pub(crate) async fn perform(
        &self,
        asked: &Asked<'_>,
        prepare: impl Future<Output = Result<Prepared, Problem>>,
    ) -> Result<Response, Problem> {
        let owner = asked.caller.key.id.as_str();
        if asked.dry_run {
            return self.preview(asked, prepare.await?).await;
        }
        let previewed = match &asked.key {
            Some(key) => self.previews.find(owner, key, &asked.digest).await?,
            None => None,
        };
        let must = asked.previewed || asked.key.as_deref().is_some_and(Previews::is_id);
        let previewless = previewed.is_none() && must;
        let prepare = async {
            match previewed {
                Some(plan) => Prepared::of(plan),
                None => prepare.await,
            }
        };
        let Some(key) = &asked.key else {
            if previewless {
                return Err(preview_required());
            }
            let prepared = prepare.await?;
            return self.execute(asked, prepared, None).await;
        };
        match self.idempotency.begin(owner, key, &asked.digest).await? {
            Begun::Answered(kept) => replay(kept),
            Begun::Running(seconds) => Err(running(seconds)),
            Begun::Other => Err(Problem::new(
                Code::IdempotencyKeyReused,
                "This `Idempotency-Key` was used with another request.",
            )),
            // What was performed already has its answer, and what is under way its end; only a beginning needs the preview.
            Begun::First(ticket) if previewless => {
                self.idempotency.forget(ticket).await?;
                Err(preview_required())
            }
            Begun::First(ticket) => match prepare.await {
                Ok(prepared) => self.execute(asked, prepared, Some(ticket)).await,
                Err(problem) => {
                    self.forget(ticket).await;
                    Err(problem)
                }
            },
            Begun::Unsettled { ticket, plan, at } => self.settle_later(asked, ticket, plan, at).await,
        }
    }

    async fn preview(&self, asked: &Asked<'_>, prepared: Prepared) -> Result<Response, Problem> {
        // What could not be performed is not shown.
        self.demand_scope(&prepared.plan.target(asked)).await?;
        let plan = prepared.to_value()?;
        let kept = self.previews.keep(&asked.caller.key.id, &asked.digest, plan).await?;
        let mut shown = json!({
            "preview_id": kept.id,
            "valid_until": kept.until,
            "notice": "Nothing was written. Send the same body with the header `Idempotency-Key: <preview_id>`, without `dry_run`, to perform it.",
        });
        if let (Some(shown), Value::Object(rest)) = (shown.as_object_mut(), prepared.shown) {
            shown.extend(rest);
        }
        Ok(Json(shown).into_response())
    }

    /// Writes it down, sends it once, and finds out how it ended. Where the process dies meanwhile, the next request with the
    /// same key finds out.
    async fn execute(
        &self,
        asked: &Asked<'_>,
        prepared: Prepared,
        mut ticket: Option<Ticket>,
    ) -> Result<Response, Problem> {
        let plan = prepared.to_value()?;
        let (before, after) = (prepared.before.clone(), prepared.plan.asked_for());
        let mut entry =
            self.audit.sending(&asked.caller.key, asked.connection, &asked.action, before, after).await?;
        if let Some(ticket) = &mut ticket {
            let sending = self.idempotency.sending(ticket, &plan).await;
            if !matches!(sending, Ok(true)) {
                entry.outcome = Outcome::Refused;
                self.note(&entry).await;
                return Err(sending.map_or_else(Problem::from, |_| running(1)));
            }
        }
        match prepared.plan.send(self, asked).await {
            Ok(done) => self.finish(&mut entry, ticket, &prepared, done).await,
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
                let (write, code) = (prepared.plan.subject(), problem.code().as_str());
                tracing::warn!(write, code, "a write has no answer");
                match self.look(&prepared.plan, asked, entry.at).await {
                    Some(done) => self.finish(&mut entry, ticket, &prepared, done).await,
                    None => {
                        entry.outcome = Outcome::Uncertain;
                        self.note(&entry).await;
                        if let Some(ticket) = ticket
                            && let Err(error) = self.idempotency.unsettled(ticket, plan, entry.at).await
                        {
                            tracing::error!(%error, "an uncertain write could not be noted");
                        }
                        Err(uncertain(&prepared.plan, asked.key.is_some()))
                    }
                }
            }
        }
    }

    async fn finish(
        &self,
        entry: &mut Entry,
        ticket: Option<Ticket>,
        prepared: &Prepared,
        done: Done,
    ) -> Result<Response, Problem> {
        entry.outcome = Outcome::Done;
        // Zoho will tell us of it: then it is known as our own.
        let before = prepared.changed_before(done.status);
        if let Err(error) = self.own.mark(&entry.connection, &done.subject, &done.body, before).await {
            tracing::error!(%error, "a write of ours could not be marked");
        }
        entry.subject = Some(done.subject);
        entry.after = small(done.body.clone());
        self.note(entry).await;
        let status = done.status;
        let (kept, whole) = match done.exact {
            Some(exact) => (crate::writes::exact_response::kept(status, exact.clone()), Some(exact)),
            None => (Kept { status, body: small(done.body), exact: None }, None),
        };
        // A failure here is no failure of the write: whoever repeats the request finds the record at Zoho.
        if let Some(mut ticket) = ticket
            && let Err(error) = self.idempotency.done(&mut ticket, &kept).await
        {
            tracing::error!(%error, "the answer of a write could not be kept");
        }
        let mut response = match whole {
            Some(exact) => crate::writes::exact_response::response(status, exact)?,
            None => answer(kept)?,
        };
        response.extensions_mut().insert(Written);
        Ok(response)
    }

    /// Nothing was done; that the key could not be set free is no reason to tell another story.
    async fn forget(&self, ticket: Ticket) {
        if let Err(error) = self.idempotency.forget(ticket).await {
            tracing::error!(%error, "an idempotency key could not be set free");
        }
    }

    /// What was done is written down; that it could not be is no reason to tell the caller that it was not done.
    async fn note(&self, entry: &Entry) {
        if let Err(error) = self.audit.write(entry).await {
            tracing::error!(%error, entry = entry.id, "an audit entry could not be completed");
        }
    }
}

/// A row holds 400 KB. Of a larger record the parts are left out, and it says so.
fn small(body: Value) -> Value {
    if body.to_string().len() < LARGEST_KEPT {
        return body;
    }
    let Value::Object(mut record) = body else { return Value::Null };
    record.retain(|_, value| !value.is_array() && !value.is_object());
    record.insert(
        "notice".to_owned(),
        "The parts of this record are left out here. Read it for all of it.".into(),
    );
    record.into()
}

fn answer(kept: Kept) -> Result<Response, Problem> {
    match kept.exact {
        Some(exact) => crate::writes::exact_response::response(kept.status, exact),
        None => {
            let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
            Ok((status, Json(kept.body)).into_response())
        }
    }
}

fn replay(kept: Kept) -> Result<Response, Problem> {
    let mut response = answer(kept)?;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response.extensions_mut().insert(Written);
    Ok(response)
}

fn running(seconds: u64) -> Problem {
    Problem::new(
        Code::IdempotencyInProgress,
        "The first request with this `Idempotency-Key` is still at work.",
    )
    .retry_after(seconds)
}

fn preview_required() -> Problem {
    Problem::new(Code::PreviewRequired, "This write needs a preview of the very same request.")
}

fn uncertain(plan: &Plan, has_key: bool) -> Problem {
    if let Plan::PassThrough(call) = plan {
        let detail = format!(
            "Zoho gave no proper answer to {}. The connector does not know what this call changes and cannot look for it: \
             read the record yourself before anything else.",
            call.name()
        );
        return Problem::new(Code::WriteUncertain, detail);
    }
    let again = if has_key {
        "Sending the same request with the same `Idempotency-Key` looks for it again and writes nothing."
    } else {
        "Without an `Idempotency-Key` it cannot be looked for again."
    };
    Problem::new(
        Code::WriteUncertain,
        format!("Zoho gave no proper answer, and {} was not found there afterwards. {again}", plan.subject()),
    )
}
