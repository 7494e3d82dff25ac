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
use shared::core::consent::Consents;
use shared::core::parts::Parts;
use shared::core::renewer::Renewer;
use shared::store::Table;
use shared::zoho::data_centre::DataCentres;

/// What the routes work with.
struct App {
    consents: Consents,
    state: Arc<dyn Table>,
    renewer: Arc<dyn Renewer>,
    centres: DataCentres,
}

/// The routes of this function.
pub fn router(parts: &Parts, renewer: Arc<dyn Renewer>) -> Router {
    let app = App {
        consents: Consents::new(parts.stores.state.clone(), parts.clock.clone()),
        state: parts.stores.state.clone(),
        renewer,
        centres: parts.centres.clone(),
    };
    finish(
        Router::new()
            .route("/oauth/start", get(start::start))
            .route("/oauth/callback", get(callback::callback))
            .route("/oauth/organization", post(organization::choose))
            .with_state(Arc::new(app)),
        parts.settings.public_url.as_ref(),
    )
}
