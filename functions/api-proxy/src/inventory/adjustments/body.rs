//! An adjustment as callers write it: one item, or several lines.

use serde::Deserialize;
use serde_json::Value;
use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;
use shared::zoho::value::Object;

use super::adjustment::Change;
use crate::inventory::lookup::named::ItemName;
use crate::inventory::named_lines::tracking;
use crate::inventory::quantity::Quantity;
use crate::inventory::stock::Basis;
use crate::request::body::invalid;

/// More would not fit into one look at the items.
pub(super) const MAX_LINES: usize = 100;

/// The adjustment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Adjustment {
    /// The item's exact SKU, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) sku: Option<String>,
    /// The item's id.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) item_id: Option<String>,
    /// Another system's id of the item, where a mapping knows it, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) product_id: Option<String>,
    /// By how much the stock changes: `-2` takes two away.
    pub(super) delta: Option<Quantity>,
    /// What the stock shall be, in place of `delta`; it goes with `expected`.
    pub(super) target: Option<Quantity>,
    /// What the stock is before, as you read it: where it is another, nothing is written.
    pub(super) expected: Option<Quantity>,
    /// The numbers of an item that has serial numbers.
    pub(super) serial_numbers: Option<Vec<String>>,
    /// The batches of an item that has batches, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) batches: Option<Value>,
    /// The bins of an item that is kept in bins, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) storages: Option<Value>,
    /// Several items, in place of the fields above. All are adjusted at one location.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_LINES)))]
    pub(super) lines: Option<Vec<Line>>,
    /// The id or the exact name of the location; needed where there are several.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) location: Option<String>,
    /// The id of the location, in place of `location`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) location_id: Option<String>,
    /// The older name of `location_id`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) warehouse_id: Option<String>,
    /// Why. Zoho keeps a list of reasons and adds those that it does not know, so that the same words should be used again.
    #[cfg_attr(test, schemars(length(min = 1, max = 100)))]
    pub(super) reason: String,
    /// The day; today in the organisation, if nothing is said.
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    pub(super) date: Option<String>,
    /// More words, for people.
    pub(super) description: Option<String>,
    /// Your own reference; one is made where there is none.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) reference_number: Option<String>,
    /// The count that `target` and `expected` mean, where Zoho keeps two that differ.
    pub(super) basis: Option<Basis>,
}

impl Adjustment {
    /// The location, under whichever of its names.
    pub(super) fn location(&self) -> Result<Option<String>, Problem> {
        one_location([
            ("location", &self.location),
            ("location_id", &self.location_id),
            ("warehouse_id", &self.warehouse_id),
        ])
    }

    /// The lines, and whether they stand in a list.
    pub(super) fn into_lines(self) -> Result<(Vec<Line>, bool), Problem> {
        let one = Line {
            sku: self.sku,
            item_id: self.item_id,
            product_id: self.product_id,
            delta: self.delta,
            target: self.target,
            expected: self.expected,
            serial_numbers: self.serial_numbers,
            batches: self.batches,
            storages: self.storages,
        };
        match self.lines {
            None => Ok((vec![one], false)),
            Some(_) if !one.is_empty() => Err(invalid("Send either one item, or `lines`: not both.")),
            Some(lines) if lines.is_empty() || lines.len() > MAX_LINES => {
                Err(invalid(format!("`lines` must have 1 to {MAX_LINES} lines; more are a reconciliation.")))
            }
            Some(lines) => Ok((lines, true)),
        }
    }
}

/// The one of several fields that names a location.
fn one_location(fields: [(&str, &Option<String>); 3]) -> Result<Option<String>, Problem> {
    let mut named = fields.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
    let Some((field, location)) = named.next() else { return Ok(None) };
    if let Some((other, _)) = named.next() {
        return Err(invalid(format!("`{field}` and `{other}` name the location: send one of them.")));
    }
    if location.is_empty() {
        return Err(invalid(format!("`{field}` is empty.")));
    }
    if field != "location" && !is_zoho_id(location) {
        return Err(invalid(format!(
            "`{field}` must be Zoho's own: 1 to 19 digits. A name stands in `location`."
        )));
    }
    Ok(Some(location.to_owned()))
}

/// A line: an item, and what becomes of its stock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Line {
    /// The item's exact SKU, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) sku: Option<String>,
    /// The item's id.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) item_id: Option<String>,
    /// Another system's id of the item, where a mapping knows it, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) product_id: Option<String>,
    /// By how much the stock changes: `-2` takes two away.
    pub(super) delta: Option<Quantity>,
    /// What the stock shall be, in place of `delta`; it goes with `expected`.
    pub(super) target: Option<Quantity>,
    /// What the stock is before, as you read it: where it is another, the line is left out.
    pub(super) expected: Option<Quantity>,
    /// The numbers of an item that has serial numbers.
    pub(super) serial_numbers: Option<Vec<String>>,
    /// The batches of an item that has batches, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) batches: Option<Value>,
    /// The bins of an item that is kept in bins, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) storages: Option<Value>,
}

impl Line {
    /// Whether it says nothing at all.
    fn is_empty(&self) -> bool {
        self.item() == ItemName::default()
            && self.delta.is_none()
            && self.target.is_none()
            && self.expected.is_none()
            && self.tracking().is_empty()
    }

    /// The names of its item.
    pub(super) fn item(&self) -> ItemName<'_> {
        ItemName::of(self.item_id.as_ref(), self.sku.as_ref(), self.product_id.as_ref())
    }

    /// What becomes of its stock. `at` is what stands before the names of its fields: `lines[0].`, or nothing.
    pub(super) fn change(&self, at: &str) -> Result<Change, Problem> {
        match (self.delta, self.target, self.expected) {
            (Some(delta), None, None) if delta.0.is_zero() => {
                Err(invalid(format!("`{at}delta` is 0: there is nothing to adjust.")))
            }
            (Some(delta), None, None) => Ok(Change::Delta(delta)),
            (None, Some(target), expected) => Ok(Change::Target { target, expected }),
            (Some(_), None, Some(_)) => {
                Err(invalid(format!("`{at}expected` goes with `{at}target`, and `{at}delta` stands alone.")))
            }
            _ => Err(invalid(format!(
                "`{at}delta`, or `{at}target` with `{at}expected`, must be there: one of them."
            ))),
        }
    }

    /// What it says of single pieces.
    pub(super) fn tracking(&self) -> Object {
        tracking(self.serial_numbers.as_deref(), self.batches.as_ref(), self.storages.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::base::problem::Code;

    use super::*;

    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Adjustment>("NewAdjustment");
    }

    #[test]
    fn one_field_names_the_location() {
        let found = |fields: [Option<&str>; 3]| {
            let [location, location_id, warehouse_id] = fields.map(|field| field.map(str::to_owned));
            let named = one_location([
                ("location", &location),
                ("location_id", &location_id),
                ("warehouse_id", &warehouse_id),
            ]);
            named.map_err(|problem| problem.detail().to_owned())
        };
        for (fields, location) in [
            ([None, None, None], None),
            ([Some("Main"), None, None], Some("Main")),
            ([Some("7"), None, None], Some("7")),
            ([None, Some("33"), None], Some("33")),
            ([None, None, Some("33")], Some("33")),
        ] {
            assert_eq!(found(fields), Ok(location.map(str::to_owned)), "{fields:?}");
        }
        for (fields, why) in [
            ([Some("Main"), Some("33"), None], "`location` and `location_id` name the location"),
            ([None, Some("33"), Some("33")], "`location_id` and `warehouse_id` name the location"),
            ([Some(""), None, None], "`location` is empty"),
            ([None, Some("Main"), None], "`location_id` must be Zoho's own"),
            ([None, None, Some("Main")], "`warehouse_id` must be Zoho's own"),
        ] {
            let detail = found(fields).unwrap_err();
            assert!(detail.contains(why), "{fields:?}: {detail}");
        }
    }

    #[test]
    fn an_adjustment_is_of_one_item_or_of_a_list_of_up_to_a_hundred() {
        let asked = |body: Value| {
            let asked: Adjustment = serde_json::from_str(&body.to_string()).unwrap();
            asked
                .into_lines()
                .map(|(lines, several)| (lines.len(), several))
                .map_err(|problem| problem.code())
        };
        let lines = |many: usize| vec![json!({ "item_id": "1", "delta": 1 }); many];
        assert_eq!(asked(json!({ "reason": "Count", "item_id": "1", "delta": 1 })), Ok((1, false)));
        for (many, found) in [
            (0, Err(Code::BodyInvalid)),
            (1, Ok((1, true))),
            (MAX_LINES, Ok((MAX_LINES, true))),
            (MAX_LINES + 1, Err(Code::BodyInvalid)),
        ] {
            assert_eq!(asked(json!({ "reason": "Count", "lines": lines(many) })), found, "{many}");
        }
        let both = json!({ "reason": "Count", "delta": 1, "lines": lines(1) });
        assert_eq!(asked(both), Err(Code::BodyInvalid));
    }

    fn line(fields: &str) -> Line {
        serde_json::from_str(fields).unwrap()
    }

    #[test]
    fn a_line_says_a_change_or_what_the_stock_shall_be() {
        let change = |fields: &str| match line(fields).change("lines[2].") {
            Ok(Change::Delta(delta)) => format!("by {}", delta.0),
            Ok(Change::Target { target, expected: None }) => format!("to {}", target.0),
            Ok(Change::Target { target, expected: Some(expected) }) => {
                format!("to {} from {}", target.0, expected.0)
            }
            Err(problem) => {
                assert_eq!(problem.code(), Code::BodyInvalid, "{fields}");
                problem.detail().to_owned()
            }
        };
        for (fields, expected) in [
            (r#"{"delta":1}"#, "by 1"),
            (r#"{"delta":"-0.000001"}"#, "by -0.000001"),
            (r#"{"target":0}"#, "to 0"),
            (r#"{"target":5,"expected":0}"#, "to 5 from 0"),
            (r#"{"target":0,"expected":-2.5}"#, "to 0 from -2.5"),
        ] {
            assert_eq!(change(fields), expected, "{fields}");
        }
        for (fields, why) in [
            (r#"{"delta":0}"#, "`lines[2].delta` is 0: there is nothing to adjust"),
            (r#"{"delta":"-0.00"}"#, "`lines[2].delta` is 0: there is nothing to adjust"),
            (r#"{"delta":1,"expected":1}"#, "`lines[2].expected` goes with `lines[2].target`"),
            (r#"{"delta":0,"expected":0}"#, "`lines[2].expected` goes with `lines[2].target`"),
            (r#"{"delta":1,"target":1}"#, "must be there: one of them"),
            (r#"{"delta":1,"target":1,"expected":1}"#, "must be there: one of them"),
            (r#"{"expected":1}"#, "must be there: one of them"),
            ("{}", "must be there: one of them"),
        ] {
            assert!(change(fields).contains(why), "{fields}: {}", change(fields));
        }
    }

    #[test]
    fn a_line_that_says_anything_is_not_empty() {
        assert!(line("{}").is_empty());
        for fields in [
            r#"{"sku":"A"}"#,
            r#"{"item_id":"33"}"#,
            r#"{"product_id":"7"}"#,
            r#"{"delta":1}"#,
            r#"{"target":1}"#,
            r#"{"expected":1}"#,
            r#"{"serial_numbers":["1"]}"#,
            r#"{"batches":[{}]}"#,
            r#"{"storages":[{}]}"#,
        ] {
            assert!(!line(fields).is_empty(), "{fields}");
        }
    }
}
