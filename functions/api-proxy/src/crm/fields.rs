//! `GET /v1/crm/fields?module=`: the fields of a module, and the values that they take.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::zoho::crm::field::Field;
use shared::zoho::crm::scope;
use shared::zoho::scope::{Access, Product};

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, exact, list_of, named, text, with_notice};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{Params, invalid};
use crate::zoho::Target;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/v1/crm/fields", list, || {
        Operation::read(Product::Crm, "listFields", "The fields of a module of CRM")
            .scopes(&[scope::FIELDS])
            .about("What can be asked for, filtered by and written, and which values it takes.")
            .query(
                "module",
                "The API name of the module.",
                json!({ "type": "string", "pattern": "^[A-Za-z0-9_]+$" }),
                "Deals",
            )
            .required()
            .answers(
                200,
                "Fields.",
                with_notice(list_of(named("Field", documented())), "That CRM did not tell the fields."),
            )
    });
}

fn documented() -> Value {
    let flag = |about: &str| json!({ "type": ["boolean", "null"], "description": format!("{about} null where CRM did not tell.") });
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
                json!({ "type": "array", "items": { "type": "string" }, "description": "The values that it takes, as reads give them." }),
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

#[derive(Serialize)]
struct Fields {
    data: Vec<Field>,
    /// All of them come at once.
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

/// No module is without fields.
const UNTOLD: &str =
    "CRM told no fields of this module to the user who connected: it may have some all the same.";

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Fields>, Problem> {
    let module = params.module;
    if module.is_empty() || !module.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(invalid("`module` must be the API name of a module, like Deals."));
    }
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, scope::FIELDS);
    let data = app.fields.of(&target, &module).await?;
    let notice = data.is_empty().then_some(UNTOLD);
    Ok(Json(Fields { data: data.to_vec(), next: None, notice }))
}
