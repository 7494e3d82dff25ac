//! The one address that an agent knows: `/v1/**` and `/health`. A request goes through here from top to bottom: its key
//! (`caller`), its connection (`choice`), its route (`routes/`), the call to Zoho (`zoho_call`).

mod body;
mod caller;
mod choice;
mod crm_page;
mod estimate;
mod fields;
mod params;
mod redact;
mod routes;
mod stock_at;
mod to_the_end;
mod writes;
mod zoho_call;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use shared::base::believed::Believed;
use shared::base::clock::SharedClock;
use shared::base::id::ConnectionName;
use shared::base::web::finish;
use shared::core::audit::Audit;
use shared::core::connection::Connections;
use shared::core::event::Events;
use shared::core::idempotency::Idempotency;
use shared::core::key::Keys;
use shared::core::ledger::Ledger;
use shared::core::own::OwnWrites;
use shared::core::parts::Parts;
use shared::core::preview::Previews;
use shared::core::renewer::Renewer;
use shared::core::token::Tokens;
use shared::zoho::crm_field::Field;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use tokio::join;
use tokio::time::timeout;

/// How long a start may wait for what it reads ahead.
const AHEAD: Duration = Duration::from_secs(2);

/// The largest body that is taken.
const BODY_LIMIT: usize = 128 * 1024;

/// What the routes work with.
struct App {
    keys: Keys,
    tokens: Tokens,
    connections: Connections,
    events: Events,
    ledger: Ledger,
    own: OwnWrites,
    idempotency: Idempotency,
    previews: Previews,
    audit: Audit,
    clock: SharedClock,
    http: Http,
    centres: DataCentres,
    denied: zoho_call::Denied,
    fields: Believed<fields::Module, Arc<[Field]>>,
}

impl App {
    fn new(parts: &Parts, renewer: Arc<dyn Renewer>) -> Self {
        let (stores, clock) = (&parts.stores, parts.clock.clone());
        Self {
            keys: Keys::new(stores.state.clone(), clock.clone()),
            tokens: Tokens::new(stores.secrets.clone(), renewer, clock.clone()),
            connections: Connections::new(stores.state.clone(), clock.clone()),
            events: Events::new(stores.events.clone(), clock.clone()),
            ledger: Ledger::new(stores.events.clone(), clock.clone()),
            own: OwnWrites::new(stores.state.clone(), clock.clone()),
            idempotency: Idempotency::new(stores.state.clone(), clock.clone()),
            previews: Previews::new(stores.state.clone(), clock.clone()),
            audit: Audit::new(stores.state.clone(), clock.clone()),
            fields: Believed::new(clock.clone()),
            clock,
            http: parts.http.clone(),
            centres: parts.centres.clone(),
            denied: zoho_call::Denied::default(),
        }
    }
}

/// The routes of this function.
pub fn router(parts: &Parts, renewer: Arc<dyn Renewer>) -> Router {
    routes(App::new(parts, renewer), parts)
}

/// The routes of this function, after the first keys and the usual connection's token were read: while Lambda starts a
/// function, its processor is fast, and nobody waits yet.
pub async fn warm_router(parts: &Parts, renewer: Arc<dyn Renewer>) -> Router {
    let app = App::new(parts, renewer);
    let usual = ConnectionName::default();
    let (keys, token) = (app.keys.preload(), app.tokens.read_ahead(&usual));
    let ahead = timeout(AHEAD, async { join!(keys, token).0 }).await;
    if !matches!(ahead, Ok(Ok(()))) {
        tracing::warn!(?ahead, "the keys could not be read ahead");
    }
    routes(app, parts)
}

fn routes(app: App, parts: &Parts) -> Router {
    let app = Arc::new(app);
    finish(
        Router::new()
            .route("/health", get(routes::health::health))
            .route("/v1/status", get(routes::status::status))
            .route("/v1/inventory/items", get(routes::items::list))
            .route("/v1/inventory/items/{item_id}", get(routes::items::one))
            .merge(routes::records::routes())
            .merge(routes::people::routes())
            .route("/v1/inventory/salesorders", post(routes::salesorders::create))
            .route("/v1/inventory/salesorders/{id}/confirm", post(routes::salesorders::confirm))
            .route("/v1/inventory/salesorders/{id}/void", post(routes::salesorders::void))
            .route("/v1/crm/deals", get(routes::deals::list).post(routes::deal_writes::create))
            .route("/v1/crm/deals/{id}", get(routes::deals::one).patch(routes::deal_writes::update))
            .route("/v1/crm/deals/upsert", post(routes::deal_writes::upsert))
            .route("/v1/crm/deals/{id}/brief", get(routes::brief::brief))
            .route("/v1/crm/fields", get(routes::fields::list))
            .route("/v1/crm/query", post(routes::query::query))
            .route("/v1/crm/deals/{id}/notes", get(routes::notes::list).post(routes::notes::create))
            .route("/v1/audit", get(routes::audit::list))
            .route("/v1/events", get(routes::events::list))
            .route("/v1/events/{id}", get(routes::events::one))
            .route("/v1/events/claim", post(routes::claims::claim))
            .route("/v1/events/ack", post(routes::claims::ack))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(from_fn_with_state(app.clone(), redact::layer))
            .layer(from_fn(to_the_end::layer))
            .with_state(app),
        parts.settings.public_url.as_ref(),
    )
}
