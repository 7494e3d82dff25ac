//! Records in the shape that callers get: Zoho's fields with numbers evened out, and the names of those that people wrote.

use serde_json::{Value, json};

use super::stock::stock;
use crate::zoho::value::{Object, even_out};

/// Whether a field holds a number, or `""` in place of none.
pub(super) fn is_number(field: &str) -> bool {
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
pub(super) fn is_chosen(field: &str) -> bool {
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
}
