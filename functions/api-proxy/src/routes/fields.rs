//! `GET /v1/crm/fields?module=`: what fields a module has, and which values they take.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::base::problem::Problem;
use shared::zoho::crm::scope;
use shared::zoho::crm_field::Field;
use shared::zoho::scope::{Access, Product};

use crate::App;
use crate::caller::Caller;
use crate::params::{List, Params, invalid};
use crate::zoho_call::Target;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    /// Its API name.
    module: String,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Field>>, Problem> {
    let module = params.module;
    if module.is_empty() || !module.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(invalid("`module` must be the API name of a module, like Deals."));
    }
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, scope::FIELDS);
    let data = app.fields(&target, &module).await?;
    Ok(Json(List { data: data.to_vec(), next: None }))
}
