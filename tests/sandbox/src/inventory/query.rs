//! Inventory's lists: filters, order, pages. What it does not know it ignores without a word.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{data, error, view};
use crate::clock;
use crate::http::{Answer, Call};
use crate::state::{Object, State};
use crate::switches::Switches;

const MOST: usize = 200;

/// `GET /items`. A location filter is taken but changes nothing.
pub(crate) fn items(state: &State, call: &Call, has_data: bool) -> Answer {
    let rows = state.items.iter().filter(|item| has_data && item_matches(item, call, &state.switches));
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
    list(call, &state.switches, ("items", "Items"), rows, &sortable)
}

/// `GET /contacts`.
pub(crate) fn contacts(state: &State, call: &Call, has_data: bool) -> Answer {
    let matches = |contact: &Value| {
        ["contact_name", "company_name", "first_name", "last_name", "email", "phone"]
            .iter()
            .all(|key| call.filled(key).is_none_or(|wanted| text(contact, key) == wanted))
            && call.filled("search_text").is_none_or(|wanted| {
                ["contact_name", "company_name", "email"]
                    .iter()
                    .any(|key| contains(&text(contact, key), &wanted))
            })
            && call.filled("filter_by").is_none_or(|filter| match filter.as_str() {
                "Status.Active" => text(contact, "status") == "active",
                "Status.Inactive" => text(contact, "status") == "inactive",
                "Status.Customers" => text(contact, "contact_type") == "customer",
                "Status.Vendors" => text(contact, "contact_type") == "vendor",
                _ => true,
            })
    };
    let rows = data::contacts().into_iter().filter(|contact| has_data && matches(contact)).collect();
    let sortable = ["contact_name", "first_name", "last_name", "email", "created_time", "last_modified_time"];
    list(call, &state.switches, ("contacts", "Contacts"), rows, &sortable)
}

fn item_matches(item: &Object, call: &Call, switches: &Switches) -> bool {
    let value = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let check =
        |param: &str, test: &dyn Fn(&str) -> bool| call.filled(param).is_none_or(|wanted| test(&wanted));
    check("item_id", &|wanted| value("item_id") == wanted)
        && check("group_id", &|wanted| value("group_id") == wanted)
        && check("category_id", &|wanted| value("category_id") == wanted)
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
            clock::parse(wanted).is_none_or(|since| {
                clock::parse(value("last_modified_time")).is_some_and(|changed| changed > since)
            })
        })
        && ["rate", "purchase_rate"].iter().all(|key| rate_matches(item, key, call))
}

/// Exact by the official file; whether by case, and whether at all, is not known.
fn sku_matches(sku: &str, wanted: &str, switches: &Switches) -> bool {
    switches.sku_filter_ignored
        || sku == wanted
        || (switches.sku_filter_substring && contains(sku, wanted))
        || (switches.sku_filter_any_case && sku.to_lowercase() == wanted.to_lowercase())
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

/// Orders, cuts a page, and writes the envelope.
fn list(
    call: &Call,
    switches: &Switches,
    (key, report): (&str, &str),
    mut rows: Vec<Value>,
    sortable: &[&str],
) -> Answer {
    let default_column = sortable.first().copied().unwrap_or_default();
    let wanted = call.filled("sort_column");
    let column = wanted.filter(|column| sortable.contains(&column.as_str()));
    let column = column.unwrap_or_else(|| default_column.to_owned());
    let order = if call.param("sort_order").as_deref() == Some("D") { "D" } else { "A" };
    rows.sort_by(|one, other| compare(one.get(&column), other.get(&column)));
    if order == "D" {
        rows.reverse();
    }
    let page = match count(call, "page", 1) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let per_page = match count(call, "per_page", MOST) {
        Ok(per_page) if per_page > MOST && switches.per_page_over_200_refused => {
            return error(400, 2, "Invalid value passed for per_page");
        }
        Ok(per_page) => per_page.min(MOST),
        Err(answer) => return answer,
    };
    let skipped = (page - 1).saturating_mul(per_page);
    let more = rows.len() > skipped.saturating_add(per_page);
    let rows: Vec<Value> = rows.into_iter().skip(skipped).take(per_page).collect();
    let filter = call.filled("filter_by").unwrap_or_else(|| "Status.All".to_owned());
    Answer::json(
        200,
        &json!({
            "code": 0,
            "message": "success",
            key: rows,
            "page_context": {
                "page": page,
                "per_page": per_page,
                "has_more_page": more,
                "report_name": report,
                "applied_filter": filter,
                "custom_fields": [],
                "sort_column": column,
                "sort_order": order,
            }
        }),
    )
}

fn count(call: &Call, name: &str, default: usize) -> Result<usize, Answer> {
    let Some(text) = call.filled(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| error(400, 2, &format!("Invalid value passed for {name}")))
}

fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => lower(one).cmp(&lower(other)),
    }
}

fn lower(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

fn text(row: &Value, key: &str) -> String {
    row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn starts(text: &str, part: &str) -> bool {
    text.to_lowercase().starts_with(&part.to_lowercase())
}
