//! Confirms and voids orders: changes their status fields, and the stock of their items.

use serde_json::{Value, json};

use super::{announce, position, status_fields};
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::inventory::amount::Amount;
use crate::inventory::error::error;
use crate::inventory::list::text;
use crate::inventory::missing::missing;
use crate::inventory::rules::Moment;
use crate::inventory::{change, past, stock};
use crate::object::Object;
use crate::state::State;

/// `POST /salesorders/{id}/status/confirmed` and `/status/void`. A repetition changes nothing.
pub(crate) fn set(state: &mut State, id: &str, wanted: &str, has_data: bool) -> Answer {
    if position(state, id).filter(|_| has_data).is_none() {
        return missing(state, "salesorder_id", id);
    }
    match apply(state, id, wanted) {
        Ok(()) if wanted == "void" => done("The status of the Sales Order has been changed to void."),
        Ok(()) => done("Sales order status has been changed to 'Confirmed'."),
        Err(answer) => answer,
    }
}

/// `POST /salesorders/status/confirmed?salesorder_ids=`: all or none.
pub(crate) fn confirm_several(state: &mut State, call: &Call, has_data: bool) -> Answer {
    let ids = call.filled("salesorder_ids").unwrap_or_default();
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return error(400, 4, "Invalid value passed for salesorder_ids");
    }
    if let Some(id) = ids.iter().find(|id| position(state, id).filter(|_| has_data).is_none()) {
        return missing(state, "salesorder_ids", id);
    }
    match ids.iter().try_for_each(|id| apply(state, id, "confirmed")) {
        Ok(()) => done("Sales order(s) have been confirmed."),
        Err(answer) => answer,
    }
}

fn done(message: &str) -> Answer {
    Answer::json(200, &json!({ "code": 0, "message": message }))
}

/// Sets the status of an order.
pub(crate) fn apply(state: &mut State, id: &str, wanted: &str) -> Result<(), Answer> {
    let now = inventory_time(state.now());
    let Some(order) = position(state, id).and_then(|place| state.shop.salesorders.get_mut(place)) else {
        return Ok(());
    };
    let was = text(order, "order_status").to_owned();
    if was == wanted {
        return Ok(());
    }
    if was == "void" || was == "closed" {
        let message = format!("The status of a {was} sales order cannot be changed.");
        return Err(error(400, 36023, &message));
    }
    status_fields::write(order, wanted);
    order.insert("last_modified_time".to_owned(), now.into());
    let order = order.clone();
    if wanted == "confirmed" || was == "confirmed" {
        commit(state, &order, wanted == "confirmed");
    }
    announce(state, Moment::Edit, &order);
    Ok(())
}

/// Commits or frees stock. It is not known whether Zoho then counts the items as changed.
fn commit(state: &mut State, order: &Object, holds: bool) {
    let now = inventory_time(state.now());
    let lines = order.get("line_items").and_then(Value::as_array).into_iter().flatten();
    for line in lines.filter_map(Value::as_object) {
        let quantity = line.get("quantity").and_then(Amount::of).unwrap_or_default();
        let quantity = if holds { quantity } else { -quantity };
        let Some(place) = change::position(state, text(line, "item_id")) else { continue };
        past::remember(state, text(line, "item_id"));
        let moved = state.items.get_mut(place).and_then(|item| {
            stock::commit(item, Some(text(line, "location_id")), quantity)?;
            if state.switches.orders_change_items() {
                item.insert("last_modified_time".to_owned(), now.clone().into());
            }
            Some(())
        });
        if moved.is_some() && state.switches.orders_change_items() {
            change::announce(state, place);
        }
    }
}
