//! `POST /v1/events/claim` and `POST /v1/events/ack`: who works on which events, and how it ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::clock::seconds_until;
use shared::base::problem::{Code, Problem};
use shared::core::access::permission::Permission;
use shared::core::events::ledger::{
    AckResult, ClaimTarget, Claimed, Ending, Entry, MAX_AT_ONCE, is_entry_id,
};

use super::completed::complete;
use super::representation::{mark_type, mark_words};
use crate::app::App;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{count, described, exact, named, text, untrusted};
use crate::request::body::{Body, invalid, read};
use crate::request::caller::Caller;
use crate::request::connection;
use crate::request::params::{NoParams, Params};

/// How long a claim holds in seconds: if the caller says nothing, and the least and the most that is taken.
const USUAL_SECONDS: u32 = 600;
const MIN_SECONDS: u32 = 30;
const MAX_SECONDS: u32 = 43_200;

/// How many entries a claim takes if the caller says no number.
const USUAL_LIMIT: usize = 10;

/// The longest note, in characters.
const MAX_NOTE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Claiming {
    /// The delivery that the hook was told of; without it, what has waited longest is claimed.
    #[cfg_attr(test, schemars(length(min = 1)))]
    delivery: Option<String>,
    /// The most events that are claimed; without it, of a delivery as many as can be claimed at once.
    #[cfg_attr(test, schemars(range(min = 1, max = MAX_AT_ONCE), extend("default" = USUAL_LIMIT)))]
    limit: Option<usize>,
    /// For how many seconds the claim holds: until then nobody else gets these events.
    #[cfg_attr(test, schemars(range(min = MIN_SECONDS, max = MAX_SECONDS), extend("default" = USUAL_SECONDS)))]
    seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Acking {
    /// The ids of the events.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_AT_ONCE), inner(length(min = 1))))]
    ids: Vec<String>,
    /// How the work ended.
    outcome: Outcome,
    /// What the operator should know of it.
    #[cfg_attr(test, schemars(length(max = MAX_NOTE)))]
    note: Option<String>,
    /// The claim under which they were taken.
    claim: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Outcome {
    Done,
    Failed,
    Retry,
}

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Post, "/v1/events/claim", claim, || {
        let event = json!({
            "type": "object",
            "required": ["id", "type", "time", "data"],
            "properties": {
                "id": described(text(), "For `POST /v1/events/ack`."),
                "type": described(text(), "Like `zoho.inventory.item.updated`."),
                "subject": { "type": ["string", "null"], "description": "Like `item/3300000000070001`: fetch it anew." },
                "time": { "type": "string" },
                "data": {
                    "type": "object",
                    "description": crate::events::list::DATA,
                    "required": ["untrusted"],
                    "properties": { "untrusted": untrusted() },
                },
                "claims": described(count(), "How often it was claimed, this time included; where that is more than once."),
                "untrusted": untrusted(),
            },
        });
        let gives = exact(
            4,
            &[
                ("claim", json!({ "type": ["string", "null"], "description": "The claim's id; null where nothing waits." })),
                ("until", json!({ "type": ["string", "null"], "format": "date-time" })),
                ("data", json!({ "type": "array", "items": event })),
                ("more", json!({ "type": "boolean", "description": "Whether more wait." })),
            ],
        );
        Operation::own(&["events"], "claimEvents", "Takes events to work on")
            .about(
                "What is claimed is nobody else's until `until`. Changes of one record come in their order: a later one waits for the \
                 earlier. Acknowledge each with `POST /v1/events/ack`.",
            )
            .takes(body!("Claiming"), json!({ "limit": 5, "seconds": 600 }))
            .answers(200, "The claim.", named("Claim", gives))
            .fails(&[Code::EventsClaimed, Code::EventNotFound])
    });
    to.on(Verb::Post, "/v1/events/ack", ack, || {
        let state = exact(2, &[("id", text()), ("state", text())]);
        let gives = exact(1, &[("data", json!({ "type": "array", "items": state }))]);
        Operation::own(&["events"], "ackEvents", "Says how the work on events ended")
            .about("`retry` makes them free for another run at once.")
            .takes(body!("Acking"), json!({ "ids": ["0190c5f0a0b0c0d0e0f00112233445"], "outcome": "done" }))
            .answers(200, "How each is now.", named("Acked", gives))
            .fails(&[Code::EventNotClaimed, Code::EventNotFound])
    });
}

async fn claim(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    caller.key.demand(&Permission::Events)?;
    let asked: Claiming = read(&body)?;
    // A claim of a delivery takes as many entries as it may, so that fewer calls are needed.
    let usual = if asked.delivery.is_some() { MAX_AT_ONCE } else { USUAL_LIMIT };
    let (limit, seconds) = (asked.limit.unwrap_or(usual), asked.seconds.unwrap_or(USUAL_SECONDS));
    if !(1..=MAX_AT_ONCE).contains(&limit) {
        return Err(invalid(format!("`limit` is {limit}, but must be 1 to {MAX_AT_ONCE}.")));
    }
    if !(MIN_SECONDS..=MAX_SECONDS).contains(&seconds) {
        return Err(invalid(format!("`seconds` is {seconds}, but must be {MIN_SECONDS} to {MAX_SECONDS}.")));
    }
    let connection = connection::any(&caller)?;
    let wanted = asked.delivery.as_deref().map_or(ClaimTarget::Oldest, ClaimTarget::Batch);
    match app.ledger.claim(&connection, wanted, limit, seconds, &caller.key.id).await? {
        Claimed::Taken { claim, mut entries, more } => {
            let taken = entries.iter_mut().map(|entry| (entry.subject.as_deref(), &mut entry.data)).collect();
            complete(&app.mappings, &connection, taken).await;
            let shown: Vec<Value> = entries.iter().map(claimed_event).collect();
            Ok(Json(json!({
                "claim": claim.as_ref().map(|claim| &claim.id),
                "until": claim.as_ref().map(|claim| claim.until),
                "data": shown,
                "more": more,
            })))
        }
        Claimed::Busy(until) => Err(Problem::new(
            Code::EventsClaimed,
            "All events of this delivery are claimed, or wait for an earlier event of the same record that is.",
        )
        .retry_after(seconds_until(until, app.clock.now()))),
        Claimed::Over => {
            Err(Problem::new(Code::EventsClaimed, "All events of this delivery are done with."))
        }
        Claimed::Unknown => Err(Problem::new(
            Code::EventNotFound,
            format!("Connection {connection} has no such delivery, or it is no longer kept."),
        )),
    }
}

/// A claimed event, as the caller gets it.
fn claimed_event(entry: &Entry) -> Value {
    let mut data = entry.data.clone();
    leave_out_active(&mut data);
    mark_words(&mut data);
    let mut event = json!({
        "id": entry.id, "type": entry.kind, "subject": entry.subject, "time": entry.time, "data": data,
    });
    mark_type(&mut event, &entry.kind);
    // The number of claims is left out for the first one.
    if let (Some(event), true) = (event.as_object_mut(), entry.claims > 1) {
        event.insert("claims".to_owned(), entry.claims.into());
    }
    event
}

/// Nearly every item is active, so only another status says something to an agent that works on a change.
fn leave_out_active(data: &mut Value) {
    if let Some(data) = data.as_object_mut() {
        data.retain(|field, value| field != "status" || value.as_str() != Some("active"));
    }
}

async fn ack(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    caller.key.demand(&Permission::Events)?;
    let mut asked: Acking = read(&body)?;
    asked.ids.sort_unstable();
    asked.ids.dedup();
    if !(1..=MAX_AT_ONCE).contains(&asked.ids.len()) {
        return Err(invalid(format!(
            "`ids` names {} events, but must name 1 to {MAX_AT_ONCE}.",
            asked.ids.len()
        )));
    }
    if asked.note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE) {
        return Err(invalid(format!("`note` has more than {MAX_NOTE} characters.")));
    }
    let connection = connection::any(&caller)?;
    if !asked.ids.iter().all(|id| is_entry_id(id)) {
        return Err(unknown());
    }
    let ending = match asked.outcome {
        Outcome::Done => Ending::Done,
        Outcome::Failed => Ending::Failed,
        Outcome::Retry => Ending::Retry,
    };
    let (note, claim) = (asked.note.as_deref(), asked.claim.as_deref());
    match app.ledger.ack(&connection, &asked.ids, ending, note, &caller.key.id, claim).await? {
        AckResult::Written(states) => {
            let data: Vec<_> = states.iter().map(|(id, state)| json!({ "id": id, "state": state })).collect();
            Ok(Json(json!({ "data": data })))
        }
        AckResult::Unknown(_) => Err(unknown()),
        AckResult::NotClaimed(id) => Err(Problem::new(
            Code::EventNotClaimed,
            format!("Event {id} is not claimed by this key, or not by this claim."),
        )),
    }
}

fn unknown() -> Problem {
    Problem::new(
        Code::EventNotFound,
        "One of `ids` is no event that was ever in the queue, or it is no longer kept.",
    )
}

#[cfg(test)]
mod tests {
    use crate::openapi::body::assert_schema;

    #[test]
    fn the_document_says_what_is_taken() {
        assert_schema::<super::Claiming>("Claiming");
        assert_schema::<super::Acking>("Acking");
    }
}
