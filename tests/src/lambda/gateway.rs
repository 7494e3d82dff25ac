//! API Gateway's HTTP API: a request becomes an event, an answer a response. What goes wrong is told in its own words.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::account::Account;
use super::error::FunctionError;
use super::event::{decoded_path, event};
use super::place::REGION;

/// The largest request, in bytes.
const REQUEST_LIMIT: usize = 10 * 1024 * 1024;

/// How an HTTP API is set up.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The name under which it is known to the functions.
    pub domain: String,
    /// How long it waits for a function.
    pub patience: Duration,
    /// Routes and the functions behind them: such as AWS has (`ANY /a/{proxy+}`, which does not cover `/a`), or prefixes of
    /// paths. The prefix `/a` covers `/a` and `/a/…`, `/` everything.
    pub routes: Vec<(String, String)>,
}

impl Gateway {
    /// One as AWS makes it.
    pub fn new(routes: &[(&str, &str)]) -> Self {
        let owned = |(prefix, name): &(&str, &str)| ((*prefix).to_owned(), (*name).to_owned());
        Self {
            domain: format!("abc123.execute-api.{REGION}.amazonaws.com"),
            patience: Duration::from_secs(120),
            routes: routes.iter().map(owned).collect(),
        }
    }

    pub(super) fn router(self, account: Arc<Account>) -> Router {
        let gateway = Arc::new(self);
        Router::new().fallback(move |ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request| {
            let (gateway, account) = (gateway.clone(), account.clone());
            async move { gateway.handle(&account, from, request).await }
        })
    }

    /// The function of the closest route: a whole path is closer than a beginning, a long beginning than a short one, and a
    /// method than any.
    fn route(&self, method: &str, path: &str) -> Option<&str> {
        let fits = |route: &str| match route.split_once(' ') {
            None => path
                .strip_prefix(route.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Some((verb, pattern)) => {
                let is_path = match pattern.strip_suffix("{proxy+}") {
                    Some(above) => path.strip_prefix(above).is_some_and(|rest| !rest.is_empty()),
                    None => path == pattern,
                };
                is_path && (verb == "ANY" || verb == method)
            }
        };
        let closeness = |route: &str| {
            let (verb, pattern) = route.split_once(' ').unwrap_or(("ANY", route));
            (!pattern.contains('{'), pattern.len(), verb != "ANY")
        };
        let fitting = self.routes.iter().filter(|(route, _)| fits(route));
        fitting.max_by_key(|(route, _)| closeness(route)).map(|(_, name)| name.as_str())
    }

    async fn handle(&self, account: &Arc<Account>, from: SocketAddr, request: Request) -> Response {
        let (request, body) = request.into_parts();
        let Ok(body) = to_bytes(body, REQUEST_LIMIT).await else { return message(413) };
        let path = decoded_path(request.uri.path());
        let Some(name) = self.route(request.method.as_str(), &path) else { return message(404) };
        let id = format!("{:015x}=", from.port());
        let event = event(&self.domain, from.ip(), &id, &request, &body).to_string().into();
        let mut response = match timeout(self.patience, account.invoke(name, event)).await {
            Ok(Ok(answer)) => {
                let answer = serde_json::from_slice(&answer).ok();
                answer.and_then(|answer| Self::response(&answer)).unwrap_or_else(|| message(500))
            }
            Ok(Err(FunctionError::Throttled)) | Err(_) => message(503),
            Ok(Err(FunctionError::TooLarge)) => message(413),
            Ok(Err(FunctionError::Failed(_) | FunctionError::Unknown)) => message(500),
        };
        response.headers_mut().insert("apigw-requestid", id.parse().unwrap());
        response
    }

    /// The response in a function's answer; nothing where the answer has not the form of one. As format 2.0 has it:
    /// `multiValueHeaders` is not looked at, and an answer without `statusCode` is itself the body.
    pub fn response(answer: &Value) -> Option<Response> {
        let Some(status) = answer.get("statusCode") else {
            return Some(Json(answer.clone()).into_response());
        };
        let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
        let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
        for (name, value) in answer["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            headers.insert(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value).ok()?);
        }
        for own in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
            headers.remove(own);
        }
        for cookie in answer["cookies"].as_array().into_iter().flatten() {
            headers.append(SET_COOKIE, HeaderValue::try_from(cookie.as_str()?).ok()?);
        }
        let body = answer["body"].as_str().unwrap_or_default();
        let body = match answer["isBase64Encoded"].as_bool() {
            Some(true) => Body::from(STANDARD.decode(body).ok()?),
            _ => Body::from(body.to_owned()),
        };
        let mut response = (status, body).into_response();
        *response.headers_mut() = headers;
        Some(response)
    }
}

/// A refusal in the gateway's own words. An HTTP API says 503 both where Lambda throttles and where it waited in vain (a
/// REST API: 500 and 504).
fn message(status: u16) -> Response {
    let text = match status {
        404 => "Not Found",
        413 => "Request Entity Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    (StatusCode::from_u16(status).unwrap(), Json(json!({ "message": text }))).into_response()
}
