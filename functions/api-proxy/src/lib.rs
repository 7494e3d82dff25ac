//! The one address that an agent knows: `/v1/**`, `/health` and `/openapi.json`, and `/mcp` in front of these. A request goes from its
//! route (`routes`) into the module of its subject (`inventory`, `crm`, `events`, `connector`, `passthrough`), which asks for the caller
//! and the connection (`request`), reads from Zoho (`zoho`), or writes (`writes`).

mod app;
mod connector;
mod crm;
mod events;
mod inventory;
mod mcp;
pub mod openapi;
mod passthrough;
mod request;
mod routes;
mod writes;
mod zoho;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::MatchedPath;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::{finish_route, finish_with_advice};
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::services::Services;
use tokio::join;
use tokio::time::timeout;

use app::App;
use openapi::route::Serving;
use request::{did_you_mean, layer};

/// How long a start may wait for what it reads ahead.
const PRELOAD_TIMEOUT: Duration = Duration::from_secs(2);

/// The OpenAPI document, made of what the routes say of themselves. A running function makes nothing of it: it serves the copy
/// that a test keeps equal to this, and what the build took out of that copy.
pub fn document() -> Value {
    openapi::document(&routes::operations())
}

/// The routes of this function.
pub fn router(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Router {
    serve(App::new(services, token_refresh), services)
}

/// The routes of this function, after the first keys and the usual connection's token were read, and the first slots of its quota
/// taken: while Lambda starts a function, its processor is fast, and nobody waits yet.
pub async fn warm_router(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Router {
    let app = App::new(services, token_refresh);
    let (client, usual) = (&app.gate.zoho, ConnectionName::default());
    let token = async {
        if let Some(token) = client.tokens.read_ahead(&usual).await {
            client.quotas.begin(&token).await;
        }
    };
    let ahead = timeout(PRELOAD_TIMEOUT, async { join!(app.gate.keys.preload(), token).0 }).await;
    match ahead {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the keys could not be read ahead"),
        Err(error) => tracing::warn!(%error, "the keys could not be read ahead"),
    }
    serve(app, services)
}

/// The report of a reconciliation as a page, for the operator, who has the store and needs no key.
///
/// # Errors
/// Where there is no such reconciliation, or the store fails.
pub async fn reconciliation_page(
    services: &Services,
    token_refresh: Arc<dyn TokenRefreshClient>,
    connection: &ConnectionName,
    id: &str,
) -> Result<Response, Problem> {
    let app = App::new(services, token_refresh);
    inventory::reconciliations::operator_page::page(&app, connection, id).await
}

fn serve(app: App, services: &Services) -> Router {
    let mut serving = Serving(Some(Router::new()), Vec::new());
    routes::all(&mut serving);
    let Serving(router, paths) = serving;
    let (router, paths): (_, Arc<[_]>) = (router.unwrap_or_default(), paths.into());
    let known = paths.clone();
    let not_allowed = move |path: MatchedPath| async move {
        let methods =
            known.iter().find(|(known, _)| known == path.as_str()).map(|(_, methods)| methods.join(", "));
        let methods = methods.unwrap_or_default().to_uppercase();
        let detail = format!("This route exists, but not with this method. It takes {methods}.");
        Problem::new(Code::MethodNotAllowed, detail)
    };
    let advice = move |path: &str| {
        let near = did_you_mean::nearest_route(path, paths.iter().map(|(path, _)| path.as_str()));
        near.map(|route| format!(" Did you mean `{route}`?")).unwrap_or_default()
    };
    let (app, public_url) = (Arc::new(app), services.settings.public_url.as_ref());
    let api = finish_with_advice(
        router
            .method_not_allowed_fallback(not_allowed)
            .layer(from_fn_with_state(services.clock.clone(), layer::around))
            .with_state(app.clone()),
        public_url,
        advice,
    );
    // Beside the layers: the call that a tool makes goes through them. Below another router, because a route added to `api` would
    // copy all its routes, which `mcp` shares.
    let mcp = mcp::route(app.gate.clone(), api.clone());
    Router::new().route(mcp::PATH, finish_route(mcp, public_url)).fallback_service(api)
}
