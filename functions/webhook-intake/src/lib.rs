//! Where Zoho and others post their webhooks: verified on the raw bytes, stored once, answered at once. All other work is
//! event-delivery's.

mod admission;
mod app;
mod crm;
mod custom;
mod form;
mod inventory;
mod payload;
mod rejection;
mod secret_cache;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::post;
use shared::base::web::finish;
use shared::core::services::Services;
use tokio::time::timeout;

use crate::app::App;

/// The largest body that is accepted: Zoho's are smaller, and a row holds 400 KB.
const BODY_LIMIT: usize = 256 * 1024;

/// How long a start may wait for the secrets.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The routes of this function.
pub fn router(services: &Services) -> Router {
    routes(App::new(services), services)
}

/// The routes of this function, once the secrets are read: nobody waits for a start, but Zoho waits for an answer.
pub async fn warm_router(services: &Services) -> Router {
    let app = App::new(services);
    let read = timeout(WARM_UP_TIMEOUT, app.secrets.get()).await;
    if !matches!(read, Ok(Ok(_))) {
        tracing::warn!("the secrets could not be read ahead");
    }
    routes(app, services)
}

fn routes(app: App, services: &Services) -> Router {
    let inventory = post(inventory::receive).put(inventory::receive).delete(inventory::receive);
    let router = Router::new()
        .route("/webhooks/{connection}/inventory/{event}", inventory)
        .route("/webhooks/{connection}/crm", post(crm::receive))
        .route("/webhooks/{connection}/custom/{event}", post(custom::receive).put(custom::receive))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::new(app));
    finish(router, services.settings.public_url.as_ref()).layer(from_fn(rejection::count))
}
