//! One item by its id.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::scope::{Access, Product};

use super::{ALWAYS, PATH, target};
use crate::app::App;
use crate::inventory::absent_fields::absent_fields;
use crate::inventory::item_reads::{Reading, item_text};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{OneParams, Params, invalid, names_shown, pick, record_id};

pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(item_id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Response, Problem> {
    let item_id = record_id(&item_id)
        .map_err(|problem| invalid(format!("{} To look up a SKU, use `{PATH}?sku=`.", problem.detail())))?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = target(&caller, &connection);
    let fields = params.fields.as_deref();
    let shown = fields.map(|fields| names_shown(fields, ALWAYS));
    let mut item = match item_text(&app.zoho, &target, item_id, shown.as_deref()).await? {
        Reading::Text(text) => return Ok(([(CONTENT_TYPE, "application/json")], text).into_response()),
        Reading::Values(item) => item,
    };
    let notice = absent_fields(fields, std::slice::from_ref(&item));
    pick(&mut item, fields, ALWAYS);
    item.extend(notice.map(|notice| ("notice".to_owned(), notice.into())));
    Ok(Json(item).into_response())
}
