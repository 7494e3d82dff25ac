//! The caller of a request. Its service key is checked before anything else is looked at; its place (`concurrency`) is taken once its body
//! is there.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
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
        // A byte-order mark is no text of a header: what is unreadable is looked at all the same, to be named.
        let authorization =
            parts.headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let authorization = authorization.as_deref();
        // Key and token are believed equally long, and so are read again at the same time.
        let usual = gate.keys.last_known(authorization).and_then(|key| key.only_connection().cloned());
        let ahead = async {
            if let Some(connection) = &usual {
                gate.zoho.tokens.read_ahead(connection).await;
            }
        };
        let (key, ()) = join!(gate.keys.check(authorization), ahead);
        let key = key?;
        let place = parts.extensions.get::<Place>().cloned();
        let take = || place.clone().map_or_else(|| gate.places.take(), Ok);
        // The body of a tool's call is there already.
        if place.is_none()
            && let Some(arriving) = parts.extensions.get::<Arriving>().cloned()
        {
            // Where there is no room, no body is waited for; and while one is waited for, others have the room.
            drop(take()?);
            arriving.receive(&parts.extensions, &gate.places, &key.id).await?;
        }
        let place = take()?;
        let deadline = parts.extensions.get::<Deadline>().map(|deadline| deadline.0);
        let deadline = deadline.into_iter().chain([Instant::now() + ANSWER_TIMEOUT]).min();
        let deadline = deadline.unwrap_or_else(Instant::now);
        gate.usage.seen(&key);
        let connection = guard(&parts.headers, "Zoho-Connection")?;
        let organization = guard(&parts.headers, "Zoho-Organization")?;
        let headers = parts.extensions.get::<ResponseHeaders>().cloned().unwrap_or_default();
        if key.redact_contacts {
            headers.redacted();
            refusals::refuse_query(parts.uri.query().unwrap_or_default())?;
        }
        Ok(Self { key, connection, organization, deadline, headers, place })
    }
}

/// A header that narrows what is called: one that cannot be read must not be taken for none.
fn guard(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let mut sent = headers.get_all(name).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(only), None) if !only.is_empty() && only.to_str().is_ok() => {
            Ok(only.to_str().ok().map(str::to_owned))
        }
        _ => Err(invalid(format!("The header `{name}` is empty, stands twice, or is no plain text."))),
    }
}
