//! What all pages have: the head with its parts, one inline style, and a policy that allows nothing else.

use std::fmt::{Display, Write};
use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use shared::base::html_page::{Commands, Escaped, ICON, LOOK, policy_of};
use shared::base::id::ConnectionName;
use shared::store::StoreError;

use super::shown_connector::ShownConnector;

static STYLE: LazyLock<String> = LazyLock::new(|| format!("{LOOK}{}", include_str!("console.css")));

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy_of(&STYLE));

/// The parts of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Overview,
    Calls,
    Events,
    Writes,
    Reconciliations,
}

impl Part {
    const ALL: [Self; 5] = [Self::Overview, Self::Calls, Self::Events, Self::Writes, Self::Reconciliations];

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Calls => "Calls",
            Self::Events => "Events",
            Self::Writes => "Writes",
            Self::Reconciliations => "Reconciliations",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Calls => "/calls",
            Self::Events => "/events",
            Self::Writes => "/writes",
            Self::Reconciliations => "/reconciliations",
        }
    }
}

/// A page of the console. `body` is HTML, in which all foreign text is escaped.
pub(super) fn page(shown: &ShownConnector, part: Part, body: &str) -> Response {
    let links = Part::ALL.iter().fold(String::new(), |mut html, other| {
        let current = if *other == part { " aria-current=\"page\"" } else { "" };
        let _ = write!(html, "<a href=\"{}\"{current}>{}</a>", other.path(), other.title());
        html
    });
    let title = part.title();
    respond(
        StatusCode::OK,
        &format!("{title} · {}", shown.name),
        &format!(
            "<a class=\"skip\" href=\"#main\">To the content</a><header><p class=\"brand\">Zoho Connector · console of {}</p>\
             <nav aria-label=\"Parts\">{links}</nav></header><main id=\"main\"><h1>{title}</h1>{body}</main>",
            Escaped(&shown.name),
        ),
    )
}

/// A page that only says something. Text between backticks is code.
pub(super) fn message(status: StatusCode, title: &str, line: &str) -> Response {
    says(status, title, Commands(line))
}

fn says(status: StatusCode, title: &str, html: impl Display) -> Response {
    let body = format!(
        "<header><p class=\"brand\">Zoho Connector · console</p></header><main id=\"main\"><h1>{}</h1><p>{html}</p></main>",
        Escaped(title)
    );
    respond(status, title, &body)
}

/// Where nothing is.
pub(super) fn nothing() -> Response {
    let html = "The console has no page at this address. <a href=\"/\">To the overview</a>";
    says(StatusCode::NOT_FOUND, "Nothing to show here", html)
}

/// Where the store does not answer.
pub(super) fn failed(error: &StoreError) -> Response {
    message(StatusCode::BAD_GATEWAY, "The store does not answer", &error.to_string())
}

fn respond(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{ICON}<title>{}</title><style>{}</style></head>\
         <body>{body}</body></html>",
        Escaped(title),
        STYLE.as_str(),
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    // Without a referrer, browsers send forms with `Origin: null`.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Links to choose one of several by, the current one marked. Nothing where there is no choice.
pub(super) fn pick<T: Display, L: Display>(choices: impl IntoIterator<Item = (T, L, bool)>) -> String {
    let mut count = 0;
    let links = choices.into_iter().fold(String::new(), |mut html, (word, link, is_current)| {
        count += 1;
        let current = if is_current { " aria-current=\"true\"" } else { "" };
        let _ = write!(html, "<a href=\"{}\"{current}>{}</a>", Escaped(link), Escaped(word));
        html
    });
    if count < 2 { String::new() } else { format!("<div class=\"pick\">{links}</div>") }
}

/// The choice among connections.
pub(super) fn pick_connection(part: Part, names: &[ConnectionName], chosen: &ConnectionName) -> String {
    pick(names.iter().map(|name| (name, format!("{}?connection={name}", part.path()), name == chosen)))
}

/// What people wrote, isolated: it may run from right to left.
pub(super) fn foreign(text: impl Display) -> String {
    format!("<bdi>{}</bdi>", Escaped(text))
}

/// A state: a dot of its colour, and its word.
pub(super) fn state(class: &str, word: &str) -> String {
    format!("<span class=\"state {class}\">{}</span>", Escaped(word))
}
