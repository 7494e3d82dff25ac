//! `POST /v1/events/claim` and `POST /v1/events/ack`: who works on which events, and how it ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::clock::seconds_until;
use shared::base::problem::{Code, Problem};
use shared::core::access::key::Permission;
use shared::core::events::ledger::{Acked, ClaimTarget, Claimed, Ending, MOST_AT_ONCE, is_entry_id};

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{count, described, exact, named, text, time, words};
use crate::request::body::{Body, read};
use crate::request::caller::Caller;
use crate::request::connection;
use crate::request::params::{NoParams, Params};

/// How long a claim holds: what is usual, and what is taken.
const USUAL_SECONDS: u32 = 600;
const SECONDS: std::ops::RangeInclusive<u32> = 30..=43_200;

/// Entries of a claim that says no number.
const USUAL_LIMIT: usize = 10;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claiming {
    /// The delivery that the hook was told of; without it, what has waited longest is claimed.
    delivery: Option<String>,
    limit: Option<usize>,
    seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acking {
    ids: Vec<String>,
    outcome: Outcome,
    note: Option<String>,
    /// The claim under which they were taken.
    claim: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Failed,
    Retry,
}

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Post, "/v1/events/claim", claim, || {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": MOST_AT_ONCE, "default": USUAL_LIMIT });
        let seconds = json!({
            "type": "integer",
            "minimum": SECONDS.start(),
            "maximum": SECONDS.end(),
            "default": USUAL_SECONDS,
        });
        let takes = exact(
            0,
            &[
                ("delivery", described(text(), "The delivery that the hook was told of; without it, what has waited longest.")),
                ("limit", described(limit, "The most events of this claim; of a delivery, as many as can be without it.")),
                ("seconds", described(seconds, "How long the claim holds: until then nobody else gets these events.")),
            ],
        );
        let event = json!({
            "type": "object",
            "required": ["id", "type", "time", "receivedtime", "data", "claims"],
            "properties": {
                "id": described(text(), "For `POST /v1/events/ack`."),
                "type": described(text(), "Like `zoho.inventory.item.updated`."),
                "subject": { "type": ["string", "null"], "description": "Like `item/3300000000070001`: fetch it anew." },
                "time": { "type": "string" },
                "receivedtime": time(),
                "data": { "type": "object", "description": crate::events::list::DATA },
                "claims": described(count(), "How often it was claimed, this time included."),
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
            .takes(named("Claiming", takes), json!({ "limit": 5, "seconds": 600 }))
            .answers(200, "The claim.", named("Claim", gives))
            .fails(&[Code::EventsClaimed, Code::RecordNotFound])
    });
    to.on(Verb::Post, "/v1/events/ack", ack, || {
        let takes = exact(
            2,
            &[
                ("ids", json!({ "type": "array", "items": text(), "minItems": 1, "maxItems": MOST_AT_ONCE })),
                ("outcome", words(&["done", "failed", "retry"])),
                ("note", json!({ "type": ["string", "null"], "maxLength": LONGEST_NOTE })),
                ("claim", json!({ "type": ["string", "null"], "description": "The claim under which they were taken." })),
            ],
        );
        let state = exact(2, &[("id", text()), ("state", text())]);
        let gives = exact(1, &[("data", json!({ "type": "array", "items": state }))]);
        Operation::own(&["events"], "ackEvents", "Says how the work on events ended")
            .about("`retry` makes them free for another run at once.")
            .takes(named("Acking", takes), json!({ "ids": ["0190c5f0a0b0c0d0e0f00112233445"], "outcome": "done" }))
            .answers(200, "How each is now.", named("Acked", gives))
            .fails(&[Code::EventNotClaimed, Code::RecordNotFound])
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
    // A delivery is told of in fewer calls where each takes as many as it may.
    let usual = if asked.delivery.is_some() { MOST_AT_ONCE } else { USUAL_LIMIT };
    let (limit, seconds) = (asked.limit.unwrap_or(usual), asked.seconds.unwrap_or(USUAL_SECONDS));
    if !(1..=MOST_AT_ONCE).contains(&limit) {
        return Err(invalid(format!("`limit` is {limit}, but must be 1 to {MOST_AT_ONCE}.")));
    }
    if !SECONDS.contains(&seconds) {
        let (least, most) = (SECONDS.start(), SECONDS.end());
        return Err(invalid(format!("`seconds` is {seconds}, but must be {least} to {most}.")));
    }
    let connection = connection::any(&caller)?;
    let wanted = asked.delivery.as_deref().map_or(ClaimTarget::Oldest, ClaimTarget::Batch);
    match app.ledger.claim(&connection, wanted, limit, seconds, &caller.key.id).await? {
        Claimed::Taken { claim, entries, more } => {
            let shown: Vec<Value> = entries
                .iter()
                .map(|entry| {
                    json!({
                        "id": entry.id, "type": entry.kind, "subject": entry.subject, "time": entry.time,
                        "receivedtime": entry.receivedtime, "data": entry.data, "claims": entry.claims,
                    })
                })
                .collect();
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
            Code::RecordNotFound,
            format!("Connection {connection} has no such delivery, or it is older than 30 days."),
        )),
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
    asked.ids.sort();
    asked.ids.dedup();
    if !(1..=MOST_AT_ONCE).contains(&asked.ids.len()) {
        return Err(invalid(format!(
            "`ids` names {} events, but must name 1 to {MOST_AT_ONCE}.",
            asked.ids.len()
        )));
    }
    if asked.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Err(invalid(format!("`note` has more than {LONGEST_NOTE} characters.")));
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
        Acked::Written(states) => {
            let data: Vec<_> = states.iter().map(|(id, state)| json!({ "id": id, "state": state })).collect();
            Ok(Json(json!({ "data": data })))
        }
        Acked::Unknown(_) => Err(unknown()),
        Acked::NotClaimed(id) => Err(Problem::new(
            Code::EventNotClaimed,
            format!("Event {id} is not claimed by this key, or not by this claim."),
        )),
    }
}

fn unknown() -> Problem {
    Problem::new(
        Code::RecordNotFound,
        "One of `ids` is no event that was ever in the queue, or it is older than 30 days.",
    )
}

fn invalid(detail: String) -> Problem {
    Problem::new(Code::BodyInvalid, detail)
}
