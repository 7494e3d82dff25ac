//! One address for all of AWS, as the SDKs and the functions know it. What a function may do is judged here, and connections are
//! closed here, of which AWS says nothing before.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::backend::Backend;
use super::guard::{self, Caller, Refusal};
use super::trouble::{self, Lost};

struct Front {
    http: reqwest::Client,
    dynamodb: Backend,
    moto: Backend,
}

/// What is known of a connection.
#[derive(Default)]
struct Connection {
    used: AtomicBool,
    /// The stack of the last call.
    stack: Mutex<Option<String>>,
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
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Probably too many files are open. They close soon.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                tokio::spawn(converse(front.clone(), stream));
            }
        });
    });
    url
}

/// A connection, to its end, or until it is to be closed.
async fn converse(front: Arc<Front>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(Connection::default());
    let mut closing = trouble::closing();
    let own = connection.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (front, connection) = (front.clone(), own.clone());
        async move { front.answer(&connection, request).await }
    });
    let mut served = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            // An error means that the client left, or that the connection was to be lost.
            _ = served.as_mut() => return,
            told = closing.recv() => {
                if told.is_ok_and(|stack| *connection.stack.lock().unwrap() == Some(stack)) {
                    return;
                }
            }
        }
    }
}

impl Front {
    /// The answer to a request; an error where it loses its connection.
    async fn answer(
        &self,
        connection: &Connection,
        request: hyper::Request<Incoming>,
    ) -> io::Result<Response> {
        let (head, body) = request.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
        let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let target = target.unwrap_or_default().to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let was_used = connection.used.swap(true, Ordering::Relaxed);
        let stack = trouble::stack_of(&asked).unwrap_or_default();
        *connection.stack.lock().unwrap() = Some(stack.to_owned());
        let lost = trouble::lost(stack, operation, &asked, was_used);
        if lost == Some(Lost::Before) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let mut response = match judged(operation, &head.headers, &asked) {
            Ok(()) => self.passed_on(&target, head.headers, body).await,
            Err((status, answer)) => {
                (status, [("content-type", "application/x-amz-json-1.1")], answer).into_response()
            }
        };
        if lost == Some(Lost::After) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if trouble::is_fresh(stack) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    async fn passed_on(&self, target: &str, mut headers: HeaderMap, body: Bytes) -> Response {
        let backend = if target.starts_with("DynamoDB_") { &self.dynamodb } else { &self.moto };
        headers.remove("host");
        let sent = self.http.post(&backend.url).headers(headers).body(body).send().await;
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
}

/// What comes in the place of an answer, if anything does.
fn judged(operation: &str, headers: &HeaderMap, asked: &Value) -> Result<(), (StatusCode, String)> {
    match guard::caller(headers) {
        Caller::Function(role) => guard::judge(&role, operation, asked)
            .map_err(|Refusal(words)| guard::refused("AccessDeniedException", &words))?,
        Caller::Admin => {}
        Caller::Expired => {
            let words = "The security token included in the request is expired";
            return Err(guard::refused("ExpiredTokenException", words));
        }
        Caller::Unknown => {
            let words = "The security token included in the request is invalid.";
            return Err(guard::refused("UnrecognizedClientException", words));
        }
    }
    trouble::instead(operation, asked).map_or(Ok(()), Err)
}
