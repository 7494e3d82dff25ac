//! Runs a write to completion when the caller hangs up: its outcome is still found out and stored.

use std::panic::resume_unwind;

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use shared::base::problem::Problem;

/// The server drops a handler whose connection is gone. It does not drop a task, so everything but reads runs in one.
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
