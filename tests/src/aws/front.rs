//! One address for all of AWS, as the SDKs and the functions know it. What a function may do is judged here.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use serde_json::Value;

use super::backend::Backend;
use super::guard::{self, Caller, Refusal};
use super::trouble;

struct Front {
    http: reqwest::Client,
    dynamodb: Backend,
    moto: Backend,
}

/// Serves until the test process ends, on a thread of its own, because the runtime of a test ends before; the address.
pub(super) fn serve() -> String {
    let (dynamodb, moto) = (Backend::dynamodb(), Backend::moto());
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let http = shared::zoho::http::browser().unwrap();
            let front = Arc::new(Front { http, dynamodb, moto });
            let routes = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(front);
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await.unwrap();
        });
    });
    url
}

async fn answer(State(front): State<Arc<Front>>, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let backend = if target.starts_with("DynamoDB_") { &front.dynamodb } else { &front.moto };
    if let Err((status, answer)) = judged(target, &headers, &body) {
        return (status, [("content-type", "application/x-amz-json-1.1")], answer).into_response();
    }
    headers.remove("host");
    let sent = front.http.post(&backend.url).headers(headers).body(body).send().await;
    let received = match sent {
        Ok(answer) => (answer.status(), answer.headers().clone(), answer.bytes().await),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let (status, headers, Ok(body)) = received else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let kept = ["content-type", "x-amzn-requestid", "x-amzn-errortype"];
    let kept = kept.iter().filter_map(|name| headers.get(*name).map(|value| (*name, value.clone())));
    let mut response = (status, body).into_response();
    for (name, value) in kept {
        response.headers_mut().insert(name, value);
    }
    response
}

/// What comes in the place of an answer, if anything does.
fn judged(target: &str, headers: &HeaderMap, body: &Bytes) -> Result<(), (StatusCode, String)> {
    let operation = target.rsplit('.').next().unwrap_or_default();
    let caller = guard::caller(headers);
    if matches!(caller, Caller::Admin) && trouble::is_nowhere() {
        return Ok(());
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    match caller {
        Caller::Function(role) => guard::judge(&role, operation, &asked)
            .map_err(|Refusal(words)| guard::refused("AccessDeniedException", &words))?,
        Caller::Admin => {}
        Caller::Unknown => {
            let words = "The security token included in the request is invalid.";
            return Err(guard::refused("UnrecognizedClientException", words));
        }
    }
    trouble::instead(operation, &asked).map_or(Ok(()), Err)
}
