//! From a transfer as callers write it to the one that is performed.

use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::Object;

use super::body::{Line as Asked, MAX_LINES, Transfer};
use super::judge::{Judged, judge, nothing_left};
use super::transfer::{Line, TransferStock};
use crate::inventory::dates::demand_date;
use crate::inventory::documents::own_reference;
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::lookup::named::ItemName;
use crate::inventory::named_lines::{find_items, tracking};
use crate::inventory::quantity::Quantity;
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
    if asked.lines.is_empty() || asked.lines.len() > MAX_LINES {
        return Err(invalid(format!("`lines` must have 1 to {MAX_LINES} lines.")));
    }
    for (field, location) in [("from", &asked.from), ("to", &asked.to)] {
        if location.is_empty() {
            return Err(invalid(format!("`{field}` is empty.")));
        }
    }
    if asked.from == asked.to {
        return Err(invalid("`from` and `to` are one location: nothing would move.".to_owned()));
    }
    if let Some(date) = &asked.date {
        demand_date("date", date)?;
    }
    if asked.transfer_order_number.as_deref().is_some_and(|number| number.trim().is_empty()) {
        return Err(invalid("`transfer_order_number` is empty.".to_owned()));
    }
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

impl Asked {
    fn item(&self) -> ItemName<'_> {
        ItemName::of(self.item_id.as_ref(), self.sku.as_ref(), self.product_id.as_ref())
    }

    fn checked_quantity(&self, index: usize) -> Result<Quantity, Problem> {
        let quantity = self.quantity;
        if quantity.0.is_sign_negative() || quantity.0.is_zero() {
            return Err(invalid(format!(
                "`lines[{index}].quantity` is {}, but must be more than 0.",
                quantity.0
            )));
        }
        Ok(quantity)
    }

    fn tracking(&self) -> Object {
        tracking(self.serial_numbers.as_deref(), self.batches.as_ref(), None)
    }
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BodyInvalid, detail.into())
}
