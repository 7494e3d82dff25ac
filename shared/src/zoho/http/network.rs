//! The transport over the network.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{self, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use rustls::{ClientConfig, RootCertStore};

use super::answer::{Answer, HttpError};
use super::call::{Call, Content, EXTERNAL, Form, Transport};
use crate::base::http_client;
use crate::zoho::secrets::AccessTokenSecret;

/// The largest answer that is read. The connector's own answers have at most 4 MB; Zoho's are longer by what they escape and indent.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Sends calls over the network.
pub(super) struct NetworkTransport {
    tls: ClientConfig,
    reads: Client,
    /// Made at the first write, because most processes only read.
    writes: OnceLock<Client>,
}

impl NetworkTransport {
    pub(super) fn new() -> Result<Self, String> {
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
