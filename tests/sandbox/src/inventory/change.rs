//! Edits of items, by the API or in Zoho's own pages; each fires the webhooks.

use axum::http::Method;
use serde_json::{Value, json};

use super::amount::Amount;
use super::error::error;
use super::list::text;
use super::rules::Moment;
use super::{body, data, past, stock, view};
use crate::api::{Entity, ItemChange};
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;
use crate::webhooks;

/// The keys that a PUT may set. Stock is not among them: it moves only by adjustments.
#[rustfmt::skip]
const EDITABLE: [&str; 12] = [
    "name", "rate", "purchase_rate", "description", "purchase_description", "sku", "unit", "reorder_level",
    "upc", "ean", "brand", "manufacturer",
];

/// The position of an item.
pub(crate) fn position(state: &State, id: &str) -> Option<usize> {
    state.items.position(id)
}

/// `PUT /items/{id}`: JSON, or the form field `JSONString`. Unknown keys are dropped silently.
pub(crate) fn put(state: &mut State, call: &Call, place: usize) -> Answer {
    debug_assert_eq!(call.method, Method::PUT);
    let wanted = match body::read(call) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    let wanted: Object = wanted.into_iter().filter(|(key, _)| EDITABLE.contains(&key.as_str())).collect();
    for (key, value) in &wanted {
        let fits = match key.as_str() {
            "name" => value.as_str().is_some_and(|name| !name.trim().is_empty() && name.len() <= 100),
            "rate" | "purchase_rate" => body::number(value).is_some(),
            _ => value.is_string() || value.is_number(),
        };
        if !fits {
            return body::invalid(key);
        }
    }
    let now = inventory_time(state.now());
    let Some(item) = state.items.get_mut(place) else { return error(404, 1002, "Resource does not exist.") };
    for (key, value) in wanted {
        let value =
            if key.ends_with("rate") { body::number(&value).map_or(value, Value::Number) } else { value };
        set(item, &key, value);
    }
    set(item, "last_modified_time", now.into());
    announce(state, place);
    view::one(state, place, "Item details have been updated.")
}

/// `POST /items/{id}/active` and `/inactive`.
pub(crate) fn set_status(state: &mut State, place: usize, status: &str) -> Answer {
    let now = inventory_time(state.now());
    let Some(item) = state.items.get_mut(place) else { return error(404, 1002, "Resource does not exist.") };
    set(item, "status", status.into());
    set(item, "last_modified_time", now.into());
    announce(state, place);
    let message = format!("The item has been marked as {status}.");
    Answer::json(200, &json!({ "code": 0, "message": message }))
}

/// Queues the webhooks of a changed item.
pub(crate) fn announce(state: &mut State, place: usize) {
    tell(state, place, Moment::Edit);
}

fn tell(state: &mut State, place: usize, moment: Moment) {
    if !webhooks::wanted(state, Entity::Item) {
        return;
    }
    let sent = state.items.get(place).map(|item| view::detail(item, &state.switches));
    webhooks::prepare(state, (Entity::Item, moment), &sent.unwrap_or_default());
}

/// A new item, made in Zoho's own pages; gives its id.
pub(crate) fn insert(state: &mut State, mut given: Object) -> String {
    let now = inventory_time(state.now());
    for (key, value) in
        [("item_id", state.shop.id()), ("created_time", now.clone()), ("last_modified_time", now)]
    {
        given.entry(key).or_insert_with(|| value.into());
    }
    let item = data::completed(given, state.items.len(), &state.shop.locations);
    let id = text(&item, "item_id").to_owned();
    state.items.push(item);
    tell(state, state.items.len() - 1, Moment::Add);
    id
}

/// An edit in Zoho's own pages; `None` if there is no such item or it has no stock to move.
pub(crate) fn apply(state: &mut State, id: &str, change: &ItemChange) -> Option<()> {
    let place = position(state, id)?;
    if *change == ItemChange::Delete {
        let gone = view::deleted(&state.items.remove(place)?);
        webhooks::prepare(state, (Entity::Item, Moment::Delete), &gone);
        return Some(());
    }
    let now = inventory_time(state.now());
    if matches!(change, ItemChange::Stock(_)) {
        past::remember(state, id);
    }
    let item = state.items.get_mut(place)?;
    match change {
        ItemChange::Stock(delta) => stock::on_hand(item, None, Amount::read(&delta.to_string())?)?,
        ItemChange::Sku(sku) => set(item, "sku", sku.as_str().into()),
        ItemChange::Rename(name) => set(item, "name", name.as_str().into()),
        ItemChange::Rate(rate) => set(item, "rate", Value::Number(rate.parse().ok()?)),
        ItemChange::Active(active) => {
            set(item, "status", if *active { "active" } else { "inactive" }.into());
        }
        ItemChange::Delete => {}
    }
    set(item, "last_modified_time", now.into());
    announce(state, place);
    Some(())
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
