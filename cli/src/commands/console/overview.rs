//! The first page: each connection with its token and quotas, the calls of the day, events and the last writes.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use shared::base::clock::{SignedDuration, Timestamp};
use shared::base::html_page::{Commands, Escaped, to_the_second};
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::core::connection::{Connection, State as ConnectionState};
use shared::store::StoreError;
use shared::zoho::scope::Product;

use super::page::{self, Part, foreign, page, state};
use super::shown_connector::ShownConnector;
use super::words::{ago, day, number, span, until};
use super::{calls, events, plot, writes};

/// From this share of a quota on, its bar warns.
const NEARLY_FULL: f64 = 0.8;

pub(super) async fn show(State(shown): State<Arc<ShownConnector>>) -> Response {
    match body(&shown).await {
        Ok(body) => page(&shown, Part::Overview, &body),
        Err(error) => page::failed(&error),
    }
}

async fn body(shown: &ShownConnector) -> Result<String, StoreError> {
    let now = shown.now();
    let connections = shown.connections().await?;
    let mut body = format!("<p class=\"soft\">{}. <a href=\"/\">Look again</a></p>", to_the_second(now));
    if connections.is_empty() {
        let _ = write!(
            body,
            "<p class=\"notice\">Nothing is connected. Begin with {}.</p>",
            shown.command("connect")
        );
    }
    let origin = shown.services.settings.public_url.clone().unwrap_or_default();
    for found in &connections {
        let quotas = Quota::read(shown, found).await?;
        body.push_str(&card(found, &quotas, origin.as_str(), now));
    }
    let _ = write!(
        body,
        "<h2>Calls of the last 24 hours</h2><div class=\"card\">{}</div>",
        calls::glance(shown).await?
    );
    let none = || "<p class=\"soft\">None that is still kept.</p>".to_owned();
    let mut quiet = Vec::new();
    for found in &connections {
        let events = events::glance(shown, &found.name).await?;
        let writes = writes::glance(shown, &found.name).await?;
        if events.is_none() && writes.is_none() && connections.len() > 1 {
            quiet.push(found.name.to_string());
            continue;
        }
        let of = if connections.len() > 1 { format!(" of {}", found.name) } else { String::new() };
        let _ = write!(
            body,
            "<div class=\"two\"><section><h2>Events{of}</h2><div class=\"card\">{}</div></section>\
             <section><h2>Last writes{of}</h2><div class=\"card\">{}</div></section></div>",
            events.unwrap_or_else(none),
            writes.unwrap_or_else(none),
        );
    }
    if !quiet.is_empty() {
        let _ = write!(body, "<p class=\"soft\">No event and no write is kept of {}.</p>", quiet.join(", "));
    }
    Ok(body)
}

/// What is known of the quotas of a connection: a measure for each.
struct Quota(Vec<Meter>);

struct Meter {
    name: &'static str,
    value: String,
    /// How full its bar is, and in which colour; nothing where it has no bar.
    bar: Option<(f64, &'static str)>,
    about: String,
}

impl Quota {
    async fn read(shown: &ShownConnector, found: &Connection) -> Result<Self, StoreError> {
        let (now, centre) = (shown.now(), found.data_centre);
        let products = found.scopes.products();
        let of = |product: Product, organization: &Option<Organization>| {
            organization.as_ref().filter(|_| products.contains(&product)).map(|found| found.id.clone())
        };
        let mut meters = Vec::new();
        if let Some(id) = of(Product::Inventory, &found.organization) {
            if let Some(left) = shown.quotas.stored(centre, &id).await? {
                let about = match left.blocked_until {
                    Some(at) => format!("Zoho refuses all calls for {}", until(at, now)),
                    None if left.used == 0 => "none in the last minute".to_owned(),
                    None => format!("all free again in {}", until(left.resets_at, now)),
                };
                let is_blocked = left.blocked_until.is_some();
                meters.push(Meter {
                    name: "Inventory, this minute",
                    value: format!("{} of {} calls", left.used, number(left.limit_per_minute.into())),
                    bar: Some(full(left.used.into(), left.limit_per_minute.into(), is_blocked)),
                    about,
                });
            }
            let today = shown.quotas.today(centre, &id).await?;
            meters.push(match shown.services.settings.inventory.per_day {
                Some(most) => Meter {
                    name: "Inventory, today",
                    value: format!("{} of {} calls", number(today.into()), number(most.into())),
                    bar: Some(full(today.into(), most.into(), false)),
                    about: "as the connector counts, until midnight UTC".to_owned(),
                },
                None => Meter {
                    name: "Inventory, today",
                    value: super::words::count(today.into(), "call", "calls"),
                    bar: None,
                    about: "as the connector counts since midnight UTC; no daily limit is set".to_owned(),
                },
            });
        }
        if let Some(id) = of(Product::Crm, &found.crm_organization) {
            meters.push(match shown.quotas.credits().stored(centre, &id).await? {
                Some(left) => Meter {
                    name: "CRM, 24 hours",
                    value: format!("{} credits left", number(left.credits_remaining)),
                    bar: None,
                    about: format!("as Zoho said {}", ago(left.as_of, now)),
                },
                None => Meter {
                    name: "CRM, 24 hours",
                    value: "no word from Zoho".to_owned(),
                    bar: None,
                    about: "Zoho names the credits that are left once half of them are used".to_owned(),
                },
            });
        }
        Ok(Self(meters))
    }
}

fn full(used: u64, most: u64, is_blocked: bool) -> (f64, &'static str) {
    let share = plot::share(used, most);
    let class = match share {
        _ if is_blocked => "bad",
        share if share >= NEARLY_FULL => "wait",
        _ => "good",
    };
    (share, class)
}

/// How long the access token still lives.
fn token(found: &Connection, now: Timestamp) -> Meter {
    let made = match found.token_renewed_at {
        Some(at) => format!("made {}", ago(at, now)),
        None => "none was made yet".to_owned(),
    };
    let Some(ends) = found.token_expires else {
        return Meter { name: "Access token", value: "none".to_owned(), bar: None, about: made };
    };
    let left = ends.duration_since(now);
    if left <= SignedDuration::ZERO {
        let value = format!("ended {}", ago(ends, now));
        return Meter { name: "Access token", value, bar: Some((0.0, "bad")), about: made };
    }
    let whole = found.token_renewed_at.map_or(SignedDuration::from_hours(1), |at| ends.duration_since(at));
    let seconds = |length: SignedDuration| u64::try_from(length.as_secs()).unwrap_or_default();
    // It is renewed half an hour before its end: what is left of it then is late.
    let class = if left < SignedDuration::from_mins(20) { "wait" } else { "good" };
    Meter {
        name: "Access token",
        value: format!("{} left", span(left)),
        bar: Some((plot::share(seconds(left), seconds(whole)), class)),
        about: format!("{made}; renewed 30 minutes before its end"),
    }
}

/// Where the user of a dead connection consents again: the operator sends it to them.
fn again(found: &Connection, origin: &str) -> String {
    if !matches!(found.state, ConnectionState::ReconnectRequired { .. }) || Wish::again(found).is_none() {
        return String::new();
    }
    let link = Escaped(format!("{origin}{}", Wish::path_again(&found.name))).to_string();
    format!("<br>Reconnect link: <a href=\"{link}\">{link}</a>")
}

fn card(found: &Connection, quotas: &Quota, origin: &str, now: Timestamp) -> String {
    let class = match found.state {
        ConnectionState::Healthy => "good",
        ConnectionState::CoolingDown { .. } | ConnectionState::Exhausted { .. } => "wait",
        ConnectionState::Misconfigured { .. }
        | ConnectionState::Disconnecting
        | ConnectionState::ReconnectRequired { .. } => "bad",
    };
    let mut facts: Vec<(&str, String)> = Vec::new();
    for (name, organization) in [("Inventory", &found.organization), ("CRM", &found.crm_organization)] {
        if let Some(organization) = organization {
            facts.push((name, foreign(&organization.name)));
        }
    }
    facts.push(("data centre", found.data_centre.to_string()));
    if let Some(user) = &found.user {
        facts.push(("user", foreign(user)));
    }
    facts.push(("connected", day(found.connected_at)));
    facts.push(("scopes", found.scopes.iter().count().to_string()));
    let facts = facts.iter().fold(String::new(), |mut html, (name, value)| {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        html
    });
    let notice = found.notice().map_or_else(String::new, |notice| {
        let well = if class == "bad" { "" } else { " well" };
        format!("<p class=\"notice{well}\">{}{}</p>", Commands(&notice), again(found, origin))
    });
    let meters = [&token(found, now)].into_iter().chain(&quotas.0).fold(String::new(), |mut html, meter| {
        let bar = meter.bar.map_or_else(String::new, |(share, class)| plot::bar(share, class));
        let _ = write!(
            html,
            "<div><small>{}</small><b>{}</b>{bar}<small>{}</small></div>",
            meter.name,
            meter.value,
            Escaped(&meter.about)
        );
        html
    });
    format!(
        "<section class=\"card\"><div class=\"row\"><h2>{}</h2>{}</div><dl class=\"line\">{facts}</dl>{notice}\
         <div class=\"meters\">{meters}</div></section>",
        found.name,
        state(class, &found.state.as_str().replace('_', " ")),
    )
}
