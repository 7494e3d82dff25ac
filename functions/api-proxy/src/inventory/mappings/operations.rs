//! What the routes of mappings say of themselves.

use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::core::mappings::MAX_NAME;
use shared::zoho::inventory;
use shared::zoho::scope::{Access, Product};

use super::representation::{documented, documented_list};
use crate::openapi::body::body;
use crate::openapi::operation::Operation;
use crate::openapi::schema::{Shape, count, described, exact, id, named, our_id, text, untrusted};
use crate::request::upload::CSV;

const READ: &[&str] = &["inventory:read"];
const CHANGE: &[&str] = &["inventory:stock"];

pub(super) fn list() -> Operation {
    Operation::own(READ, "listMappings", "What other systems call the items")
        .tagged("Inventory")
        .about(
            "By page, or what one name leads to. With `Accept: text/csv`, all of it as a table that can be imported again. No \
             call to Zoho is made: `POST /v1/inventory/mappings/resolve` looks whether Zoho still agrees.",
        )
        .query("product_id", "The other system's id.", product_id(), Value::Null)
        .query("sku", "All that name this SKU.", text(), Value::Null)
        .query("item_id", "All that lead to this item.", id(), Value::Null)
        .pages()
        .answers(200, "Mappings.", documented_list())
        .also_as(&[CSV])
        .fails(&[Code::ProductUnmapped, Code::ProductNotConnected])
}

pub(super) fn put() -> Operation {
    Operation::own(CHANGE, "putMapping", "Says which item a product id of another system is")
        .tagged("Inventory")
        .about("It takes the place of what was said before. Zoho is not asked.")
        .query("product_id", "The other system's id.", product_id(), "SHOP-1001")
        .required()
        .takes(body!("Naming"), json!({ "sku": "SHELF-OAK-80" }))
        .answers(200, "The mapping.", documented())
        .fails(&[Code::ProductNotConnected])
}

pub(super) fn delete() -> Operation {
    Operation::own(CHANGE, "deleteMapping", "Removes the mapping of a product id")
        .tagged("Inventory")
        .query("product_id", "The other system's id.", product_id(), "SHOP-1001")
        .required()
        .answers_empty(204, "It is gone.")
        .fails(&[Code::ProductUnmapped, Code::ProductNotConnected])
}

pub(super) fn import() -> Operation {
    Operation::own(CHANGE, "importMappings", "Imports mappings")
        .tagged("Inventory")
        .about(
            "As JSON, or as a table with `Content-Type: text/csv` and the columns `product_id`, `sku`, `item_id`; up to 4 MB. If \
             anything is wrong, nothing is imported, and `detail` names the lines. What a line does not say is kept, unless it \
             contradicts what is there. Of places that are new here, Zoho's list is asked. 202: there was no time for the rest, send \
             the same again.",
        )
        .takes(
            body!("Mappings"),
            json!({
                "mappings": [{ "product_id": "SHOP-1001", "sku": "SHELF-OAK-80" }],
                "locations": [{ "name": "shop-hamburg", "location_id": "3300000000038080" }],
            }),
        )
        .takes_also(CSV, "product_id,sku,item_id\r\nSHOP-1001,SHELF-OAK-80,\r\n")
        .answers(200, "How many there were.", imported())
        .answers(202, "The same, with more to do.", imported())
        .fails(&[Code::LocationNotFound, Code::ProductNotConnected])
}

pub(super) fn resolve() -> Operation {
    Operation::work(
        Product::Inventory,
        Access::Stock,
        "resolveMappings",
        "Holds mappings against Zoho's items",
    )
        .scopes(&[inventory::scope::ITEMS])
        .about(
            "Fills in ids, SKUs and names that a mapping does not have yet, and tells what does not fit: unknown, ambiguous and \
             inactive SKUs, items that are gone or have another SKU now, two product ids on one item. Nothing is chosen and \
             nothing remapped. A call works for at most 20 seconds; 202: call `next` with POST and the body `{}`.",
        )
        .query("run", "Where to go on. Take it from `next`, which is called as it stands.", our_id(), Value::Null)
        .takes(body!("Resolving"), json!({}))
        .answers(200, "How it ended.", resolved())
        .answers(202, "How far it came.", resolved())
}

fn product_id() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME })
}

fn imported() -> Shape {
    let fields = [
        ("imported", described(count(), "How many were written.")),
        ("unchanged", described(count(), "How many were there already.")),
        ("left", described(count(), "How many there was no time for.")),
        (
            "next",
            described(
                json!({ "type": ["string", "null"] }),
                "Where to send the same again; null at the end.",
            ),
        ),
        ("notice", described(text(), "Where nobody could look whether Zoho has the places.")),
    ];
    named("ImportedMappings", exact(4, &fields))
}

fn resolved() -> Shape {
    let trouble = exact(
        3,
        &[
            ("product_id", text()),
            (
                "code",
                described(
                    text(),
                    "`sku_not_found`, `sku_ambiguous`, `sku_inactive`, `mapping_stale`, `mapping_duplicate` or `product_unmapped`.",
                ),
            ),
            ("detail", described(text(), "What is wrong, with ids and names of items.")),
        ],
    );
    let fields = [
        ("done", described(count(), "How many mappings are looked at.")),
        ("total", described(count(), "How many mappings there are, or were named.")),
        (
            "next",
            json!({ "type": ["string", "null"], "pattern": "^/v1/", "description": "What to POST `{}` to; null at the end." }),
        ),
        ("resolved", described(count(), "How many mappings lead to exactly one item.")),
        ("problems", json!({ "type": "array", "items": trouble })),
        ("problem_count", described(count(), "How many there are; at most 1,000 are listed.")),
        ("untrusted", untrusted()),
        ("notice", described(text(), "Why it stopped, where not for time.")),
    ];
    named("ResolvedMappings", exact(7, &fields))
}
