//! Builds an adjustment from a request: checks it in full before anything moves.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::document::Adjustment;
use super::line::{self, Refusal};
use crate::clock::inventory_time;
use crate::http::Answer;
use crate::inventory::amount::Amount;
use crate::inventory::error::error;
use crate::inventory::places::{self, Place};
use crate::inventory::{body, data, dates, movement};
use crate::object::{Object, object};
use crate::state::State;

const LONGEST_REASON: usize = 100;

/// An adjustment, not yet performed. Unknown keys are dropped silently, as at Zoho.
pub(crate) fn adjustment(state: &mut State, wanted: &Object) -> Result<Adjustment, Answer> {
    match body::id(wanted, "adjustment_type").as_str() {
        "quantity" => {}
        "" => return Err(error(400, 4, "Invalid value passed for adjustment_type")),
        // Values are no concern of this stand-in.
        _ => return Err(body::invalid("adjustment_type")),
    }
    let date = dates::writable(state, body::id(wanted, "date"), "date")?;
    let reason = reason(state, &body::id(wanted, "reason"))?;
    let lines = wanted.get("line_items").and_then(Value::as_array).filter(|lines| !lines.is_empty());
    let lines = lines.ok_or_else(|| error(400, 4, "Invalid value passed for line_items"))?;
    if lines.len() > state.switches.adjustment_line_cap() {
        let message = "Looks like the key line_items has exceeded the size. Please check and try again.";
        return Err(error(400, 4, message));
    }
    let reference = body::id(wanted, "reference_number");
    if !reference.is_empty() && taken(state, &reference) && state.switches.adjustment_reference_unique() {
        return Err(error(400, 4, &format!("Reference number {reference} already exists.")));
    }
    let place = places::named(state, wanted, places::ADJUSTED)?;
    let mut built = Vec::new();
    let mut moves = Vec::new();
    let mut named = HashSet::new();
    let mut refused = None;
    for given in lines {
        match line::line(state, given, (place.as_ref(), built.len(), &date)) {
            Ok(line) => {
                let twice = !named.insert((line.item.clone(), line.place.clone()));
                if twice && state.switches.same_item_twice_refused() {
                    let message = format!("The item {} is in more than one line.", line.name);
                    return Err(error(400, 4, &message));
                }
                moves.extend(line.moved());
                built.push(line);
            }
            Err(Refusal::Line(answer)) => {
                refused = Some(answer);
                if !state.switches.adjustment_bad_line_dropped() {
                    break;
                }
            }
            Err(Refusal::All(answer)) => return Err(answer),
        }
    }
    let dropped = state.switches.adjustment_bad_line_dropped;
    if let Some(answer) = refused.filter(|_| !dropped || built.is_empty()) {
        return Err(answer);
    }
    if let Some(short) = movement::short(state, &moves)
        && state.switches.adjustment_negative_refused()
    {
        let name = state.items.by_id(&short.item).map(|item| item.get("name").cloned().unwrap_or_default());
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
        return Err(error(400, 4, &format!("The stock of {name} is not enough for this adjustment.")));
    }
    let place = place.map_or_else(|| places::primary(state), Ok)?;
    let reason_id = state.shop.reason_id(&reason);
    let missing = built.iter().any(|line| line.bare);
    let mut shown = document(state, built.into_iter().map(|line| line.shown).collect(), &place, data::USER);
    shown.extend(object(json!({
        "date": date,
        "reason": reason,
        "reason_id": reason_id,
        "description": wanted.get("description").and_then(Value::as_str).unwrap_or_default(),
        "status": status(state, wanted),
        "reference_number": reference,
        "is_advanced_tracking_missing": missing,
    })));
    if let Some(fields) = wanted.get("custom_fields").filter(|fields| fields.is_array()) {
        shown.insert("custom_fields".to_owned(), fields.clone());
    }
    Ok(Adjustment { shown, moves, moved: false, made: state.now() })
}

/// A document with these lines; what it is for is still empty.
pub(crate) fn document(state: &mut State, lines: Vec<Object>, place: &Place, user: (&str, &str)) -> Object {
    let total: Amount = lines.iter().filter_map(|line| line.get("item_total").and_then(Amount::of)).sum();
    let now = inventory_time(state.now());
    let mut document = object(json!({
        "inventory_adjustment_id": state.shop.id(),
        "date": dates::today(state),
        "adjustment_account_id": "",
        "adjustment_account_name": "",
        "reason": "",
        "reason_id": "",
        "description": "",
        "status": "adjusted",
        "reference_number": "",
        "documents": [],
        "adjustment_type": "quantity",
        "submitter_id": "",
        "submitted_by": "",
        "submitted_date": "",
        "approver_id": "",
        "approvers_list": [],
        "line_items": [],
        "comments": [],
        "total": total.number(),
        "location_id": place.0,
        "location_name": place.1,
        "created_time": now,
        "last_modified_time": now,
        "created_by_id": user.0,
        "created_by_name": user.1,
        "last_modified_by_id": user.0,
        "last_modified_by_name": user.1,
        "custom_fields": [],
        "custom_field_hash": {},
        "is_advanced_tracking_missing": false,
        "is_inventory_valuation_pending": false,
    }));
    document.insert("line_items".to_owned(), lines.into_iter().map(Value::Object).collect());
    document
}

/// `adjusted` at once, unless the caller wants a draft or adjustments have to be approved.
fn status(state: &State, wanted: &Object) -> &'static str {
    let draft = body::id(wanted, "status") == "draft" && !state.switches.adjustment_draft_ignored();
    let waits = state.switches.adjustment_approval && !state.switches.approval_bypassed();
    if draft || waits { "draft" } else { "adjusted" }
}

/// Any text is a reason, and an unknown one becomes a new entry of the organisation's list.
fn reason(state: &State, reason: &str) -> Result<String, Answer> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(error(400, 4, "Invalid value passed for reason"));
    }
    let odd = reason.chars().count() > LONGEST_REASON || !state.shop.knows_reason(reason);
    if odd && state.switches.reason_refused() {
        return Err(body::invalid("reason"));
    }
    Ok(reason.to_owned())
}

fn taken(state: &State, reference: &str) -> bool {
    let text = |one: &Adjustment| one.shown.get("reference_number").cloned().unwrap_or_default();
    state.shop.adjustments.iter().any(|one| text(one) == reference)
}
