//! The wrapper of every function's router. It adds a request id and the headers that guard an answer in a browser, writes one log
//! line per request, turns errors into problem documents, and answers even when a handler panics.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Extension, Json, Router};
use futures::FutureExt;
use serde::de::DeserializeOwned;

use super::call_counts::CallCounts;
use super::problem::{Code, Problem};
use super::public_url::PublicUrl;
use super::secret::random_hex;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Completes a function's router: unknown routes and methods are answered with problems, too. If `public_url` is not set, each
/// request must carry the connector's origin as an extension.
pub fn finish(router: Router, public_url: Option<&PublicUrl>) -> Router {
    finish_with_advice(router, public_url, |_| String::new())
}

/// As [`finish`]; `advice` is what stands behind the sentence that nothing is served at a path.
pub fn finish_with_advice(
    router: Router,
    public_url: Option<&PublicUrl>,
    advice: impl Fn(&str) -> String + Clone + Send + Sync + 'static,
) -> Router {
    let nothing = move |uri: Uri| async move {
        Problem::new(Code::RouteNotFound, format!("Nothing is served at this path.{}", advice(uri.path())))
    };
    let router = router
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::MethodNotAllowed, "This route exists, but not with this method.")
        })
        .fallback(nothing)
        .layer(from_fn(envelope));
    match public_url {
        Some(url) => router.layer(Extension(url.clone())),
        None => router,
    }
}

/// Completes a route that is added to a router which is complete already.
pub fn finish_route(route: MethodRouter, public_url: Option<&PublicUrl>) -> MethodRouter {
    let route: MethodRouter = route.layer(from_fn(envelope));
    match public_url {
        Some(url) => route.layer(Extension(url.clone())),
        None => route,
    }
}

/// The connector's origin, as the caller of a request reaches it.
#[derive(Debug)]
pub struct Origin(pub PublicUrl);

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let known = parts.extensions.get::<PublicUrl>().cloned();
        known
            .map(Self)
            .ok_or_else(|| Problem::internal("our own origin is neither set nor told by API Gateway"))
    }
}

/// The moment until which a request must be answered, where the host sets one.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub tokio::time::Instant);

/// The id that Lambda gave to a request, under which it writes its own lines of the log.
#[derive(Debug, Clone)]
pub struct LambdaRequestId(pub String);

/// The variable parts of a path. A part that is not UTF-8 (`%FF`) is answered with a problem.
#[derive(Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(_) => {
                Err(Problem::new(Code::InvalidParameter, "The path holds an id or name that is no text."))
            }
        }
    }
}

async fn envelope(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = random_hex::<8>();
    let method = request.method().clone();
    // The log gets the route's pattern, because the path itself may hold ids and names of people.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let origin = request.extensions().get::<PublicUrl>().cloned();
    let counts = request.extensions().get::<CallCounts>().cloned();
    let lambda_request_id = request.extensions_mut().remove::<LambdaRequestId>();
    let lambda_request_id = lambda_request_id.as_ref().map(|id| id.0.as_str());

    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::internal("a handler panicked").into_response(),
    };

    let problem = response.extensions_mut().remove::<Problem>();
    let status = response.status().as_u16();
    let (code, cause) =
        problem.as_ref().map_or(("", ""), |p| (p.code().as_str(), p.cause().unwrap_or_default()));
    let zoho_code = problem.as_ref().and_then(Problem::said).map_or("", |said| said.code.as_str());
    // A call for which no place was free is not logged as an error of its own: api-proxy's `concurrency` warns once for many of them.
    let is_shed = problem.as_ref().is_some_and(|problem| problem.code() == Code::ConnectorBusy);
    let outcome = match status {
        500.. if !is_shed => "failed",
        400.. => "refused",
        _ => "ok",
    };
    // The functions name the connection to the caller in this header.
    let connection = response.headers().get("zoho-connection").and_then(|name| name.to_str().ok());
    let connection = connection.unwrap_or_default();
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if outcome == "failed" {
        tracing::error!(
            %request_id, lambda_request_id, %method, route, connection, outcome, status, milliseconds, code, zoho_code,
            cause, "request"
        );
    } else {
        tracing::info!(
            %request_id, lambda_request_id, %method, route, connection, outcome, status, milliseconds, code, zoho_code,
            cause, "request"
        );
    }
    if let Some(counts) = counts {
        counts.count((&method, route), (status, code, zoho_code), milliseconds);
    }

    if let Some(problem) = problem {
        response = told(&problem, &request_id, origin.as_ref(), &response);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    guard(headers, origin.is_some_and(|origin| origin.is_https()));
    response
}

/// The document of a problem, in place of the response that named it.
fn told(problem: &Problem, request_id: &str, origin: Option<&PublicUrl>, response: &Response) -> Response {
    let mut answer = (problem.code().status(), Json(problem.document(request_id, origin))).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    // Headers that a handler has set, such as a deleted cookie, are kept.
    for (name, value) in response.headers() {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    answer
}

/// What a browser may do with an answer: show it in no frame, load nothing for it, and tell nobody its address, which may hold a
/// link or a state. A page has a policy of its own, which allows its style.
fn guard(headers: &mut HeaderMap, is_https: bool) {
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    // For this host alone, and a year: what else stands on its domain is not ours to decide.
    if is_https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
