//! The hand-written packages and shipments. All of them are invented.

use serde_json::{Value, json};

use crate::object::{Object, object};

fn address() -> Value {
    json!({ "address": "Kai 4", "city": "Hamburg", "state": "", "zip": "20457", "country": "Germany",
        "fax": "", "phone": "" })
}

/// The packages of the one finished order.
pub(crate) fn packages() -> Vec<Object> {
    vec![object(json!({
        "package_id": "3300000000084001",
        "package_number": "PA-00001",
        "date": "2026-11-10",
        "status": "delivered",
        "salesorder_id": "3300000000080403",
        "salesorder_number": "SO-00124",
        "customer_id": "3300000000060211",
        "customer_name": "Café Grün & Söhne",
        "email": "joerg@example.com",
        "phone": "",
        "mobile": "",
        "notes": "",
        "is_emailed": false,
        "total_quantity": "2.00",
        "custom_fields": [],
        "created_time": "2026-11-10T11:00:00+0100",
        "last_modified_time": "2026-11-12T09:30:00+0100",
        "contact_persons": [],
        "line_items": [{
            "line_item_id": "3300000000084003",
            "so_line_item_id": "3300000000080405",
            "item_id": "3300000000070006",
            "item_order": 1,
            "sku": "DUP-1",
            "name": "Hook, brass",
            "description": "",
            "unit": "pcs",
            "quantity": 2.0,
            "is_invoiced": true,
            "item_custom_fields": [],
        }],
        "shipment_order": {
            "shipment_id": "3300000000084011",
            "shipment_number": "SH-00001",
            "shipping_date": "2026-11-10",
            "status": "delivered",
            "carrier": "DHL",
            "delivery_method": "DHL",
            "tracking_number": "JVGL0606271000",
            "notes": "",
        },
        "billing_address": address(),
        "shipping_address": address(),
    }))]
}

/// The shipments of those packages.
pub(crate) fn shipments() -> Vec<Object> {
    vec![object(json!({
        "shipment_id": "3300000000084011",
        "shipment_number": "SH-00001",
        "salesorder_id": "3300000000080403",
        "salesorder_number": "SO-00124",
        "date": "2026-11-10",
        "status": "delivered",
        "detailed_status": "",
        "status_message": "Delivered",
        "carrier": "DHL",
        "service": "",
        "tracking_number": "JVGL0606271000",
        "reference_number": "",
        "delivery_method": "DHL",
        "customer_id": "3300000000060211",
        "customer_name": "Café Grün & Söhne",
        "contact_persons": [],
        "currency_id": "3300000000000064",
        "currency_code": "EUR",
        "currency_symbol": "€",
        "exchange_rate": 1.0,
        "shipping_charge": 0.0,
        "notes": "",
        "is_emailed": false,
        "created_time": "2026-11-10T11:05:00+0100",
        "last_modified_time": "2026-11-12T09:30:00+0100",
    }))]
}
