//! The endpoints: one for each kind of sender. The file of the same name knows how to verify its calls.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::post;
use shared::base::web::finish;
use shared::core::services::Services;

use crate::app::App;
use crate::rejection::BODY_LIMIT;
use crate::{crm, custom, inventory, rejection};

/// All routes.
pub(crate) fn serve(app: App, services: &Services) -> Router {
    let inventory = post(inventory::receive).put(inventory::receive).delete(inventory::receive);
    let router = Router::new()
        .route("/webhooks/{connection}/inventory/{event}", inventory)
        .route("/webhooks/{connection}/crm", post(crm::receive))
        .route("/webhooks/{connection}/custom/{event}", post(custom::receive).put(custom::receive))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(rejection::refuse_large))
        .with_state(Arc::new(app));
    finish(router, services.settings.public_url.as_ref()).layer(from_fn(rejection::count))
}
