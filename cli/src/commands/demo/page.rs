//! The demo's page at `/`: connection, token, last calls, events, and a button that changes something in Zoho.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use jiff::Timestamp;
use sandbox::{ItemChange, Sandbox};
use shared::base::clock::SharedClock;
use shared::base::html_page::{Escaped, Mood, Page, breakable};
use shared::base::id::ConnectionName;
use shared::core::connection::{self, Connection};
use shared::core::events::{Event, Events};
use shared::core::services::Services;
use shared::store::{StoreError, Table};

use crate::server::calls::{Call, Calls};

/// The item that the page's button sells.
pub(super) const SHELF: &str = "3300000000070001";

struct Demo {
    state: Arc<dyn Table>,
    events: Events,
    clock: SharedClock,
    sandbox: Sandbox,
    calls: Calls,
}

pub(super) fn router(services: &Services, sandbox: &Sandbox, calls: &Calls) -> Router {
    let demo = Demo {
        state: services.stores.state.clone(),
        events: Events::new(services.stores.events.clone(), services.clock.clone()),
        clock: services.clock.clone(),
        sandbox: sandbox.clone(),
        calls: calls.clone(),
    };
    Router::new().route("/", get(show).post(sell)).with_state(Arc::new(demo))
}

/// One shelf less in Zoho: the sandbox posts a signed webhook, and an event appears.
async fn sell(State(demo): State<Arc<Demo>>) -> Redirect {
    demo.sandbox.change_item(SHELF, ItemChange::Stock(-1.0)).await;
    Redirect::to("/")
}

async fn show(State(demo): State<Arc<Demo>>) -> Response {
    match demo.read().await {
        Ok((connection, events)) => demo.page(connection.as_ref(), &events).into_response(),
        Err(error) => Page::new(Mood::Bad, "The store does not answer").line(error).into_response(),
    }
}

impl Demo {
    async fn read(&self) -> Result<(Option<Connection>, Vec<Event>), StoreError> {
        let name = ConnectionName::default();
        Ok((connection::get(&*self.state, &name).await?, self.events.newest(&name, 8).await?))
    }

    fn page(&self, connection: Option<&Connection>, events: &[Event]) -> Page {
        let now = self.clock.now();
        let page = Page::new(Mood::Good, "Demo: connected to a stand-in Zoho").refresh(5);
        let page = match connection {
            Some(found) => page.facts(&describe(found, now)),
            None => page.line("Connecting …"),
        };
        page.html("<h2>Change something in Zoho</h2>")
            .html("<form method=\"post\" action=\"/\"><button>Sell one Oak Shelf 80 cm</button></form>")
            .soft("The stand-in Zoho lowers the stock and posts a signed webhook, which becomes an event below.")
            .html(list_events(events, now))
            .html(list_calls(&self.calls.list(), now))
            .html("<p class=\"soft\">The commands to paste, and the service key, stand in the terminal. \
                   What Zoho sees: <a href=\"/sandbox/control/requests\">requests to the sandbox</a>.</p>")
    }
}

fn describe(found: &Connection, now: Timestamp) -> [(&'static str, String); 6] {
    let organization = found.organization.as_ref().map_or("none", |found| found.name.as_str());
    let products: Vec<_> = found.scopes.products().iter().map(ToString::to_string).collect();
    let renewed = found.token_renewed_at.map_or("never".to_owned(), |at| format!("{} ago", span(now, at)));
    let ends = found.token_expires.map_or("unknown".to_owned(), |at| format!("in {}", span(at, now)));
    [
        ("Connection", found.name.to_string()),
        ("State", found.state.as_str().replace('_', " ")),
        ("Organisation", organization.to_owned()),
        ("Products", products.join(", ")),
        ("Data centre", format!("{} (the client is registered in {})", found.data_centre, found.home)),
        ("Access token", format!("made {renewed}, ends {ends}, renewed 30 minutes before")),
    ]
}

fn list_events(events: &[Event], now: Timestamp) -> String {
    if events.is_empty() {
        return "<h2>Events</h2><p class=\"soft\">None yet: the button above makes one.</p>".to_owned();
    }
    let rows = events.iter().fold(String::new(), |mut html, event| {
        let _ = write!(
            html,
            "<tr><td>{} ago</td><td>{}</td><td>{}</td></tr>",
            span(now, event.receivedtime),
            breakable(&event.kind),
            breakable(event.subject.as_deref().unwrap_or_default()),
        );
        html
    });
    format!("<h2>Events</h2><table><tr><th>Came</th><th>Type</th><th>Subject</th></tr>{rows}</table>")
}

fn list_calls(calls: &[Call], now: Timestamp) -> String {
    if calls.is_empty() {
        return "<h2>Last calls</h2><p class=\"soft\">None yet: a command of the terminal makes one.</p>"
            .to_owned();
    }
    let rows = calls.iter().fold(String::new(), |mut html, call| {
        let _ = write!(
            html,
            "<tr><td>{} ago</td><td>{} {}</td><td>{}</td><td class=\"wide\">{:.1} ms</td></tr>",
            span(now, call.at),
            Escaped(&call.method),
            breakable(&call.path),
            call.status,
            call.milliseconds,
        );
        html
    });
    format!(
        "<h2>Last calls</h2><table><tr><th>When</th><th>What</th><th>Status</th><th class=\"wide\">Took</th></tr>{rows}</table>"
    )
}

/// A time span as people say it.
fn span(late: Timestamp, early: Timestamp) -> String {
    match late.duration_since(early).as_secs().max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
