//! Where Zoho and others post their webhooks: verified on the raw bytes, stored once, answered at once. Everything else
//! comes later and elsewhere.

mod crm;
mod custom;
mod form;
mod inventory;
mod payload;
mod rejection;
mod secret_cache;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::post;
use axum::{Json, Router};
use shared::base::problem::{Code, Problem};
use shared::base::web::finish;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::core::events::{Delivery, Events, Receipt};
use shared::core::services::Services;
use shared::store::StoreError;
use tokio::time::timeout;

use crate::secret_cache::Known;

/// The largest body that is taken: what Zoho sends is smaller, and a row holds 400 KB.
const BODY_LIMIT: usize = 256 * 1024;

/// How long a start may wait for what it reads ahead.
const AHEAD: Duration = Duration::from_secs(2);

/// What the routes work with.
struct App {
    events: Events,
    known: Known,
}

impl App {
    fn new(services: &Services) -> Self {
        Self {
            events: Events::new(services.stores.events.clone(), services.clock.clone()),
            known: Known::new(services.stores.secrets.clone(), services.clock.clone()),
        }
    }

    /// Checks a delivery with the secrets that are known, and where it does not fit, with newer ones.
    async fn admit(&self, check: impl Fn(&WebhookSecrets) -> Result<(), Problem>) -> Result<(), Problem> {
        let known = self.known.get().await?;
        let Err(problem) = check(&known) else { return Ok(()) };
        // What carries nothing to be checked fits no secret.
        if problem.code() == Code::WebhookUnsigned {
            return Err(problem);
        }
        match self.known.newer(&known).await? {
            Some(newer) => check(&newer),
            None => Err(problem),
        }
    }

    /// Stores a delivery that was found genuine: one conditional write, and the only call to a store that an answer waits
    /// for.
    async fn store(&self, delivery: Delivery) -> Result<Json<Receipt>, Problem> {
        match self.events.store(delivery).await {
            // A form can grow when it becomes JSON.
            Err(StoreError::TooLarge(_)) => Err(rejection::too_large()),
            stored => Ok(Json(stored?)),
        }
    }
}

/// The routes of this function.
pub fn router(services: &Services) -> Router {
    routes(App::new(services), services)
}

/// The routes of this function, after the secrets were read: nobody waits for a start, but Zoho waits for an answer.
pub async fn warm_router(services: &Services) -> Router {
    let app = App::new(services);
    let ahead = timeout(AHEAD, app.known.get()).await;
    if !matches!(ahead, Ok(Ok(_))) {
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
