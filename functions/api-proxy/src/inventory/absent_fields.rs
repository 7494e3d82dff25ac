//! What is said of fields that were asked for and that no record has. Zoho does not list the fields of its records, and leaves some
//! out of those where they are empty: so nothing is refused, and nothing left out without a word.

use shared::zoho::value::Object;

use crate::request::did_you_mean::question;

/// How many fields are named.
const MAX_FIELDS: usize = 10;
/// How many letters of each.
const MAX_LETTERS: usize = 60;

/// The notice, for the records as callers would get them whole.
pub(super) fn absent_fields(fields: Option<&str>, records: &[Object]) -> Option<String> {
    if records.is_empty() {
        return None;
    }
    let has = |name: &str| records.iter().any(|record| record.contains_key(name));
    let mut absent: Vec<&str> = fields?.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    absent.retain(|name| !has(name));
    absent.dedup();
    let known: Vec<&str> = records.iter().flat_map(|record| record.keys().map(String::as_str)).collect();
    let told: Vec<String> = absent
        .iter()
        .take(MAX_FIELDS)
        .map(|name| {
            let short: String =
                name.chars().filter(|letter| !letter.is_control()).take(MAX_LETTERS).collect();
            format!("`{short}`.{}", question(name, known.iter().copied()))
        })
        .collect();
    if told.is_empty() { None } else { Some(format!("No record here has {}", told.join(" Nor "))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_field_is_told_with_the_one_that_is_meant() {
        let records = [json!({ "item_id": "1", "name": "Oak" }), json!({ "item_id": "2", "sku": "X" })];
        let records = records.map(|record| record.as_object().unwrap().clone());
        let said = |fields: &str| absent_fields(Some(fields), &records);
        assert_eq!(said("nmae").as_deref(), Some("No record here has `nmae`. Did you mean `name`?"));
        assert_eq!(
            said("name, zzzzzz,nmae").as_deref(),
            Some("No record here has `zzzzzz`. Nor `nmae`. Did you mean `name`?")
        );
        assert_eq!(said("name,sku,"), None);
        assert_eq!(absent_fields(None, &records), None);
        assert_eq!(absent_fields(Some("nmae"), &[]), None);
    }
}
