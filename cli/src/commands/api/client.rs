//! Calls of the API. Whoever calls here may send each of them again: the connector does nothing twice. So a call waits where it is told
//! to, and is repeated where its answer is lost.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::base::public_url::PublicUrl;
use shared::zoho::http;
use tokio::time::timeout;

use super::call_key::CallKey;
use super::progress::Progress;
use super::refused::{Refused, Trouble};
use super::shell_words::command_line;
use crate::failure::Failure;

/// For a whole call: no function works longer than half a minute.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A key is revoked in this time, or ends by itself.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest wait that a command sits out; a used-up day of Zoho's is longer.
const LONGEST_WAIT: u64 = 15 * 60;

/// After how many seconds it is looked whether another call has ended.
const AT_WORK_WAIT: u64 = 3;

/// How often a call is repeated that is told to wait, and one that has no proper answer.
const MAX_WAITS: u32 = 60;
const MAX_LOST: u32 = 6;

/// What a call brings.
pub(crate) struct Body<'a> {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: &'a [u8],
    /// The `Idempotency-Key` of a call that makes something.
    pub(crate) idempotency_key: Option<&'a str>,
}

impl<'a> Body<'a> {
    pub(crate) fn json(bytes: &'a [u8]) -> Self {
        Self { content_type: "application/json", bytes, idempotency_key: None }
    }
}

/// The API, for who holds a key.
pub(crate) struct Api {
    http: Client,
    url: String,
    connection: Option<ConnectionName>,
    key: tokio::sync::Mutex<CallKey>,
    /// Where the key stands, if it was given.
    key_origin: Option<String>,
    pub(crate) progress: Progress,
    resumed_by: Mutex<Option<String>>,
}

/// An answer.
struct Answer {
    status: u16,
    text: String,
}

/// A call without an answer.
struct Lost {
    line: String,
    /// Whether the call may have reached the connector.
    may_be_done: bool,
}

impl Api {
    pub(super) fn new(
        url: &PublicUrl,
        connection: Option<ConnectionName>,
        key: CallKey,
        key_origin: Option<String>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            http: http::browser()?,
            url: url.as_str().to_owned(),
            connection,
            key: tokio::sync::Mutex::new(key),
            key_origin,
            progress: Progress::new(),
            resumed_by: Mutex::default(),
        })
    }

    /// Gives the key back.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        let key = self.key.lock().await;
        let ended = timeout(CLOSE_TIMEOUT, key.end()).await;
        ended.unwrap_or_else(|_| {
            Err(Failure::Other(
                "the key of this command could not be revoked in time; it ends by itself within an hour"
                    .to_owned(),
            ))
        })
    }

    /// From now on, the same command with these words goes on where this one ends.
    pub(crate) fn resumed_by(&self, added: &[&str]) {
        *self.resumed_by.lock().unwrap_or_else(PoisonError::into_inner) = Some(command_line(added));
    }

    pub(super) fn how_to_go_on(&self) -> Option<String> {
        let command = self.resumed_by.lock().unwrap_or_else(PoisonError::into_inner).clone();
        command.map(|command| format!("Go on with:\n  {command}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.json(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Body<'_>>) -> Result<Value, Trouble> {
        self.json(Method::POST, path, body).await
    }

    async fn json(&self, method: Method, path: &str, body: Option<Body<'_>>) -> Result<Value, Trouble> {
        let text = self.call(method, path, body, "application/json").await?;
        serde_json::from_str(&text)
            .map_err(|error| format!("the connector's answer is no JSON: {error}").into())
    }

    /// Gets something in another form.
    pub(crate) async fn get_as(&self, path: &str, form: &'static str) -> Result<String, Trouble> {
        self.call(Method::GET, path, None, form).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Body<'_>>,
        form: &'static str,
    ) -> Result<String, Trouble> {
        let (mut waits, mut lost) = (0, 0);
        loop {
            let problem = match self.once(&method, path, body.as_ref(), form).await? {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(answer.text),
                Ok(answer) => {
                    (answer.status, serde_json::from_str::<Value>(&answer.text).unwrap_or_default())
                }
                Err(Lost { line, may_be_done }) => {
                    lost += 1;
                    let is_first = self.resumed_by.lock().unwrap_or_else(PoisonError::into_inner).is_none();
                    let is_known_again = body.as_ref().is_some_and(|body| body.idempotency_key.is_some());
                    // Where the first call did not arrive, the address is wrong or no connector runs. Where it may have arrived, it
                    // is repeated only if a key keeps it from making something twice.
                    let ends = is_first && !(may_be_done && is_known_again);
                    if ends || lost > MAX_LOST {
                        return Err(line.into());
                    }
                    self.progress.wait("The connector does not answer", 1 << lost.min(5)).await;
                    continue;
                }
            };
            let (status, document) = problem;
            let retryable = document.get("retryable").and_then(Value::as_bool);
            let after = document.get("retry_after").and_then(Value::as_u64);
            match (retryable, after) {
                (Some(true), Some(seconds)) if seconds <= LONGEST_WAIT && waits < MAX_WAITS => {
                    waits += 1;
                    let word = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
                    // It is told the longest that another call can work, and most end long before.
                    let is_at_work = word("code") == "idempotency_in_progress";
                    let seconds = if is_at_work { seconds.min(AT_WORK_WAIT) } else { seconds };
                    self.progress.wait(word("title"), seconds).await;
                }
                // What stands in front of the connector answers for it.
                (None, _) if matches!(status, 429 | 502..=504) && lost < MAX_LOST => {
                    lost += 1;
                    self.progress.wait("The connector is busy", 1 << lost.min(5)).await;
                }
                _ => {
                    return Err(Trouble::Refused(Refused::read(
                        status,
                        &document,
                        self.key_origin.as_deref(),
                    )));
                }
            }
        }
    }

    /// One call. The inner error says that there was no answer.
    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Body<'_>>,
        form: &'static str,
    ) -> Result<Result<Answer, Lost>, Failure> {
        if !path.starts_with("/v1/") {
            return Err(Failure::Other(format!(
                "the connector's answer leads to {path:?}, which is none of its paths"
            )));
        }
        let url = format!("{}{path}", self.url);
        let mut authorization = {
            let mut key = self.key.lock().await;
            let bearer = format!("Bearer {}", key.key().await?.expose());
            HeaderValue::try_from(bearer)
                .map_err(|_| "the service key holds what no header can hold".to_owned())?
        };
        authorization.set_sensitive(true);
        let request = self.http.request(method.clone(), &url).timeout(CALL_TIMEOUT);
        let mut request = request.header(AUTHORIZATION, authorization).header(ACCEPT, form);
        if let Some(connection) = &self.connection {
            request = request.header("zoho-connection", connection.as_str());
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, body.content_type).body(body.bytes.to_vec());
            if let Some(key) = body.idempotency_key {
                request = request.header("idempotency-key", key);
            }
        }
        let unreachable = |error: reqwest::Error| {
            let why = if error.is_timeout() { "not in time" } else { "no connection" };
            let line = format!(
                "{} does not answer ({why}): is the connector running, and is this its address?",
                self.url
            );
            Lost { line, may_be_done: !error.is_connect() }
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(unreachable(error))),
        };
        let status = answer.status().as_u16();
        Ok(answer.text().await.map(|text| Answer { status, text }).map_err(unreachable))
    }
}
