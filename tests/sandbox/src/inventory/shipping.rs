//! Packages and shipment orders: reading only. Shipment orders cannot be listed.

use serde_json::{Value, json};

use super::list::{List, contains, text};
use super::missing;
use crate::http::{Answer, Call};
use crate::state::{Object, State, object};

/// Keys a list row does not have.
const DETAIL_ONLY: [&str; 5] =
    ["billing_address", "shipping_address", "contact_persons", "line_items", "shipment_order"];

/// `GET /packages`. Its documented filters were seen to be ignored.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let packages = state.shop.packages.iter().filter(|_| has_data);
    let check = |param: &str, test: &dyn Fn(&str) -> bool| {
        state.switches.package_filters_ignored || call.filled(param).is_none_or(|wanted| test(&wanted))
    };
    let rows = packages
        .filter(|package| {
            let value = |key: &str| text(package, key);
            check("customer_id", &|wanted| value("customer_id") == wanted)
                && check("status", &|wanted| value("status") == wanted)
                && check("search_text", &|wanted| {
                    ["package_number", "salesorder_number", "customer_name"]
                        .iter()
                        .any(|key| contains(value(key), wanted))
                })
        })
        .map(|package| {
            let mut row = package.clone();
            row.retain(|key, _| !DETAIL_ONLY.contains(&key.as_str()));
            row.into()
        })
        .collect();
    let sortable = ["created_time", "date", "package_number", "salesorder_number", "last_modified_time"];
    let key = if state.switches.official_file_keys { "packagea" } else { "packages" };
    List { key, report: "Packages", sortable: &sortable, descending: true }.answer(
        call,
        &state.switches,
        rows,
    )
}

/// `GET /packages/{id}`; the official file has an array there.
pub(crate) fn package(state: &State, id: &str, has_data: bool) -> Answer {
    let mut packages = state.shop.packages.iter().filter(|_| has_data);
    match packages.find(|package| text(package, "package_id") == id) {
        Some(package) => {
            let package: Value = package.clone().into();
            let package = if state.switches.official_file_keys { json!([package]) } else { package };
            Answer::json(200, &json!({ "code": 0, "message": "success", "package": package }))
        }
        None => missing(state, "package_id", id),
    }
}

/// `GET /shipmentorders/{id}`.
pub(crate) fn shipment(state: &State, id: &str, has_data: bool) -> Answer {
    let mut shipments = state.shop.shipments.iter().filter(|_| has_data);
    let key = if state.switches.official_file_keys { "shipment_order" } else { "shipmentorder" };
    match shipments.find(|shipment| text(shipment, "shipment_id") == id) {
        Some(shipment) => Answer::json(200, &json!({ "code": 0, "message": "success", key: shipment })),
        None => missing(state, "shipmentorder_id", id),
    }
}

fn address() -> Value {
    json!({ "address": "Kai 4", "city": "Hamburg", "state": "", "zip": "20457", "country": "Germany",
        "fax": "", "phone": "" })
}

/// What left for the one order that is done.
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

/// How it went.
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
