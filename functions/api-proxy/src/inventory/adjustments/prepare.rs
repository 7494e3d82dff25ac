//! From an adjustment as callers write it to the one that is performed: names become ids, values are checked.

use serde_json::{Value, json};
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::Object;

use super::adjustment::{AdjustStock, Change, Line};
use super::body::{Adjustment, Line as Asked, MAX_LINES};
use super::judge::{Judged, Verdict, demand_one_location, judge, nothing_left};
use crate::inventory::dates::demand_date;
use crate::inventory::documents::own_reference;
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::lookup::named::ItemName;
use crate::inventory::named_lines::{find_items, tracking};
use crate::inventory::quantity::Quantity;
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
    let (location, location_name) = match location(&asked)? {
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
    let own = asked.reference_number.is_none();
    let (reference, description, basis, date) =
        (asked.reference_number.clone(), asked.description.clone(), asked.basis, asked.date.clone());
    let lines = lines_of(zoho, mappings, request, asked).await?;
    let mut plan = AdjustStock {
        reason,
        date,
        description,
        reference: reference.unwrap_or_else(own_reference),
        own_reference: own,
        location,
        location_name,
        basis,
        lines,
        is_part: false,
        seen: Vec::new(),
    };
    let mut preview = Value::Null;
    if request.dry_run {
        let target =
            Target::new(request.caller, request.connection, Product::Inventory, inventory::scope::ITEMS);
        let items = plan.items(zoho, &target).await?;
        plan.demand_location_meant(&items)?;
        let judged = judge(&plan, &items)?;
        demand_one_location(&judged)?;
        let moves = judged.iter().any(|line| matches!(line.verdict, Verdict::Moves(_)));
        if let (false, Some(problem)) = (moves, nothing_left(&judged)) {
            return Err(problem);
        }
        preview = shown(&plan, &judged);
        // What is performed is what was shown: a target holds for the stock that the preview has seen.
        let seen: Vec<_> = judged.iter().map(|line| line.before).collect();
        for (line, seen) in plan.lines.iter_mut().zip(seen) {
            if let Change::Target { expected, .. } = &mut line.change {
                *expected = expected.take().or(seen.map(Quantity));
            }
        }
    } else if plan.lines.iter().any(|line| matches!(line.change, Change::Target { expected: None, .. })) {
        return Err(invalid(
            "`target` needs `expected`: the stock as you read it. Read the item first, or preview with `?dry_run=true`, which takes the stock that it shows.",
        ));
    }
    Ok(Draft { plan, preview, before: Value::Null, modified: None })
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

/// The location, under whichever of its names.
fn location(asked: &Adjustment) -> Result<Option<String>, Problem> {
    one_location([
        ("location", &asked.location),
        ("location_id", &asked.location_id),
        ("warehouse_id", &asked.warehouse_id),
    ])
}

/// The one of several fields that names a location.
fn one_location(fields: [(&str, &Option<String>); 3]) -> Result<Option<String>, Problem> {
    let mut named = fields.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
    let Some((field, location)) = named.next() else { return Ok(None) };
    if let Some((other, _)) = named.next() {
        return Err(invalid(format!("`{field}` and `{other}` name the location: send one of them.")));
    }
    if location.is_empty() {
        return Err(invalid(format!("`{field}` is empty.")));
    }
    if field != "location" && !is_zoho_id(location) {
        return Err(invalid(format!(
            "`{field}` must be Zoho's own: 1 to 19 digits. A name stands in `location`."
        )));
    }
    Ok(Some(location.to_owned()))
}

/// The lines as they are asked for, and whether they stand in a list.
fn asked_lines(asked: Adjustment) -> Result<(Vec<Asked>, bool), Problem> {
    let one = Asked {
        sku: asked.sku,
        item_id: asked.item_id,
        product_id: asked.product_id,
        delta: asked.delta,
        target: asked.target,
        expected: asked.expected,
        serial_numbers: asked.serial_numbers,
        batches: asked.batches,
        storages: asked.storages,
    };
    match asked.lines {
        None => Ok((vec![one], false)),
        Some(_) if !one.is_empty() => Err(invalid("Send either one item, or `lines`: not both.")),
        Some(lines) if lines.is_empty() || lines.len() > MAX_LINES => {
            Err(invalid(format!("`lines` must have 1 to {MAX_LINES} lines; more are a reconciliation.")))
        }
        Some(lines) => Ok((lines, true)),
    }
}

async fn lines_of(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    asked: Adjustment,
) -> Result<Vec<Line>, Problem> {
    let (lines, several) = asked_lines(asked)?;
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

/// What stands around the fields of a line.
fn path_of(index: usize, several: bool) -> String {
    if several { format!("lines[{index}]") } else { String::new() }
}

impl Asked {
    fn is_empty(&self) -> bool {
        self.item() == ItemName::default()
            && self.delta.is_none()
            && self.target.is_none()
            && self.expected.is_none()
            && self.tracking().is_empty()
    }

    fn item(&self) -> ItemName<'_> {
        ItemName::of(self.item_id.as_ref(), self.sku.as_ref(), self.product_id.as_ref())
    }

    fn change(&self, at: &str) -> Result<Change, Problem> {
        match (self.delta, self.target, self.expected) {
            (Some(delta), None, None) if delta.0.is_zero() => {
                Err(invalid(format!("`{at}delta` is 0: there is nothing to adjust.")))
            }
            (Some(delta), None, None) => Ok(Change::Delta(delta)),
            (None, Some(target), expected) => Ok(Change::Target { target, expected }),
            (Some(_), None, Some(_)) => {
                Err(invalid(format!("`{at}expected` goes with `{at}target`, and `{at}delta` stands alone.")))
            }
            _ => Err(invalid(format!(
                "`{at}delta`, or `{at}target` with `{at}expected`, must be there: one of them."
            ))),
        }
    }

    fn tracking(&self) -> Object {
        tracking(self.serial_numbers.as_deref(), self.batches.as_ref(), self.storages.as_ref())
    }
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BodyInvalid, detail.into())
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

    #[test]
    fn one_field_names_the_location() {
        let found = |fields: [Option<&str>; 3]| {
            let [location, location_id, warehouse_id] = fields.map(|field| field.map(str::to_owned));
            let named = one_location([
                ("location", &location),
                ("location_id", &location_id),
                ("warehouse_id", &warehouse_id),
            ]);
            named.map_err(|problem| problem.detail().to_owned())
        };
        for (fields, location) in [
            ([None, None, None], None),
            ([Some("Main"), None, None], Some("Main")),
            ([Some("7"), None, None], Some("7")),
            ([None, Some("33"), None], Some("33")),
            ([None, None, Some("33")], Some("33")),
        ] {
            assert_eq!(found(fields), Ok(location.map(str::to_owned)), "{fields:?}");
        }
        for (fields, why) in [
            ([Some("Main"), Some("33"), None], "`location` and `location_id` name the location"),
            ([None, Some("33"), Some("33")], "`location_id` and `warehouse_id` name the location"),
            ([Some(""), None, None], "`location` is empty"),
            ([None, Some("Main"), None], "`location_id` must be Zoho's own"),
            ([None, None, Some("Main")], "`warehouse_id` must be Zoho's own"),
        ] {
            let detail = found(fields).unwrap_err();
            assert!(detail.contains(why), "{fields:?}: {detail}");
        }
    }

    #[test]
    fn an_adjustment_is_of_one_item_or_of_a_list_of_up_to_a_hundred() {
        let asked = |body: Value| {
            let asked: Adjustment = serde_json::from_str(&body.to_string()).unwrap();
            asked_lines(asked)
                .map(|(lines, several)| (lines.len(), several))
                .map_err(|problem| problem.code())
        };
        let lines = |many: usize| vec![json!({ "item_id": "1", "delta": 1 }); many];
        assert_eq!(asked(json!({ "reason": "Count", "item_id": "1", "delta": 1 })), Ok((1, false)));
        for (many, found) in [
            (0, Err(Code::BodyInvalid)),
            (1, Ok((1, true))),
            (MAX_LINES, Ok((MAX_LINES, true))),
            (MAX_LINES + 1, Err(Code::BodyInvalid)),
        ] {
            assert_eq!(asked(json!({ "reason": "Count", "lines": lines(many) })), found, "{many}");
        }
        let both = json!({ "reason": "Count", "delta": 1, "lines": lines(1) });
        assert_eq!(asked(both), Err(Code::BodyInvalid));
    }

    fn line(fields: &str) -> Asked {
        serde_json::from_str(fields).unwrap()
    }

    #[test]
    fn a_line_says_a_change_or_what_the_stock_shall_be() {
        let change = |fields: &str| match line(fields).change("lines[2].") {
            Ok(Change::Delta(delta)) => format!("by {}", delta.0),
            Ok(Change::Target { target, expected: None }) => format!("to {}", target.0),
            Ok(Change::Target { target, expected: Some(expected) }) => {
                format!("to {} from {}", target.0, expected.0)
            }
            Err(problem) => {
                assert_eq!(problem.code(), Code::BodyInvalid, "{fields}");
                problem.detail().to_owned()
            }
        };
        for (fields, expected) in [
            (r#"{"delta":1}"#, "by 1"),
            (r#"{"delta":"-0.000001"}"#, "by -0.000001"),
            (r#"{"target":0}"#, "to 0"),
            (r#"{"target":5,"expected":0}"#, "to 5 from 0"),
            (r#"{"target":0,"expected":-2.5}"#, "to 0 from -2.5"),
        ] {
            assert_eq!(change(fields), expected, "{fields}");
        }
        for (fields, why) in [
            (r#"{"delta":0}"#, "`lines[2].delta` is 0: there is nothing to adjust"),
            (r#"{"delta":"-0.00"}"#, "`lines[2].delta` is 0: there is nothing to adjust"),
            (r#"{"delta":1,"expected":1}"#, "`lines[2].expected` goes with `lines[2].target`"),
            (r#"{"delta":0,"expected":0}"#, "`lines[2].expected` goes with `lines[2].target`"),
            (r#"{"delta":1,"target":1}"#, "must be there: one of them"),
            (r#"{"delta":1,"target":1,"expected":1}"#, "must be there: one of them"),
            (r#"{"expected":1}"#, "must be there: one of them"),
            ("{}", "must be there: one of them"),
        ] {
            assert!(change(fields).contains(why), "{fields}: {}", change(fields));
        }
    }

    #[test]
    fn a_line_that_says_anything_is_not_empty() {
        assert!(line("{}").is_empty());
        for fields in [
            r#"{"sku":"A"}"#,
            r#"{"item_id":"33"}"#,
            r#"{"product_id":"7"}"#,
            r#"{"delta":1}"#,
            r#"{"target":1}"#,
            r#"{"expected":1}"#,
            r#"{"serial_numbers":["1"]}"#,
            r#"{"batches":[{}]}"#,
            r#"{"storages":[{}]}"#,
        ] {
            assert!(!line(fields).is_empty(), "{fields}");
        }
    }
}
