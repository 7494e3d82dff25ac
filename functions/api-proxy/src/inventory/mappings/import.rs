//! Many mappings at once, as JSON or as a table. All of it is looked at before anything is saved: a file with a mistake changes nothing.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::core::mappings::{MAX_NAME, Mapping};

use super::representation::COLUMNS;
use crate::request::csv::{Csv, Wrong};
use crate::request::upload::{Upload, read};

/// Mappings, and other systems' names of places.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Uploaded {
    /// What leads to items.
    #[serde(default)]
    mappings: Vec<Said>,
    /// What leads to places.
    #[serde(default)]
    locations: Vec<SaidLocation>,
}

/// A mapping: at least one of `sku` and `item_id` must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Said {
    /// The other system's id.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_NAME)))]
    product_id: String,
    /// The item's exact SKU.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_NAME)))]
    sku: Option<String>,
    /// Zoho's id of the item.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    item_id: Option<String>,
    /// Taken so that a list can be sent back, and not used: it is Zoho's.
    #[serde(rename = "name")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    _name: Option<IgnoredAny>,
    /// Taken so that a list can be sent back, and not used.
    #[serde(rename = "changed")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    _changed: Option<IgnoredAny>,
    /// Taken so that a list can be sent back, and not used.
    #[serde(rename = "untrusted")]
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    _untrusted: Option<IgnoredAny>,
}

/// Another system's name of a place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SaidLocation {
    /// What the other system calls it.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_NAME)))]
    name: String,
    /// Zoho's id of it; null removes the name.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    location_id: Option<String>,
    /// Taken so that a list can be sent back, and not used.
    #[serde(rename = "untrusted")]
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    _untrusted: Option<IgnoredAny>,
}

/// What an upload says, all of it in order.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) mappings: Vec<Mapping>,
    pub(super) locations: Vec<(String, Option<String>)>,
}

/// Reads an upload, or says all that is wrong with it.
pub(super) fn parse(upload: &Upload) -> Result<Import, Problem> {
    let mut import = Import { mappings: Vec::new(), locations: Vec::new() };
    let mut wrong = Wrong::default();
    let mut seen: HashMap<String, String> = HashMap::new();
    match upload {
        Upload::Json(bytes) => {
            let uploaded: Uploaded = read(bytes)?;
            for (index, said) in uploaded.mappings.into_iter().enumerate() {
                let at = format!("mappings[{index}]");
                let mapping = mapping(said.product_id, said.sku, said.item_id);
                take(&mut import.mappings, &mut seen, &mut wrong, &at, mapping);
            }
            let mut names = HashMap::new();
            for (index, said) in uploaded.locations.into_iter().enumerate() {
                let at = format!("locations[{index}]");
                let named = location(said.name, said.location_id)
                    .and_then(|named| twice(&mut names, &named.0, &at, "name").map(|()| named));
                match named {
                    Ok(named) => import.locations.push(named),
                    Err(detail) => wrong.note(&at, &detail),
                }
            }
        }
        Upload::Csv(bytes) => {
            let mut table = Csv::begin(bytes, COLUMNS)?;
            if !table.has("product_id") || !(table.has("sku") || table.has("item_id")) {
                let detail = "The table needs the column `product_id`, and `sku` or `item_id` or both.";
                return Err(Problem::new(Code::BodyInvalid, detail));
            }
            while let Some(row) = table.next_row() {
                match row {
                    Ok(row) => {
                        let of = |column| row.get(column).map(str::to_owned);
                        let mapping = mapping(of("product_id").unwrap_or_default(), of("sku"), of("item_id"));
                        let at = format!("line {}", row.line);
                        take(&mut import.mappings, &mut seen, &mut wrong, &at, mapping);
                    }
                    Err(row) => wrong.note(&format!("line {}", row.line), &row.detail),
                }
            }
        }
    }
    wrong.refuse()?;
    if import.mappings.is_empty() && import.locations.is_empty() {
        return Err(Problem::new(Code::BodyInvalid, "The body holds no mapping."));
    }
    Ok(import)
}

fn take(
    into: &mut Vec<Mapping>,
    seen: &mut HashMap<String, String>,
    wrong: &mut Wrong,
    at: &str,
    mapping: Result<Mapping, String>,
) {
    let mapping =
        mapping.and_then(|mapping| twice(seen, &mapping.product_id, at, "product_id").map(|()| mapping));
    match mapping {
        Ok(mapping) => into.push(mapping),
        Err(detail) => wrong.note(at, &detail),
    }
}

/// Refuses a name that stands elsewhere already.
fn twice(seen: &mut HashMap<String, String>, name: &str, at: &str, field: &str) -> Result<(), String> {
    match seen.insert(name.to_owned(), at.to_owned()) {
        None => Ok(()),
        Some(first) => {
            let detail = format!("the {field} {name:?} stands at {first} already");
            seen.insert(name.to_owned(), first);
            Err(detail)
        }
    }
}

/// A mapping of what somebody said.
pub(super) fn mapping(
    product_id: String,
    sku: Option<String>,
    item_id: Option<String>,
) -> Result<Mapping, String> {
    fits("product_id", &product_id)?;
    if let Some(sku) = &sku {
        fits("sku", sku)?;
    }
    if let Some(id) = item_id.as_ref().filter(|id| !is_zoho_id(id)) {
        return Err(format!(
            "the item_id {id:?} is none of Zoho's: 1 to 19 digits, as a spreadsheet shows them in a column of text"
        ));
    }
    if sku.is_none() && item_id.is_none() {
        return Err("it has neither sku nor item_id".to_owned());
    }
    Ok(Mapping::new(product_id, sku, item_id, None))
}

fn location(name: String, id: Option<String>) -> Result<(String, Option<String>), String> {
    fits("name", &name)?;
    match id {
        Some(id) if !is_zoho_id(&id) => {
            Err(format!("the location_id {id:?} is none of Zoho's: 1 to 19 digits"))
        }
        id => Ok((name, id)),
    }
}

/// Whether a name can be kept and found again.
pub(super) fn fits(field: &str, name: &str) -> Result<(), String> {
    match name {
        "" => Err(format!("the {field} is empty")),
        name if name.chars().count() > MAX_NAME => {
            Err(format!("the {field} has more than {MAX_NAME} characters"))
        }
        name if name.chars().any(char::is_control) => {
            Err(format!("the {field} {name:?} holds a line break or another control character"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn csv(text: &str) -> Result<Import, Problem> {
        parse(&Upload::Csv(Bytes::copy_from_slice(text.as_bytes())))
    }

    fn json(text: &str) -> Result<Import, Problem> {
        parse(&Upload::Json(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<Uploaded>("Mappings");
    }

    #[test]
    fn a_table_and_json_say_the_same() {
        let table = csv("\u{feff}item_id;sku;product_id;name\r\n;\"A;1\";007;\r\n33;;8;Oak\r\n").unwrap();
        let document = json(
            r#"{"mappings":[{"product_id":"007","sku":"A;1"},{"product_id":"8","item_id":"33","name":"Oak","changed":"x","untrusted":[]}]}"#,
        )
        .unwrap();
        assert_eq!(table.mappings, document.mappings);
        assert_eq!(table.mappings[0], Mapping::new("007".to_owned(), Some("A;1".to_owned()), None, None));
    }

    #[test]
    fn all_that_is_wrong_is_said_with_its_line() {
        let problem =
            csv("product_id,sku,item_id\n7,A,\n8,,\n7,B,\n9,,3.3E+15\n,C,\n10,\"a\nb\",\n").unwrap_err();
        let detail = problem.detail();
        for part in [
            "5 rows are wrong, and nothing was taken.",
            "line 3: it has neither sku nor item_id",
            "line 4: the product_id \"7\" stands at line 2 already",
            "line 5: the item_id \"3.3E+15\" is none of Zoho's",
            "line 6: the product_id is empty",
            "line 7: the sku \"a\\nb\" holds a line break",
        ] {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        let detail = csv("product_id,name\n7,A\n").unwrap_err().detail().to_owned();
        assert!(detail.starts_with("The table needs the column `product_id`"), "{detail}");
        let problem = json(
            r#"{"mappings":[{"product_id":"1","sku":"A"},{"product_id":"2","sku":""}],"locations":[{"name":"x","location_id":"y"}]}"#,
        );
        let detail = problem.unwrap_err().detail().to_owned();
        assert!(detail.contains("mappings[1]: the sku is empty"), "{detail}");
        assert!(detail.contains("locations[0]: the location_id \"y\" is none of Zoho's"), "{detail}");
        let detail = json(r#"{"mappings":[{"product":"1"}]}"#).unwrap_err().detail().to_owned();
        assert!(detail.contains("`mappings[0].product` is unknown here."), "{detail}");
        assert!(json("{}").unwrap_err().detail().contains("no mapping"));
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(text in "(product_id|sku|,|\n|\"|7|A| ){0,40}") {
            let _ = csv(&text);
        }
    }
}
