//! Who calls: the service key of the request, checked before anything else is looked at.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Deadline;
use shared::core::access::key::ServiceKey;
use shared::core::connection::access_token::AccessToken;
use tokio::join;
use tokio::time::Instant;

use crate::app::App;
use crate::request::params::invalid;
use crate::request::response_headers::Notes;

/// API Gateway gives up after 29 seconds; the agent should hear from us before.
const PATIENCE: Duration = Duration::from_secs(25);

/// A caller with a valid key.
pub(crate) struct Caller {
    pub(crate) key: Arc<ServiceKey>,
    /// What the request says of connection and organisation.
    pub(crate) connection: Option<String>,
    pub(crate) organization: Option<String>,
    /// Until when it must have its answer.
    pub(crate) deadline: Instant,
    /// What its answer's headers will tell.
    pub(crate) notes: Notes,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let deadline = parts.extensions.get::<Deadline>().map(|deadline| deadline.0);
        let deadline = deadline.into_iter().chain([Instant::now() + PATIENCE]).min();
        let deadline = deadline.unwrap_or_else(Instant::now);
        let authorization = header(&parts.headers, AUTHORIZATION.as_str());
        // Key and token are believed equally long, and so are read again at the same time.
        let usual = app.keys.last_known(authorization).and_then(|key| key.only_connection().cloned());
        let ahead = async {
            if let Some(connection) = &usual {
                app.tokens.read_ahead(connection).await;
            }
        };
        let (key, ()) = join!(app.keys.check(authorization), ahead);
        let key = key?;
        let connection = guard(&parts.headers, "Zoho-Connection")?;
        let organization = guard(&parts.headers, "Zoho-Organization")?;
        let notes = parts.extensions.get::<Notes>().cloned().unwrap_or_default();
        if key.redact_contacts {
            notes.redacted();
        }
        Ok(Self { key, connection, organization, deadline, notes })
    }
}

impl Caller {
    /// The organisation that the request names must be one of the token's.
    pub(crate) fn check_organization(
        &self,
        connection: &ConnectionName,
        token: &AccessToken,
    ) -> Result<(), Problem> {
        let own = [&token.organization, &token.crm_organization];
        let own: Vec<&str> = own.into_iter().flatten().map(|found| found.id.as_str()).collect();
        match &self.organization {
            Some(wanted) if !own.contains(&wanted.as_str()) => Err(Problem::new(
                Code::OrganizationMismatch,
                format!("Connection {connection} belongs to organisation {}.", own.join(" and ")),
            )),
            _ => Ok(()),
        }
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

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}
