//! From a transfer as callers write it to the one that is performed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id};

use super::body::{Line as Asked, MAX_LINES, Transfer};
use super::judge::{Judged, judge, nothing_left};
use super::plan::{Line, TransferStock, own_number};
use crate::inventory::adjustments::demand_date;
use crate::inventory::lookup;
use crate::writes::plan::Draft;
use crate::writes::request::WriteRequest;
use crate::zoho::{Target, Zoho, unreadable};

/// Works out what a transfer moves, and for a preview what both places would have.
pub(super) async fn prepare(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    asked: Transfer,
) -> Result<Draft<TransferStock>, Problem> {
    if asked.lines.is_empty() || asked.lines.len() > MAX_LINES {
        return Err(invalid(format!("`lines` must have 1 to {MAX_LINES} lines.")));
    }
    for (field, place) in [("from", &asked.from), ("to", &asked.to)] {
        if place.is_empty() {
            return Err(invalid(format!("`{field}` is empty.")));
        }
    }
    if asked.from == asked.to {
        return Err(invalid("`from` and `to` are one location: nothing would move.".to_owned()));
    }
    if let Some(date) = &asked.date {
        demand_date(date)?;
    }
    if asked.transfer_order_number.as_deref().is_some_and(|number| number.trim().is_empty()) {
        return Err(invalid("`transfer_order_number` is empty.".to_owned()));
    }
    let target = Target::new(request.caller, request.connection, Product::Inventory, inventory::scope::ITEMS);
    let mut lines: Vec<Line> = Vec::with_capacity(asked.lines.len());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (index, line) in asked.lines.into_iter().enumerate() {
        let line = line_of(zoho, &target, line, &format!("lines[{index}]")).await?;
        if !seen.insert(line.item_id.clone()) {
            return Err(invalid(format!(
                "`lines[{index}]` names an item that a line before it has already: put them together."
            )));
        }
        lines.push(line);
    }
    let plan = TransferStock {
        own_number: asked.transfer_order_number.is_none(),
        number: asked.transfer_order_number.unwrap_or_else(own_number),
        from: asked.from,
        to: asked.to,
        in_transit: asked.in_transit,
        date: asked.date,
        description: asked.description,
        lines,
    };
    let preview = if request.dry_run { preview(zoho, &target, &plan).await? } else { Value::Null };
    Ok(Draft { plan, preview, before: Value::Null, modified: None })
}

async fn preview(zoho: &Zoho, target: &Target<'_>, plan: &TransferStock) -> Result<Value, Problem> {
    let items = plan.items(zoho, target).await?;
    let judged = judge(plan, &items)?;
    if let Some(problem) = nothing_left(&judged) {
        return Err(problem);
    }
    let left_out = |line: &Judged<'_>| {
        line.places.as_ref().err().map(|why| format!("{} {why}: its line is left out.", line.name()))
    };
    let warnings: Vec<String> =
        judged.iter().filter_map(Judged::shortage).chain(judged.iter().filter_map(left_out)).collect();
    Ok(json!({
        "transfer_order_number": plan.number,
        "in_transit": plan.in_transit,
        "lines": judged.iter().map(Judged::shown_unsent).collect::<Vec<_>>(),
        "warnings": warnings,
    }))
}

async fn line_of(zoho: &Zoho, target: &Target<'_>, line: Asked, at: &str) -> Result<Line, Problem> {
    let quantity = line.quantity;
    if quantity.0.is_sign_negative() || quantity.0.is_zero() {
        return Err(invalid(format!("`{at}.quantity` is {}, but must be more than 0.", quantity.0)));
    }
    let item_id = match (&line.sku, &line.item_id) {
        (None, Some(id)) if is_zoho_id(id) => id.clone(),
        (None, Some(_)) => {
            return Err(invalid(format!(
                "`{at}.item_id` must be Zoho's own: 1 to 19 digits. A SKU stands in `sku`."
            )));
        }
        (Some(sku), None) if !sku.is_empty() => {
            let item = lookup::item_by_sku(zoho, target, sku).await;
            let item = item.map_err(|problem| problem.within(&format!("`{at}.sku` {sku:?}")))?;
            id(&item, "item_id").ok_or_else(|| unreadable("item_id"))?
        }
        _ => return Err(invalid(format!("`{at}` must have either `sku` or `item_id`."))),
    };
    let mut tracking = Object::new();
    let serials = line.serial_numbers.map(|numbers| json!(numbers));
    for (field, value) in [("serial_numbers", serials), ("batches", line.batches)] {
        tracking.extend(value.filter(|value| !value.is_null()).map(|value| (field.to_owned(), value)));
    }
    Ok(Line { item_id, quantity, tracking })
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BodyInvalid, detail.into())
}
