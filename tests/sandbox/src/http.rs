//! A parsed request, and an answer before it is sent.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::multipart;

/// A request as the rules see it.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path below the base.
    pub(crate) path: String,
    /// The query as sent.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// Decoded path segments.
    pub(crate) fn segments(&self) -> Vec<String> {
        let parts = self.path.trim_start_matches('/').split('/');
        parts
            .map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// First value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        first(self.query.as_bytes(), name)
    }

    /// First non-empty value of a query parameter.
    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        self.param(name).filter(|value| !value.is_empty())
    }

    /// First value of a form field; JSON is not a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        if self.is_json() {
            return None;
        }
        match self.header("content-type").and_then(multipart::boundary) {
            Some(boundary) => multipart::text(&self.body, boundary, name),
            None => first(&self.body, name),
        }
    }

    /// A value from the query or the form.
    pub(crate) fn either(&self, name: &str) -> Option<String> {
        self.param(name).or_else(|| self.field(name))
    }

    /// Whether the body is declared to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn first(pairs: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(pairs).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer with any text.
    pub(crate) fn text(status: u16, kind: &str, body: impl Into<String>) -> Self {
        Self::bytes(status, kind, body.into().into_bytes())
    }

    /// An answer with any bytes.
    pub(crate) fn bytes(status: u16, kind: &str, body: Vec<u8>) -> Self {
        Self { status, kind: kind.to_owned(), body, headers: Vec::new() }
    }

    /// An answer with JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json;charset=UTF-8", body.to_string())
    }

    /// An answer with HTML.
    pub(crate) fn html(status: u16, body: impl Into<String>) -> Self {
        Self::text(status, "text/html;charset=UTF-8", body)
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::text(status, "", "")
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response to send.
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let (false, Ok(kind)) = (self.kind.is_empty(), HeaderValue::from_str(&self.kind)) {
            headers.insert(CONTENT_TYPE, kind);
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
