//! `GET /oauth/start`: from the operator's link, or for a connection that has died, to Zoho's consent page.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::base::id::ConnectionName;
use shared::base::public_url::PublicUrl;
use shared::base::secret::Secret;
use shared::base::web::Origin;
use shared::core::connection::consent::Wish;
use shared::core::connection::{self, Connection, State as ConnectionState};
use shared::store::{StoreError, Table};

use crate::app::App;
use crate::authorization_request::begin;
use crate::pages;

#[derive(Deserialize, Default)]
pub(crate) struct Start {
    link: Option<Secret>,
    connection: Option<ConnectionName>,
}

pub(crate) async fn start(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    query: Result<Query<Start>, QueryRejection>,
) -> Response {
    let Query(start) = query.unwrap_or_default();
    answer(&app, start, &origin).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a consent could not begin");
        pages::our_fault().into_response()
    })
}

async fn answer(app: &App, start: Start, origin: &PublicUrl) -> Result<Response, StoreError> {
    let (wish, link) = match (start.link, start.connection) {
        (Some(nonce), _) => match app.consents.link(&nonce).await? {
            Some(wish) => (wish, Some(nonce.digest())),
            None => return Ok(pages::link_unknown().into_response()),
        },
        (None, Some(name)) => match dead_connection(&*app.state, &name).await? {
            Some(dead) => match Wish::again(&dead) {
                Some(wish) => (wish, None),
                None => return Ok(pages::only_by_the_operator().into_response()),
            },
            None => return Ok(pages::not_reconnectable().into_response()),
        },
        (None, None) => return Ok(pages::link_unknown().into_response()),
    };
    let Some(request) = begin(&app.consents, &app.centres, origin, wish, link, app.pkce).await? else {
        return Ok(pages::too_many().into_response());
    };
    let headers = [(header::LOCATION, request.location)];
    Ok((StatusCode::FOUND, headers, [(header::SET_COOKIE, request.cookie)]).into_response())
}

/// The connection, where its grant is dead: only then may anybody who knows the address consent again.
async fn dead_connection(state: &dyn Table, name: &ConnectionName) -> Result<Option<Connection>, StoreError> {
    let found = connection::get(state, name).await?;
    Ok(found.filter(|found| matches!(found.state, ConnectionState::ReconnectRequired { .. })))
}
