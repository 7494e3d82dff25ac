//! The one HTTP client. It follows no redirect, speaks to no proxy, reads no more than it was told to, and its errors
//! carry no address, because addresses can hold codes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, header, redirect};
use rustls::{ClientConfig, RootCertStore};

use crate::base::secret::Secret;

/// Answers of the API end here; the connector's own end at 4 MB, and JSON shrinks when it is shaped.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection was made: not one byte of the request left.
    #[error("no connection could be made")]
    Unreachable,
    /// Nothing, or not everything, came in time.
    #[error("no answer came in time")]
    Timeout,
    /// The connection broke after the request may have left.
    #[error("the connection broke")]
    Broken,
    /// The answer is longer than we read.
    #[error("the answer is too large")]
    TooLarge,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A `Retry-After` in seconds; Zoho documents none, but it is believed when it is a number.
    pub retry_after: Option<u64>,
    /// The body, unpacked.
    pub body: Bytes,
}

/// The client. Cloning shares its connections.
#[derive(Debug, Clone)]
pub struct Http {
    reads: Client,
    writes: Client,
}

impl Http {
    /// A client that trusts the public certificate authorities that ship with it.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        let tls = tls()?;
        let build = |builder: ClientBuilder| builder.build().map_err(|error| error.to_string());
        Ok(Self {
            reads: build(builder(tls.clone()))?,
            // A connection that idled may be dead without our knowing, and a write that was sent into it is uncertain.
            writes: build(builder(tls).pool_max_idle_per_host(0))?,
        })
    }

    /// Reads from the API with an access token.
    ///
    /// # Errors
    /// Where no complete answer came.
    pub async fn get(&self, url: &str, token: &Secret, within: Duration) -> Result<Answer, HttpError> {
        let mut value = header::HeaderValue::try_from(format!("Zoho-oauthtoken {}", token.expose()))
            .map_err(|_| HttpError::Unreachable)?;
        value.set_sensitive(true);
        send(self.reads.get(url).header(header::AUTHORIZATION, value), within).await
    }

    /// Posts a form: the only body that Zoho's accounts servers understand, and the one that keeps secrets out of
    /// their logs.
    ///
    /// # Errors
    /// Where no complete answer came.
    pub async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        within: Duration,
    ) -> Result<Answer, HttpError> {
        send(self.writes.post(url).form(form), within).await
    }
}

fn builder(tls: ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(4))
        .user_agent(concat!("zoho-connector/", env!("CARGO_PKG_VERSION")))
}

/// A plain client with the same rules, for those who play a browser: the demo and the tests.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn browser() -> Result<Client, String> {
    builder(tls()?).build().map_err(|error| error.to_string())
}

async fn send(request: RequestBuilder, within: Duration) -> Result<Answer, HttpError> {
    let work = async {
        let response = request.send().await.map_err(|error| classify(&error))?;
        read(response).await
    };
    tokio::time::timeout(within, work).await.unwrap_or(Err(HttpError::Timeout))
}

async fn read(mut response: Response) -> Result<Answer, HttpError> {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, retry_after, body: body.freeze() })
}

fn classify(error: &reqwest::Error) -> HttpError {
    if error.is_connect() || error.is_builder() {
        HttpError::Unreachable
    } else if error.is_timeout() {
        HttpError::Timeout
    } else {
        HttpError::Broken
    }
}

fn tls() -> Result<ClientConfig, String> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
