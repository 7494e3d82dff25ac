//! `GET /v1/audit`: what was written to Zoho with a connection of this key, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::is_time_ordered;
use shared::base::problem::Problem;
use shared::core::access::key::Permission;
use shared::zoho::scope::{Access, Product};

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, list_of, named, our_id, text, time, untrusted, words};
use crate::request::caller::Caller;
use crate::request::connection;
use crate::request::params::{List, Params, invalid_cursor, next, per_page};

const PATH: &str = "/v1/audit";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::own(&["inventory:read", "crm:read"], "listAudit", "What was written to Zoho, newest first")
            .about("Writes of all keys with this connection, for 13 months, in those products that this key may read.")
            .pages()
            .answers(200, "Entries.", list_of(named("AuditEntry", documented())))
    });
}

fn documented() -> Value {
    let or_null = |about: &str| json!({ "type": ["object", "null"], "description": about });
    json!({
        "type": "object",
        "required": ["id", "at", "key", "key_label", "connection", "action", "subject", "outcome", "before", "after", "untrusted"],
        "properties": {
            "id": our_id(),
            "at": described(time(), "When it was sent."),
            "key": described(text(), "The id of the key."),
            "key_label": { "type": "string" },
            "connection": text(),
            "action": described(text(), "Like `POST /v1/inventory/salesorders`."),
            "subject": { "type": ["string", "null"], "description": "Like `salesorder/3300000000080407`, where it is known." },
            "outcome": described(
                words(&["sent", "done", "refused", "uncertain"]),
                "`uncertain`: Zoho was silent. `sent` that stays: the connector stopped on the way.",
            ),
            "before": or_null("The values before, where there were any."),
            "after": or_null("The record as it is after, or what was asked for."),
            "untrusted": untrusted(),
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    per_page: Option<u32>,
    /// The id of the last entry that was seen.
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Value>>, Problem> {
    let rows = per_page(params.per_page)?;
    if params.cursor.as_deref().is_some_and(|cursor| !is_time_ordered(cursor)) {
        return Err(invalid_cursor());
    }
    let read = |product| caller.key.demand(&Permission::Product(product, Access::Read));
    read(Product::Inventory).or_else(|_| read(Product::Crm))?;
    let connection = connection::any(&caller)?;
    let limit = usize::try_from(rows).unwrap_or(200);
    let (entries, last) = app.audit.list(&connection, params.cursor, limit).await?;
    let mut data = Vec::with_capacity(entries.len());
    for entry in entries {
        // Who may not read a product may not read what was written to it.
        let product = product_of(&entry.action);
        if caller.key.demand(&Permission::Product(product, Access::Read)).is_err() {
            continue;
        }
        let mut entry = serde_json::to_value(entry).map_err(|error| Problem::internal(error.to_string()))?;
        // Names and notes of people are among them.
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("untrusted".to_owned(), json!(["before", "after"]));
        }
        data.push(entry);
    }
    let rows = rows.to_string();
    let next = last.map(|cursor| next(PATH, &[("per_page", Some(&rows)), ("cursor", Some(&cursor))]));
    Ok(Json(List::new(data, next)))
}

/// The product in `POST /v1/inventory/salesorders`, and in `POST /v1/zoho/inventory/itemgroups`.
fn product_of(action: &str) -> Product {
    let path = action.split_once(" /v1/").map_or(action, |(_, path)| path);
    let path = path.strip_prefix("zoho/").unwrap_or(path);
    if path.starts_with("inventory/") { Product::Inventory } else { Product::Crm }
}
