//! What is around the connector, and the line to it: the stand-in Zoho, and a gateway with the agent's hook.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sandbox::Sandbox;
use serde_json::json;
use shared::zoho::http::{Answer, Call, Content, HttpError, Transport};
use tokio::time::{Instant, sleep};
use url::Url;
use url::form_urlencoded::Serializer;

use super::calls::{Process, Service, Switchboard};
use super::kinds::Fault;
use crate::in_process::{Told, ask};

/// How long a call is under way.
const UNDER_WAY: Duration = Duration::from_millis(20);

/// What is around the connector.
pub struct Outside {
    /// The stand-in Zoho.
    pub sandbox: Sandbox,
    zoho: Router,
    gateway: Mutex<Gateway>,
    start: Instant,
    passed: Mutex<Duration>,
}

/// The agent's gateway: a run for each key, and it knows a repetition by key and bytes.
#[derive(Default)]
struct Gateway {
    runs: BTreeMap<String, String>,
    changed: Vec<String>,
}

impl Outside {
    /// With this Zoho.
    pub fn new(sandbox: Sandbox) -> Arc<Self> {
        let zoho = sandbox.router();
        let (gateway, start, passed) = (Mutex::default(), Instant::now(), Mutex::default());
        Arc::new(Self { sandbox, zoho, gateway, start, passed })
    }

    /// Zoho's clock goes with the simulated time, whatever the connector's clock does.
    fn keep_time(&self) {
        let mut passed = self.passed.lock().unwrap();
        let now = self.start.elapsed();
        self.sandbox.advance(now - *passed);
        *passed = now;
    }

    /// Sends a request to Zoho.
    pub async fn zoho(&self, request: Request<Body>) -> Told {
        self.keep_time();
        ask(&self.zoho, request).await
    }

    /// How many runs the gateway began.
    pub fn runs(&self) -> usize {
        self.gateway.lock().unwrap().runs.len()
    }

    /// The keys of messages that came a second time with other bytes.
    pub fn changed(&self) -> Vec<String> {
        self.gateway.lock().unwrap().changed.clone()
    }

    fn admit(&self, key: &str, body: &str) -> Answer {
        let mut gateway = self.gateway.lock().unwrap();
        let known = gateway.runs.entry(key.to_owned()).or_insert_with(|| body.to_owned());
        let has_changed = known.as_str() != body;
        if has_changed {
            gateway.changed.push(key.to_owned());
        }
        let body = json!({ "ok": true, "runId": format!("run-{key}") }).to_string();
        Answer { status: 200, body: body.into(), ..Answer::default() }
    }
}

/// A call without its borrowed parts.
enum Sent {
    Zoho { method: Method, url: String, headers: Vec<(&'static str, String)>, body: Bytes },
    Hook { key: String, body: String },
}

impl Sent {
    fn of(call: &Call<'_>) -> (Self, Service, bool) {
        let token = |token: &str| ("authorization", format!("Zoho-oauthtoken {token}"));
        let url = call.url.to_owned();
        match &call.content {
            Content::Read(read) => {
                let mut headers = vec![token(read.token.expose())];
                headers.extend(read.if_modified_since.map(|at| ("if-modified-since", at.to_owned())));
                headers.extend(read.external.map(|fields| ("x-external", fields.to_owned())));
                let (method, body) = match read.query {
                    None => (Method::GET, Bytes::new()),
                    Some(query) => {
                        headers.push(("content-type", "application/json".to_owned()));
                        (Method::POST, Bytes::from(query.to_owned()))
                    }
                };
                (Self::Zoho { method, url, headers, body }, Service::Api, false)
            }
            Content::Write(write) => {
                let mut headers = vec![token(write.token.expose())];
                headers.extend(write.if_unmodified_since.map(|at| ("if-unmodified-since", at.to_owned())));
                headers.extend(write.external.map(|fields| ("x-external", fields.to_owned())));
                let mut body = Bytes::new();
                if let Some(sent) = &write.body {
                    headers.push(("content-type", sent.content_type.clone().into_owned()));
                    body = sent.bytes.clone();
                }
                let method = Method::from_bytes(write.method.as_str().as_bytes()).unwrap();
                (Self::Zoho { method, url, headers, body }, Service::Api, true)
            }
            Content::Form(form) => {
                let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
                if let Some((name, password)) = form.basic {
                    let both = STANDARD.encode(format!("{name}:{}", password.expose()));
                    headers.push(("authorization", format!("Basic {both}")));
                }
                let body = Serializer::new(String::new()).extend_pairs(form.fields).finish();
                let sent = Self::Zoho { method: Method::POST, url, headers, body: Bytes::from(body) };
                (sent, Service::Accounts, true)
            }
            Content::Hook(hook) => {
                let sent = Self::Hook { key: hook.key.to_owned(), body: hook.body.to_owned() };
                (sent, Service::Hook, true)
            }
        }
    }

    /// What it is for: the path without data centre and ids; of a form, what is granted.
    fn what(&self) -> String {
        let Self::Zoho { method, url, body, .. } = self else { return "message".to_owned() };
        let path = Url::parse(url).unwrap().path().to_owned();
        let parts: Vec<&str> = path
            .split('/')
            .skip(3)
            .map(|part| if part.bytes().all(|byte| byte.is_ascii_digit()) { "{id}" } else { part })
            .collect();
        let text = String::from_utf8_lossy(body);
        let grant = text.split('&').find_map(|pair| pair.strip_prefix("grant_type="));
        let grant = grant.map(|grant| format!(" ({grant})")).unwrap_or_default();
        format!("{method} /{}{grant}", parts.join("/"))
    }

    fn is_crm(&self) -> bool {
        matches!(self, Self::Zoho { url, .. } if url.contains("/crm/"))
    }

    async fn arrive(&self, outside: &Outside) -> Answer {
        match self {
            Self::Hook { key, body } => outside.admit(key, body),
            Self::Zoho { method, url, headers, body } => {
                let mut request = Request::builder().method(method.clone()).uri(url.as_str());
                for (name, value) in headers {
                    request = request.header(*name, value);
                }
                let told = outside.zoho(request.body(Body::from(body.clone())).unwrap()).await;
                Answer { body: told.body, ..Answer::without_body(told.status.as_u16(), &told.headers) }
            }
        }
    }
}

fn says(status: u16, kind: &'static str, body: &'static str) -> Answer {
    Answer {
        status,
        content_type: Some(header::HeaderValue::from_static(kind)),
        body: Bytes::from_static(body.as_bytes()),
        ..Answer::default()
    }
}

const JSON: &str = "application/json";
const PAGE: &str = "<html><body>Sorry, we are down for maintenance</body></html>";

/// How each of them says that a limit is reached.
fn throttled(service: Service, is_crm: bool) -> Answer {
    match service {
        Service::Accounts => says(
            400,
            JSON,
            r#"{"error_description":"You have made too many requests continuously.","error":"Access Denied","status":"failure"}"#,
        ),
        Service::Hook => says(429, JSON, r#"{"ok":false,"error":"too many"}"#),
        _ if is_crm => says(
            429,
            JSON,
            r#"{"code":"TOO_MANY_REQUESTS","details":{},"message":"too many requests. please try again after some time","status":"error"}"#,
        ),
        _ => says(
            429,
            JSON,
            r#"{"code":44,"message":"For security reasons your organization has been blocked as it has exceeded the maximum number of requests per minute. Please try again after some time."}"#,
        ),
    }
}

/// A process's line.
pub struct Line {
    /// What befalls calls.
    pub calls: Arc<Switchboard>,
    /// Where it leads.
    pub outside: Arc<Outside>,
    /// Whose it is.
    pub process: Process,
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let (sent, service, writes) = Sent::of(&call);
        self.calls.live(self.process, self.carry(&sent, service, writes, call.within)).await
    }
}

impl Line {
    /// Carries what is sent, and what comes back.
    async fn carry(
        &self,
        sent: &Sent,
        service: Service,
        writes: bool,
        within: Duration,
    ) -> Result<Answer, HttpError> {
        self.calls.step(self.process).await;
        let fault = self.calls.fate(self.process, service, sent.what(), writes);
        let outside = &self.outside;
        sleep(UNDER_WAY.min(within)).await;
        let result = match fault {
            None => Ok(sent.arrive(outside).await),
            Some(Fault::NoConnection) => Err(HttpError::Unreachable),
            Some(Fault::ResetBefore) => Err(HttpError::Broken),
            Some(Fault::Failing) => Ok(says(503, "text/html", PAGE)),
            Some(Fault::Throttled) => Ok(throttled(service, sent.is_crm())),
            Some(Fault::Duplicate) => {
                sent.arrive(outside).await;
                Ok(sent.arrive(outside).await)
            }
            Some(Fault::Slow) => {
                sent.arrive(outside).await;
                sleep(within).await;
                Err(HttpError::Timeout)
            }
            Some(Fault::ResetAfter) => {
                sent.arrive(outside).await;
                Err(HttpError::Broken)
            }
            Some(Fault::Garbage) => {
                sent.arrive(outside).await;
                Ok(says(200, "application/octet-stream", "\u{1}\u{2}\u{7f}noise"))
            }
            Some(Fault::Html) => {
                sent.arrive(outside).await;
                Ok(says(200, "text/html", PAGE))
            }
            Some(Fault::Empty) => {
                sent.arrive(outside).await;
                Ok(says(200, JSON, ""))
            }
            Some(Fault::Truncated) => {
                let answer = sent.arrive(outside).await;
                let half = answer.body.slice(..answer.body.len() / 2);
                Ok(Answer { body: half, ..answer })
            }
        };
        // It may die before it hears the answer.
        self.calls.step(self.process).await;
        result
    }
}
