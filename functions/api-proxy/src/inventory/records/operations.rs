//! What the routes of records say of themselves.

use serde_json::{Value, json};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::Product;

use super::kinds::{KINDS, Kind};
use crate::openapi::operation::Operation;
use crate::openapi::schema;
use crate::openapi::schema::{Shape, list_of, with_notice};

/// What a notice of a read says.
const ABOUT_NOTICE: &str = "Which fields of `fields` no record has, and what Zoho does not tell.";

/// The list of a kind.
pub(super) fn list(kind: &Kind) -> Operation {
    let (name, words) = kind.name;
    let operation = Operation::read(Product::Inventory, format!("list{name}s"), format!("{words}s, by page"))
        .scopes(&[kind.record.read_scope]);
    let operation = kind.filters.iter().fold(operation, |operation, (filter, ..)| {
        let about = match *filter {
            "search" => "A part of a name, number or address.".to_owned(),
            id if id.ends_with("_id") => format!("Only those with this `{id}`."),
            // Zoho has no records of a word that it does not know, and says no more.
            field @ ("status" | "contact_type") => {
                let documented = kind.fields.iter().find(|(name, ..)| *name == field);
                let words = documented.map_or("", |(.., words)| *words);
                format!("Only those whose `{field}` is this. {words}")
            }
            field => format!("Only those whose `{field}` is this."),
        };
        let schema = if filter.ends_with("_id") { schema::id() } else { schema::text() };
        operation.query(filter, about, schema, Value::Null)
    });
    let operation = if kind.tells_changes() {
        operation.query(
            "modified_since",
            "Only those that were changed since this moment. Where Zoho can sort so, the latest change comes first, and what is \
             changed meanwhile moves to the front; else pages can be empty although the list goes on.",
            schema::time(),
            "2026-11-18T00:00:00Z",
        )
    } else {
        operation
    };
    operation.fields(kind.record.id_field).pages().answers(
        200,
        "A page.",
        with_notice(list_of(shape(kind)), ABOUT_NOTICE),
    )
}

/// One record of a kind.
pub(super) fn one(kind: &Kind) -> Operation {
    let (name, words) = kind.name;
    Operation::read(Product::Inventory, format!("get{name}"), format!("One {words}"))
        .scopes(&[kind.record.read_scope])
        .id("id", kind.example)
        .fields(kind.record.id_field)
        .answers(200, "The record.", shape(kind))
}

/// A sales order, as reads and writes give it.
pub(crate) fn salesorder() -> Shape {
    shape_of(RecordKind::SALES_ORDER)
}

/// An adjustment, as reads and writes give it.
pub(crate) fn adjustment() -> Shape {
    shape_of(RecordKind::INVENTORY_ADJUSTMENT)
}

/// A transfer order, as reads and writes give it.
pub(crate) fn transfer_order() -> Shape {
    shape_of(RecordKind::TRANSFER_ORDER)
}

fn shape_of(record: &RecordKind) -> Shape {
    KINDS.iter().find(|kind| kind.record == record).map_or_else(|| json!({}).into(), shape)
}

/// A record of a kind, as reads and writes give it.
fn shape(kind: &Kind) -> Shape {
    schema::record_with_id(kind.name.0, kind.record.id_field, kind.fields)
}
