//! The one HTTP client. It follows no redirect, speaks to no proxy, reads no more than it was told to, and its errors
//! carry no address, because addresses can hold codes.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use jiff::fmt::rfc2822;
pub use reqwest::Method;
use reqwest::header::{self, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect};
use rustls::{ClientConfig, RootCertStore};

use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::zoho::secrets::{AccessTokenSecret, ClientSecret};

/// Answers of the API end here; the connector's own end at 4 MB, and JSON shrinks when it is shaped.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// The header by which the ids of a call to CRM are those of other systems, in the fields that it names.
/// <https://www.zoho.com/crm/developer/docs/api/v8/external-fields.html>
pub const EXTERNAL: HeaderName = HeaderName::from_static("x-external");

const CREDITS_HEADER: HeaderName = HeaderName::from_static("x-api-credits-remaining");

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
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A `Retry-After` in seconds; Zoho documents none. A date counts from the answer's own.
    pub retry_after: Option<u64>,
    /// What is left of CRM's credits; Zoho says so only when half of them are used.
    pub credits: Option<u64>,
    /// What Zoho's clock showed.
    pub date: Option<Timestamp>,
    /// What the body is.
    pub content_type: Option<HeaderValue>,
    /// What a file is called.
    pub content_disposition: Option<HeaderValue>,
    /// The body, unpacked.
    pub body: Bytes,
}

/// What is sent. It cannot be printed, because it holds secrets.
pub struct Call<'a> {
    /// The whole address.
    pub url: &'a str,
    /// What goes with it.
    pub content: Content<'a>,
    /// How long it may take, to the last byte of the answer.
    pub within: Duration,
}

/// What a call carries.
pub enum Content<'a> {
    /// A read of the API.
    Read(Read<'a>),
    /// A form for an accounts server.
    Form(Form<'a>),
    /// A write to the API. It goes out on a connection of its own.
    Write(Write<'a>),
    /// A message to an agent's hook. It goes out on a connection of its own, too.
    Hook(Hook<'a>),
}

/// A message to an agent's hook.
pub struct Hook<'a> {
    /// The hook's token.
    pub token: &'a Secret,
    /// By which the receiver knows a repetition.
    pub key: &'a str,
    /// The JSON document.
    pub body: &'a str,
}

/// A read of the API.
pub struct Read<'a> {
    /// The access token.
    pub token: &'a AccessTokenSecret,
    /// Only what was changed since, in CRM's own form.
    pub if_modified_since: Option<&'a str>,
    /// A query, which is posted.
    pub query: Option<&'a str>,
    /// In which fields CRM looks for the ids of the address: [`EXTERNAL`].
    pub external: Option<&'a str>,
}

/// What a write carries.
#[derive(Debug, Clone)]
pub struct Body {
    /// What it is.
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
    /// What it carries, where there is something.
    pub body: Option<Body>,
    /// Not before the record is as it was then, in CRM's own form.
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

/// What carries calls to Zoho: the client below, or what a test puts in its place.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends, and waits for the whole answer.
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError>;
}

/// The way out. Cloning shares its connections.
#[derive(Clone)]
pub struct Http(Arc<dyn Transport>);

impl Http {
    /// A client that trusts the public certificate authorities that ship with it.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new() -> Result<Self, String> {
        Ok(Self::over(NetworkTransport::new()?))
    }

    /// Calls carried by something else.
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

    /// Reads from the API, on a condition where there is one.
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

    /// Posts a form: the only body that Zoho's accounts servers understand, and the one that keeps secrets out of
    /// their logs.
    ///
    /// # Errors
    /// Where no complete answer came.
    pub async fn post_form(&self, url: &str, form: Form<'_>, within: Duration) -> Result<Answer, HttpError> {
        self.0.send(Call { url, content: Content::Form(form), within }).await
    }
}

struct NetworkTransport {
    tls: ClientConfig,
    reads: Client,
    /// Made when it is first needed: most processes only read.
    writes: OnceLock<Client>,
}

impl NetworkTransport {
    fn new() -> Result<Self, String> {
        let tls = tls()?;
        let reads = builder(tls.clone()).build().map_err(|error| error.to_string())?;
        Ok(Self { tls, reads, writes: OnceLock::new() })
    }

    fn writes(&self) -> Result<&Client, HttpError> {
        if let Some(client) = self.writes.get() {
            return Ok(client);
        }
        // A connection that idled may be dead without our knowing, and a write that was sent into it is uncertain.
        let client = builder(self.tls.clone()).pool_max_idle_per_host(0).build();
        let client = client.map_err(|_| HttpError::Unreachable)?;
        Ok(self.writes.get_or_init(|| client))
    }
}

#[async_trait]
impl Transport for NetworkTransport {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let request = match call.content {
            Content::Read(read) => {
                let request = match read.query {
                    None => self.reads.get(call.url),
                    Some(query) => self
                        .reads
                        .post(call.url)
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(query.to_owned()),
                };
                let request = request.header(header::AUTHORIZATION, authorization(read.token)?);
                let request = match read.if_modified_since {
                    Some(moment) => request.header(header::IF_MODIFIED_SINCE, moment),
                    None => request,
                };
                match read.external {
                    Some(fields) => request.header(EXTERNAL, fields),
                    None => request,
                }
            }
            Content::Write(write) => {
                let request = self.writes()?.request(write.method, call.url);
                let mut request = request.header(header::AUTHORIZATION, authorization(write.token)?);
                if let Some(body) = write.body {
                    request = request.header(header::CONTENT_TYPE, &*body.content_type).body(body.bytes);
                }
                if let Some(moment) = write.if_unmodified_since {
                    request = request.header(header::IF_UNMODIFIED_SINCE, moment);
                }
                if let Some(fields) = write.external {
                    request = request.header(EXTERNAL, fields);
                }
                request
            }
            Content::Hook(hook) => {
                let bearer = secret_header(format!("Bearer {}", hook.token.expose()))?;
                self.writes()?
                    .post(call.url)
                    .header(header::AUTHORIZATION, bearer)
                    .header("idempotency-key", hook.key)
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(hook.body.to_owned())
            }
            Content::Form(Form { fields, basic }) => {
                let request = self.writes()?.post(call.url).form(fields);
                match basic {
                    Some((name, password)) => request.basic_auth(name, Some(password.expose())),
                    None => request,
                }
            }
        };
        send(request, call.within).await
    }
}

fn authorization(token: &AccessTokenSecret) -> Result<HeaderValue, HttpError> {
    secret_header(format!("Zoho-oauthtoken {}", token.expose()))
}

fn secret_header(value: String) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| HttpError::Unreachable)?;
    value.set_sensitive(true);
    Ok(value)
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
    let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let number = |name| text(name).and_then(|text| text.trim().parse().ok());
    let credits = number(CREDITS_HEADER);
    let moment = |name| text(name).and_then(|text| rfc2822::parse(text).ok()).map(|date| date.timestamp());
    let date = moment(header::DATE);
    let retry_after =
        number(header::RETRY_AFTER).or_else(|| seconds_until(moment(header::RETRY_AFTER)?, date?));
    let kept = |name| response.headers().get(name).cloned();
    let (content_type, content_disposition) = (kept(header::CONTENT_TYPE), kept(header::CONTENT_DISPOSITION));
    let told = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = BytesMut::with_capacity(told.unwrap_or(0).min(BODY_LIMIT));
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, retry_after, credits, date, content_type, content_disposition, body: body.freeze() })
}

fn seconds_until(moment: Timestamp, now: Timestamp) -> Option<u64> {
    u64::try_from(moment.as_second().saturating_sub(now.as_second())).ok()
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
