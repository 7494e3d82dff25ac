//! The one address that an agent knows: `/v1/**` and `/health`. A request goes through here from top to bottom: its key
//! (`caller`), its connection (`choice`), its route (`routes/`), the call to Zoho (`zoho_call`).

mod caller;
mod choice;
mod params;
mod routes;
mod zoho_call;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use shared::base::web::finish;
use shared::core::event::Events;
use shared::core::key::Keys;
use shared::core::parts::Parts;
use shared::core::renewer::Renewer;
use shared::core::token::Tokens;
use shared::store::Table;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;

/// What the routes work with.
struct App {
    keys: Keys,
    tokens: Tokens,
    state: Arc<dyn Table>,
    events: Events,
    http: Http,
    centres: DataCentres,
    denied: zoho_call::Denied,
}

/// The routes of this function.
pub fn router(parts: &Parts, renewer: Arc<dyn Renewer>) -> Router {
    let (stores, clock) = (&parts.stores, parts.clock.clone());
    let app = App {
        keys: Keys::new(stores.state.clone(), clock.clone()),
        tokens: Tokens::new(stores.secrets.clone(), renewer, clock.clone()),
        state: stores.state.clone(),
        events: Events::new(stores.events.clone(), clock),
        http: parts.http.clone(),
        centres: parts.centres.clone(),
        denied: zoho_call::Denied::default(),
    };
    finish(
        Router::new()
            .route("/health", get(routes::health::health))
            .route("/v1/status", get(routes::status::status))
            .route("/v1/inventory/items", get(routes::items::list))
            .route("/v1/inventory/items/{item_id}", get(routes::items::one))
            .route("/v1/crm/deals", get(routes::deals::list))
            .route("/v1/crm/deals/{id}", get(routes::deals::one))
            .route("/v1/events", get(routes::events::list))
            .route("/v1/events/{id}", get(routes::events::one))
            .with_state(Arc::new(app)),
        parts.settings.public_url.as_ref(),
    )
}
