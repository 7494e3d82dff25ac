//! Finds the items of the lines of a stock write, by any of the names that a caller may have for them.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::Object;

use crate::inventory::lookup::named::{ItemName, NamedItem, OneName, find_item};
use crate::request::body::invalid;
use crate::writes::request::WriteRequest;
use crate::zoho::{Target, Zoho};

/// How many reads are made at a time. Zoho's free plan allows five.
const READS_AT_ONCE: usize = 3;

/// More lookups by SKU would not fit into the calls that Zoho takes in a minute.
const MAX_SKUS: usize = 40;

/// The items of these lines, each of which must be another one. A path is what stands around the names: `lines[0]`, or nothing.
pub(crate) async fn find_items(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    lines: &[(String, ItemName<'_>)],
) -> Result<Vec<NamedItem>, Problem> {
    let names: Vec<(&str, OneName<'_>)> = lines
        .iter()
        .map(|(path, name)| Ok((path.as_str(), name.one(path)?)))
        .collect::<Result<_, Problem>>()?;
    if names.iter().filter(|(_, name)| matches!(name, OneName::Sku(_))).count() > MAX_SKUS {
        return Err(invalid(format!(
            "More than {MAX_SKUS} lines name their item by `sku`. Send `item_id` for the others, or a reconciliation for so many."
        )));
    }
    let target = Target::new(request.caller, request.connection, Product::Inventory, inventory::scope::ITEMS);
    let mut found: Vec<NamedItem> = Vec::with_capacity(names.len());
    for some in names.chunks(READS_AT_ONCE) {
        let items = try_join_all(some.iter().map(async |(path, name)| {
            let (field, value) = name.field();
            let dot = if path.is_empty() { "" } else { "." };
            let item = find_item(zoho, mappings, &target, *name).await;
            item.map_err(|problem| problem.within(&format!("`{path}{dot}{field}` {value:?}")))
        }));
        found.extend(items.await?);
    }
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    if let Some((path, _)) =
        names.iter().zip(&found).find(|(_, item)| !seen.insert(&item.item_id)).map(|(name, _)| *name)
    {
        return Err(invalid(format!(
            "`{path}` names an item that a line before it has already: put them together."
        )));
    }
    Ok(found)
}

/// What a line says of single pieces, in the form that Zoho takes: serial numbers, batches, bins. It is empty if the line says nothing.
pub(crate) fn tracking(
    serial_numbers: Option<&[String]>,
    batches: Option<&Value>,
    storages: Option<&Value>,
) -> Object {
    let said = [
        ("serial_numbers", serial_numbers.map(|numbers| json!(numbers))),
        ("batches", batches.cloned()),
        ("storages", storages.cloned()),
    ];
    let said = said.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
    said.filter(|(_, value)| !value.is_null()).collect()
}
