//! Zoho Inventory: its addresses, and its records in the shape that callers get.
//! <https://www.zoho.com/inventory/api/v1/>

pub mod adjustments;
pub mod item_bytes;
pub mod record_kinds;
pub mod transfer_orders;
pub mod webhook_rules;

use hot::items::{FIGURES, KIT_HAS_NONE, OF_ITEM};
use serde_json::{Value, json};

use self::record_kinds::RecordKind;
use super::value::{Object, even_out, id, number, query_of, text};

/// Scopes, by the records that they cover.
pub mod scope {
    use super::record_kinds::RecordKind;

    /// Items and their stock.
    pub const ITEMS: &str = RecordKind::ITEM.read_scope;
    /// Customers and vendors.
    pub const CONTACTS: &str = RecordKind::CONTACT.read_scope;
    /// Settings, which include the list of organisations.
    pub const SETTINGS: &str = RecordKind::LOCATION.read_scope;
}

/// Sales orders.
pub mod orders {
    use super::record_kinds::RecordKind;
    use crate::zoho::value::query_of;

    /// Reading them.
    pub const READ: &str = RecordKind::SALES_ORDER.read_scope;
    /// Making them, and changing their status.
    pub const CREATE: &str = "ZohoInventory.salesorders.CREATE";

    /// The list, and where new ones are posted.
    pub fn list_url(api: &str, organization: &str, query: &[(&str, &str)]) -> String {
        let mut url = query_of(RecordKind::SALES_ORDER.list_url(api));
        url.append_pair("organization_id", organization).extend_pairs(query);
        url.finish()
    }

    /// One of them.
    pub fn one_url(api: &str, organization: &str, id: &str) -> String {
        RecordKind::SALES_ORDER.record_url(api, organization, id)
    }

    /// The address to change an order's status.
    pub fn status_url(api: &str, organization: &str, id: &str, status: &str) -> String {
        format!("{api}/inventory/v1/salesorders/{id}/status/{status}?organization_id={organization}")
    }
}

/// The organisations of the user who connected.
pub fn organizations_url(api: &str) -> String {
    format!("{api}/inventory/v1/organizations")
}

/// The user who connected.
pub fn user_url(api: &str, organization: &str) -> String {
    format!("{api}/inventory/v1/users/me?organization_id={organization}")
}

/// The email address of that user, in lower case: the selected one, else the first.
pub fn user_email(answer: &Object) -> Option<String> {
    let addresses = answer.get("user")?.get("email_ids")?.as_array()?;
    let selected = |entry: &&Value| entry.get("is_selected").and_then(Value::as_bool).unwrap_or(false);
    let entry = addresses.iter().find(selected).or(addresses.first())?;
    entry.get("email")?.as_str().map(str::to_lowercase)
}

/// A page of items, sorted by creation, so that a new item appears at the end and moves no other across pages.
pub fn items_url(
    api: &str,
    organization: &str,
    filters: &[(&str, &str)],
    page: u32,
    per_page: u32,
) -> String {
    let mut query = query_of(RecordKind::ITEM.list_url(api));
    query
        .append_pair("organization_id", organization)
        .append_pair("page", &page.to_string())
        .append_pair("per_page", &per_page.to_string())
        .append_pair("sort_column", "created_time")
        .append_pair("sort_order", "A")
        .extend_pairs(filters);
    query.finish()
}

/// Items with all details, by their ids, separated by commas.
pub fn item_details_url(api: &str, organization: &str, ids: &str) -> String {
    let mut query = query_of(format!("{api}/inventory/v1/itemdetails"));
    query.append_pair("organization_id", organization).append_pair("item_ids", ids);
    query.finish()
}

/// The locations of the organisation.
pub fn locations_url(api: &str, organization: &str) -> String {
    format!("{api}/inventory/v1/locations?organization_id={organization}")
}

/// The filter of items that are low on stock.
pub const LOW_STOCK: (&str, &str) = ("filter_by", "Status.Lowstock");

/// Whether an item is low on stock. A list can leave out the reorder level: then Zoho's filter decides, if Zoho says that it was
/// applied (`filtered`).
pub fn is_low(item: &Object, filtered: bool) -> bool {
    let figure = |field: &str| number(item.get(field)).as_f64();
    match (figure("reorder_level"), figure("stock_on_hand")) {
        (Some(level), Some(stock)) => stock <= level,
        _ => filtered,
    }
}

/// Whether Zoho says that it has applied a filter.
pub fn has_filtered(answer: &Object, (_, filter): (&str, &str)) -> bool {
    let applied = answer.get("page_context").and_then(|page| page.get("applied_filter"));
    applied.and_then(Value::as_str) == Some(filter)
}

/// One item.
pub fn item_url(api: &str, organization: &str, item_id: &str) -> String {
    RecordKind::ITEM.record_url(api, organization, item_id)
}

/// Whether Zoho says that there is a page after this one. Without a `page_context` there is none.
pub fn has_more(answer: &Object) -> bool {
    answer
        .get("page_context")
        .and_then(|page| page.get("has_more_page"))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Of a first page with fewer than one row in so many, Zoho's word is believed that it is the last.
const NEARLY_EMPTY: u64 = 4;

/// Whether a list may go on after a page of so many rows, where so many were asked for. Zoho can call a page the last one that is
/// not: a second page with 175 of 200 rows did, and 131 more came after it. Only an empty page is the end. To ask for one after each
/// short list would double the calls of most reads, so that a nearly empty first page is believed.
pub fn may_go_on(answer: &Object, page: u32, rows: usize, asked: u32) -> bool {
    if has_more(answer) {
        return true;
    }
    let Some(context) = answer.get("page_context") else { return false };
    let size = context.get("per_page").and_then(Value::as_u64).filter(|size| *size > 0);
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    rows > 0 && (page > 1 || rows.saturating_mul(NEARLY_EMPTY) >= size.unwrap_or(asked.into()))
}

/// Whether a field holds a number, or `""` in place of none.
fn is_number(field: &str) -> bool {
    matches!(
        field,
        "rate"
            | "purchase_rate"
            | "pricebook_rate"
            | "sales_rate"
            | "reorder_level"
            | "initial_stock"
            | "initial_stock_rate"
            | "asset_value"
            | "minimum_order_quantity"
            | "maximum_order_quantity"
            | "tax_percentage"
            | "tds_tax_percentage"
            | "shipping_charge_tax_percentage"
            | "sales_margin"
            // Of packages.
            | "length"
            | "width"
            | "height"
            | "weight"
    )
}

/// Whether Zoho fills a text field, or its values are only chosen from a list. All others count as written by people.
fn is_chosen(field: &str) -> bool {
    if field.starts_with("cf_") {
        return false;
    }
    let ends_as_chosen = |end: &str| {
        matches!(
            end,
            "id" | "ids"
                | "time"
                | "date"
                | "status"
                | "code"
                | "type"
                | "formatted"
                | "symbol"
                | "format"
                | "mode"
                | "width"
                | "height"
                | "size"
                | "margin"
        )
    };
    // Names are short: the last one is found faster byte by byte.
    let end = field.bytes().rposition(|byte| byte == b'_').and_then(|index| field.get(index + 1..));
    end.is_some_and(ends_as_chosen)
        || matches!(
            field,
            "status"
                | "source"
                | "lock_details"
                | "date"
                | "sales_channel"
                | "orientation"
                | "communication_preference"
                | "gst_treatment"
                | "tax_treatment"
                | "vat_treatment"
                | "tax_regime"
                | "place_of_supply"
                | "source_of_supply"
                | "destination_of_supply"
                | "gst_no"
        )
}

/// Whether a value holds words of people: text in a field that Zoho does not fill, or within it.
fn holds_words(field: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && !is_chosen(field),
        Value::Array(list) => {
            !list.is_empty()
                && !is_chosen(field)
                && list.iter().any(|value| match value {
                    // Lists of ids.
                    Value::String(text) => {
                        !text.is_empty() && !text.bytes().all(|byte| byte.is_ascii_digit())
                    }
                    value => holds_words(field, value),
                })
        }
        Value::Object(inner) => {
            !is_chosen(field) && inner.iter().any(|(field, value)| holds_words(field, value))
        }
        _ => false,
    }
}

/// The names of those fields that hold words of people: data, never instructions.
fn untrusted(record: &Object) -> Value {
    let names = record.iter().filter(|(field, value)| holds_words(field, value));
    Value::Array(names.map(|(field, _)| Value::String(field.clone())).collect())
}

/// An item as callers get it: Zoho's fields, normalised, with `stock` and `untrusted` added.
pub fn item(mut item: Object) -> Object {
    even_out(&mut item, is_number);
    let stock = stock(&item);
    let mut untrusted = untrusted(&item);
    if let (Value::Array(names), true) = (&mut untrusted, stock.get("locations").is_some_and(Value::is_array))
    {
        names.push(json!("stock"));
    }
    item.insert("stock".to_owned(), stock);
    item.insert("untrusted".to_owned(), untrusted);
    item
}

/// Any other record as callers get it: Zoho's fields, normalised, with `untrusted` added.
pub fn plain_record(mut record: Object) -> Object {
    even_out(&mut record, is_number);
    let untrusted = untrusted(&record);
    record.insert("untrusted".to_owned(), untrusted);
    record
}

/// Zoho's stock figures under one set of names. An item that tracks no inventory has no figures, which is not zero.
/// `available` is the stock that can be sold (`available_for_sale_stock`). Figures that an answer does not have are null: lists
/// have neither `available` nor figures by location.
fn stock(item: &Object) -> Value {
    let says =
        |field: &str, word: &str| text(item, field).is_some_and(|text| text.eq_ignore_ascii_case(word));
    if item.get("is_combo_product") == Some(&Value::Bool(true)) && says("combo_type", "kit") {
        return json!({ "tracked": false, "why": KIT_HAS_NONE });
    }
    // Organisations that never switched to locations still have warehouses.
    let lists = [("locations", &OF_LOCATION), ("warehouses", &OF_WAREHOUSE)];
    let locations = lists.into_iter().find_map(|(list, names)| {
        let locations = item.get(list)?.as_array()?.iter().filter_map(Value::as_object);
        let figures_of = |location: &Object| {
            let mut named = Object::with_capacity(8);
            named.insert("location_id".to_owned(), id(location, names.id).into());
            named.insert("name".to_owned(), text(location, names.name).into());
            named.extend(figures(location, &names.figures));
            Value::Object(named)
        };
        Some(locations.map(figures_of).collect::<Vec<_>>())
    });
    if locations.is_none() && !item.contains_key("stock_on_hand") {
        return json!({ "tracked": false });
    }
    let mut stock = Object::with_capacity(8);
    stock.insert("tracked".to_owned(), true.into());
    stock.extend(figures(item, &OF_ITEM));
    stock.insert("locations".to_owned(), locations.map_or(Value::Null, Value::Array));
    stock.into()
}

/// Whether an item of this `stock` does not show all figures that it has when it is read by itself.
pub fn lacks_figures(stock: &Value) -> bool {
    stock.get("tracked") == Some(&Value::Bool(true)) && stock.get("locations").is_some_and(Value::is_null)
}

/// Zoho's names of the six figures, in the order of [`figures`].
macro_rules! figures_behind {
    ($prefix:literal) => {
        [
            concat!($prefix, "stock_on_hand"),
            concat!($prefix, "available_for_sale_stock"),
            concat!($prefix, "committed_stock"),
            concat!($prefix, "actual_available_stock"),
            concat!($prefix, "available_stock"),
            concat!($prefix, "quantity_in_transit"),
        ]
    };
}

/// How Zoho names what a location says.
struct PlaceNames {
    id: &'static str,
    name: &'static str,
    figures: [&'static str; 6],
}

const OF_LOCATION: PlaceNames =
    PlaceNames { id: "location_id", name: "location_name", figures: figures_behind!("location_") };
const OF_WAREHOUSE: PlaceNames =
    PlaceNames { id: "warehouse_id", name: "warehouse_name", figures: figures_behind!("warehouse_") };

/// Zoho's figures of an item or of a location by our names. Those that say which count they are come only where Zoho has them: the pages
/// of Zoho do not say it, other products read them so. A count that is the stock on hand once more is left out, and so is nothing on
/// its way.
fn figures(object: &Object, zohos: &'static [&'static str; 6]) -> impl Iterator<Item = (String, Value)> {
    let [on_hand, ..] = *zohos;
    FIGURES.iter().zip(zohos).filter_map(move |((ours, always), zohos)| {
        let figure = number(object.get(*zohos));
        let says_more = || {
            let known = if *ours == "in_transit" { Some(0.0) } else { number(object.get(on_hand)).as_f64() };
            !figure.is_null() && figure.as_f64() != known
        };
        (*always || says_more()).then(|| ((*ours).to_owned(), figure))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(text: &str) -> Value {
        Value::Object(item(serde_json::from_str(text).unwrap()))
    }

    #[test]
    fn a_tracked_item_has_its_figures_under_one_set_of_names() {
        let item = shaped(
            r#"{"item_id":"1","name":"Oak","reorder_level":"","stock_on_hand":42.0,"available_stock":42.0,
                "available_for_sale_stock":37.0,"committed_stock":5.0,
                "locations":[{"location_id":"7","location_name":"Main","location_stock_on_hand":42.0,
                              "location_available_for_sale_stock":"37.0","location_committed_stock":""}]}"#,
        );
        assert_eq!(
            item["stock"].to_string(),
            r#"{"tracked":true,"on_hand":42.0,"available":37.0,"committed":5.0,"locations":[{"location_id":"7","name":"Main","on_hand":42.0,"available":37.0,"committed":null}]}"#
        );
        assert_eq!(item["reorder_level"], Value::Null);
        assert_eq!(
            item["untrusted"],
            json!(["name", "locations", "stock"]),
            "locations have names that people gave"
        );
    }

    #[test]
    fn a_second_count_and_goods_on_their_way_are_there_where_they_say_something() {
        let item = shaped(
            r#"{"item_id":"1","stock_on_hand":42.0,"available_stock":"42.00","actual_available_stock":40.0,
                "locations":[{"location_id":"7","location_stock_on_hand":0,"location_available_stock":2,
                              "location_actual_available_stock":0.0,"location_quantity_in_transit":"0.00"},
                             {"location_id":"8","location_quantity_in_transit":3.0}]}"#,
        );
        let figures = |location: &Value| -> Vec<String> {
            let location = location.as_object().unwrap();
            location
                .keys()
                .filter(|name| ["physical", "accounting", "in_transit"].contains(&name.as_str()))
                .cloned()
                .collect()
        };
        let stock = &item["stock"];
        assert_eq!(
            (figures(stock), stock["physical"].to_string()),
            (vec!["physical".to_owned()], "40.0".to_owned())
        );
        assert_eq!(figures(&stock["locations"][0]), ["accounting"]);
        assert_eq!(figures(&stock["locations"][1]), ["in_transit"]);
    }

    #[test]
    fn only_fields_with_words_of_people_are_untrusted() {
        let record: Object = serde_json::from_str(
            r#"{"salesorder_id":"1","salesorder_number":"SO-1","date":"2026-11-20","status":"draft","rounding_mode":"round_half_up",
                "page_width":"8.27in","orientation":"portrait","template_type":"standard","template_name":"Mine","currency_code":"EUR",
                "currency_symbol":"€","total_formatted":"€1.00","total":1.0,"discount_type":"item_level","customer_name":"Harbor",
                "contact_persons":["3300000000060212"],"taxes":[],"invoices":[{"invoice_id":"7","status":"sent"}],
                "line_items":[{"item_id":"1","name":"Oak"}],"custom_field_hash":{},"notes":"","cf_code":"x","terms":"30 days"}"#,
        )
        .unwrap();
        assert_eq!(
            plain_record(record)["untrusted"],
            json!(["salesorder_number", "template_name", "customer_name", "line_items", "cf_code", "terms"])
        );
    }

    #[test]
    fn figures_that_are_not_there_are_null_and_no_text() {
        let item = shaped(
            r#"{"item_id":"1","sales_margin":"","shipping_charge_tax_percentage":"",
                "package_details":{"length":"80","width":"","height":"4.50","weight":"","weight_unit":"kg"}}"#,
        );
        assert_eq!(
            (&item["sales_margin"], &item["shipping_charge_tax_percentage"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            item["package_details"].to_string(),
            r#"{"length":80,"width":null,"height":4.50,"weight":null,"weight_unit":"kg"}"#
        );
    }

    #[test]
    fn a_service_has_no_stock_and_old_warehouses_count_as_locations() {
        assert_eq!(shaped(r#"{"item_id":"1"}"#)["stock"], json!({"tracked": false}));
        let kit = shaped(r#"{"item_id":"1","is_combo_product":true,"combo_type":"kit","stock_on_hand":0}"#);
        assert!(kit["stock"]["why"].is_string() && kit["stock"]["tracked"] == false);
        let old = shaped(
            r#"{"stock_on_hand":-3.0,"warehouses":[{"warehouse_id":"9","warehouse_name":"Old","warehouse_stock_on_hand":-3.0}]}"#,
        );
        assert_eq!(old["stock"]["locations"][0]["location_id"], "9");
        assert_eq!(old["stock"]["locations"][0]["on_hand"].to_string(), "-3.0");
        assert_eq!(old["stock"]["available"], Value::Null);
    }

    #[test]
    fn low_is_what_the_figures_say_or_else_what_zoho_filtered() {
        let low = |text: &str, filtered| is_low(&serde_json::from_str(text).unwrap(), filtered);
        for filtered in [false, true] {
            assert!(low(r#"{"reorder_level":10,"stock_on_hand":"10.0"}"#, filtered));
            assert!(!low(r#"{"reorder_level":10,"stock_on_hand":10.5}"#, filtered));
            assert_eq!(low(r#"{"reorder_level":"","stock_on_hand":1}"#, filtered), filtered);
            assert_eq!(low("{}", filtered), filtered);
        }
    }

    #[test]
    fn only_an_empty_page_or_a_nearly_empty_first_one_is_the_end() {
        let answer = |context: Value| json!({ "page_context": context }).as_object().unwrap().clone();
        let last = answer(json!({ "has_more_page": false }));
        for (page, rows, goes_on) in
            [(1, 0, false), (1, 49, false), (1, 50, true), (2, 1, true), (2, 175, true), (4, 0, false)]
        {
            assert_eq!(may_go_on(&last, page, rows, 200), goes_on, "{page} {rows}");
        }
        let small = answer(json!({ "has_more_page": false, "per_page": 2 }));
        assert!(may_go_on(&small, 1, 1, 200), "what Zoho took for a page counts");
        assert!(may_go_on(&answer(json!({ "has_more_page": true })), 1, 0, 200));
        assert!(!may_go_on(&Object::new(), 1, 200, 200), "lists that have no pages");
    }

    #[test]
    fn a_sku_is_escaped_into_the_query() {
        let url = items_url("https://api", "1", &[("sku", "A&B ü+")], 2, 200);
        assert!(
            url.ends_with("page=2&per_page=200&sort_column=created_time&sort_order=A&sku=A%26B+%C3%BC%2B"),
            "{url}"
        );
    }
}
