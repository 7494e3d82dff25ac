//! Where Zoho posts its webhooks: verified on the raw bytes, stored once, answered at once. Everything else comes later
//! and elsewhere.

mod inventory;
mod resource;
mod secrets;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use shared::base::web::finish;
use shared::core::event::Events;
use shared::core::parts::Parts;

/// The largest body that is taken: what Zoho sends is smaller, and a row holds 400 KB.
const BODY_LIMIT: usize = 256 * 1024;

/// What the routes work with.
struct App {
    events: Events,
    secrets: secrets::Believed,
}

/// The routes of this function.
pub fn router(parts: &Parts) -> Router {
    let app = App {
        events: Events::new(parts.stores.events.clone(), parts.clock.clone()),
        secrets: secrets::Believed::new(parts.stores.secrets.clone(), parts.clock.clone()),
    };
    let receive = post(inventory::receive).put(inventory::receive).delete(inventory::receive);
    finish(
        Router::new()
            .route("/webhooks/{connection}/inventory/{event}", receive)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(Arc::new(app)),
    )
}
