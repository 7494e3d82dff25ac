//! Mappings as callers get them.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::core::mappings::{MappedLocation, Mapping};

use crate::openapi::schema::Shape;
use crate::openapi::schema::{self, described, exact, list_of, named, text, time, untrusted};
use crate::request::csv::{no_formula, write_row};
use crate::request::redact::OwnText;

/// The columns of a table of mappings.
pub(super) const COLUMNS: &[&str] = &["product_id", "sku", "item_id", "name"];

/// One of them.
pub(super) fn shown(mapping: &Mapping) -> Value {
    let words = [("product_id", true), ("sku", mapping.sku.is_some()), ("name", mapping.name.is_some())];
    let untrusted: Vec<&str> =
        words.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
    json!({
        "product_id": mapping.product_id,
        "sku": mapping.sku,
        "item_id": mapping.item_id,
        "name": mapping.name,
        "changed": mapping.changed,
        "untrusted": untrusted,
    })
}

/// The name of a location.
pub(super) fn shown_location(location: &MappedLocation) -> Value {
    json!({ "name": location.name, "location_id": location.location_id, "untrusted": ["name"] })
}

/// A table of them, which can be imported again.
pub(super) fn table<'a>(mappings: impl IntoIterator<Item = &'a Mapping>) -> Response {
    let mut table = String::new();
    write_row(&mut table, COLUMNS.iter().copied());
    for mapping in mappings {
        let name = no_formula(mapping.name.as_deref().unwrap_or_default());
        let of = |value: &'a Option<String>| value.as_deref().unwrap_or_default();
        write_row(&mut table, [&mapping.product_id, of(&mapping.sku), of(&mapping.item_id), &name]);
    }
    let mut answer = ([(CONTENT_TYPE, "text/csv; charset=utf-8")], table).into_response();
    answer.extensions_mut().insert(OwnText);
    answer
}

pub(super) fn documented() -> Shape {
    let or_null = |mut schema: Value, about: &str| {
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("type".to_owned(), json!(["string", "null"]));
        }
        described(schema, about)
    };
    let fields = [
        ("product_id", described(text(), "The other system's id.")),
        ("sku", or_null(text(), "The item's SKU, as far as it was said or found.")),
        ("item_id", or_null(schema::id(), "Zoho's id of the item; null until it is found.")),
        ("name", or_null(text(), "What Zoho called the item when it was last looked at.")),
        ("changed", described(time(), "When the mapping was changed.")),
        ("untrusted", untrusted()),
    ];
    named("Mapping", exact(6, &fields))
}

/// The list of them.
pub(super) fn documented_list() -> Shape {
    let mut list = list_of(documented());
    let location = exact(
        3,
        &[
            ("name", described(text(), "What the other system calls the place.")),
            ("location_id", schema::id()),
            ("untrusted", untrusted()),
        ],
    );
    let about = "The other systems' names of places; only on the first page of the whole list.";
    if let Some(properties) = list.schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "locations".to_owned(),
            json!({ "type": "array", "items": location, "description": about }),
        );
    }
    list
}
