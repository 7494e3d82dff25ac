//! The caller of a request. Its service key is checked before anything else is looked at. It gets its place (`concurrency`) once its body
//! is there.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use shared::base::problem::Problem;
use shared::base::web::Deadline;
use shared::core::access::key::{Keys, ServiceKey};
use shared::core::access::usage::KeyUsage;
use shared::core::zoho_client::ZohoClient;
use tokio::join;
use tokio::time::Instant;

use crate::request::concurrency::{Place, Places};
use crate::request::incoming_body::Arriving;
use crate::request::params::invalid;
use crate::request::redact::refusals;
use crate::request::response_headers::ResponseHeaders;

/// API Gateway gives up after 29 seconds; the agent should hear from us before.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

/// A caller with a valid key.
pub(crate) struct Caller {
    pub(crate) key: Arc<ServiceKey>,
    /// What the request says of connection and organisation.
    pub(crate) connection: Option<String>,
    pub(crate) organization: Option<String>,
    /// When it must have its answer.
    pub(crate) deadline: Instant,
    /// The facts that become headers of its answer.
    pub(crate) headers: ResponseHeaders,
    /// Its place among the calls that run.
    pub(crate) place: Place,
}

/// What a caller is checked with.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) keys: Arc<Keys>,
    pub(crate) usage: Arc<KeyUsage>,
    pub(crate) zoho: Arc<ZohoClient>,
    pub(crate) places: Places,
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Gate: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let gate = Gate::from_ref(state);
        let key = check_key(&gate, &parts.headers).await?;
        let place = take_place(&gate, &key, &parts.extensions).await?;
        let deadline = deadline(&parts.extensions);
        gate.usage.seen(&key);
        let connection = narrowing(&parts.headers, "Zoho-Connection")?;
        let organization = narrowing(&parts.headers, "Zoho-Organization")?;
        let headers = parts.extensions.get::<ResponseHeaders>().cloned().unwrap_or_default();
        if key.redact_contacts {
            headers.redacted();
            refusals::refuse_query(parts.uri.query().unwrap_or_default())?;
        }
        Ok(Self { key, connection, organization, deadline, headers, place })
    }
}

/// Checks the service key. The token that the call will probably need is read at the same time: keys and tokens are believed equally
/// long, so both are due together.
async fn check_key(gate: &Gate, headers: &HeaderMap) -> Result<Arc<ServiceKey>, Problem> {
    // A header that is no text, because it has a byte-order mark for example, is checked all the same: the refusal names what is wrong.
    let authorization = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let authorization = authorization.as_deref();
    let usual = gate.keys.last_known(authorization).and_then(|key| key.only_connection().cloned());
    let ahead = async {
        if let Some(connection) = &usual {
            gate.zoho.tokens.read_ahead(connection).await;
        }
    };
    let (key, ()) = join!(gate.keys.check(authorization), ahead);
    key
}

/// Receives the body, and takes a place for the call. A tool's call has both already.
async fn take_place(gate: &Gate, key: &ServiceKey, extensions: &Extensions) -> Result<Place, Problem> {
    if let Some(place) = extensions.get::<Place>() {
        return Ok(place.clone());
    }
    if let Some(arriving) = extensions.get::<Arriving>().cloned() {
        // The body is not waited for where no place is free. While it is waited for, other calls may have the place.
        drop(gate.places.take()?);
        arriving.receive(extensions, &gate.places, &key.id).await?;
    }
    gate.places.take()
}

/// When the caller must have its answer: after our own limit, or at the host's moment where that comes first.
fn deadline(extensions: &Extensions) -> Instant {
    let own = Instant::now() + ANSWER_TIMEOUT;
    extensions.get::<Deadline>().map_or(own, |host| host.0.min(own))
}

/// Reads a header that narrows what is called. One that cannot be read is refused: without it, the call would reach further.
fn narrowing(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let mut sent = headers.get_all(name).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(only), None) if !only.is_empty() && only.to_str().is_ok() => {
            Ok(only.to_str().ok().map(str::to_owned))
        }
        _ => Err(invalid(format!("The header `{name}` is empty, stands twice, or is no plain text."))),
    }
}
