//! The rules by which the fields of an item are written. An item that Zoho writes in another way than `serde_json` cannot be copied: it
//! becomes values.

use hot::items::{Kind, Row, Rules, is_added};
use serde_json::Value;

use crate::zoho::inventory::representation::{is_chosen, is_number, item};
use crate::zoho::inventory::stock::lacks_figures;
use crate::zoho::value::{id, number, rfc3339};

/// The rules for the fields of an item.
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

    fn odd(&self, raw: &str, shown: Option<&[&str]>, out: &mut Vec<u8>) -> Option<Row> {
        // Some objects are no objects to `serde_json`, here as in a whole answer.
        let Value::Object(read) = serde_json::from_str::<Value>(raw).ok()? else { return None };
        let has_id = id(&read, "item_id").is_some();
        let is_whole =
            shown.is_none_or(|shown| shown.iter().all(|name| is_added(name) || read.contains_key(*name)));
        let mut item = item(read);
        let lacks_figures = item.get("stock").is_some_and(lacks_figures);
        if let Some(shown) = shown {
            item.retain(|name, _| shown.contains(&name.as_str()));
            if let Some(Value::Array(names)) = item.get_mut("untrusted") {
                names.retain(|name| name.as_str().is_some_and(|name| shown.contains(&name)));
            }
        }
        if item.is_empty() {
            return None;
        }
        serde_json::to_writer(out, &item).ok()?;
        Some(Row { has_id, is_whole, lacks_figures })
    }
}
