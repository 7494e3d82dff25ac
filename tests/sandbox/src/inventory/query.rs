//! The list of items and its filters. Zoho silently ignores unknown parameters.

use std::collections::HashMap;

use serde_json::Value;

use super::list::{List, contains, starts};
use super::{past, view};
use crate::clock;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;
use crate::switches::Switches;

/// `GET /items`. A location filter is taken but changes nothing.
pub(crate) fn items(state: &State, call: &Call, has_data: bool) -> Answer {
    let seen = state.items.iter().filter(|_| has_data).map(|item| past::seen(state, item));
    let asked = Asked::of(call);
    let rows: Vec<&Object> = seen.filter(|item| item_matches(item, &asked, &state.switches)).collect();
    let sortable = [
        "name",
        "sku",
        "rate",
        "purchase_rate",
        "created_time",
        "last_modified_time",
        "reorder_level",
        "stock_on_hand",
    ];
    let list = List { key: "items", report: "Items", sortable: &sortable, descending: false, fixed: false };
    list.answer_with(call, &state.switches, rows, |item| view::row(item, &state.switches))
}

/// The parameters of a call that have a value, read once for all items. Of two with one name, the first counts.
struct Asked(HashMap<String, String>);

impl Asked {
    fn of(call: &Call) -> Self {
        let mut asked = HashMap::new();
        for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
            asked.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        asked.retain(|_, value| !value.is_empty());
        Self(asked)
    }
}

fn item_matches(item: &Object, asked: &Asked, switches: &Switches) -> bool {
    asked.0.iter().all(|(param, wanted)| fits(item, (param, wanted), switches))
}

fn fits(item: &Object, (param, wanted): (&str, &str), switches: &Switches) -> bool {
    let value = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    match param {
        "item_id"
        | "group_id"
        | "category_id"
        | "vendor_id"
        | "tax_id"
        | "account_id"
        | "purchase_account_id"
        | "zcrm_product_id"
        | "status"
        | "name" => value(param) == wanted,
        "name_startswith" => starts(value("name"), wanted),
        "name_contains" => contains(value("name"), wanted),
        "sku" => sku_matches(value("sku"), wanted, switches),
        "sku_startswith" => starts(value("sku"), wanted),
        "sku_contains" => contains(value("sku"), wanted),
        "search_text" => contains(value("name"), wanted) || contains(value("sku"), wanted),
        "filter_by" => filter_by(item, wanted),
        "last_modified_time" => {
            switches.modified_filter_ignored()
                || clock::parse(wanted).is_none_or(|since| {
                    clock::parse(value("last_modified_time")).is_some_and(|changed| changed > since)
                })
        }
        _ => rate_matches(item, param, wanted),
    }
}

/// Filters by SKU: exactly, by the official file. It is not known whether case counts, and whether Zoho filters at all.
fn sku_matches(sku: &str, wanted: &str, switches: &Switches) -> bool {
    switches.sku_filter_ignored()
        || sku == wanted
        || (switches.sku_filter_substring() && contains(sku, wanted))
        || (switches.sku_filter_any_case() && sku.to_lowercase() == wanted.to_lowercase())
}

fn filter_by(item: &Object, filter: &str) -> bool {
    let is = |key: &str, wanted: &str| item.get(key).and_then(Value::as_str) == Some(wanted);
    let flag = |key: &str| item.get(key) == Some(&Value::Bool(true));
    let number = |key: &str| item.get(key).and_then(Value::as_f64);
    match filter {
        "Status.Active" => is("status", "active"),
        "Status.Inactive" => is("status", "inactive"),
        "Status.Lowstock" => match (number("stock_on_hand"), number("reorder_level")) {
            (Some(stock), Some(level)) => stock <= level,
            _ => false,
        },
        "Status.Uncategorized" => is("category_id", ""),
        "Status.Grouped" => !is("group_id", ""),
        "ItemType.Sales" => is("item_type", "sales"),
        "ItemType.Purchases" => is("item_type", "purchases"),
        "ItemType.SalesAndPurchases" => is("item_type", "sales_and_purchases"),
        "ItemType.Inventory" => flag("track_inventory"),
        "ItemType.NonInventory" => !flag("track_inventory"),
        "ItemType.Service" => is("product_type", "service"),
        _ => true,
    }
}

/// Filters by a rate; any other parameter does nothing.
fn rate_matches(item: &Object, param: &str, wanted: &str) -> bool {
    let key = if param.starts_with("purchase_rate") { "purchase_rate" } else { "rate" };
    let (Some(suffix), Ok(wanted)) = (param.strip_prefix(key), wanted.parse::<f64>()) else { return true };
    let rate = item.get(key).and_then(Value::as_f64).unwrap_or_default();
    match suffix {
        "" => (rate - wanted).abs() < 1e-9,
        "_less_than" => rate < wanted,
        "_less_equals" => rate <= wanted,
        "_greater_than" => rate > wanted,
        "_greater_equals" => rate >= wanted,
        _ => true,
    }
}
