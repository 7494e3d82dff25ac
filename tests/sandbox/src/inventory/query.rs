//! The list of items and its filters. Zoho silently ignores unknown parameters.

use serde_json::Value;

use super::list::{List, contains, starts};
use super::{movement, view};
use crate::clock;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;
use crate::switches::Switches;

/// `GET /items`. A location filter is taken but changes nothing.
pub(crate) fn items(state: &State, call: &Call, has_data: bool) -> Answer {
    let seen = state.items.iter().filter(|_| has_data).map(|item| movement::seen(state, item));
    let rows = seen.filter(|item| item_matches(item, call, &state.switches));
    let rows: Vec<Value> = rows.map(|item| view::row(item, &state.switches)).collect();
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
    List { key: "items", report: "Items", sortable: &sortable, descending: false, fixed: false }.answer(
        call,
        &state.switches,
        rows,
    )
}

fn item_matches(item: &Object, call: &Call, switches: &Switches) -> bool {
    let value = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let check =
        |param: &str, test: &dyn Fn(&str) -> bool| call.filled(param).is_none_or(|wanted| test(&wanted));
    check("item_id", &|wanted| value("item_id") == wanted)
        && check("group_id", &|wanted| value("group_id") == wanted)
        && check("category_id", &|wanted| value("category_id") == wanted)
        && check("vendor_id", &|wanted| value("vendor_id") == wanted)
        && check("tax_id", &|wanted| value("tax_id") == wanted)
        && check("account_id", &|wanted| value("account_id") == wanted)
        && check("purchase_account_id", &|wanted| value("purchase_account_id") == wanted)
        && check("zcrm_product_id", &|wanted| value("zcrm_product_id") == wanted)
        && check("status", &|wanted| value("status") == wanted)
        && check("name", &|wanted| value("name") == wanted)
        && check("name_startswith", &|wanted| starts(value("name"), wanted))
        && check("name_contains", &|wanted| contains(value("name"), wanted))
        && check("sku", &|wanted| sku_matches(value("sku"), wanted, switches))
        && check("sku_startswith", &|wanted| starts(value("sku"), wanted))
        && check("sku_contains", &|wanted| contains(value("sku"), wanted))
        && check("search_text", &|wanted| contains(value("name"), wanted) || contains(value("sku"), wanted))
        && check("filter_by", &|wanted| filter_by(item, wanted))
        && check("last_modified_time", &|wanted| {
            switches.modified_filter_ignored()
                || clock::parse(wanted).is_none_or(|since| {
                    clock::parse(value("last_modified_time")).is_some_and(|changed| changed > since)
                })
        })
        && ["rate", "purchase_rate"].iter().all(|key| rate_matches(item, key, call))
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

fn rate_matches(item: &Object, key: &str, call: &Call) -> bool {
    let rate = item.get(key).and_then(Value::as_f64).unwrap_or_default();
    let check = |suffix: &str, test: &dyn Fn(f64) -> bool| {
        let wanted = call.filled(&format!("{key}{suffix}")).and_then(|text| text.parse().ok());
        wanted.is_none_or(test)
    };
    check("", &|wanted| (rate - wanted).abs() < 1e-9)
        && check("_less_than", &|wanted| rate < wanted)
        && check("_less_equals", &|wanted| rate <= wanted)
        && check("_greater_than", &|wanted| rate > wanted)
        && check("_greater_equals", &|wanted| rate >= wanted)
}
