//! Why the stock of an item cannot be adjusted.

use serde_json::Value;
use shared::zoho::value::{Object, text};

use crate::inventory::stock::locations;

/// Why the stock of an item cannot be adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    Inactive,
    Untracked,
    Kit,
    Serial,
    Batch,
}

impl Unfit {
    /// In words, after the name of the item.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Inactive => "is inactive: a person can activate it in Zoho",
            Self::Untracked => "is not tracked in inventory: it has no stock, leave it out",
            Self::Kit => "is a kit: it has no stock of its own, count its components",
            Self::Serial => "has serial numbers: send `serial_numbers` with the line",
            Self::Batch => "has batches: send `batches` with the line",
        }
    }
}

/// Why the stock of an item as Zoho gives it cannot be adjusted, if it cannot. `has` says which arrays a line brings along:
/// (serial numbers, batches).
pub(crate) fn unfit(item: &Object, has: (bool, bool)) -> Option<Unfit> {
    let is = |field: &str| item.get(field) == Some(&Value::Bool(true));
    let says =
        |field: &str, word: &str| text(item, field).is_some_and(|text| text.eq_ignore_ascii_case(word));
    if says("status", "inactive") {
        Some(Unfit::Inactive)
    } else if is("is_combo_product") && says("combo_type", "kit") {
        Some(Unfit::Kit)
    } else if !item.contains_key("stock_on_hand") && locations(item).is_empty() {
        Some(Unfit::Untracked)
    } else if is("track_serial_number") && !has.0 {
        Some(Unfit::Serial)
    } else if is("track_batch_number") && !has.1 {
        Some(Unfit::Batch)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_cannot_be_adjusted_says_why() {
        for (item, why) in [
            (r#"{"stock_on_hand":1,"status":"inactive"}"#, Some(Unfit::Inactive)),
            (r#"{"status":"active"}"#, Some(Unfit::Untracked)),
            (r#"{"is_combo_product":true,"combo_type":"kit","stock_on_hand":1}"#, Some(Unfit::Kit)),
            (r#"{"is_combo_product":true,"combo_type":"assembly","stock_on_hand":1}"#, None),
            (r#"{"stock_on_hand":1,"track_serial_number":true}"#, Some(Unfit::Serial)),
            (r#"{"stock_on_hand":1,"track_batch_number":true}"#, Some(Unfit::Batch)),
            (r#"{"stock_on_hand":0}"#, None),
        ] {
            assert_eq!(unfit(&object(item), (false, false)), why, "{item}");
        }
        let serial = object(r#"{"stock_on_hand":1,"track_serial_number":true}"#);
        assert_eq!(unfit(&serial, (true, false)), None);
    }

    #[test]
    fn what_a_line_brings_along_is_asked_of_each_kind_alone() {
        let batch = object(r#"{"stock_on_hand":1,"track_batch_number":true}"#);
        assert_eq!(unfit(&batch, (true, false)), Some(Unfit::Batch));
        assert_eq!(unfit(&batch, (false, true)), None);
        let serial = object(r#"{"stock_on_hand":1,"track_serial_number":true}"#);
        assert_eq!(unfit(&serial, (false, true)), Some(Unfit::Serial));
        // A location is enough to be tracked by; one from which the item is kept is none.
        let placed = object(r#"{"locations":[{"location_id":"1","is_item_mapped":true}]}"#);
        assert_eq!(unfit(&placed, (false, false)), None);
        let kept_away = object(r#"{"locations":[{"location_id":"1","is_item_mapped":false}]}"#);
        assert_eq!(unfit(&kept_away, (false, false)), Some(Unfit::Untracked));
    }
}
