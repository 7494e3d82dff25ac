//! Who calls: the service key of the request, checked before anything else is looked at.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use shared::base::problem::Problem;
use shared::core::key::ServiceKey;
use tokio::time::Instant;

use crate::App;

/// A caller with a valid key.
pub(crate) struct Caller {
    pub(crate) key: Arc<ServiceKey>,
    /// What the request says of connection and organisation.
    pub(crate) connection: Option<String>,
    pub(crate) organization: Option<String>,
    /// Since when it waits for its answer.
    pub(crate) arrived: Instant,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let arrived = Instant::now();
        let key = app.keys.check(header(&parts.headers, AUTHORIZATION.as_str())).await?;
        let own = |name| header(&parts.headers, name).map(str::to_owned);
        Ok(Self { key, connection: own("zoho-connection"), organization: own("zoho-organization"), arrived })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}
