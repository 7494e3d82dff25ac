//! The last calls, for the demo's page.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;

const MAX_CALLS: usize = 12;

/// Browsers ask for it by themselves, beside any document that is no page of ours.
const ICON: &str = "/favicon.ico";

/// One call.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) milliseconds: f64,
}

/// The last of them, newest first.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<VecDeque<Call>>>);

impl Calls {
    pub(crate) fn list(&self) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Remembers a call. Its query stays out: it could hold a code. So does what nobody asked for.
pub(crate) async fn remember(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    if request.uri().path() == ICON {
        return next.run(request).await;
    }
    let (at, started) = (Timestamp::now(), Instant::now());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    let call = Call { at, method, path, status: response.status().as_u16(), milliseconds };
    let mut kept = calls.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_front(call);
    kept.truncate(MAX_CALLS);
    response
}
