//! The one address that an agent knows: `/v1/**`, `/health` and `/openapi.json`. A request goes through here from top to
//! bottom: its key (`caller`), its connection (`choice`), its route (`routes/`), the call to Zoho (`zoho_call`), its headers
//! (`notes`).

mod body;
mod caller;
mod choice;
mod crm_page;
mod estimate;
mod fields;
mod notes;
pub mod openapi;
pub mod operation;
mod params;
mod passthrough;
mod redact;
mod routes;
mod stock_at;
mod to_the_end;
mod writes;
mod zoho_call;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use shared::base::believed::Believed;
use shared::base::clock::SharedClock;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
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
use shared::core::quota::Quotas;
use shared::core::renewer::Renewer;
use shared::core::token::Tokens;
use shared::zoho::crm_field::Field;
use shared::zoho::data_centre::DataCentres;
use shared::zoho::http::Http;
use tokio::join;
use tokio::time::timeout;

use routes::Serving;

/// How long a start may wait for what it reads ahead.
const AHEAD: Duration = Duration::from_secs(2);

/// The largest body that is taken, but for what is passed through.
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
    quotas: Quotas,
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
            quotas: Quotas::new(stores.state.clone(), clock.clone(), parts.settings.inventory),
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

/// The routes of this function, after the first keys, the usual connection's token and how much of its quota is used were
/// read: while Lambda starts a function, its processor is fast, and nobody waits yet.
pub async fn warm_router(parts: &Parts, renewer: Arc<dyn Renewer>) -> Router {
    let app = App::new(parts, renewer);
    let usual = ConnectionName::default();
    let token = async {
        if let Some(token) = app.tokens.read_ahead(&usual).await {
            app.quotas.read_ahead(&token).await;
        }
    };
    let ahead = timeout(AHEAD, async { join!(app.keys.preload(), token).0 }).await;
    if !matches!(ahead, Ok(Ok(()))) {
        tracing::warn!(?ahead, "the keys could not be read ahead");
    }
    routes(app, parts)
}

fn routes(app: App, parts: &Parts) -> Router {
    let app = Arc::new(app);
    let mut serving = Serving(Some(Router::new()));
    routes::all(&mut serving);
    let router = serving.0.unwrap_or_default();
    finish(
        router
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(from_fn(redact::layer))
            .layer(map_response(limited))
            .layer(from_fn_with_state(parts.clock.clone(), notes::told))
            .layer(from_fn(to_the_end::layer))
            .with_state(app),
        parts.settings.public_url.as_ref(),
    )
}

/// Holds every answer to the size that is promised: Lambda takes 6 MB, and base64 adds a third.
async fn limited(response: Response) -> Response {
    let fits = |size: usize| size <= passthrough::LIMIT;
    if response.body().size_hint().exact().is_none_or(|size| usize::try_from(size).is_ok_and(fits)) {
        return response;
    }
    let done = if response.extensions().get::<writes::Written>().is_some() {
        "Zoho has done this, so do not send it again; but its answer is larger than the 4 MB that are passed on."
    } else {
        "The answer is larger than the 4 MB that are passed on."
    };
    Problem::new(Code::ResponseTooLarge, done).into_response()
}
