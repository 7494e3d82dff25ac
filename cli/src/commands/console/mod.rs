//! `zoho-connector console`: pages on the operator's own machine that show how a connector is and what it does.

mod calls;
mod chart;
mod door;
mod events;
#[cfg(feature = "stack")]
mod logs;
mod overview;
mod page;
mod plot;
mod reconciliations;
mod words;
mod writes;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use clap::Args;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::settings::Home;
use shared::core::connection::token_refresh::TokenRefreshClient;
use shared::core::connection::{self, Connection};
use shared::core::events::Events;
use shared::core::events::ledger::Ledger;
use shared::core::quota::Quotas;
use shared::core::reconciliation::Reconciliations;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;
use shared::store::StoreError;
use tokio::net::TcpListener;

use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::server::stop_signal;
use crate::terminal::say;
use calls::Source;
use door::Door;

#[derive(Args)]
pub(crate) struct Console {
    /// Port to listen on [default: any free one]
    #[arg(long)]
    port: Option<u16>,
    #[command(flatten)]
    installation: Installation,
}

impl Console {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let port = self.port.unwrap_or(0);
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let listener = listener.await.map_err(|error| {
            format!("cannot listen on port {port} of this machine: {error}; choose another with --port")
        })?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (door, link) = Door::new(address);
        let token_refresh = opened.token_refresh();
        let shown = Arc::new(Shown::new(opened.services, token_refresh));
        say(format!("Console of {}, for one browser on this machine:", shown.name));
        say("");
        say(format!("  {link}"));
        say("");
        say("The link opens once. Ctrl-C ends it.");
        tokio::select! {
            served = axum::serve(listener, router(shown, Arc::new(door))).into_future() => {
                served.map_err(|error| error.to_string())?;
            }
            () = stop_signal() => {}
        }
        say("Ended.");
        Ok(())
    }
}

fn router(shown: Arc<Shown>, door: Arc<Door>) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .route("/calls", get(calls::show).post(calls::ask))
        .route("/events", get(events::show))
        .route("/events/replay", post(events::replay))
        .route("/writes", get(writes::show))
        .route("/reconciliations", get(reconciliations::show))
        .route("/reconciliations/{connection}/{id}", get(reconciliations::report))
        .fallback(|| async { page::nothing() })
        .with_state(shown)
        .layer(from_fn_with_state(door, door::guard))
}

/// What the pages are made of.
struct Shown {
    /// What it is the console of: `the folder data`.
    name: String,
    services: Services,
    token_refresh: Arc<dyn TokenRefreshClient>,
    events: Events,
    ledger: Ledger,
    quotas: Quotas,
    audit: Audit,
    reconciliations: Reconciliations,
    calls: Source,
}

impl Shown {
    fn new(services: Services, token_refresh: Arc<dyn TokenRefreshClient>) -> Self {
        let (state, clock) = (services.stores.state.clone(), services.clock.clone());
        let events = services.stores.events.clone();
        let name = match &services.settings.home {
            Home::Folder(folder) => format!("the folder {}", folder.display()),
            Home::Stack(stack) => format!("the stack {}", stack.name),
        };
        Self {
            name,
            token_refresh,
            events: Events::new(events.clone(), clock.clone()),
            ledger: Ledger::new(events, clock.clone()),
            quotas: Quotas::new(state.clone(), clock.clone(), services.settings.inventory),
            audit: Audit::new(state.clone(), clock.clone()),
            reconciliations: Reconciliations::new(state, clock),
            calls: Source::of(&services),
            services,
        }
    }

    fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        connection::list(&*self.services.stores.state).await
    }

    /// The connections' names, and the one that is asked for; the first where none is.
    async fn chosen(&self, asked: Option<&str>) -> Result<(Vec<ConnectionName>, ConnectionName), StoreError> {
        let names: Vec<_> = self.connections().await?.into_iter().map(|found| found.name).collect();
        let chosen = names.iter().find(|name| Some(name.as_str()) == asked).or(names.first());
        let chosen = chosen.cloned().unwrap_or_default();
        Ok((names, chosen))
    }
}
