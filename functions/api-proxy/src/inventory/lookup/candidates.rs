//! The records among which a caller may have meant one.

use shared::zoho::value::{Object, id, text};

/// How many records are named, and how many characters of a name are shown.
const MAX_CANDIDATES: usize = 20;
const MAX_NAME: usize = 80;

/// Some records by their ids, each with words that tell it apart for people.
pub(super) fn candidates(records: &[Object], id_field: &str, fields: &[&str]) -> String {
    let words = |record: &Object| -> Vec<String> {
        let words = fields.iter().filter_map(|field| text(record, field));
        words.map(|word| format!("{:?}", word.chars().take(MAX_NAME).collect::<String>())).collect()
    };
    let candidate = |record: &Object| {
        let id = id(record, id_field)?;
        let words = words(record);
        Some(if words.is_empty() { id } else { format!("{id} ({})", words.join(", ")) })
    };
    let mut listed: Vec<String> = records.iter().take(MAX_CANDIDATES).filter_map(candidate).collect();
    if records.len() > MAX_CANDIDATES {
        listed.push(format!("and {} more", records.len() - MAX_CANDIDATES));
    }
    listed.join(", ")
}
