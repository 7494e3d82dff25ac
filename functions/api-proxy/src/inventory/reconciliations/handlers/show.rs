//! Reconciliations are shown: a list of them, or one with its rows, for agents, as a table, or for people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::base::id::is_time_ordered;
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::scope::{Access, Product};

use crate::app::App;
use crate::inventory::reconciliations::head::Head;
use crate::inventory::reconciliations::report::Report;
use crate::inventory::reconciliations::report::json::{PATH, Show, Shown, shown};
use crate::inventory::reconciliations::{parts, work};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Params, invalid, invalid_cursor, next, per_page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ListParams {
    per_page: Option<u32>,
    /// The id of the last one that was seen.
    cursor: Option<String>,
}

pub(in super::super) async fn list(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let rows = per_page(params.per_page)?;
    if params.cursor.as_deref().is_some_and(|cursor| !is_time_ordered(cursor)) {
        return Err(invalid_cursor());
    }
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let limit = usize::try_from(rows).unwrap_or(200);
    let (heads, last) =
        app.reconciliations.heads::<Head>(&connection, params.cursor.as_deref(), limit).await?;
    let data: Vec<Shown<'_>> = heads.iter().map(|head| shown(head).going_on(head, None)).collect();
    let rows = rows.to_string();
    let next = last.map(|cursor| next(PATH, &[("per_page", Some(&rows)), ("cursor", Some(&cursor))]));
    Ok(Json(List::new(data, next)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct OneParams {
    show: Option<String>,
    per_page: Option<u32>,
    cursor: Option<String>,
}

pub(in super::super) async fn one(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let show = Show::of(params.show.as_deref());
    let show = show.ok_or_else(|| invalid(format!("`show` is one of {}.", Show::WORDS.join(", "))))?;
    let limit = per_page(params.per_page)?;
    let from = match params.cursor.as_deref() {
        None => 0,
        Some(cursor) => {
            cursor.strip_prefix('r').and_then(|row| row.parse().ok()).ok_or_else(invalid_cursor)?
        }
    };
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let (head, _) = work::head(&app, &connection, &id).await?;
    let rows = work::rows(&app, &connection, &head).await?;
    let parts = parts::read(&app.reconciliations, &connection, &head).await?;
    let report = Report::new(&connection, &head, &rows, &parts);
    match wanted(&headers) {
        Wanted::Json => {}
        Wanted::Page => return Ok(report.html()),
        Wanted::Table => {
            let file = format!("attachment; filename=\"reconciliation-{}.csv\"", head.id);
            let mut response = report.csv().into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
            if let Ok(file) = HeaderValue::try_from(file) {
                headers.insert(header::CONTENT_DISPOSITION, file);
            }
            return Ok(response);
        }
    }
    let (page, more) = report.page(show, from, usize::try_from(limit).unwrap_or(200));
    let (limit, cursor) = (limit.to_string(), more.map(|row| format!("r{row}")));
    let next = cursor.as_deref().map(|cursor| {
        let params =
            [("show", params.show.as_deref()), ("per_page", Some(limit.as_str())), ("cursor", Some(cursor))];
        next(&format!("{PATH}/{}", head.id), &params)
    });
    Ok(Json(shown(&head).with(page, next)).into_response())
}

/// In which form an answer is wanted.
enum Wanted {
    Json,
    Table,
    Page,
}

/// The first form of those in `Accept` that there is.
fn wanted(headers: &HeaderMap) -> Wanted {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let forms = accept.split(',').filter_map(|form| {
        match form.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "text/csv" => Some(Wanted::Table),
            "text/html" => Some(Wanted::Page),
            "application/json" | "*/*" => Some(Wanted::Json),
            _ => None,
        }
    });
    forms.into_iter().next().unwrap_or(Wanted::Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_answer_is_the_first_that_there_is() {
        let form = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            wanted(&headers)
        };
        assert!(matches!(wanted(&HeaderMap::new()), Wanted::Json));
        assert!(matches!(form("*/*"), Wanted::Json));
        assert!(matches!(form("text/html,application/xhtml+xml,*/*;q=0.8"), Wanted::Page));
        assert!(matches!(form("application/pdf, text/csv;q=1, text/html"), Wanted::Table));
    }
}
