//! The page of calls: over time as a plot, and by route. Where `serve` counts, its counts are shown; of a stack the functions' logs
//! are asked, at a price, by a click.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use shared::base::html_page::{Escaped, breakable};
use shared::core::call_history::CallHistory;
use shared::store::StoreError;

use super::chart::{Chart, Period, Route};
use super::page::{self, Part, page};
use super::plot;
use super::shown_connector::ShownConnector;
use super::source::Source;
use super::words::{milliseconds, number};

/// Routes that are listed.
const MAX_ROUTES: usize = 100;

#[derive(Deserialize)]
pub(super) struct Asked {
    period: Option<String>,
}

pub(super) async fn show(State(shown): State<Arc<ShownConnector>>, Query(asked): Query<Asked>) -> Response {
    let period = Period::of(asked.period.as_deref());
    let choices =
        Period::ALL.map(|one| (one.title(), format!("/calls?period={}", one.word()), one == period));
    let mut body = page::pick(choices);
    match &shown.calls {
        Source::Counted(history) => match counted(&shown, history, period).await {
            Ok(chart) => body.push_str(&all(&chart)),
            Err(error) => return page::failed(&error),
        },
        #[cfg(feature = "stack")]
        Source::Logs(logs) => {
            let now = shown.now();
            if let Some(answer) = logs.last(period) {
                let _ = write!(
                    body,
                    "<p class=\"soft\">Asked {}: {} were read, for at most {}.</p>{}",
                    super::words::ago(answer.at, now),
                    super::words::bytes(answer.bytes),
                    super::logs::price(answer.bytes),
                    all(&answer.chart)
                );
            }
            body.push_str(&logs.offer(period, now).await);
        }
    }
    page(&shown, Part::Calls, &body)
}

/// Asks the logs. The page is shown anew, so that loading it again asks nothing.
pub(super) async fn ask(State(shown): State<Arc<ShownConnector>>, Form(asked): Form<Asked>) -> Response {
    let period = Period::of(asked.period.as_deref());
    #[cfg(feature = "stack")]
    if let Source::Logs(logs) = &shown.calls
        && let Err(why) = logs.ask(period, shown.now()).await
    {
        let status = axum::http::StatusCode::BAD_GATEWAY;
        return page::message(status, "The logs did not answer", &why);
    }
    #[cfg(not(feature = "stack"))]
    let _ = shown;
    Redirect::to(&format!("/calls?period={}", period.word())).into_response()
}

/// The plot for the overview, where nothing must be asked for it.
pub(super) async fn glance(shown: &ShownConnector) -> Result<String, StoreError> {
    match &shown.calls {
        Source::Counted(history) => {
            let chart = counted(shown, history, Period::Day).await?;
            Ok(if chart.sums.all() == 0 { none().to_owned() } else { plot::calls(&chart) })
        }
        #[cfg(feature = "stack")]
        Source::Logs(logs) => Ok(match logs.last(Period::Day) {
            Some(answer) => plot::calls(&answer.chart),
            None => "<p class=\"soft\">The logs of the functions have them. <a href=\"/calls\">See what asking costs</a></p>"
                .to_owned(),
        }),
    }
}

async fn counted(shown: &ShownConnector, history: &CallHistory, period: Period) -> Result<Chart, StoreError> {
    let mut chart = Chart::new(period, shown.now());
    let first = chart.first_hour();
    history.since(first, |hour, counted| chart.add(hour, counted.kind, counted.tally)).await?;
    Ok(chart)
}

const fn none() -> &'static str {
    "<p class=\"soft\">No calls are counted in this time. <code>zoho-connector serve</code> stores its counts each minute.</p>"
}

/// The plot and the routes.
fn all(chart: &Chart) -> String {
    if chart.routes.is_empty() {
        return format!("<div class=\"card\">{}</div>", none());
    }
    let mut routes: Vec<_> = chart.routes.iter().collect();
    routes.sort_by_key(|(_, route)| std::cmp::Reverse(route.tally.calls));
    let rows = routes.iter().take(MAX_ROUTES).fold(String::new(), |mut html, ((path, method), route)| {
        let name = if path == "-" { "<em>no route</em>".to_owned() } else { breakable(path) };
        let tally = route.tally;
        let took = tally.milliseconds.checked_div(tally.calls).unwrap_or_default();
        let slowest = if tally.slowest > took {
            format!("<small>at most {}</small>", milliseconds(tally.slowest))
        } else {
            String::new()
        };
        let _ = write!(
            html,
            "<tr><th scope=\"row\" class=\"all\">{} {name}</th><td class=\"spark\">{}</td>\
             <td class=\"n\" data-l=\"calls\">{}</td><td class=\"n\" data-l=\"took\">{}{slowest}</td>\
             <td class=\"all\">{}</td></tr>",
            Escaped(method),
            plot::spark(&route.bars),
            number(tally.calls),
            milliseconds(took),
            failed(route),
        );
        html
    });
    format!(
        "<div class=\"card\">{}</div><h2 id=\"routes\">By route</h2><div class=\"card\">\
         <table class=\"stack\" aria-labelledby=\"routes\"><thead><tr><th scope=\"col\">Route</th><th scope=\"col\">Over time</th>\
         <th scope=\"col\" class=\"n\">Calls</th><th scope=\"col\" class=\"n\">Took</th><th scope=\"col\">Not done</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>",
        plot::calls(chart),
    )
}

/// What was not done, by its code.
fn failed(route: &Route) -> String {
    if route.failed.is_empty() {
        return String::new();
    }
    let tags = route.failed.iter().fold(String::new(), |mut html, ((class, code), failed)| {
        let (name, calls) = (breakable_word(code), number(failed.calls));
        let _ = write!(html, "<li class=\"{}-ink\">{name} {calls}", class.css());
        let mut said: Vec<String> = Vec::new();
        for (zoho, calls) in &failed.zoho {
            said.push(format!("{} {}", Escaped(zoho), number(*calls)));
        }
        if !said.is_empty() {
            let _ = write!(html, " <small>(Zoho: {})</small>", said.join(", "));
        }
        html.push_str("</li>");
        html
    });
    format!("<ul class=\"tags\">{tags}</ul>")
}

/// A code that a narrow column breaks after its underscores.
fn breakable_word(code: &str) -> String {
    Escaped(code).to_string().replace('_', "_<wbr>")
}

#[cfg(test)]
mod tests {
    use shared::base::call_counts::{CallKind, Tally};

    use super::*;

    #[test]
    fn routes_stand_by_how_often_they_are_called_with_what_went_wrong() {
        let mut chart = Chart::new(Period::Day, "2026-11-30T13:21:26Z".parse().unwrap());
        let hour = chart.first_hour() + 3;
        for (route, status, code, zoho, calls) in [
            ("/v1/crm/deals/{id}", 200, "", "", 1),
            ("/v1/inventory/items", 200, "", "", 1200),
            ("/v1/inventory/items", 429, "zoho_rate_limited", "43", 6),
            ("<b>", 404, "route_not_found", "", 2),
        ] {
            let kind = CallKind {
                method: "GET".to_owned(),
                route: route.to_owned(),
                status,
                code: code.to_owned(),
                zoho: zoho.to_owned(),
            };
            chart.add(hour, kind, Tally { calls, milliseconds: 40 * calls, slowest: 90 });
        }
        let html = all(&chart);
        let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}: {html}"));
        assert!(at("inventory/<wbr>items") < at("&lt;b&gt;"), "{html}");
        assert!(at("&lt;b&gt;") < at("crm/<wbr>deals"), "{html}");
        for part in [
            "1,206",
            "40 ms<small>at most 90 ms",
            "zoho-ink\">zoho_<wbr>rate_<wbr>limited 6 <small>(Zoho: 43 6)",
        ] {
            at(part);
        }
        assert!(!html.contains("<b>"), "{html}");
    }
}
