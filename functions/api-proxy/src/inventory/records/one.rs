//! One record by its id.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::inventory;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::Object;

use super::kinds::Kind;
use crate::app::App;
use crate::inventory::absent_fields::absent_fields;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{OneParams, Params, pick, record_id};
use crate::zoho::{Target, unreadable};

pub(super) async fn one(
    kind: &'static Kind,
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Inventory, kind.record.read_scope);
    let mut answer = app
        .zoho
        .read(
            &target,
            |endpoint| kind.record.record_url(endpoint.api, endpoint.organization, id),
            response::inventory,
        )
        .await?;
    let found = kind.record.take_record(&mut answer).ok_or_else(|| unreadable(kind.record.path))?;
    let mut record = inventory::plain_record(found);
    let notice = absent_fields(params.fields.as_deref(), std::slice::from_ref(&record));
    pick(&mut record, params.fields.as_deref(), &[kind.record.id_field, "untrusted"]);
    record.extend(notice.map(|notice| ("notice".to_owned(), notice.into())));
    Ok(Json(record))
}
