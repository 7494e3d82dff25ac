//! Adjustments and items for tests.

use shared::zoho::value::Object;

use super::adjustment::{AdjustStock, Change, Line};
use crate::inventory::quantity;
use crate::inventory::stock::Basis;

pub(super) fn object(text: &str) -> Object {
    serde_json::from_str(text).unwrap()
}

pub(super) fn by(delta: &str) -> Change {
    Change::Delta(quantity::parse(delta).unwrap())
}

pub(super) fn to(target: &str, expected: Option<&str>) -> Change {
    let expected = expected.map(|expected| quantity::parse(expected).unwrap());
    Change::Target { target: quantity::parse(target).unwrap(), expected }
}

/// An adjustment with a line for each change, of the items 1, 2, ….
pub(super) fn plan(changes: Vec<Change>, location: Option<&str>, basis: Option<Basis>) -> AdjustStock {
    let line = |(number, change): (usize, Change)| Line {
        item_id: (number + 1).to_string(),
        mapping: None,
        change,
        tracking: Object::new(),
    };
    AdjustStock {
        reason: "Counted".to_owned(),
        date: None,
        description: None,
        reference: "R-1".to_owned(),
        own_reference: false,
        location: location.map(str::to_owned),
        location_name: None,
        basis,
        lines: changes.into_iter().enumerate().map(line).collect(),
        is_part: false,
        seen: Vec::new(),
    }
}

/// The items 1, 2, … with these figures.
pub(super) fn items_with(figures: &[&str]) -> Vec<Object> {
    let item = |(number, figure): (usize, &&str)| {
        object(&format!(r#"{{"item_id":"{}","stock_on_hand":{figure}}}"#, number + 1))
    };
    figures.iter().enumerate().map(item).collect()
}

/// A document of Zoho's that booked so much of the items 1 and 2.
pub(super) fn booked(first: &str, second: &str) -> String {
    format!(
        r#"{{"line_items":[{{"item_id":"1","quantity_adjusted":{first}}},{{"item_id":"2","quantity_adjusted":{second}}}]}}"#
    )
}
