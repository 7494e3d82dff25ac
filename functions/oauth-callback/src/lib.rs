//! Where a person consents: sends their browser to Zoho and takes it back. It can read neither client secrets nor
//! tokens; what comes back from Zoho is handed to token-refresh.

pub mod begin;
mod browser;
mod callback;
mod cookie;
mod organization;
mod pages;
mod start;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use shared::base::web::finish;
use shared::core::connection::consent::Consents;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::services::Services;
use shared::store::Table;
use shared::zoho::data_centre::DataCentres;

/// What the routes work with.
struct App {
    consents: Consents,
    state: Arc<dyn Table>,
    token_refresh: Arc<dyn TokenRefreshClient>,
    centres: DataCentres,
}

/// The routes of this function.
pub fn router(services: &Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Router {
    let app = App {
        consents: Consents::new(services.stores.state.clone(), services.clock.clone()),
        state: services.stores.state.clone(),
        token_refresh,
        centres: services.centres.clone(),
    };
    finish(
        Router::new()
            .route("/oauth/start", get(start::start))
            .route("/oauth/callback", get(callback::callback))
            .route("/oauth/organization", post(organization::choose))
            .with_state(Arc::new(app)),
        services.settings.public_url.as_ref(),
    )
}
