//! The entry of requests: records them, applies faults, finds the server, and dates the answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;

use crate::api::FaultKind;
use crate::http::{Answer, Call};
use crate::limits::Product;
use crate::sandbox::Sandbox;
use crate::state::State;
use crate::writing::Writing;
use crate::{accounts, clock, control, crm, data_centre, delivery, inventory, limits, pages};

const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// Marks a connection that must be closed without an answer.
#[derive(Debug)]
pub(crate) struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection dropped on purpose")
    }
}

impl std::error::Error for Reset {}

/// Handles one request.
pub(crate) async fn handle(sandbox: &Sandbox, request: Request) -> Result<Response, Reset> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Ok(Answer::empty(413).into_response());
    };
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.to_vec(),
    };
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    if matches!(path.as_slice(), [""] | [] | ["control", ..]) {
        return Ok(dated(sandbox, control::answer(sandbox, &call, &path).await));
    }
    zoho(sandbox, &call, &path).await
}

async fn zoho(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Result<Response, Reset> {
    let (number, fault) = sandbox.with(|state| (state.record(call), state.take_fault(call)));
    let product = match path {
        [_, "api", "inventory", ..] => Some(Product::Inventory),
        [_, "api", "crm", ..] => Some(Product::Crm),
        _ => None,
    };
    let _here = product.map(|product| InFlight::enter(sandbox.in_flight(product)));
    let crowded = product.and_then(|product| {
        let in_flight = sandbox.in_flight(product).load(Ordering::SeqCst);
        sandbox.with(|state| limits::too_many_at_once(product, in_flight, &state.switches))
    });
    let (_writing, busy) = Writing::enter(sandbox, call, (path, number));
    let mut after = None;
    let faulty = match fault {
        Some(FaultKind::ResetBefore) => return Err(Reset),
        Some(FaultKind::Slow(time)) => {
            tokio::time::sleep(time).await;
            None
        }
        Some(FaultKind::Held(gate)) => {
            gate.pass().await;
            None
        }
        Some(
            kind @ (FaultKind::ResetAfter
            | FaultKind::SlowAfter(_)
            | FaultKind::HeldAfter(_)
            | FaultKind::StatusAfter(_)
            | FaultKind::Html200After),
        ) => {
            after = Some(kind);
            None
        }
        Some(FaultKind::Status(status)) => Some(pages::maintenance(status)),
        Some(FaultKind::Html200) => Some(pages::maintenance(200)),
        Some(FaultKind::RateLimit(limit)) => {
            Some(sandbox.with(|state| limits::answer(limit, &state.switches)))
        }
        Some(FaultKind::GarbageJson) => {
            Some(Answer::text(200, "application/json;charset=UTF-8", "{\"code\":0,\"message\":\"succ"))
        }
        Some(FaultKind::Body(status, kind, text)) => Some(Answer::text(status, &kind, text)),
        Some(FaultKind::Told(status, headers, text)) => {
            let kind = if text.starts_with('{') { "application/json" } else { "text/html" };
            Some(
                headers
                    .into_iter()
                    .fold(Answer::text(status, kind, text), |answer, (name, value)| answer.with(name, value)),
            )
        }
        None => None,
    };
    let perform = || {
        let (answer, ready) = sandbox.with(|state| (dispatch(state, call, path), delivery::ready(state)));
        sandbox.send_soon(ready);
        answer
    };
    let writes = call.method != "GET" && matches!(product, Some(Product::Inventory));
    let mut answer = match (faulty, crowded) {
        (Some(answer), _) => answer,
        (None, Some(answer)) => {
            if writes && sandbox.with(|state| state.switches.concurrent_limit_after_write()) {
                perform();
            }
            answer
        }
        (None, None) => busy.unwrap_or_else(perform),
    };
    match after {
        Some(FaultKind::ResetAfter) => return Err(Reset),
        Some(FaultKind::SlowAfter(time)) => tokio::time::sleep(time).await,
        Some(FaultKind::HeldAfter(gate)) => gate.pass().await,
        Some(FaultKind::StatusAfter(status)) => answer = pages::maintenance(status),
        Some(FaultKind::Html200After) => answer = pages::maintenance(200),
        _ => {}
    }
    sandbox.with(|state| state.note_status(number, answer.status));
    Ok(dated(sandbox, answer))
}

fn dispatch(state: &mut State, call: &Call, path: &[&str]) -> Answer {
    match path {
        [dc, rest @ ..] if data_centre::ALL.contains(dc) => match rest {
            ["accounts", rest @ ..] => accounts::answer(state, call, dc, rest),
            ["api", "inventory", "v1", rest @ ..] => inventory::answer(state, call, dc, rest),
            ["api", "crm", "v8", rest @ ..] => crm::answer(state, call, dc, rest),
            _ => pages::page(404, "Not found", "<p>No such service in this data centre.</p>", ""),
        },
        _ => pages::page(404, "Not found", "<p>No such data centre.</p>", ""),
    }
}

fn dated(sandbox: &Sandbox, answer: Answer) -> Response {
    let now = sandbox.with(|state| state.now());
    answer.with("date", clock::http_date(now)).into_response()
}

/// Counts a request for as long as it is worked on.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn enter(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The answer in place of a reset, for servers on which the sandbox cannot close the connection.
pub(crate) fn reset_as_answer() -> Response {
    Answer::text(502, "text/plain", "connection reset").into_response()
}
