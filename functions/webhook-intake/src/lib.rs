//! Where Zoho posts its webhooks: verified on the raw bytes, stored once, answered at once. Everything else comes later
//! and elsewhere.

mod inventory;
mod resource;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use shared::base::believed::Believed;
use shared::base::web::finish;
use shared::core::event::Events;
use shared::core::parts::Parts;
use shared::core::webhook::WebhookSecrets;
use shared::store::{Secrets, StoreError};
use tokio::time::timeout;

/// The largest body that is taken: what Zoho sends is smaller, and a row holds 400 KB.
const BODY_LIMIT: usize = 256 * 1024;

/// How long a start may wait for what it reads ahead.
const AHEAD: Duration = Duration::from_secs(2);

/// What the routes work with.
struct App {
    events: Events,
    secrets: Arc<dyn Secrets>,
    believed: Believed<(), Arc<WebhookSecrets>>,
}

impl App {
    fn new(parts: &Parts) -> Self {
        Self {
            events: Events::new(parts.stores.events.clone(), parts.clock.clone()),
            secrets: parts.stores.secrets.clone(),
            believed: Believed::new(parts.clock.clone()),
        }
    }

    async fn webhook_secrets(&self) -> Result<Arc<WebhookSecrets>, StoreError> {
        if let Some(secrets) = self.believed.get(&()) {
            return Ok(secrets);
        }
        let secrets = Arc::new(WebhookSecrets::read(&*self.secrets).await?);
        self.believed.learn((), secrets.clone());
        Ok(secrets)
    }
}

/// The routes of this function.
pub fn router(parts: &Parts) -> Router {
    routes(App::new(parts), parts)
}

/// The routes of this function, after the secrets were read: nobody waits for a start, but Zoho waits for an answer.
pub async fn warm_router(parts: &Parts) -> Router {
    let app = App::new(parts);
    let ahead = timeout(AHEAD, app.webhook_secrets()).await;
    if !matches!(ahead, Ok(Ok(_))) {
        tracing::warn!("the secrets could not be read ahead");
    }
    routes(app, parts)
}

fn routes(app: App, parts: &Parts) -> Router {
    let receive = post(inventory::receive).put(inventory::receive).delete(inventory::receive);
    finish(
        Router::new()
            .route("/webhooks/{connection}/inventory/{event}", receive)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(Arc::new(app)),
        parts.settings.public_url.as_ref(),
    )
}
