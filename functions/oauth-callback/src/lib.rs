//! Where a person consents: sends their browser to Zoho and receives it back. It can read neither client secrets nor tokens;
//! it hands the code that Zoho gives to token-refresh.

mod app;
pub mod authorization_request;
mod browser;
mod callback;
mod cookie;
mod organization;
mod outcome;
mod pages;
mod start;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use shared::base::web::finish;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::services::Services;

use crate::app::App;

/// The routes of this function.
pub fn router(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Router {
    finish(
        Router::new()
            .route("/oauth/start", get(start::start))
            .route("/oauth/callback", get(callback::callback))
            .route("/oauth/organization", post(organization::choose))
            .with_state(Arc::new(App::new(services, token_refresh))),
        services.settings.public_url.as_ref(),
    )
}
