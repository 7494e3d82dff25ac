//! What is sent: reads, writes, forms, and messages to hooks.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderName;

use super::answer::{Answer, HttpError};
use crate::base::secret::Secret;
use crate::zoho::secrets::{AccessTokenSecret, ClientSecret};

/// The header by which the ids of a call to CRM are those of other systems, in the fields that it names.
/// <https://www.zoho.com/crm/developer/docs/api/v8/external-fields.html>
pub const EXTERNAL: HeaderName = HeaderName::from_static("x-external");

/// A call. It cannot be printed, because it holds secrets.
pub struct Call<'a> {
    /// The whole address.
    pub url: &'a str,
    /// The kind of call, with its content.
    pub content: Content<'a>,
    /// The timeout, up to the last byte of the answer.
    pub within: Duration,
}

/// The content of a call.
pub enum Content<'a> {
    /// A read of the API.
    Read(Read<'a>),
    /// A form for an accounts server.
    Form(Form<'a>),
    /// A write to the API. It gets a new network connection.
    Write(Write<'a>),
    /// A message to an agent's hook. It gets a new network connection, too.
    Hook(Hook<'a>),
}

/// A message to an agent's hook.
pub struct Hook<'a> {
    /// The hook's token.
    pub token: &'a Secret,
    /// The idempotency key, by which the receiver recognises a repetition.
    pub key: &'a str,
    /// The JSON document.
    pub body: &'a str,
}

/// A read of the API.
pub struct Read<'a> {
    /// The access token.
    pub token: &'a AccessTokenSecret,
    /// The time for `If-Modified-Since`, in CRM's form.
    pub if_modified_since: Option<&'a str>,
    /// The JSON body of a query, which is posted.
    pub query: Option<&'a str>,
    /// In which fields CRM looks for the ids of the address: [`EXTERNAL`].
    pub external: Option<&'a str>,
}

/// The body of a write.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its `Content-Type`.
    pub content_type: Cow<'static, str>,
    /// Its bytes. Cloning shares them.
    pub bytes: Bytes,
}

impl From<String> for Body {
    /// A JSON document.
    fn from(document: String) -> Self {
        Self { content_type: Cow::Borrowed("application/json"), bytes: document.into() }
    }
}

/// A write to the API.
pub struct Write<'a> {
    /// The method.
    pub method: Method,
    /// The access token.
    pub token: &'a AccessTokenSecret,
    /// The body, if there is one.
    pub body: Option<Body>,
    /// The time for `If-Unmodified-Since`, in CRM's form.
    pub if_unmodified_since: Option<&'a str>,
    /// In which fields CRM looks for the ids of address and body: [`EXTERNAL`].
    pub external: Option<&'a str>,
}

/// A form. Its values are secrets.
pub struct Form<'a> {
    /// Names and values.
    pub fields: &'a [(&'a str, &'a str)],
    /// Name and password, where the server wants them in a header.
    pub basic: Option<(&'a str, &'a ClientSecret)>,
}

/// Sends calls to Zoho: the client below, or a test's replacement.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a call, and waits for the whole answer.
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError>;
}
