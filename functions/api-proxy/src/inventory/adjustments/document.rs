//! An adjustment at Zoho: the document that is sent, and the one that is looked for after silence.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::inventory::{self, adjustments};
use shared::zoho::response;
use shared::zoho::value::{Object, id, text};

use super::adjustment::AdjustStock;
use super::judge::{Judged, Verdict};
use crate::inventory::decimals;
use crate::writes::recovery::made_since;
use crate::zoho::{Target, Zoho};

/// How many pages of the list are read at most.
const MAX_PAGES: u32 = 20;

/// What Zoho gets: the lines that move stock.
pub(super) fn to_send(plan: &AdjustStock, lines: &[Judged<'_>], today: &str) -> Object {
    let mut body = Object::new();
    let mut put = |field: &str, value: Value| {
        body.insert(field.to_owned(), value);
    };
    put("date", plan.date.as_deref().unwrap_or(today).into());
    put("reason", plan.reason.as_str().into());
    if let Some(description) = &plan.description {
        put("description", description.as_str().into());
    }
    put("reference_number", plan.reference.as_str().into());
    put("adjustment_type", "quantity".into());
    // All lines are at one location. Zoho takes its id under one of two names, and never under both.
    let location = lines.iter().find_map(|line| line.location.as_ref());
    let location = location
        .map(|location| (if location.is_warehouse { "warehouse_id" } else { "location_id" }, &location.id));
    if let Some((field, id)) = location {
        put(field, id.as_str().into());
    }
    let line_items = lines.iter().filter_map(|judged| {
        let Verdict::Moves(delta) = judged.verdict else { return None };
        let mut line = Object::new();
        line.insert("item_id".to_owned(), judged.line.item_id.as_str().into());
        line.insert("quantity_adjusted".to_owned(), decimals::json(delta));
        line.extend(location.map(|(field, id)| (field.to_owned(), id.as_str().into())));
        line.extend(judged.line.tracking.clone());
        Some(Value::Object(line))
    });
    let line_items: Vec<Value> = line_items.collect();
    put("line_items", line_items.into());
    body
}

/// Whether the stock of a document has moved, and what is to be said of that.
pub(super) fn standing(document: &Object) -> (bool, Vec<String>) {
    let status = text(document, "status");
    let is_moved = status.is_none_or(|status| status == "adjusted");
    let mut notices = Vec::new();
    if let (false, Some(status)) = (is_moved, status) {
        notices.push(format!(
            "Zoho made the adjustment and has not moved any stock yet: its status is {status:?}. A person must approve or finish it in Zoho; do not send it again."
        ));
    }
    if document.get("is_advanced_tracking_missing") == Some(&Value::Bool(true)) {
        notices.push(
            "Zoho took it without all serial numbers or batches: a person must add them in Zoho.".to_owned(),
        );
    }
    (is_moved, notices)
}

/// The quantities of a document's lines, by item; nothing where the document does not show its lines.
pub(super) fn quantities(document: &Object) -> Option<BTreeMap<String, Decimal>> {
    let lines = document.get("line_items")?.as_array()?;
    let quantity = |line: &Value| {
        let line = line.as_object()?;
        Some((id(line, "item_id")?, decimals::decimal(line.get("quantity_adjusted"))?))
    };
    let mut quantities = BTreeMap::new();
    quantities.extend(lines.iter().filter_map(quantity));
    Some(quantities)
}

/// The ids of the documents with the plan's reference that can have been made since then. Zoho's list is not searched by reference, and
/// nobody says how it is sorted, so that its pages are read until what they show can only be older. Sorted by day, a document that is
/// of another day stands among older ones: then all pages are read. A reference that we made up needs no time: nothing before the write
/// has it, and our clock may be wrong.
pub(super) async fn with_reference(
    zoho: &Zoho,
    target: &Target<'_>,
    plan: &AdjustStock,
    since: Timestamp,
) -> Result<Vec<String>, Problem> {
    let kind = RecordKind::INVENTORY_ADJUSTMENT;
    let (reference, is_of_today) = (plan.reference.as_str(), plan.date.is_none());
    let mut found: Vec<String> = Vec::new();
    for page in 1..=MAX_PAGES {
        let mut answer = zoho
            .read(
                target,
                |endpoint| {
                    adjustments::newest_url(endpoint.api, endpoint.organization, page, inventory::MAX_ROWS)
                },
                response::inventory,
            )
            .await?;
        let rows = kind.take_list(&mut answer)?;
        for row in rows.iter().filter(|row| text(row, "reference_number") == Some(reference)) {
            let id = id(row, kind.id_field).filter(|id| !found.contains(id));
            found.extend(id.filter(|_| plan.own_reference || made_since(row, "created_time", since)));
        }
        let is_end = is_of_today && are_newest_first(&rows, since);
        if is_end || !inventory::may_go_on(&answer, page, rows.len(), inventory::MAX_ROWS) {
            break;
        }
    }
    Ok(found)
}

/// Whether the rows are sorted by when they were made, the newest first, and the last one is older than that: then so are all after
/// it.
fn are_newest_first(rows: &[Object], since: Timestamp) -> bool {
    let made: Option<Vec<Timestamp>> =
        rows.iter().map(|row| text(row, "created_time").and_then(shared::zoho::value::timestamp)).collect();
    let Some(made) = made else { return false };
    let sorted = made.windows(2).all(|pair| matches!(pair, [one, other] if one >= other));
    sorted && rows.last().is_some_and(|row| !made_since(row, "created_time", since))
}

/// A document as callers see it, with what became of each line. A part of a longer work is told without Zoho's own lines.
pub(super) fn shown(document: Object, lines: Vec<Value>, notices: &[String], is_part: bool) -> Value {
    let mut document = document;
    if is_part {
        let kept =
            [RecordKind::INVENTORY_ADJUSTMENT.id_field, "reference_number", "status", "date", "created_time"];
        document.retain(|field, _| kept.contains(&field.as_str()));
    }
    document.insert("lines".to_owned(), lines.into());
    let mut shown = inventory::plain_record(document);
    if !notices.is_empty() {
        shown.insert("notice".to_owned(), notices.join(" ").into());
    }
    json!(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::adjustments::fixtures::{by, object, plan, to};
    use crate::inventory::adjustments::judge::judge;

    #[test]
    fn what_is_sent_names_the_location_as_zoho_calls_it_and_only_the_lines_that_move() {
        for (list, kind) in [("locations", "location"), ("warehouses", "warehouse")] {
            let item = |id: &str| {
                object(&format!(
                    r#"{{"item_id":"{id}","{list}":[{{"{kind}_id":"10","{kind}_name":"Main","{kind}_stock_on_hand":4}}]}}"#
                ))
            };
            let items = [item("1"), item("2")];
            let mut two = plan(vec![by("-2"), to("4", None)], Some("Main"), None);
            two.lines[0].tracking = object(r#"{"serial_numbers":["A"]}"#);
            let sent = |plan: &AdjustStock| {
                let body = to_send(plan, &judge(plan, &items).unwrap(), "2026-11-22");
                Value::Object(body).to_string()
            };
            let expected = format!(
                r#"{{"date":"2026-11-22","reason":"Counted","reference_number":"R-1","adjustment_type":"quantity","{kind}_id":"10","line_items":[{{"item_id":"1","quantity_adjusted":-2,"{kind}_id":"10","serial_numbers":["A"]}}]}}"#
            );
            assert_eq!(sent(&two), expected);
            (two.date, two.description) = (Some("2026-11-01".to_owned()), Some("It fell".to_owned()));
            let said = sent(&two);
            assert!(
                said.starts_with(r#"{"date":"2026-11-01","reason":"Counted","description":"It fell","#),
                "{said}"
            );
        }
    }

    #[test]
    fn a_part_of_a_longer_work_is_shown_without_zohos_own_lines() {
        let document = object(
            r#"{"inventory_adjustment_id":"900","status":"adjusted","reason":"Counted","line_items":[{"item_id":"1"}]}"#,
        );
        let notices = ["One.".to_owned(), "Two.".to_owned()];
        for (is_part, notices, has_lines) in [(false, &notices[..], true), (true, &[], false)] {
            let shown = shown(document.clone(), vec![json!({ "outcome": "adjusted" })], notices, is_part);
            assert_eq!(shown["inventory_adjustment_id"], "900");
            assert_eq!(shown["lines"][0]["outcome"], "adjusted");
            let has = |field: &str| shown.get(field).is_some();
            assert_eq!((has("line_items"), has("reason")), (has_lines, has_lines));
            assert_eq!(shown.get("notice").and_then(Value::as_str), (!is_part).then_some("One. Two."));
        }
    }

    #[test]
    fn pages_are_read_on_unless_the_newest_come_first_and_the_last_is_older() {
        let since = "2026-11-29T12:00:00Z".parse().unwrap();
        let rows = |times: &[&str]| -> Vec<Object> {
            times.iter().map(|time| json!({ "created_time": time }).as_object().unwrap().clone()).collect()
        };
        let (new, old, older) = ("2026-11-29T12:01:00Z", "2026-11-29T11:00:00Z", "2026-11-28T11:00:00Z");
        assert!(are_newest_first(&rows(&[new, old, older]), since));
        assert!(!are_newest_first(&rows(&[new, older, old]), since), "sorted by something else");
        assert!(!are_newest_first(&rows(&[new, new]), since), "there may be more");
        assert!(!are_newest_first(&rows(&[old, ""]), since), "one does not say when");
        assert!(!are_newest_first(&[], since));
    }

    #[test]
    fn a_document_has_not_moved_stock_before_zoho_says_so() {
        let standing = |document: Value| standing(document.as_object().unwrap());
        assert_eq!(standing(json!({})), (true, Vec::new()));
        assert_eq!(
            standing(json!({ "status": "adjusted", "is_advanced_tracking_missing": false })),
            (true, Vec::new())
        );
        let (is_moved, notices) = standing(json!({ "status": "draft" }));
        assert!(!is_moved && notices.len() == 1 && notices[0].contains("\"draft\""), "{notices:?}");
        let (is_moved, notices) =
            standing(json!({ "status": "draft", "is_advanced_tracking_missing": true }));
        assert!(!is_moved && notices.len() == 2, "{notices:?}");
        let (is_moved, notices) = standing(json!({ "is_advanced_tracking_missing": true }));
        assert!(is_moved && notices.len() == 1, "{notices:?}");
    }

    #[test]
    fn the_quantities_of_a_document_are_those_of_its_lines() {
        let quantities = |document: Value| quantities(document.as_object().unwrap());
        assert_eq!(quantities(json!({})), None);
        let lines = json!([{ "item_id": 7, "quantity_adjusted": "-2.50" }, { "item_id": "8" }, { "quantity_adjusted": 1 }, 9]);
        let found = quantities(json!({ "line_items": lines })).unwrap();
        assert_eq!(found, BTreeMap::from([("7".to_owned(), "-2.5".parse().unwrap())]));
        assert_eq!(quantities(json!({ "line_items": [] })), Some(BTreeMap::new()));
    }
}
