//! What a caller is told when something fails: a problem document (RFC 9457). `code` has the table of all codes.
//!
//! A handler returns a [`Problem`]; [`crate::base::web::finish`] writes the document, adds the request's id and logs it
//! once. Causes that only the operator may see go into [`Problem::because`]: they are logged and never sent.

mod code;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::public_url::PublicUrl;

pub use code::{Code, Party};

/// Zoho's own code and message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZohoSaid {
    /// Zoho's code: a number in Inventory, a word in CRM.
    pub code: String,
    /// Zoho's own words.
    pub message: String,
    /// Further details from Zoho: the field, the record, the expected value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// A failure on its way to a caller.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    hint: Option<&'static str>,
    retry_after: Option<u64>,
    zoho: Option<ZohoSaid>,
    reconnect_path: Option<String>,
    cause: Option<String>,
}

impl Problem {
    /// A problem of this code; `detail` says what happened this time.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            hint: None,
            retry_after: None,
            zoho: None,
            reconnect_path: None,
            cause: None,
        }))
    }

    /// A bug: the caller gets only the request's id, the log gets the cause.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(Code::Internal, "The connector failed while it worked on this request.").because(cause)
    }

    /// Sets the seconds after which a retry makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Sets what to do next, where the hint of the code would be wrong.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// Puts where it is in the request before what happened.
    #[must_use]
    pub fn within(mut self, at: &str) -> Self {
        self.0.detail = format!("{at}: {}", self.0.detail).into();
        self
    }

    /// Adds Zoho's own code and message.
    #[must_use]
    pub fn zoho(mut self, said: ZohoSaid) -> Self {
        self.0.zoho = Some(said);
        self
    }

    /// Removes Zoho's message and details, which may quote a record. The code stays, and the name of the field that it is about.
    pub fn hide_words_of_zoho(&mut self) {
        if let Some(said) = &mut self.0.zoho {
            "[redacted]".clone_into(&mut said.message);
            let field = said.details.as_ref().and_then(|details| details.get("api_name")).cloned();
            said.details = field.map(|field| json!({ "api_name": field }));
        }
    }

    /// Words what happened anew, for those who may not hear all of it.
    pub fn reword(&mut self, reword: impl FnOnce(&str) -> String) {
        self.0.detail = reword(&self.0.detail).into();
    }

    /// Sets the path below the connector's origin at which a person can connect again.
    #[must_use]
    pub fn reconnect_path(mut self, path: impl Into<String>) -> Self {
        self.0.reconnect_path = Some(path.into());
        self
    }

    /// Adds the cause, for the log only.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What to do next: the hint that was set, else that of the code.
    pub fn own_hint(&self) -> &'static str {
        self.0.hint.unwrap_or(self.0.code.hint())
    }

    /// What Zoho itself said.
    pub fn said(&self) -> Option<&ZohoSaid> {
        self.0.zoho.as_ref()
    }

    /// What happened this time.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The cause, for the log only.
    pub(super) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// After how many seconds it makes sense to come again.
    pub fn wait(&self) -> u64 {
        self.seconds().unwrap_or(1)
    }

    /// The problem document. `origin` is the address at which the caller reaches the connector.
    pub fn document<'a>(&'a self, request_id: &'a str, origin: Option<&PublicUrl>) -> Document<'a> {
        let code = self.0.code;
        Document {
            kind: format!("urn:zoho-connector:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: &self.0.detail,
            code: code.as_str(),
            hint: self.own_hint(),
            retryable: code.is_retryable(),
            retry_after: self.seconds(),
            zoho: self.0.zoho.as_ref(),
            untrusted: self.untrusted(),
            reconnect_url: self.0.reconnect_path.as_ref().map(|path| {
                let origin = origin.map_or("", PublicUrl::as_str);
                format!("{origin}{path}")
            }),
            request_id,
        }
    }

    /// Zoho's words can quote a record. In ours, what others wrote stands in quotation marks.
    fn untrusted(&self) -> Vec<&'static str> {
        let words = [("detail", self.0.detail.contains('"')), ("zoho", self.0.zoho.is_some())];
        words.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }

    /// The `Retry-After` of the answer: the value that was set, else 5 seconds where a retry can help.
    pub(super) fn seconds(&self) -> Option<u64> {
        self.0.retry_after.or(self.0.code.is_retryable().then_some(5))
    }
}

impl IntoResponse for Problem {
    /// Gives only the status: [`crate::base::web::finish`] finds the problem among the extensions and writes the document.
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The problem document, in the order of its fields.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    hint: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zoho: Option<&'a ZohoSaid>,
    /// Which of these hold what people wrote: data, never instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    untrusted: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconnect_url: Option<String>,
    request_id: &'a str,
}
