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
mod shown_connector;
mod source;
mod words;
mod writes;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use clap::Args;
use tokio::net::TcpListener;

use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::server::signals::stop_signal;
use crate::terminal::say;
use door::Door;
use shown_connector::ShownConnector;

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
        let shown = Arc::new(ShownConnector::new(opened.services, token_refresh, self.installation));
        let stop = stop_signal();
        say(format!("Console of {}, for one browser on this machine:", shown.name));
        say("");
        say(format!("  {link}"));
        say("");
        say("The link opens once. Ctrl-C ends it.");
        tokio::select! {
            served = axum::serve(listener, router(shown, Arc::new(door))).into_future() => {
                served.map_err(|error| error.to_string())?;
            }
            () = stop => {}
        }
        say("Ended.");
        Ok(())
    }
}

fn router(shown: Arc<ShownConnector>, door: Arc<Door>) -> Router {
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
