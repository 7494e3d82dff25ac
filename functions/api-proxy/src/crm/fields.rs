//! `GET /v1/crm/fields?module=`: the fields of a module, and the values that they take.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::zoho::crm::field::Field;
use shared::zoho::crm::scope;
use shared::zoho::scope::{Access, Product};

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, exact, list_of, named, text};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Params, invalid};
use crate::zoho::Target;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/v1/crm/fields", list, || {
        Operation::read(Product::Crm, "listFields", "The fields of a module of CRM")
            .about("What can be asked for, filtered by and written, and which values it takes.")
            .required(
                "module",
                "The API name of the module.",
                json!({ "type": "string", "pattern": "^[A-Za-z0-9_]+$" }),
                "Deals",
            )
            .answers(200, "Fields.", list_of(named("Field", documented())))
    });
}

fn documented() -> Value {
    let flag = |about: &str| json!({ "type": "boolean", "description": about });
    exact(
        6,
        &[
            ("api_name", described(text(), "Its name in requests and answers.")),
            ("label", described(json!({ "type": "string" }), "What people see.")),
            ("type", described(text(), "`text`, `picklist`, `currency`, `lookup`, …")),
            ("required", flag("Whether a new record must have it.")),
            ("writable", flag("Whether it can be written.")),
            ("unique", flag("Whether no two records may have the same value.")),
            (
                "length",
                json!({ "type": "integer", "minimum": 0, "description": "How many characters it takes." }),
            ),
            (
                "values",
                json!({ "type": "array", "items": { "type": "string" }, "description": "The values that it takes." }),
            ),
            ("lookup", described(text(), "The module that it leads to.")),
        ],
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Its API name.
    module: String,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Field>>, Problem> {
    let module = params.module;
    if module.is_empty() || !module.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(invalid("`module` must be the API name of a module, like Deals."));
    }
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, scope::FIELDS);
    let data = app.fields.of(&target, &module).await?;
    Ok(Json(List { data: data.to_vec(), next: None }))
}
