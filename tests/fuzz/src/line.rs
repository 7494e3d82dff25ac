//! The line to Zoho: it notes what was sent, and answers what it is told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::HeaderMap;
use shared::zoho::http::{Answer, Call, Content, HttpError, Transport};

/// A call that arrived.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its method.
    pub method: String,
    /// The whole address.
    pub url: String,
}

#[derive(Default)]
struct Inner {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    sent: Vec<Sent>,
}

/// The line. Clones are the same.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<Inner>>);

impl Line {
    /// From now on every call is answered with this.
    pub fn answer(&self, status: u16, content_type: &str, body: &[u8]) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = content_type.parse() {
            headers.insert("content-type", value);
        }
        *self.0.lock().unwrap() = Inner { status, headers, body: body.to_vec(), sent: Vec::new() };
    }

    /// What was sent since.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().sent.clone()
    }
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let method = match &call.content {
            Content::Read(read) => if read.query.is_some() { "POST" } else { "GET" }.to_owned(),
            Content::Write(write) => write.method.to_string(),
            Content::Form(_) | Content::Hook(_) => panic!("no function here sends it"),
        };
        let mut inner = self.0.lock().unwrap();
        inner.sent.push(Sent { method, url: call.url.to_owned() });
        let answer = Answer::without_body(inner.status, &inner.headers);
        Ok(Answer { body: inner.body.clone().into(), ..answer })
    }
}
