//! The entry of requests: records them, applies faults, finds the server, and dates the answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;

use crate::fault::{self, Reset};
use crate::http::{Answer, Call};
use crate::limits::Product;
use crate::sandbox::Sandbox;
use crate::state::State;
use crate::writing::Writing;
use crate::{accounts, clock, control, crm, data_centre, delivery, inventory, limits, pages};

const LARGEST_BODY: usize = 8 * 1024 * 1024;

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
    let in_place = fault::before(sandbox, fault.as_ref()).await?;
    let perform = || {
        let (answer, ready) = sandbox.with(|state| (dispatch(state, call, path), delivery::ready(state)));
        sandbox.send_soon(ready);
        answer
    };
    let writes = call.method != "GET" && matches!(product, Some(Product::Inventory));
    let answer = match (in_place, crowded) {
        (Some(answer), _) => answer,
        (None, Some(answer)) => {
            if writes && sandbox.with(|state| state.switches.concurrent_limit_after_write()) {
                perform();
            }
            answer
        }
        (None, None) => busy.unwrap_or_else(perform),
    };
    let answer = fault::after(fault.as_ref(), answer).await?;
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
