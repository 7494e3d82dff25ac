//! The one address that an agent knows: `/v1/**`, `/health` and `/openapi.json`. A request goes through here from top to
//! bottom: its key (`caller`), its connection (`choice`), its route (`routes/`), the call to Zoho (`zoho_call`).

mod body;
mod caller;
mod choice;
mod estimate;
pub mod openapi;
pub mod operation;
mod params;
mod picklists;
mod routes;
mod writes;
mod zoho_call;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use shared::base::believed::Believed;
use shared::base::clock::SharedClock;
use shared::base::id::ConnectionName;
use shared::base::web::finish;
use shared::core::audit::Audit;
use shared::core::connection::Connections;
use shared::core::event::Events;
use shared::core::idempotency::Idempotency;
use shared::core::key::Keys;
use shared::core::parts::Parts;
use shared::core::preview::Previews;
use shared::core::renewer::Renewer;
use shared::core::token::Tokens;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use tokio::join;
use tokio::time::timeout;

use routes::Serving;

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
    idempotency: Idempotency,
    previews: Previews,
    audit: Audit,
    clock: SharedClock,
    http: Http,
    centres: DataCentres,
    denied: zoho_call::Denied,
    picklists: Believed<ConnectionName, Arc<picklists::Picklists>>,
}

impl App {
    fn new(parts: &Parts, renewer: Arc<dyn Renewer>) -> Self {
        let (stores, clock) = (&parts.stores, parts.clock.clone());
        Self {
            keys: Keys::new(stores.state.clone(), clock.clone()),
            tokens: Tokens::new(stores.secrets.clone(), renewer, clock.clone()),
            connections: Connections::new(stores.state.clone(), clock.clone()),
            events: Events::new(stores.events.clone(), clock.clone()),
            idempotency: Idempotency::new(stores.state.clone(), clock.clone()),
            previews: Previews::new(stores.state.clone(), clock.clone()),
            audit: Audit::new(stores.state.clone(), clock.clone()),
            picklists: Believed::new(clock.clone()),
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
    let mut serving = Serving(Some(Router::new()));
    routes::all(&mut serving);
    let router = serving.0.unwrap_or_default();
    finish(
        router.layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(Arc::new(app)),
        parts.settings.public_url.as_ref(),
    )
}
