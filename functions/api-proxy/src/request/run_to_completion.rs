//! What was begun is brought to its end, also when the caller hangs up: a write whose answer nobody waits for is settled and
//! written down all the same.

use std::panic::resume_unwind;

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use shared::base::problem::Problem;

/// A server drops the work of a connection that is gone; work of its own is not dropped.
pub(crate) async fn run(method: &Method, work: impl Future<Output = Response> + Send + 'static) -> Response {
    if matches!(*method, Method::GET | Method::HEAD) {
        return work.await;
    }
    match tokio::spawn(work).await {
        Ok(response) => response,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}
