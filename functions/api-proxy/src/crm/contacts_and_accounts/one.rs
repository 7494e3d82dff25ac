//! One contact or account by its id.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::Object;

use super::modules::Module;
use crate::app::App;
use crate::crm::deals::read::read_one;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{OneParams, Params, crm_fields, record_id};
use crate::zoho::Target;

pub(super) async fn one(
    module: &'static Module,
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, module.scope);
    let unknown = || format!("There is no record {id} in {}.", module.name);
    read_one(&app, &target, (module.name, module.fields), id, fields.as_deref(), &unknown).await
}
