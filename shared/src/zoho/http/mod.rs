//! The only HTTP client. It follows no redirects, uses no proxy and limits the size of answers. Its errors hold no address,
//! because an address can hold a code.

mod answer;
mod call;
mod network;

use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Method;

use crate::zoho::secrets::AccessTokenSecret;
use network::NetworkTransport;

pub use answer::{Answer, HttpError};
pub use call::{Body, Call, Content, EXTERNAL, Form, Hook, Read, Transport, Write};
pub use network::browser;

/// The HTTP client. Clones share its network connections.
#[derive(Clone)]
pub struct Http(Arc<dyn Transport>);

impl Http {
    /// A client that trusts the public certificate authorities that are compiled in.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        Ok(Self::over(NetworkTransport::new()?))
    }

    /// A client over another transport.
    pub fn over(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// Reads from the API with an access token.
    ///
    /// # Errors
    /// Where no complete answer came.
    pub async fn get(
        &self,
        url: &str,
        token: &AccessTokenSecret,
        within: Duration,
    ) -> Result<Answer, HttpError> {
        self.read(url, Read { token, if_modified_since: None, query: None, external: None }, within).await
    }

    /// Reads from the API, with the condition or the query of `read`.
    ///
    /// # Errors
    /// Where no complete answer came.
    pub async fn read(&self, url: &str, read: Read<'_>, within: Duration) -> Result<Answer, HttpError> {
        self.0.send(Call { url, content: Content::Read(read), within }).await
    }

    /// Writes to the API.
    ///
    /// # Errors
    /// Where no complete answer came: only [`HttpError::Unreachable`] says that nothing was done.
    pub async fn write(&self, url: &str, write: Write<'_>, within: Duration) -> Result<Answer, HttpError> {
        self.0.send(Call { url, content: Content::Write(write), within }).await
    }

    /// Posts a message to an agent's hook.
    ///
    /// # Errors
    /// Where no complete answer came: only [`HttpError::Unreachable`] says that nothing arrived.
    pub async fn post_hook(&self, url: &str, hook: Hook<'_>, within: Duration) -> Result<Answer, HttpError> {
        self.0.send(Call { url, content: Content::Hook(hook), within }).await
    }

    /// Posts a form. Zoho's accounts servers understand no other body, and parameters in an address could appear in their logs.
    ///
    /// # Errors
    /// Where no complete answer came.
    pub async fn post_form(&self, url: &str, form: Form<'_>, within: Duration) -> Result<Answer, HttpError> {
        self.0.send(Call { url, content: Content::Form(form), within }).await
    }
}
