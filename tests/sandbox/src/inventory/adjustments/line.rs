//! One line of an adjustment.

use serde_json::{Value, json};

use crate::http::Answer;
use crate::inventory::amount::Amount;
use crate::inventory::error::{error, not_there};
use crate::inventory::list::text;
use crate::inventory::moves::Move;
use crate::inventory::places::{self, Place};
use crate::inventory::{batches, body, quantity, stock, tracking};
use crate::object::{Object, object};
use crate::state::State;

/// A line, checked.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) shown: Object,
    pub(crate) item: String,
    pub(crate) name: String,
    pub(crate) place: String,
    delta: Amount,
    /// Serial numbers or batches are missing.
    pub(crate) bare: bool,
    /// A kit has no stock of its own.
    kit: bool,
}

impl Line {
    /// What it moves.
    pub(crate) fn moved(&self) -> Option<Move> {
        (!self.kit).then(|| Move::on_hand(&self.item, &self.place, self.delta))
    }
}

/// Why a line cannot be taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The line is about something that cannot be adjusted. It is not known whether that sinks the others.
    Line(Answer),
    /// The request is wrong.
    All(Answer),
}

impl From<Answer> for Refusal {
    fn from(answer: Answer) -> Self {
        Self::All(answer)
    }
}

/// Checks a line of a document with this header place, number and date.
pub(crate) fn line(
    state: &mut State,
    given: &Value,
    (header, order, date): (Option<&Place>, usize, &str),
) -> Result<Line, Refusal> {
    let given = given.as_object().ok_or_else(|| body::invalid("line_items"))?;
    let id = body::id(given, "item_id");
    if id.is_empty() {
        return Err(error(400, 4, "Invalid value passed for item_id").into());
    }
    let place = place(state, given, header)?;
    let line_id = state.shop.id();
    let state: &State = state;
    let Some(item) = state.items.by_id(&id) else {
        return Err(Refusal::Line(not_there("Item does not exist.")));
    };
    let name = text(item, "name").to_owned();
    if text(item, "status") != "active" {
        let message = format!(
            "Inventory Adjustment cannot be raised for item {name} that has been deleted or marked as inactive"
        );
        return Err(Refusal::Line(error(400, 4, &message)));
    }
    let kit = tracking::is_kit(item);
    if kit && !state.switches.kit_moves_nothing() {
        let message = format!("The composite item {name} is not tracked for inventory.");
        return Err(Refusal::Line(error(400, 13084, &message)));
    }
    if !kit && !stock::tracked(item) {
        let message = format!("Inventory is not tracked for the item {name}.");
        return Err(Refusal::Line(error(400, 4, &message)));
    }
    if text(item, "created_time").get(..10).is_some_and(|made| made > date)
        && state.switches.odd_dates_refused()
    {
        let message = format!("The date is before the opening stock of the item {name}.");
        return Err(error(400, 4, &message).into());
    }
    if !tracking::kept_at(item, &place.0) {
        return Err(error(400, 4, &format!("The item {name} is not available in {}.", place.1)).into());
    }
    let delta = quantity::read(state, item, given.get("quantity_adjusted"), "quantity_adjusted")?;
    if delta.is_zero() {
        return Err(Refusal::Line(error(400, 4, "Adjustment quantity should not be zero")));
    }
    let bare = tracking::bare(item, given, delta.abs());
    if bare && !state.switches.adjustment_tracked_bare_taken() {
        return Err(error(400, 2205, &format!("Serial numbers or batches are missing for {name}.")).into());
    }
    batches::check(state, &id, given, &place)?;
    let shown = shown(state, item, given, (line_id, order, delta, bare), &place);
    Ok(Line { shown, item: id, name, place: place.0, delta, bare, kit })
}

/// A line as it stands in its document.
pub(crate) fn shown(
    state: &State,
    item: &Object,
    given: &Object,
    (line_id, order, delta, bare): (String, usize, Amount, bool),
    place: &Place,
) -> Object {
    let price = item.get("purchase_rate").and_then(Amount::of).unwrap_or_default();
    let account = Some(body::id(given, "adjustment_account_id")).filter(|account| !account.is_empty());
    let list =
        |key: &str| given.get(key).filter(|list| list.is_array()).cloned().unwrap_or_else(|| json!([]));
    let flag = |key: &str| item.get(key) == Some(&Value::Bool(true));
    let places = quantity::places(state, item);
    object(json!({
        "line_item_id": line_id,
        "item_id": text(item, "item_id"),
        "item_order": order,
        "name": text(item, "name"),
        "sku": text(item, "sku"),
        "description": given.get("description").and_then(Value::as_str).unwrap_or_default(),
        "is_combo_product": flag("is_combo_product"),
        "adjustment_account_id": account.unwrap_or_else(|| "3300000000000507".to_owned()),
        "adjustment_account_name": "Cost of Goods Sold",
        "asset_account_id": "3300000000000510",
        "asset_account_name": "Inventory Asset",
        "quantity_adjusted": delta.long(),
        "quantity_adjusted_formatted": delta.formatted(places),
        "advanced_tracking_missing_quantity": if bare { delta.abs() } else { Amount::ZERO }.formatted(2),
        "item_total": delta.priced(price),
        "price": price.number(),
        "label_rate": item.get("rate"),
        "asset_price": price.number(),
        "unit": text(item, "unit"),
        "track_serial_number": flag("track_serial_number"),
        "track_batch_number": flag("track_batch_number"),
        "is_storage_location_enabled": flag("is_storage_location_enabled"),
        "serial_numbers": list("serial_numbers"),
        "serial_number_details": [],
        "batches": list("batches"),
        "storages": list("storages"),
        "location_id": place.0,
        "location_name": place.1,
        "tags": [],
    }))
}

/// The line's place, else the header's, else the primary one.
fn place(state: &State, given: &Object, header: Option<&Place>) -> Result<Place, Answer> {
    let own = places::named(state, given, places::ADJUSTED)?;
    match (own, header) {
        (Some(own), Some(header)) if own != *header && state.switches.adjustment_places_must_agree() => {
            Err(body::invalid("location_id"))
        }
        (Some(own), _) => Ok(own),
        (None, Some(header)) => Ok(header.clone()),
        (None, None) => places::primary(state),
    }
}
