//! An agent that calls the connector's API, and what it gets.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use shared::base::clock::jittered;

use crate::browser::{Seen, seen};

/// Who holds a key.
#[derive(Debug, Clone)]
pub struct Agent {
    pub(crate) url: String,
    /// The key.
    pub key: String,
    pub(crate) http: Client,
}

impl Agent {
    /// The same agent at another server.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The same agent with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Asks until there is an answer: it comes again when it is told to, by the connector or by API Gateway, which only says that
    /// it is busy.
    pub async fn served(&self, path: &str) -> Value {
        for _ in 0..60 {
            let answer = self.get(path).await;
            if answer.status == 200 {
                return answer.body;
            }
            let busy = answer.body["message"] == "Service Unavailable";
            assert!(busy || answer.body["retryable"] == true, "{}: {}", answer.status, answer.body);
            let seconds = answer.body["retry_after"].as_f64().unwrap_or(1.0);
            tokio::time::sleep(jittered(Duration::from_secs_f64(seconds))).await;
        }
        panic!("never served")
    }

    /// Asks with more headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::send(request.bearer_auth(&self.key)).await
    }

    /// Writes: method, path, headers, body.
    pub async fn write(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.try_write(method, path, headers, body).await.expect("an answer")
    }

    /// Writes to a connector that may die meanwhile.
    pub async fn try_write(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Option<Answer> {
        let url = format!("{}{path}", self.url);
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Self::try_send(request).await
    }

    /// Posts this very text as JSON.
    pub async fn post_text(&self, path: &str, text: &str) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key);
        Self::send(request.header("content-type", "application/json").body(text.to_owned())).await
    }

    /// Sends bytes and takes bytes: status, headers, body.
    pub async fn bytes(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (u16, HeaderMap, Vec<u8>) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.bearer_auth(&self.key).body(body).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.bytes().await.unwrap().to_vec())
    }

    async fn send(request: RequestBuilder) -> Answer {
        Self::try_send(request).await.expect("an answer")
    }

    async fn try_send(request: RequestBuilder) -> Option<Answer> {
        let seen = seen(request.send().await.ok()?).await;
        let body = serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("no JSON: {}", seen.text));
        Some(Answer { status: seen.status, body, seen })
    }
}

/// What an agent got.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The document.
    pub body: Value,
    /// Everything.
    pub seen: Seen,
}

impl Answer {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.seen.headers.get(name).map(String::as_str)
    }

    /// A success.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// A problem document with this code, complete in all that every problem has.
    pub fn problem(self, code: &str) -> Value {
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["status"], self.status);
        assert_eq!(self.seen.headers["content-type"], "application/problem+json");
        for field in ["type", "title", "detail", "hint", "request_id"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {}", self.body);
        }
        if self.body["retryable"] == true {
            assert!(self.body["retry_after"].is_u64(), "{}", self.body);
            assert_eq!(self.seen.headers["retry-after"], self.body["retry_after"].to_string());
        }
        self.body
    }
}
