//! Builds a transfer order from a request: all of it, or nothing with one culprit.

use serde_json::{Value, json};

use super::document::{Stage, Transfer};
use super::number;
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::inventory::amount::Amount;
use crate::inventory::error::error;
use crate::inventory::list::text;
use crate::inventory::{body, data, dates, movement, places, quantity, stock, tracking};
use crate::object::{Object, object};
use crate::state::State;

const LONGEST_DESCRIPTION: usize = 500;

/// A transfer, not yet performed. Unknown keys are dropped silently, as at Zoho.
pub(crate) fn transfer(state: &mut State, call: &Call, wanted: &Object) -> Result<Transfer, Answer> {
    let (number, counted) = number::asked(state, call, wanted)?;
    let date = dates::writable(state, body::id(wanted, "date"), "date")?;
    let place = |keys: places::Keys| {
        places::named(state, wanted, keys)?
            .ok_or_else(|| error(400, 4, &format!("Invalid value passed for {}", keys.location)))
    };
    let (from, to) = (place(places::FROM)?, place(places::TO)?);
    if from == to && !state.switches.transfer_same_place_taken() {
        return Err(error(400, 4, "Source and destination locations cannot be the same."));
    }
    let description = wanted.get("description").and_then(Value::as_str).unwrap_or_default();
    if description.chars().count() > LONGEST_DESCRIPTION {
        return Err(body::invalid("description"));
    }
    let lines = wanted.get("line_items").and_then(Value::as_array).filter(|lines| !lines.is_empty());
    let lines = lines.ok_or_else(|| error(400, 4, "Invalid value passed for line_items"))?;
    if lines.len() > state.switches.transfer_line_cap() {
        let message = "Looks like the key line_items has exceeded the size. Please check and try again.";
        return Err(error(400, 4, message));
    }
    let stage = stage(wanted);
    let id = state.shop.id();
    let (mut shown, mut moved) = (Vec::new(), Vec::new());
    for (order, given) in lines.iter().enumerate() {
        let line_id = state.shop.id();
        let given = given.as_object().ok_or_else(|| body::invalid("line_items"))?;
        let (line, quantity) = line(state, given, (&from, &to), stage)?;
        let mut row = object(json!({ "line_item_id": line_id, "item_order": order }));
        row.extend(line);
        moved.push((text(&row, "item_id").to_owned(), quantity));
        shown.push(row);
    }
    let quantity: Amount = moved.iter().map(|(_, quantity)| *quantity).sum();
    let total: Amount = shown.iter().filter_map(|line| line.get("amount").and_then(Amount::of)).sum();
    let received = if stage == Stage::Transferred { quantity } else { Amount::ZERO };
    let now = inventory_time(state.now());
    let mut document = object(json!({
        "transfer_order_id": id,
        "transfer_order_number": number,
        "date": date,
        "transferred_date": if stage == Stage::Transferred { date.as_str() } else { "" },
        "status": stage.status(),
        "description": description,
        "from_location_id": from.0,
        "from_location_name": from.1,
        "to_location_id": to.0,
        "to_location_name": to.1,
        "is_intransit_order": wanted.get("is_intransit_order") == Some(&Value::Bool(true)),
        "quantity_transfer": quantity.number(),
        "quantity_transferred": received.number(),
        "total": total.number(),
        "line_items": [],
        "approvers_list": [],
        "show_convert_to_receive": false,
        "carrier": "",
        "tracking_number": "",
        "tracking_statuses": [],
        "created_time": now,
        "last_modified_time": now,
        "created_by_id": data::USER.0,
        "created_by_name": data::USER.1,
        "is_advanced_tracking_missing": false,
        "custom_fields": wanted.get("custom_fields").filter(|fields| fields.is_array()).unwrap_or(&json!([])),
    }));
    document.insert("line_items".to_owned(), shown.into_iter().map(Value::Object).collect());
    let made = Transfer { shown: document, from: from.0, to: to.0, lines: moved, stage };
    let moves = made.moves(Stage::Draft, stage);
    if let Some(short) = movement::short(state, &moves)
        && state.switches.transfer_shortage_refused()
    {
        let name = state.items.by_id(&short.item).map(|item| text(item, "name").to_owned());
        let message =
            format!("The source location does not have enough stock of {}.", name.unwrap_or_default());
        return Err(error(400, 4, &message));
    }
    // Only an accepted transfer uses up a number.
    if counted {
        state.shop.next_transfer += 1;
    }
    Ok(made)
}

/// Transferred at once, unless the caller says otherwise; the draft is not documented.
fn stage(wanted: &Object) -> Stage {
    if text(wanted, "status") == "draft" {
        Stage::Draft
    } else if wanted.get("is_intransit_order") == Some(&Value::Bool(true)) {
        Stage::InTransit
    } else {
        Stage::Transferred
    }
}

fn line(
    state: &State,
    given: &Object,
    (from, to): (&places::Place, &places::Place),
    stage: Stage,
) -> Result<(Object, Amount), Answer> {
    let id = body::id(given, "item_id");
    let own = given.get("name").and_then(Value::as_str).unwrap_or_default();
    for (key, value) in [("item_id", id.as_str()), ("name", own)] {
        if value.is_empty() {
            return Err(error(400, 4, &format!("Invalid value passed for {key}")));
        }
    }
    let gone = |name: &str| {
        let message = format!(
            "Transfer Order cannot be raised for item {name} that has been deleted or marked as inactive"
        );
        error(400, 4, &message)
    };
    let item = state.items.by_id(&id).ok_or_else(|| gone(own))?;
    let name = text(item, "name");
    if text(item, "status") != "active" {
        return Err(gone(name));
    }
    if tracking::is_kit(item) || !stock::tracked(item) {
        return Err(error(400, 4, &format!("Inventory is not tracked for the item {name}.")));
    }
    if let Some((_, place)) = [from, to].into_iter().find(|(place, _)| !tracking::kept_at(item, place)) {
        return Err(error(400, 4, &format!("The item {name} is not available in {place}.")));
    }
    // `quantity` is no key of this call: it is dropped like any unknown one.
    let quantity = quantity::read(state, item, given.get("quantity_transfer"), "quantity_transfer")?;
    if quantity.is_zero() || quantity.is_negative() {
        return Err(body::invalid("quantity_transfer"));
    }
    if tracking::bare(item, given, quantity) {
        return Err(error(400, 2205, &format!("Serial numbers or batches are missing for {name}.")));
    }
    let price = item.get("purchase_rate").and_then(Amount::of).unwrap_or_default();
    let list =
        |key: &str| given.get(key).filter(|list| list.is_array()).cloned().unwrap_or_else(|| json!([]));
    let received = if stage == Stage::Transferred { quantity } else { Amount::ZERO };
    let line = object(json!({
        "item_id": id,
        "name": name,
        "description": given.get("description").and_then(Value::as_str).unwrap_or_default(),
        "quantity_transfer": quantity.number(),
        "quantity_transferred": received.number(),
        "advanced_tracking_missing_quantity": Amount::ZERO.formatted(2),
        "price": price.number(),
        "amount": quantity.priced(price),
        "asset_price": price.number(),
        "unit": text(item, "unit"),
        "sku": text(item, "sku"),
        "serial_numbers": list("serial_numbers"),
        "batches": list("batches"),
    }));
    Ok((line, quantity))
}
