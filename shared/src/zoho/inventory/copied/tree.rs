//! Items of which some fields become values on the way: those that Zoho writes in another way than `serde_json` does.

use std::collections::HashSet;

use hot::items::{Field, Kind, OF_ITEM, OURS, Rules};
use serde::Serialize;
use serde_json::Value;

use crate::zoho::inventory::{holds_words, is_chosen, is_number, lacks_figures, stock};
use crate::zoho::value::{Object, even_out_field, number, rfc3339};

/// About how many fields an item has.
const FIELDS: usize = 64;

/// What becomes of the fields of an item.
pub(super) struct OfItems;

impl Rules for OfItems {
    fn kind(&self, name: &str) -> Kind {
        Kind {
            is_time: name.ends_with("_time"),
            is_id: name.ends_with("_id"),
            is_number: is_number(name),
            is_chosen: is_chosen(name),
        }
    }

    fn time(&self, text: &str) -> Option<String> {
        rfc3339(text)
    }

    fn number(&self, raw: &str) -> Option<String> {
        let value: Value = serde_json::from_str(raw).ok()?;
        number(Some(&value)).as_number().map(ToString::to_string)
    }

    fn unescaped(&self, raw: &str) -> Option<String> {
        serde_json::from_str(raw).ok()
    }

    fn odd(&self, fields: &[Field<'_>], shown: Option<&[&str]>, out: &mut Vec<u8>) -> Option<bool> {
        shaped(fields, shown, out)
    }
}

fn are_distinct(fields: &[Field<'_>]) -> bool {
    let mut seen = HashSet::with_capacity(fields.len());
    fields.iter().all(|(name, _)| seen.insert(&**name))
}

/// Whether a field is to be looked into for the stock.
fn is_of_stock(name: &str) -> bool {
    matches!(name, "locations" | "warehouses" | "is_combo_product" | "combo_type") || OF_ITEM.contains(&name)
}

/// Whether nothing becomes of a value, and its text is the one that would be written of it.
fn stays(name: &str, raw: &str) -> bool {
    if is_of_stock(name) {
        return false;
    }
    match raw.as_bytes().first() {
        // Escapes are written in one way of several.
        Some(b'"') => !raw.contains('\\') && !name.ends_with("_time") && !is_number(name),
        // Only where it is empty.
        Some(b'{' | b'[') => raw.len() == 2,
        Some(b't' | b'f' | b'n') => true,
        // Exponents are written in one way of several.
        _ => !name.ends_with("_id") && !raw.contains(['e', 'E']),
    }
}

/// What becomes of a field.
enum Way {
    LeftOut,
    Copied,
    Read,
}

/// Writes an item of these fields, and says whether it does not show all figures that a single one has. None where it has anything
/// that a reader of JSON could take in two ways.
fn shaped(fields: &[Field<'_>], shown: Option<&[&str]>, out: &mut Vec<u8>) -> Option<bool> {
    let is_shown = |name: &str| shown.is_none_or(|shown| shown.contains(&name));
    // `serde_json` keeps some names for itself.
    let is_kept = |name: &str| OURS.contains(&name) || name.starts_with('$');
    if !are_distinct(fields) || fields.iter().any(|(name, _)| is_kept(name)) {
        return None;
    }
    let mut read = Object::with_capacity(FIELDS / 4);
    let mut untrusted: Vec<&str> = Vec::with_capacity(FIELDS / 8);
    let mut ways = Vec::with_capacity(fields.len());
    for (name, raw) in fields {
        let is_shown = is_shown(name);
        if !is_shown && !is_of_stock(name) {
            ways.push(Way::LeftOut);
            continue;
        }
        let has_words = if stays(name, raw) {
            ways.push(Way::Copied);
            // Of what is copied, only texts can have words.
            raw.starts_with('"') && raw.len() > 2 && !is_chosen(name)
        } else {
            ways.push(Way::Read);
            let mut value: Value = serde_json::from_str(raw).ok()?;
            even_out_field(name, &mut value, is_number);
            let has_words = holds_words(name, &value);
            read.insert(name.to_string(), value);
            has_words
        };
        if has_words && is_shown {
            untrusted.push(name);
        }
    }
    let stock = stock(&read);
    if is_shown("stock") && stock.get("locations").is_some_and(Value::is_array) {
        untrusted.push("stock");
    }
    let mut text = Text { begin: out.len(), out };
    let mut values = read.values();
    for ((name, raw), way) in fields.iter().zip(ways) {
        match way {
            Way::LeftOut => {}
            Way::Copied => {
                text.name(name)?;
                text.out.extend_from_slice(raw.as_bytes());
            }
            Way::Read => {
                let value = values.next()?;
                if is_shown(name) {
                    text.name(name)?;
                    text.value(value)?;
                }
            }
        }
    }
    if is_shown("stock") {
        text.name("stock")?;
        text.value(&stock)?;
    }
    if is_shown("untrusted") {
        text.name("untrusted")?;
        text.value(&untrusted)?;
    }
    if text.out.len() == text.begin {
        return None;
    }
    text.out.push(b'}');
    Some(lacks_figures(&stock))
}

/// The text of an object, but for its end.
struct Text<'o> {
    begin: usize,
    out: &'o mut Vec<u8>,
}

impl Text<'_> {
    fn name(&mut self, name: &str) -> Option<()> {
        self.out.push(if self.out.len() == self.begin { b'{' } else { b',' });
        self.value(name)?;
        self.out.push(b':');
        Some(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Option<()> {
        serde_json::to_writer(&mut *self.out, value).ok()
    }
}
