//! What stands around every route, as one layer: each layer of its own would cost every request a copy of the router below it, and
//! every start one more service for each route.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use shared::base::clock::SharedClock;

use crate::request::response_headers::ResponseHeaders;
use crate::request::{arriving, redact, run_to_completion, size_limit};

/// About how many headers are added to an answer, here and by the wrapper of every function: room for them is made once.
const ADDED: usize = 14;

/// Brings a request to its end, and its answer into the form that the caller may have.
pub(crate) async fn layer(State(clock): State<SharedClock>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    run_to_completion::run(&method, answered(clock, request, next)).await
}

async fn answered(clock: SharedClock, request: Request, next: Next) -> Response {
    let headers = ResponseHeaders::default();
    let mut request = arriving::set_apart(request).await;
    request.extensions_mut().insert(headers.clone());
    let answer = next.run(request).await;
    // What is hidden makes an answer shorter, and the headers stand also on a refusal.
    let answer = redact::hide(&headers, answer).await;
    let mut answer = size_limit::limit(answer);
    answer.headers_mut().reserve(ADDED);
    headers.tell(answer.headers_mut(), clock.now());
    answer
}
