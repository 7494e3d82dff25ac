//! `GET /v1/inventory/items` and `GET /v1/inventory/items/{item_id}`, and what they say of themselves.

use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::zoho::inventory;
use shared::zoho::scope::Product;

use super::PATH;
use super::list::list;
use super::one::one;
use crate::inventory::lookup;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{
    Holds, Shape, described, list_of, named, record as open_record, text as any_text, time, with_notice,
    words,
};

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::read(Product::Inventory, "listItems", "Items by page, or the one with a SKU")
            .scopes(&[inventory::scope::ITEMS])
            .about(
                "`sku` finds the one active item with exactly this SKU, `product_id` the one that it is mapped to; each goes with `fields`, \
                 `details` and `location` only. A list has neither `stock.available` nor `stock.locations`: read the single item for these, or ask for `details`.",
            )
            .query("sku", "The exact SKU, capitals and spaces included.", any_text(), Value::Null)
            .query(
                "product_id",
                "Another system's id, which a mapping leads to the item; with `fields`, `details` and `location` only.",
                any_text(),
                Value::Null,
            )
            .query("search", "A part of name or SKU.", any_text(), "oak")
            .query("status", "Only items of this status.", words(&["active", "inactive"]), "active")
            .query("stock", "Only items at or below their reorder level.", words(&["low"]), "low")
            .query(
                "details",
                "Whether each item has all its figures, by location too. It costs Zoho one call more for each hundred items.",
                json!({ "type": "boolean" }),
                Value::Null,
            )
            .query("modified_since", "Only items that were changed since this moment.", time(), "2026-11-18T00:00:00Z")
            .query(
                "location",
                "The id or the exact name of a location: only items with stock figures there, and `stock.locations` is this one. \
                 It costs Zoho one call more for each hundred items. With `sku` or `product_id`, the item is there in any case: \
                 `stock.locations` is empty where it has no figures there.",
                any_text(),
                "Main",
            )
            .fields("name,sku,rate")
            .pages()
            .answers(200, "Items.", with_notice(list_of(documented()), "What is not in a list, and which fields of `fields` no record has."))
            .fails(lookup::named::CODES)
            .fails(&[Code::LocationNotFound])
    });
    to.on(Verb::Get, "/v1/inventory/items/{item_id}", one, || {
        Operation::read(Product::Inventory, "getItem", "One item with its stock by location")
            .scopes(&[inventory::scope::ITEMS])
            .id("item_id", "3300000000070001")
            .fields("name,sku,rate")
            .answers(200, "The item.", documented())
    });
}

/// The two counts that Zoho keeps.
const PHYSICAL: &str = "What shipments and receives leave, as far as is known of Zoho's figure; where it differs from `on_hand`.";
const ACCOUNTING: &str =
    "What invoices and bills leave, as far as is known of Zoho's figure; where it differs from `on_hand`.";

fn documented() -> Shape {
    let figure = |about: &str| json!({ "type": ["number", "null"], "description": about });
    let location = json!({
        "type": "object",
        "required": ["location_id", "name", "on_hand", "available", "committed"],
        "properties": {
            "location_id": { "type": ["string", "null"] },
            "name": { "type": ["string", "null"] },
            "on_hand": figure("What is there."),
            "available": figure("What can be promised."),
            "committed": figure("What is promised."),
            "physical": figure(PHYSICAL),
            "accounting": figure(ACCOUNTING),
            "in_transit": figure("What is on its way there, where that is anything."),
        },
    });
    let stock = json!({
        "type": "object",
        "description": "Zoho's figures under one set of names. null: Zoho's answer does not carry it. Where `fields` is there, it must name `stock`.",
        "required": ["tracked"],
        "properties": {
            "tracked": { "type": "boolean", "description": "Whether it has stock at all; the rest is there only then." },
            "on_hand": figure("What is there."),
            "available": figure("What can be promised: Zoho's «available for sale»."),
            "committed": figure("What is promised."),
            "physical": figure(PHYSICAL),
            "accounting": figure(ACCOUNTING),
            "in_transit": figure("What is on its way, where that is anything."),
            "why": { "type": "string", "description": "Why it has no stock of its own." },
            "locations": { "type": ["array", "null"], "items": location },
        },
    });
    let fields = [
        ("item_id", Holds::Id, "Its id."),
        ("name", Holds::Text, "What people call it."),
        ("sku", Holds::Text, "Its stock keeping unit."),
        ("status", Holds::Text, "`active` or `inactive`."),
        ("description", Holds::Text, "What people say of it."),
        ("unit", Holds::Text, "What it is counted in."),
        ("rate", Holds::Number, "The price at which it is sold."),
        ("purchase_rate", Holds::Number, "The price at which it is bought."),
        ("reorder_level", Holds::Number, "The stock at which it should be ordered again."),
        ("last_modified_time", Holds::Time, "When it was changed."),
    ];
    let mut item = open_record(&fields, &[]);
    if let Some(properties) = item.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("stock".to_owned(), stock);
    }
    named("Item", described(item, "An item of Zoho Inventory, with all other fields that Zoho gives."))
}
