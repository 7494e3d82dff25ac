//! The only HTTP client. It follows no redirects, uses no proxy and limits the size of answers. Its errors hold no address,
//! because an address can hold a code.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use jiff::fmt::rfc2822;
pub use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use rustls::{ClientConfig, RootCertStore};

use crate::base::clock::Timestamp;
use crate::base::http_client;
use crate::base::secret::Secret;
use crate::zoho::secrets::{AccessTokenSecret, ClientSecret};

/// The largest answer that is read. The connector's own answers have at most 4 MB; Zoho's are longer by what they escape and indent.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// The header by which the ids of a call to CRM are those of other systems, in the fields that it names.
/// <https://www.zoho.com/crm/developer/docs/api/v8/external-fields.html>
pub const EXTERNAL: HeaderName = HeaderName::from_static("x-external");

const CREDITS_HEADER: HeaderName = HeaderName::from_static("x-api-credits-remaining");

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection was made, so nothing was sent.
    #[error("no connection could be made")]
    Unreachable,
    /// The answer, or its end, did not arrive in time.
    #[error("no answer came in time")]
    Timeout,
    /// The connection broke, perhaps after the request was sent.
    #[error("the connection broke")]
    Broken,
    /// The answer exceeds the limit.
    #[error("the answer is too large")]
    TooLarge,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` in seconds; Zoho documents none. If it is a date, it counts from the answer's `Date`.
    pub retry_after: Option<u64>,
    /// The rest of CRM's credits. Zoho sends it only once half of them are used.
    pub credits: Option<u64>,
    /// The answer's `Date`, by Zoho's clock.
    pub date: Option<Timestamp>,
    /// The `Content-Type`.
    pub content_type: Option<HeaderValue>,
    /// The `Content-Disposition`, which names a file.
    pub content_disposition: Option<HeaderValue>,
    /// The body, decompressed.
    pub body: Bytes,
}

impl Answer {
    /// What status and headers say.
    pub fn without_body(status: u16, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let number = |name| text(name).and_then(|text| text.trim().parse().ok());
        let moment =
            |name| text(name).and_then(|text| rfc2822::parse(text).ok()).map(|date| date.timestamp());
        let date = moment(header::DATE);
        let kept = |name| headers.get(name).cloned();
        Self {
            status,
            retry_after: number(header::RETRY_AFTER)
                .or_else(|| seconds_until(moment(header::RETRY_AFTER)?, date?)),
            credits: number(CREDITS_HEADER),
            date,
            content_type: kept(header::CONTENT_TYPE),
            content_disposition: kept(header::CONTENT_DISPOSITION),
            body: Bytes::new(),
        }
    }
}

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

struct NetworkTransport {
    tls: ClientConfig,
    reads: Client,
    /// Made at the first write, because most processes only read.
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
        // An idle connection may be dead already, and the outcome of a write over it would be uncertain.
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
    http_client::builder(tls)
        .connect_timeout(Duration::from_secs(4))
        .user_agent(concat!("zoho-connector/", env!("CARGO_PKG_VERSION")))
}

/// A plain client with the same rules, for the command line and the tests, which act as browsers and agents. Its answers tell the
/// server's certificate.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn browser() -> Result<Client, String> {
    builder(tls()?).tls_info(true).build().map_err(|error| error.to_string())
}

async fn send(request: RequestBuilder, within: Duration) -> Result<Answer, HttpError> {
    let work = async {
        let response = request.send().await.map_err(|error| classify(&error))?;
        read(response).await
    };
    tokio::time::timeout(within, work).await.unwrap_or(Err(HttpError::Timeout))
}

async fn read(mut response: Response) -> Result<Answer, HttpError> {
    let answer = Answer::without_body(response.status().as_u16(), response.headers());
    let told = response.content_length().and_then(|length| usize::try_from(length).ok());
    // Most answers are one chunk, which is the body as it is.
    let first = next_chunk(&mut response, 0).await?.unwrap_or_default();
    let Some(second) = next_chunk(&mut response, first.len()).await? else {
        return Ok(Answer { body: first, ..answer });
    };
    let mut body = BytesMut::with_capacity(told.unwrap_or(0).min(BODY_LIMIT));
    body.extend_from_slice(&first);
    body.extend_from_slice(&second);
    while let Some(chunk) = next_chunk(&mut response, body.len()).await? {
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { body: body.freeze(), ..answer })
}

/// The next part of a body, of which so much is there already.
async fn next_chunk(response: &mut Response, so_far: usize) -> Result<Option<Bytes>, HttpError> {
    let chunk = response.chunk().await.map_err(|error| classify(&error))?;
    match chunk {
        Some(chunk) if so_far + chunk.len() > BODY_LIMIT => Err(HttpError::TooLarge),
        chunk => Ok(chunk),
    }
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
    http_client::tls(RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()))
}
