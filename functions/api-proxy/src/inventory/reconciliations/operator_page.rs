//! The report for the operator, who has the store and needs no key.

use axum::response::Response;
use shared::base::id::ConnectionName;
use shared::base::problem::Problem;

use super::report::Report;
use super::{parts, work};
use crate::app::App;

/// The page about one reconciliation.
pub(crate) async fn page(app: &App, connection: &ConnectionName, id: &str) -> Result<Response, Problem> {
    let (head, _) = work::head(app, connection, id).await?;
    let rows = work::rows(app, connection, &head).await?;
    let parts = parts::read(&app.reconciliations, connection, &head).await?;
    Ok(Report::new(connection, &head, &rows, &parts).html())
}
