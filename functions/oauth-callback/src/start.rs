//! `GET /oauth/start`: from the operator's link, or for a connection that has died, to Zoho's consent page.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::base::settings::PublicUrl;
use shared::base::web::Origin;
use shared::core::connection::consent::Wish;
use shared::core::connection::{self, State as ConnectionState};
use shared::store::StoreError;

use crate::begin::begin;
use crate::{App, pages};

#[derive(Deserialize, Default)]
pub(crate) struct Asked {
    link: Option<Secret>,
    connection: Option<ConnectionName>,
}

pub(crate) async fn start(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    query: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Query(asked) = query.unwrap_or_default();
    app.start(asked, &origin).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a consent could not begin");
        pages::our_fault().into_response()
    })
}

impl App {
    async fn start(&self, asked: Asked, origin: &PublicUrl) -> Result<Response, StoreError> {
        let (wish, link) = match (asked.link, asked.connection) {
            (Some(nonce), _) => match self.consents.link(&nonce).await? {
                Some(wish) => (wish, Some(nonce.digest())),
                None => return Ok(pages::link_unknown().into_response()),
            },
            (None, Some(name)) => match self.dead_connection(&name).await? {
                Some(wish) => (wish, None),
                None => return Ok(pages::not_reconnectable().into_response()),
            },
            (None, None) => return Ok(pages::link_unknown().into_response()),
        };
        let beginning = begin(&self.consents, &self.centres, origin, wish, link).await?;
        let headers = [(header::LOCATION, beginning.location)];
        Ok((StatusCode::FOUND, headers, [(header::SET_COOKIE, beginning.cookie)]).into_response())
    }

    /// Open to anybody who knows the address, so only while the connection is dead, and only for the same organisations.
    async fn dead_connection(&self, name: &ConnectionName) -> Result<Option<Wish>, StoreError> {
        let found = connection::get(&*self.state, name).await?;
        let dead = found.filter(|found| matches!(found.state, ConnectionState::ReconnectRequired { .. }));
        Ok(dead.as_ref().and_then(Wish::again))
    }
}
