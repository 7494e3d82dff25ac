//! What was counted, as a request brings it: a JSON document, or a CSV table with the rest in the query. All that is wrong is told
//! with its line, and then nothing is taken.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use shared::base::clock::Timestamp;
use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;

use super::row::Named;
use crate::inventory::quantity::{self, Quantity};
use crate::inventory::stock::Basis;
use crate::request::csv::Wrong;
use crate::request::upload;

/// The longest text that can name an item or a location, in letters and in bytes: a chunk of rows has at most 400 KB.
const MAX_TEXT: usize = 100;
const MAX_TEXT_BYTES: usize = 200;

/// A count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Count {
    /// Its number in what was sent.
    pub(super) line: u32,
    pub(super) named: Named,
    pub(super) location: Option<String>,
    pub(super) quantity: Decimal,
}

/// What goes for all counts. A later part says only what it changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct About {
    /// What people call this count.
    pub(super) name: Option<String>,
    /// The location of the counts that do not say one: id or exact name.
    pub(super) location: Option<String>,
    /// The reason that the adjustments will have.
    pub(super) reason: Option<String>,
    /// Which of Zoho's counts is compared; needed where accounting and physical stock differ.
    pub(super) basis: Option<Basis>,
    /// When it was counted: items that were changed afterwards are flagged.
    pub(super) counted_at: Option<Timestamp>,
    /// Whether more parts follow.
    pub(super) more: bool,
}

/// What a request brings.
#[derive(Debug, PartialEq)]
pub(super) struct Sent {
    pub(super) about: About,
    pub(super) counts: Vec<Count>,
}

/// A body of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct JsonBody {
    counts: Vec<JsonCount>,
    /// What people call this count.
    name: Option<String>,
    /// The place of the counts that do not say one: id, exact name, or the other system's name.
    location: Option<String>,
    /// The reason that the adjustments will have.
    reason: Option<String>,
    /// Which of Zoho's counts is compared: `on_hand` without. Where accounting and physical stock differ, one must be named.
    basis: Option<Basis>,
    /// When it was counted: items that were changed afterwards are flagged.
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    counted_at: Option<Timestamp>,
    /// Whether more parts follow.
    #[serde(default)]
    more: bool,
}

/// A count: one of `item_id`, `sku` and `product_id`, and how many.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonCount {
    item_id: Option<String>,
    /// The exact SKU.
    sku: Option<String>,
    /// The other system's id, as it is mapped.
    product_id: Option<String>,
    /// Where: id, exact name, or the other system's name.
    location: Option<String>,
    location_id: Option<String>,
    /// The older name of `location_id`.
    warehouse_id: Option<String>,
    /// How many are there. A number, or a decimal as text; at most 6 decimals.
    #[cfg_attr(test, schemars(with = "Quantity"))]
    quantity: Value,
}

/// Reads a JSON document.
pub(super) fn read_json(bytes: &[u8], before: u32) -> Result<Sent, Problem> {
    let body: JsonBody = upload::read(bytes)?;
    let mut wrong = Wrong::default();
    let mut counts = Vec::with_capacity(body.counts.len());
    for (index, count) in body.counts.into_iter().enumerate() {
        let line = before.saturating_add(line_of(index));
        let raw = Raw {
            line,
            item_id: count.item_id,
            sku: count.sku,
            product_id: count.product_id,
            locations: [count.location, count.location_id, count.warehouse_id],
        };
        let quantity = Quantity::deserialize(&count.quantity).map_err(|error| error.to_string());
        take(&mut wrong, COUNT, line, raw.count(quantity), &mut counts);
    }
    let JsonBody { name, location, reason, basis, counted_at, more, .. } = body;
    let about = About { name, location, reason, basis, counted_at, more };
    refuse(wrong)?;
    Ok(Sent { about, counts })
}

/// The number of a count in a list.
pub(super) fn line_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

/// A count as it was written.
pub(super) struct Raw {
    pub(super) line: u32,
    pub(super) item_id: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) product_id: Option<String>,
    pub(super) locations: [Option<String>; 3],
}

impl Raw {
    /// Checks it.
    pub(super) fn count(self, quantity: Result<Quantity, String>) -> Result<Count, String> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let named = match (filled(self.item_id), filled(self.sku), filled(self.product_id)) {
            (Some(id), None, None) if is_zoho_id(&id) => Named::Item(id),
            (Some(id), None, None) => {
                return Err(format!("`item_id` is {id:?}, and Zoho's ids are 1 to 19 digits"));
            }
            (None, Some(sku), None) => Named::Sku(short("sku", sku)?),
            (None, None, Some(product)) => Named::Product(short("product_id", product)?),
            (None, None, None) => {
                return Err("it names no item: give `item_id`, `sku` or `product_id`".to_owned());
            }
            _ => {
                return Err(
                    "it names its item twice: give one of `item_id`, `sku` and `product_id`".to_owned()
                );
            }
        };
        let mut locations = self.locations.into_iter().filter_map(filled);
        let location = match (locations.next(), locations.next()) {
            (location, None) => location.map(|location| short("location", location)).transpose()?,
            _ => {
                return Err(
                    "it names its place twice: give one of `location`, `location_id` and `warehouse_id`"
                        .to_owned(),
                );
            }
        };
        let Quantity(quantity) = quantity?;
        if quantity.is_sign_negative() && !quantity.is_zero() {
            return Err(format!("{quantity} is less than nothing: a count is 0 or more"));
        }
        Ok(Count { line: self.line, named, location, quantity })
    }
}

fn short(field: &str, text: String) -> Result<String, String> {
    let letters = text.chars().count();
    if letters > MAX_TEXT || text.len() > MAX_TEXT_BYTES {
        return Err(format!("`{field}` has {letters} letters, and no more than {MAX_TEXT} are taken"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("`{field}` is {text:?}, which has a letter that nobody sees"));
    }
    Ok(text)
}

/// Reads how many were counted from a cell.
pub(super) fn quantity_of(text: &str) -> Result<Quantity, String> {
    if text.trim().is_empty() {
        return Err(
            "its quantity is empty: write 0 where nothing was there, or leave the line out".to_owned()
        );
    }
    quantity::parse(text)
}

/// What a row is called where it is wrong.
pub(super) const COUNT: &str = "count";
pub(super) const LINE: &str = "line";

/// Takes a count, or notes what is wrong with it.
pub(super) fn take(
    wrong: &mut Wrong,
    word: &str,
    line: u32,
    count: Result<Count, String>,
    into: &mut Vec<Count>,
) {
    match count {
        Ok(count) => into.push(count),
        Err(what) => wrong.note(&format!("{word} {line}"), &what),
    }
}

/// Refuses it all, if anything is wrong.
pub(super) fn refuse(wrong: Wrong) -> Result<(), Problem> {
    let again = "Correct the rows that `detail` names, and send all of it again.";
    wrong.refuse().map_err(|problem| problem.hint(again))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::body::assert_schema;

    fn detail(text: &str) -> String {
        read_json(text.as_bytes(), 0).unwrap_err().detail().to_owned()
    }

    #[test]
    fn counts_are_read_with_all_their_digits() {
        let sent = read_json(
            br#"{"counts":[{"sku":"A","quantity":1.250000},{"item_id":"7","location_id":"9","quantity":"0.000001"},{"product_id":"P","quantity":0}],
                "basis":"physical","counted_at":"2026-11-29T10:00:00Z","name":"Autumn"}"#,
            0,
        )
        .unwrap();
        let quantities: Vec<String> = sent.counts.iter().map(|count| count.quantity.to_string()).collect();
        assert_eq!(quantities, ["1.25", "0.000001", "0"]);
        assert_eq!(sent.counts[1].named, Named::Item("7".to_owned()));
        assert_eq!((sent.counts[1].location.as_deref(), sent.counts[2].line), (Some("9"), 3));
        assert_eq!((sent.about.basis, sent.about.more), (Some(Basis::Physical), false));
    }

    #[test]
    fn every_count_that_is_wrong_is_named_and_none_is_taken() {
        let said = detail(
            r#"{"counts":[{"sku":"A","quantity":"1,5"},{"sku":"A","quantity":-1},{"sku":"A","quantity":"x"},{"quantity":1},
                {"sku":"A","item_id":"1","quantity":1},{"sku":"A","location":"a","warehouse_id":"1","quantity":1},{"item_id":"x","quantity":1},{"sku":"a\u0007b","quantity":1}]}"#,
        );
        for part in [
            "count 8: `sku` is \"a\\u{7}b\", which has a letter",
            "count 1: \"1,5\" has a comma",
            "count 2: -1 is less than nothing",
            "count 3: \"x\" is no number",
            "count 4: it names no item",
            "count 5: it names its item twice",
            "count 6: it names its place twice",
            "count 7: `item_id` is \"x\"",
            "8 rows are wrong, and nothing was taken.",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let many = r#"{"counts":["#.to_owned() + &[r#"{"quantity":1}"#; 30].join(",") + "]}";
        assert!(detail(&many).starts_with("30 rows are wrong"), "{}", detail(&many));
        assert_eq!(detail(r#"{"counts":[{"sku":"A"}]}"#), "`counts[0].quantity` is missing.");
        assert!(
            detail(r#"{"counts":[{"sku":"A","qty":1}]}"#).starts_with("`counts[0].qty` is unknown here.")
        );
    }

    #[test]
    fn the_document_says_what_is_taken() {
        assert_schema::<JsonBody>("Counts");
    }
}
