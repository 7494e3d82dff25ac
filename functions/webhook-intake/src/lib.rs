//! Where Zoho and others post their webhooks: verified on the raw bytes, stored once, answered at once. All other work is
//! event-delivery's.

mod admission;
mod app;
mod crm;
mod custom;
mod form;
mod headers;
mod inventory;
mod operators_test;
mod payload;
mod rejection;
mod routes;
mod secret_cache;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests;
mod unfilled_placeholders;

use std::time::Duration;

use axum::Router;
use shared::core::services::Services;
use tokio::time::timeout;

use crate::app::App;

/// How long a start may wait for the secrets.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The routes of this function.
pub fn router(services: &Services) -> Router {
    routes::serve(App::new(services), services)
}

/// The routes of this function, once the secrets are read: nobody waits for a start, but Zoho waits for an answer.
pub async fn warm_router(services: &Services) -> Router {
    let app = App::new(services);
    let read = timeout(WARM_UP_TIMEOUT, app.secrets.get()).await;
    if !matches!(read, Ok(Ok(_))) {
        tracing::warn!("the secrets could not be read ahead");
    }
    routes::serve(app, services)
}
