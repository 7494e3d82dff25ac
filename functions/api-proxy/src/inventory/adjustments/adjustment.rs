//! An adjustment, as it is stored until it is performed.

use serde::{Deserialize, Serialize};
use shared::base::problem::Problem;
use shared::core::mappings::Mapping;
use shared::zoho::value::Object;

use crate::inventory::lookup::named::demand_mapped;
use crate::inventory::quantity::Quantity;
use crate::inventory::stock::Basis;

/// An adjustment, its items by their ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AdjustStock {
    pub(crate) reason: String,
    pub(crate) date: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) reference: String,
    /// Whether we made the reference: then no other document has it.
    pub(crate) own_reference: bool,
    /// The id or the exact name of the location.
    pub(crate) location: Option<String>,
    /// Another system's name of the location, where a mapping led to its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location_name: Option<String>,
    pub(crate) basis: Option<Basis>,
    pub(crate) lines: Vec<Line>,
    /// Whether it is a part of a reconciliation: then lines of which none can be sent are an answer, and no failure.
    pub(crate) is_part: bool,
    /// The items as they are right before it is sent.
    #[serde(skip)]
    pub(crate) seen: Vec<Object>,
}

/// A line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) item_id: String,
    /// The mapping that led to the item. It is compared with what Zoho has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mapping: Option<Mapping>,
    pub(crate) change: Change,
    /// Serial numbers, batches, bins, as Zoho takes them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub(crate) tracking: Object,
}

/// What becomes of the stock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// It changes by so much, whatever it is.
    Delta(Quantity),
    /// It becomes this, if it is what was expected.
    Target { target: Quantity, expected: Option<Quantity> },
}

impl Line {
    /// Demands that the item is still what a mapping says.
    pub(super) fn check(&self, item: Option<&Object>) -> Result<(), Problem> {
        demand_mapped(&self.item_id, self.mapping.as_ref(), item)
    }

    /// Which arrays it brings along: serial numbers, batches.
    pub(super) fn brings(&self) -> (bool, bool) {
        // Bins hold the serial numbers and batches of what is kept in bins.
        let has = |field: &str| self.tracking.contains_key(field) || self.tracking.contains_key("storages");
        (has("serial_numbers"), has("batches"))
    }
}

#[cfg(test)]
mod tests {
    use shared::base::problem::Code;

    use super::*;
    use crate::inventory::adjustments::fixtures::object;

    #[test]
    fn a_line_is_of_the_item_that_its_mapping_means() {
        let mapping = r#"{"product_id":"7","sku":"A","item_id":"33","changed":"2026-11-22T10:00:00Z"}"#;
        let (same, other) =
            (object(r#"{"item_id":"33","sku":"A"}"#), object(r#"{"item_id":"33","sku":"B"}"#));
        let stale = Some(Code::MappingStale);
        for (mapping, item, code) in [
            ("null", Some(&other), None),
            ("null", None, None),
            (mapping, Some(&same), None),
            (mapping, Some(&other), stale),
            (mapping, None, stale),
        ] {
            let row = format!(r#"{{"item_id":"33","mapping":{mapping},"change":{{"delta":1}}}}"#);
            let line: Line = serde_json::from_str(&row).unwrap();
            let found = line.check(item).err().map(|problem| problem.code());
            assert_eq!(found, code, "{mapping} {item:?}");
        }
    }

    #[test]
    fn a_line_brings_the_arrays_that_stand_in_it_or_in_its_bins() {
        for (tracking, brings) in [
            ("{}", (false, false)),
            (r#"{"serial_numbers":["1"]}"#, (true, false)),
            (r#"{"batches":[{}]}"#, (false, true)),
            (r#"{"serial_numbers":["1"],"batches":[{}]}"#, (true, true)),
            (r#"{"storages":[{}]}"#, (true, true)),
        ] {
            let row = format!(r#"{{"item_id":"33","change":{{"delta":1}},"tracking":{tracking}}}"#);
            let line: Line = serde_json::from_str(&row).unwrap();
            assert_eq!(line.brings(), brings, "{tracking}");
        }
    }
}
