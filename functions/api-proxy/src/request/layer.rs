//! The one layer around every route. Each further layer would cost every request a copy of the router below it, and every start
//! one more service for each route.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use shared::base::clock::SharedClock;

use crate::request::response_headers::ResponseHeaders;
use crate::request::{incoming_body, redact, run_to_completion, size_limit};

/// About how many headers an answer gets, here and from the wrapper of every function. Space for them is reserved once.
const ADDED: usize = 14;

/// Runs a request to completion, then redacts and limits its answer and adds the headers.
pub(crate) async fn around(State(clock): State<SharedClock>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    run_to_completion::run(&method, answered(clock, request, next)).await
}

async fn answered(clock: SharedClock, request: Request, next: Next) -> Response {
    let headers = ResponseHeaders::default();
    let mut request = incoming_body::set_apart(request).await;
    request.extensions_mut().insert(headers.clone());
    let answer = next.run(request).await;
    // Redaction comes before the limit, because it makes an answer shorter. The headers come last, so that an answer that the
    // limit refuses has them, too.
    let answer = redact::hide(&headers, answer).await;
    let mut answer = size_limit::limit(answer);
    answer.headers_mut().reserve(ADDED);
    headers.tell(answer.headers_mut(), clock.now());
    answer
}
