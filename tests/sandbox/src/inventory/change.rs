//! Edits of items, by the API or in Zoho's own pages; each fires the webhooks.

use axum::http::Method;
use serde_json::{Number, Value};

use super::{error, one, view};
use crate::api::{Entity, ItemChange};
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::state::{Object, State};
use crate::webhooks::{self, Delivery};

/// What a PUT may set. Stock is not among it: it moves only by adjustments.
#[rustfmt::skip]
const EDITABLE: [&str; 12] = [
    "name", "rate", "purchase_rate", "description", "purchase_description", "sku", "unit", "reorder_level",
    "upc", "ean", "brand", "manufacturer",
];
#[rustfmt::skip]
const STOCK_ON_HAND: [&str; 5] = [
    "stock_on_hand", "available_stock", "actual_available_stock", "available_for_sale_stock",
    "actual_available_for_sale_stock",
];

/// Where an item is.
pub(crate) fn position(state: &State, id: &str) -> Option<usize> {
    state.items.iter().position(|item| item.get("item_id").and_then(Value::as_str) == Some(id))
}

/// `PUT /items/{id}`: JSON, or the form field `JSONString`. Unknown keys are dropped silently.
pub(crate) fn put(state: &mut State, call: &Call, place: usize) -> Answer {
    debug_assert_eq!(call.method, Method::PUT);
    let text = call.field("JSONString").unwrap_or_else(|| String::from_utf8_lossy(&call.body).into_owned());
    let Ok(Value::Object(wanted)) = serde_json::from_str::<Value>(&text) else {
        return error(400, 4, "Invalid value passed for JSONString");
    };
    let wanted: Object = wanted.into_iter().filter(|(key, _)| EDITABLE.contains(&key.as_str())).collect();
    for (key, value) in &wanted {
        let fits = match key.as_str() {
            "name" => value.as_str().is_some_and(|name| !name.trim().is_empty() && name.len() <= 100),
            "rate" | "purchase_rate" => number(value).is_some(),
            _ => value.is_string() || value.is_number(),
        };
        if !fits {
            return error(400, 2, &format!("Invalid value passed for {key}"));
        }
    }
    let now = inventory_time(state.now());
    let Some(item) = state.items.get_mut(place) else { return error(404, 1002, "Resource does not exist.") };
    for (key, value) in wanted {
        let value = if key.ends_with("rate") { number(&value).map_or(value, Value::Number) } else { value };
        set(item, &key, value);
    }
    set(item, "last_modified_time", now.into());
    let sent = state.items.get(place).map(|item| view::detail(item, &state.switches));
    let deliveries = webhooks::prepare(state, Entity::Item, &sent.unwrap_or_default());
    state.outbox.extend(deliveries);
    one(state, place, "Item details have been updated.")
}

/// An edit in Zoho's own pages; `None` if there is no such item or it has no stock to move.
pub(crate) fn apply(state: &mut State, id: &str, change: &ItemChange) -> Option<Vec<Delivery>> {
    let place = position(state, id)?;
    if *change == ItemChange::Delete {
        let gone = view::deleted(&state.items.remove(place));
        return Some(webhooks::prepare(state, Entity::Item, &gone));
    }
    let now = inventory_time(state.now());
    let item = state.items.get_mut(place)?;
    match change {
        ItemChange::Stock(delta) => move_stock(item, *delta)?,
        ItemChange::Rename(name) => set(item, "name", name.as_str().into()),
        ItemChange::Rate(rate) => set(item, "rate", Value::Number(rate.parse().ok()?)),
        ItemChange::Active(active) => {
            set(item, "status", if *active { "active" } else { "inactive" }.into());
        }
        ItemChange::Delete => {}
    }
    set(item, "last_modified_time", now.into());
    let payload = view::detail(state.items.get(place)?, &state.switches);
    Some(webhooks::prepare(state, Entity::Item, &payload))
}

fn set(item: &mut Object, key: &str, value: Value) {
    match key {
        "name" => {
            item.insert("item_name".to_owned(), value.clone());
        }
        "rate" => {
            item.insert("sales_rate".to_owned(), value.clone());
            item.insert("pricebook_rate".to_owned(), value.clone());
        }
        _ => {}
    }
    item.insert(key.to_owned(), value);
}

/// Moves the stock of the item and of its primary location. Below zero is allowed.
fn move_stock(item: &mut Object, delta: f64) -> Option<()> {
    item.get("stock_on_hand")?;
    for key in STOCK_ON_HAND {
        add(item, key, delta);
    }
    let locations = item.get_mut("locations").and_then(Value::as_array_mut);
    let primary = locations.into_iter().flatten().find(|place| place.get("is_primary") == Some(&true.into()));
    if let Some(place) = primary.and_then(Value::as_object_mut) {
        for key in STOCK_ON_HAND {
            add(place, &format!("location_{key}"), delta);
        }
    }
    Some(())
}

fn add(object: &mut Object, key: &str, delta: f64) {
    let sum = object.get(key).and_then(Value::as_f64).and_then(|old| Number::from_f64(old + delta));
    if let Some(sum) = sum {
        object.insert(key.to_owned(), sum.into());
    }
}

/// A number, or a number written as text, digits kept.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
