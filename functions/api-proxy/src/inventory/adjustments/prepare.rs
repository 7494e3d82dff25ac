//! Makes the adjustment that is performed of the one that a caller wrote: names become ids, and values are checked.

use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::scope::Product;

use super::adjustment::{AdjustStock, Change, Line};
use super::body::Adjustment;
use super::judge::{Judged, Verdict, demand_one_location, judge, nothing_left};
use crate::inventory::dates::demand_date;
use crate::inventory::documents::own_reference;
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::named_lines::find_items;
use crate::inventory::quantity::Quantity;
use crate::request::body::invalid;
use crate::writes::plan::Draft;
use crate::writes::request::WriteRequest;
use crate::zoho::{Target, Zoho};

/// Works out what an adjustment does, and for a preview what the stock would be.
pub(super) async fn prepare(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    asked: Adjustment,
) -> Result<Draft<AdjustStock>, Problem> {
    let mut plan = plan(zoho, mappings, request, asked).await?;
    let is_blind = |line: &Line| matches!(line.change, Change::Target { expected: None, .. });
    let preview = if request.dry_run {
        preview(zoho, request, &mut plan).await?
    } else if plan.lines.iter().any(is_blind) {
        return Err(invalid(
            "`target` needs `expected`: the stock as you read it. Read the item first, or preview with `?dry_run=true`, which takes the stock that it shows.",
        ));
    } else {
        Value::Null
    };
    Ok(Draft { plan, preview, before: Value::Null, modified: None })
}

/// The adjustment with ids in place of names.
async fn plan(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    mut asked: Adjustment,
) -> Result<AdjustStock, Problem> {
    let (location, location_name) = match asked.location()? {
        Some(location) => {
            let named = as_zoho_knows_it(mappings, request.connection, location).await?;
            (Some(named.known_as), named.mapped)
        }
        None => (None, None),
    };
    let reason = asked.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 100 {
        return Err(invalid("`reason` must be 1 to 100 letters."));
    }
    if let Some(date) = &asked.date {
        demand_date("date", date)?;
    }
    if asked.reference_number.as_deref().is_some_and(|reference| reference.trim().is_empty()) {
        return Err(invalid("`reference_number` is empty."));
    }
    let (date, description, basis) = (asked.date.take(), asked.description.take(), asked.basis);
    let reference = asked.reference_number.take();
    Ok(AdjustStock {
        reason,
        date,
        description,
        own_reference: reference.is_none(),
        reference: reference.unwrap_or_else(own_reference),
        location,
        location_name,
        basis,
        lines: lines_of(zoho, mappings, request, asked).await?,
        is_part: false,
        seen: Vec::new(),
    })
}

/// Shows what the stock would be. What is performed is what was shown: a target holds for the stock that is seen here.
async fn preview(zoho: &Zoho, request: &WriteRequest<'_>, plan: &mut AdjustStock) -> Result<Value, Problem> {
    let target = Target::new(request.caller, request.connection, Product::Inventory, inventory::scope::ITEMS);
    let items = plan.items(zoho, &target).await?;
    plan.demand_location_meant(&items)?;
    let judged = judge(plan, &items)?;
    demand_one_location(&judged)?;
    let moves = judged.iter().any(|line| matches!(line.verdict, Verdict::Moves(_)));
    if let (false, Some(problem)) = (moves, nothing_left(&judged)) {
        return Err(problem);
    }
    let shown = shown(plan, &judged);
    let seen: Vec<_> = judged.iter().map(|line| line.before).collect();
    for (line, seen) in plan.lines.iter_mut().zip(seen) {
        if let Change::Target { expected, .. } = &mut line.change {
            *expected = expected.take().or(seen.map(Quantity));
        }
    }
    Ok(shown)
}

fn shown(plan: &AdjustStock, judged: &[Judged<'_>]) -> Value {
    let below =
        |line: &Judged<'_>| line.after().is_some_and(|after| after.is_sign_negative() && !after.is_zero());
    let warnings: Vec<String> = judged
        .iter()
        .filter(|line| matches!(line.verdict, Verdict::Moves(_)) && below(line))
        .map(|line| format!("The stock of {} would be below zero.", line.name()))
        .chain(judged.iter().filter_map(|line| match &line.verdict {
            Verdict::Unfit(why) => Some(format!("{} {why}: its line is left out.", line.name())),
            Verdict::Changed => {
                Some(format!("The stock of {} is not what you expected: its line is left out.", line.name()))
            }
            _ => None,
        }))
        .collect();
    json!({
        "reason": plan.reason,
        "date": plan.date,
        "reference_number": plan.reference,
        "lines": judged.iter().map(Judged::shown_unsent).collect::<Vec<_>>(),
        "warnings": warnings,
        "untrusted": ["reason", "reference_number", "lines"],
    })
}

async fn lines_of(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    asked: Adjustment,
) -> Result<Vec<Line>, Problem> {
    let (lines, several) = asked.into_lines()?;
    let mut changes = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let at = if several { format!("lines[{index}].") } else { String::new() };
        line.item().one(&path_of(index, several))?;
        changes.push(line.change(&at)?);
    }
    let names: Vec<_> =
        lines.iter().enumerate().map(|(index, line)| (path_of(index, several), line.item())).collect();
    let found = find_items(zoho, mappings, request, &names).await?;
    let made = lines.iter().zip(changes).zip(found).map(|((line, change), item)| Line {
        item_id: item.item_id,
        mapping: item.mapping,
        change,
        tracking: line.tracking(),
    });
    Ok(made.collect())
}

/// The place of a line in the body.
fn path_of(index: usize, several: bool) -> String {
    if several { format!("lines[{index}]") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::adjustments::fixtures::{by, items_with, plan, to};

    #[test]
    fn a_preview_warns_of_stock_below_zero_and_of_lines_that_are_left_out() {
        let changes = vec![by("-3"), by("-4"), by("-5"), to("-1", None), to("9", Some("3")), by("1")];
        let (plan, items) = (plan(changes, None, None), items_with(&["4", "4", "4", "-1", "4"]));
        let shown = shown(&plan, &judge(&plan, &items).unwrap());
        let expected = [
            "The stock of item 3 would be below zero.",
            "The stock of item 5 is not what you expected: its line is left out.",
            "item 6 is not in Zoho Inventory: its line is left out.",
        ];
        assert_eq!(shown["warnings"], json!(expected));
        let outcomes = shown["lines"].as_array().unwrap().iter().map(|line| &line["outcome"]);
        let expected = ["ready", "ready", "ready", "unchanged", "changed", "refused"];
        assert_eq!(outcomes.collect::<Vec<_>>(), expected);
        assert_eq!((&shown["reason"], &shown["reference_number"]), (&json!("Counted"), &json!("R-1")));
    }
}
