//! The page of reconciliations: what was counted, what drifted, and the report of each.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde_json::Value;
use shared::base::clock::Timestamp;
use shared::base::html_page::{Escaped, to_the_second};
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::base::problem::Code;
use shared::store::StoreError;

use super::page::{self, Part, foreign, page, state};
use super::shown_connector::ShownConnector;
use super::words::{ago, number};

/// Reconciliations of a page.
const HEADS: usize = 30;

#[derive(Deserialize)]
pub(super) struct Asked {
    connection: Option<String>,
    before: Option<String>,
}

/// What is shown of a head, as api-proxy stores it.
#[derive(Deserialize)]
struct Head {
    id: String,
    name: Option<String>,
    key_label: String,
    organization: Option<String>,
    currency: Option<String>,
    /// A word, or a word with how far it is.
    state: Value,
    created: Timestamp,
    rows: u64,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    drifted: u64,
    unknown: u64,
    ambiguous: u64,
    unfit: u64,
    value: String,
    #[serde(default)]
    applied: Applied,
}

#[derive(Deserialize, Default)]
struct Applied {
    adjusted: u64,
}

impl Head {
    /// The colour of its state, and the word for it.
    fn word(&self) -> (&'static str, &'static str) {
        match self.state.as_str() {
            Some("uploading") => ("wait", "counts follow"),
            Some("compared") => ("good", "compared"),
            Some("applying") => ("wait", "being adjusted"),
            Some("applied") => ("good", "adjusted"),
            _ => ("wait", "being compared"),
        }
    }

    fn is_compared(&self) -> bool {
        matches!(self.state.as_str(), Some("compared" | "applying" | "applied"))
    }
}

pub(super) async fn show(State(shown): State<Arc<ShownConnector>>, Query(asked): Query<Asked>) -> Response {
    match body(&shown, asked).await {
        Ok(body) => page(&shown, Part::Reconciliations, &body),
        Err(error) => page::failed(&error),
    }
}

async fn body(shown: &ShownConnector, asked: Asked) -> Result<String, StoreError> {
    let now = shown.now();
    let (names, chosen) = shown.chosen(asked.connection.as_deref()).await?;
    let mut body = page::pick_connection(Part::Reconciliations, &names, &chosen);
    let before = asked.before.filter(|id| is_time_ordered(id));
    let (heads, next) = shown.reconciliations.heads::<Head>(&chosen, before.as_deref(), HEADS).await?;
    if heads.is_empty() {
        let _ = write!(
            body,
            "<p class=\"card soft\">No reconciliations here. {} makes one; they are kept for 13 months.</p>",
            shown.command(&format!("reconcile counts.csv --connection {chosen}"))
        );
        return Ok(body);
    }
    let rows = heads.iter().fold(String::new(), |mut html, head| {
        write_head(&mut html, head, &chosen, now);
        html
    });
    let _ = write!(
        body,
        "<div class=\"card\"><table class=\"stack\"><thead><tr><th scope=\"col\">Count</th><th scope=\"col\">Made</th>\
         <th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Counted</th><th scope=\"col\" class=\"n\">Drifted</th>\
         <th scope=\"col\" class=\"n\">Adjusted</th><th scope=\"col\" class=\"n\">Not comparable</th>\
         <th scope=\"col\" class=\"n\">Value of the drift</th></tr></thead><tbody>{rows}</tbody></table></div>"
    );
    if let Some(next) = next {
        let link = format!("/reconciliations?connection={chosen}&before={next}");
        let _ = write!(body, "<p><a href=\"{}\">Earlier ones</a></p>", Escaped(link));
    }
    Ok(body)
}

fn write_head(html: &mut String, head: &Head, connection: &ConnectionName, now: Timestamp) {
    let sums = &head.summary;
    let (class, word) = head.word();
    let known = |sum: u64| if head.is_compared() { number(sum) } else { String::new() };
    let value = match (&head.currency, head.is_compared() && sums.drifted > 0) {
        (_, false) => String::new(),
        (Some(currency), true) => format!("{} {currency}", money(&sums.value)),
        (None, true) => money(&sums.value),
    };
    let _ = write!(
        html,
        "<tr><th scope=\"row\" class=\"all\"><a href=\"/reconciliations/{connection}/{}\">{}</a><small>{}</small></th>\
         <td class=\"t\">{}<small>{}, {}</small></td><td>{}</td>",
        Escaped(&head.id),
        foreign(head.name.as_deref().unwrap_or("Stock count")),
        foreign(head.organization.as_deref().unwrap_or("Zoho Inventory")),
        ago(head.created, now),
        to_the_second(head.created),
        foreign(&head.key_label),
        state(class, word),
    );
    for (name, cell) in [
        ("counted", number(head.rows)),
        ("drifted", known(sums.drifted)),
        ("adjusted", known(sums.applied.adjusted)),
        ("not comparable", known(sums.unknown + sums.ambiguous + sums.unfit)),
        ("value", value.replace('-', "−")),
    ] {
        let _ = write!(html, "<td class=\"n\" data-l=\"{name}\">{}</td>", Escaped(cell));
    }
    html.push_str("</tr>");
}

/// An amount of money, as the report shows it.
fn money(amount: &str) -> String {
    let Ok(amount) = amount.parse::<Decimal>() else { return amount.to_owned() };
    let mut rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded.to_string()
}

/// The report of one, as `GET /v1/inventory/reconciliations/{id}` gives it to people.
pub(super) async fn report(
    State(shown): State<Arc<ShownConnector>>,
    Path((connection, id)): Path<(String, String)>,
) -> Response {
    let Ok(connection) = connection.parse::<ConnectionName>() else { return page::nothing() };
    let token_refresh = shown.token_refresh.clone();
    match api_proxy::reconciliation_page(&shown.services, token_refresh, &connection, &id).await {
        Ok(report) => report,
        Err(problem) if problem.code() == Code::ReconciliationNotFound => page::nothing(),
        Err(problem) => {
            tracing::error!(code = problem.code().as_str(), "a report could not be made");
            page::message(StatusCode::BAD_GATEWAY, "The report could not be made", problem.detail())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_shows_its_sums_once_they_are_known() {
        let head = |state: &str| {
            let text = format!(
                "{{\"id\":\"019acf3d1c0d5e2b8f4a7c6d9e1f203\",\"name\":\"<b>November\",\"key_label\":\"Agent\",\"organization\":null,\
                 \"currency\":\"EUR\",\"state\":{state},\"created\":\"2026-11-30T10:00:00Z\",\"rows\":1204,\"calls\":7,\
                 \"summary\":{{\"drifted\":31,\"unknown\":1,\"ambiguous\":1,\"unfit\":0,\"value\":\"-412.500\",\
                 \"applied\":{{\"adjusted\":29,\"pending\":0}}}}}}"
            );
            let head: Head = serde_json::from_str(&text).unwrap();
            let mut html = String::new();
            write_head(&mut html, &head, &ConnectionName::default(), "2026-11-30T11:00:00Z".parse().unwrap());
            html
        };
        let applied = head("\"applied\"");
        for part in [
            "1,204",
            ">31<",
            ">29<",
            ">2<",
            "−412.50 EUR",
            "&lt;b&gt;November",
            "1 h 0 min ago",
            ">adjusted<",
        ] {
            assert!(applied.contains(part), "{part}: {applied}");
        }
        let paging = head("{\"paging\":3}");
        assert!(paging.contains("being compared") && !paging.contains("412"), "{paging}");
    }
}
