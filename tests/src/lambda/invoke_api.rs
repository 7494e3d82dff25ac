//! The Lambda service, as far as functions and operators call it: Invoke, and what a function is configured with.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::account::Account;
use super::error::FunctionError;
use crate::aws::guard::{self, Refusal};

pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .route("/2015-03-31/functions/{name}/configuration", get(configuration))
        .route("/2015-03-31/functions/{name}", get(function))
        .layer(DefaultBodyLimit::max(16 * 1024 * 1024))
        .with_state(account)
}

async fn invoke(
    State(account): State<Arc<Account>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    // A bare name or an ARN, perhaps with a version at its end.
    let name = name.rsplit(":function:").next().and_then(|name| name.split(':').next()).unwrap_or_default();
    if let Err(Refusal(words)) = guard::may_invoke(&headers, name) {
        let kind = [("x-amzn-errortype", "AccessDeniedException")];
        return (StatusCode::FORBIDDEN, kind, Json(json!({ "Message": words }))).into_response();
    }
    let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
    match headers.get("x-amz-invocation-type").and_then(|kind| kind.to_str().ok()) {
        Some("DryRun") => return StatusCode::NO_CONTENT.into_response(),
        Some("Event") => {
            if account.find(name).is_err() {
                return refusal(&FunctionError::Unknown);
            }
            let name = name.to_owned();
            tokio::spawn(async move { account.invoke(&name, event).await });
            return StatusCode::ACCEPTED.into_response();
        }
        _ => {}
    }
    let version = [("x-amz-executed-version", "$LATEST"), ("content-type", "application/json")];
    match account.invoke(name, event).await {
        Ok(answer) => (version, answer).into_response(),
        Err(FunctionError::Failed(document)) => {
            (version, [("x-amz-function-error", "Unhandled")], document.to_string()).into_response()
        }
        Err(error) => refusal(&error),
    }
}

async fn configuration(
    State(account): State<Arc<Account>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(Refusal(words)) = guard::may_with(&headers, "lambda:GetFunctionConfiguration", &name) {
        let kind = [("x-amzn-errortype", "AccessDeniedException")];
        return (StatusCode::FORBIDDEN, kind, Json(json!({ "Message": words }))).into_response();
    }
    let Ok(registered) = account.find(&name) else { return refusal(&FunctionError::Unknown) };
    let variables: serde_json::Map<String, Value> = registered
        .function
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    Json(json!({ "FunctionName": name, "Environment": { "Variables": variables } })).into_response()
}

/// What is known of a function besides: its state, and its tags.
async fn function(State(account): State<Arc<Account>>, Path(name): Path<String>) -> Response {
    if account.find(&name).is_err() {
        return refusal(&FunctionError::Unknown);
    }
    let configuration = json!({ "FunctionName": name, "State": "Active", "LastUpdateStatus": "Successful" });
    let tags = json!({ "application": "zoho-connector", "version": account.version(&name) });
    Json(json!({ "Configuration": configuration, "Tags": tags })).into_response()
}

fn refusal(error: &FunctionError) -> Response {
    let (status, kind, reason) = match error {
        FunctionError::Throttled => {
            (429, "TooManyRequestsException", Some("ConcurrentInvocationLimitExceeded"))
        }
        FunctionError::TooLarge => (413, "RequestTooLargeException", None),
        FunctionError::Unknown => (404, "ResourceNotFoundException", None),
        FunctionError::Failed(_) => (502, "ServiceException", None),
    };
    let status = StatusCode::from_u16(status).unwrap();
    let message = if reason.is_some() { "Rate Exceeded." } else { kind };
    let body = json!({ "Type": "User", "Reason": reason, "Message": message, "message": message });
    (status, [("x-amzn-errortype", kind)], Json(body)).into_response()
}
