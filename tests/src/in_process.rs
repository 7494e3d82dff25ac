//! Requests to a router of this process, and what it answers.

use std::borrow::Cow;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use shared::base::secret::Secret;
use tower::ServiceExt;

/// An answer.
#[derive(Debug)]
pub struct Told {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Told {
    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Asks, until the whole answer is there.
pub async fn ask(router: &Router, request: Request<Body>) -> Told {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Told { status, headers, body }
}

/// Sends a request; nothing where no client could send it.
pub async fn send(
    router: &Router,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Option<Told> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Some(ask(router, request.body(Body::from(body.into())).ok()?).await)
}

/// Sends a call with a key: a body, unless it is null, is JSON.
pub async fn call(
    router: &Router,
    key: &Secret,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> Told {
    let bearer = format!("Bearer {}", key.expose());
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend_from_slice(headers);
    let mut text = String::new();
    if !body.is_null() {
        all.push(("content-type", "application/json"));
        text = body.to_string();
    }
    send(router, method, path, &all, text).await.unwrap()
}
