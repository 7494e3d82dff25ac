//! What the routes of contacts and accounts say of themselves.

use serde_json::{Value, json};
use shared::zoho::scope::Product;

use super::modules::{Module, searches};
use crate::crm::deals::read::LEFT_OUT;
use crate::openapi::operation::Operation;
use crate::openapi::schema;
use crate::openapi::schema::{list_of, with_notice};

/// The list of a module.
pub(super) fn list(module: &Module) -> Operation {
    let (name, words) = module.one;
    let operation =
        Operation::read(Product::Crm, format!("list{name}s"), format!("{words}s of CRM, by page"))
            .scopes(&[module.scope]);
    let by = searches(module);
    let operation = operation.about(format!(
        "At most one of {by} may be there. A search has one page, and new records can be missing from it for a minute. Without a \
         search, `modified_since` needs the scope ZohoCRM.coql.READ."
    ));
    let operation = module.by.iter().fold(operation, |operation, (by, _)| {
        let about = match *by {
            "search" => "A word that occurs anywhere in the record.".to_owned(),
            field => format!("Only those with this `{field}`."),
        };
        operation.query(by, about, json!({ "type": "string", "minLength": 2 }), Value::Null)
    });
    let operation = operation.query(
        "modified_since",
        "Only those that were changed since this moment.",
        schema::time(),
        "2026-11-18T00:00:00Z",
    );
    operation.fields("Phone,Owner").pages().answers(
        200,
        "A page.",
        with_notice(list_of(module.shape()), LEFT_OUT),
    )
}

/// One record of a module.
pub(super) fn one(module: &Module) -> Operation {
    let (name, words) = module.one;
    Operation::read(Product::Crm, format!("get{name}"), format!("One {words} of CRM"))
        .scopes(&[module.scope])
        .id("id", module.example)
        .fields("Phone,Owner")
        .answers(200, "The record.", module.shape())
}
