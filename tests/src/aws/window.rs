//! A window between functions and AWS's stand-in: it counts their calls, and can let them fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// The window.
pub struct AwsWindow {
    /// Where functions find it.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    behind: String,
    client: reqwest::Client,
    calls: Mutex<BTreeMap<String, usize>>,
    fail_one_in: AtomicUsize,
    count: AtomicUsize,
}

impl AwsWindow {
    /// One in front of this address.
    pub async fn open(behind: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            behind: behind.to_owned(),
            client: shared::zoho::http::browser().unwrap(),
            calls: Mutex::default(),
            fail_one_in: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
        });
        let routes = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, inner }
    }

    /// From now on, one call in so many fails with a server error, by turns before it was done and after it; with 0, none.
    pub fn fail_one_in(&self, calls: usize) {
        self.inner.fail_one_in.store(calls, Ordering::Relaxed);
    }

    /// The calls since the last time, by operation.
    pub fn take_calls(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.inner.calls.lock().unwrap())
    }
}

async fn answer(State(inner): State<Arc<Inner>>, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    *inner.calls.lock().unwrap().entry(operation).or_default() += 1;
    let (every, count) =
        (inner.fail_one_in.load(Ordering::Relaxed), inner.count.fetch_add(1, Ordering::Relaxed));
    let fails = every > 0 && count.is_multiple_of(every);
    let failed = || (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response();
    if fails && (count / every).is_multiple_of(2) {
        return failed();
    }
    headers.remove("host");
    // A stand-in that is too busy to answer is one more failing call.
    let Ok(answer) = inner.client.post(&inner.behind).headers(headers).body(body).send().await else {
        return failed();
    };
    let (status, answer) = (answer.status(), answer.bytes().await.unwrap());
    if fails {
        return failed();
    }
    (status, [("content-type", "application/x-amz-json-1.1")], answer).into_response()
}
