//! Batches that adjustments have made: a number is taken once, and a batch is at one place.

use serde_json::Value;

use super::batch::Batch;
use super::body;
use super::error::error;
use super::places::Place;
use super::shop::Shop;
use crate::http::Answer;
use crate::object::Object;
use crate::state::State;

/// Checks the batches of a line. Those with an id that no adjustment made are taken to be older ones.
pub(crate) fn check(state: &State, item: &str, line: &Object, place: &Place) -> Result<(), Answer> {
    for wanted in named(line) {
        let (id, number) = (body::id(wanted, "batch_id"), body::id(wanted, "batch_number"));
        let mut batches = state.shop.batches.iter().filter(|batch| batch.item == item);
        if id.is_empty() && batches.clone().any(|batch| batch.number == number) {
            return Err(error(400, 2303, &format!("Batch {number} already exists.")));
        }
        if let Some(batch) = batches.find(|batch| batch.id == id && batch.place != place.0) {
            let message = format!("Batch {} is not available in selected branch", batch.number);
            return Err(error(400, 2324, &message));
        }
    }
    Ok(())
}

/// Makes the new batches of a line, and writes their ids into it.
pub(crate) fn make(state: &mut State, line: &mut Object) {
    let (item, place) = (body::id(line, "item_id"), body::id(line, "location_id"));
    let own = body::id(line, "line_item_id");
    let batches = line.get_mut("batches").and_then(Value::as_array_mut).into_iter().flatten();
    for batch in batches.filter_map(Value::as_object_mut) {
        let number = body::id(batch, "batch_number");
        if number.is_empty() || !body::id(batch, "batch_id").is_empty() {
            continue;
        }
        let id = state.shop.id();
        batch.insert("batch_id".to_owned(), id.as_str().into());
        state.shop.batches.push(Batch {
            id,
            item: item.clone(),
            number,
            place: place.clone(),
            line: own.clone(),
        });
    }
}

/// Forgets the batches of a line whose document is gone.
pub(crate) fn unmake(shop: &mut Shop, line: &Object) {
    let ids: Vec<String> = named(line).map(|batch| body::id(batch, "batch_id")).collect();
    shop.batches.retain(|batch| !(ids.contains(&batch.id) && batch.line == body::id(line, "line_item_id")));
}

fn named(line: &Object) -> impl Iterator<Item = &Object> {
    line.get("batches").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}
