//! The hand-written purchase orders. All of them are invented.

use serde_json::{Value, json};

use crate::inventory::data::decimal;
use crate::object::{Object, object};

/// Number, name, status, date, delivery, quantity, rate, total.
type Spec =
    (u32, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// The hand-written ones: shelves on their way, and a draft.
const ORDERS: [Spec; 2] = [
    (1, "PO-00041", "issued", "2026-11-12", "2026-12-01", "20", "24.95", "499.0"),
    (2, "PO-00042", "draft", "2026-11-19", "", "5", "24.95", "124.75"),
];

/// All of them.
pub(crate) fn all() -> Vec<Object> {
    ORDERS.iter().map(build).collect()
}

fn build((number, name, status, date, delivery, quantity, rate, total): &Spec) -> Object {
    let total: Value = decimal(total);
    object(json!({
        "purchaseorder_id": format!("33000000000830{number:02}"),
        "purchaseorder_number": name,
        "date": date,
        "expected_delivery_date": delivery,
        "delivery_date": delivery,
        "reference_number": "",
        "status": status,
        "vendor_id": "3300000000060212",
        "vendor_name": "Sägewerk Lindholm",
        "currency_id": "3300000000000064",
        "currency_code": "EUR",
        "currency_symbol": "€",
        "exchange_rate": 1.0,
        "is_drop_shipment": false,
        "is_backorder": false,
        "custom_fields": [],
        "line_items": [{
            "item_id": "3300000000070001",
            "line_item_id": format!("33000000000831{number:02}"),
            "account_id": "3300000000000510",
            "name": "Oak Shelf 80 cm",
            "description": "",
            "item_order": 1,
            "bcy_rate": decimal(rate),
            "purchase_rate": decimal(rate),
            "quantity": decimal(quantity),
            "quantity_received": 0.0,
            "unit": "pcs",
            "item_total": total,
            "tax_id": "",
            "tax_name": "",
            "tax_type": "tax",
            "tax_percentage": 0,
            "location_id": "3300000000038080",
            "location_name": "Main",
            "item_custom_fields": [],
        }],
        "location_id": "3300000000038080",
        "location_name": "Main",
        "sub_total": total,
        "tax_total": 0.0,
        "total": total,
        "taxes": [],
        "price_precision": 2,
        "notes": "",
        "terms": "",
        "purchasereceives": [],
        "bills": [],
        "created_time": format!("{date}T10:00:00+0100"),
        "last_modified_time": format!("{date}T10:00:00+0100"),
    }))
}
