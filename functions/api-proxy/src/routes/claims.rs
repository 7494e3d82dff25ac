//! `POST /v1/events/claim` and `POST /v1/events/ack`: who works on which events, and how it ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::clock::seconds_until;
use shared::base::problem::{Code, Problem};
use shared::core::key::Permission;
use shared::core::ledger::{Acked, Claimed, Ending, MOST_AT_ONCE, Wanted, is_entry_id};

use crate::App;
use crate::body::{Body, read};
use crate::caller::Caller;
use crate::params::{NoParams, Params};

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

pub(crate) async fn claim(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    caller.key.demand(Permission::Events)?;
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
    let connection = app.choose_any(&caller)?;
    let wanted = asked.delivery.as_deref().map_or(Wanted::Oldest, Wanted::Batch);
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

pub(crate) async fn ack(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    caller.key.demand(Permission::Events)?;
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
    let connection = app.choose_any(&caller)?;
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
