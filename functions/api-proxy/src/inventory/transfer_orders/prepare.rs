//! From a transfer as callers write it to the one that is performed.

use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::scope::Product;

use super::body::Transfer;
use super::judge::{Judged, judge, nothing_left};
use super::transfer::{Line, TransferStock};
use crate::inventory::documents::own_reference;
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::named_lines::find_items;
use crate::writes::plan::Draft;
use crate::writes::request::WriteRequest;
use crate::zoho::{Target, Zoho};

/// Works out what a transfer moves, and for a preview what both locations would have.
pub(super) async fn prepare(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    asked: Transfer,
) -> Result<Draft<TransferStock>, Problem> {
    asked.demand_possible()?;
    let mut quantities = Vec::with_capacity(asked.lines.len());
    for (index, line) in asked.lines.iter().enumerate() {
        line.item().one(&format!("lines[{index}]"))?;
        quantities.push(line.checked_quantity(index)?);
    }
    let names: Vec<_> = asked
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| (format!("lines[{index}]"), line.item()))
        .collect();
    let found = find_items(zoho, mappings, request, &names).await?;
    let lines = asked.lines.iter().zip(quantities).zip(found).map(|((line, quantity), item)| Line {
        item_id: item.item_id,
        mapping: item.mapping,
        quantity,
        tracking: line.tracking(),
    });
    let lines: Vec<Line> = lines.collect();
    let from = as_zoho_knows_it(mappings, request.connection, asked.from).await?;
    let to = as_zoho_knows_it(mappings, request.connection, asked.to).await?;
    let plan = TransferStock {
        own_number: asked.transfer_order_number.is_none(),
        number: asked.transfer_order_number.unwrap_or_else(|| own_reference().to_uppercase()),
        from: from.known_as,
        to: to.known_as,
        from_name: from.mapped,
        to_name: to.mapped,
        in_transit: asked.in_transit,
        date: asked.date,
        description: asked.description,
        lines,
        seen: Vec::new(),
    };
    let target = Target::new(request.caller, request.connection, Product::Inventory, inventory::scope::ITEMS);
    let preview = if request.dry_run { preview(zoho, &target, &plan).await? } else { Value::Null };
    Ok(Draft { plan, preview, before: Value::Null, modified: None })
}

async fn preview(zoho: &Zoho, target: &Target<'_>, plan: &TransferStock) -> Result<Value, Problem> {
    let items = plan.items(zoho, target).await?;
    plan.demand_locations_meant(&items)?;
    let judged = judge(plan, &items)?;
    if let Some(problem) = nothing_left(&judged) {
        return Err(problem);
    }
    let left_out = |line: &Judged<'_>| {
        line.locations.as_ref().err().map(|why| format!("{} {why}: its line is left out.", line.name()))
    };
    let warnings: Vec<String> =
        judged.iter().filter_map(Judged::shortage).chain(judged.iter().filter_map(left_out)).collect();
    Ok(json!({
        "transfer_order_number": plan.number,
        "in_transit": plan.in_transit,
        "lines": judged.iter().map(Judged::shown_unsent).collect::<Vec<_>>(),
        "warnings": warnings,
        "untrusted": ["transfer_order_number", "lines", "warnings"],
    }))
}
