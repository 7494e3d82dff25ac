//! A window between functions and AWS's stand-in: it counts their calls, and answers what was read before from memory, so
//! that a measurement of ours is not one of the stand-in. It can also let calls fail.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

type Answer = (StatusCode, Bytes);

/// The window.
pub struct AwsWindow {
    /// Where functions find it.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    behind: String,
    client: reqwest::Client,
    remembers: AtomicBool,
    remembered: Mutex<HashMap<(String, String), Answer>>,
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
            remembers: AtomicBool::new(false),
            remembered: Mutex::default(),
            calls: Mutex::default(),
            fail_one_in: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
        });
        let routes = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, inner }
    }

    /// From now on, what was read once is answered from memory. It must not change any more.
    pub fn remember(&self) {
        self.inner.remembers.store(true, Ordering::Relaxed);
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
    *inner.calls.lock().unwrap().entry(operation.clone()).or_default() += 1;
    let (every, count) =
        (inner.fail_one_in.load(Ordering::Relaxed), inner.count.fetch_add(1, Ordering::Relaxed));
    let fails = every > 0 && count.is_multiple_of(every);
    let failed = || (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response();
    if fails && (count / every).is_multiple_of(2) {
        return failed();
    }
    let is_read = matches!(operation.as_str(), "GetSecretValue" | "GetItem" | "Query");
    let key = (is_read && inner.remembers.load(Ordering::Relaxed)).then(|| {
        let mut asked: Value = serde_json::from_slice(&body).unwrap();
        if let Some(values) = asked.get_mut("ExpressionAttributeValues").and_then(Value::as_object_mut) {
            values.remove(":now");
        }
        (operation, asked.to_string())
    });
    let known = key.as_ref().and_then(|key| inner.remembered.lock().unwrap().get(key).cloned());
    let (status, answer) = match known {
        Some(known) => known,
        None => {
            headers.remove("host");
            let asked = inner.client.post(&inner.behind).headers(headers).body(body);
            // A stand-in that is too busy to answer is one more failing call.
            let Ok(answer) = asked.send().await else { return failed() };
            let answer = (answer.status(), answer.bytes().await.unwrap());
            if let (Some(key), StatusCode::OK) = (key, answer.0) {
                inner.remembered.lock().unwrap().insert(key, answer.clone());
            }
            answer
        }
    };
    if fails {
        return failed();
    }
    (status, [("content-type", "application/x-amz-json-1.1")], answer).into_response()
}
