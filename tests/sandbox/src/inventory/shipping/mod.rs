//! Packages and shipment orders: reading only. Shipment orders cannot be listed.

pub(crate) mod data;

use serde_json::{Value, json};

use super::list::{List, contains, text};
use super::missing::missing;
use crate::http::{Answer, Call};
use crate::state::State;

/// Keys that a list row does not have.
const DETAIL_ONLY: [&str; 5] =
    ["billing_address", "shipping_address", "contact_persons", "line_items", "shipment_order"];

/// `GET /packages`. Zoho was seen to ignore its documented filters.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let packages = state.shop.packages.iter().filter(|_| has_data);
    let check = |param: &str, test: &dyn Fn(&str) -> bool| {
        state.switches.package_filters_ignored() || call.filled(param).is_none_or(|wanted| test(&wanted))
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
    let key = if state.switches.official_file_keys() { "packagea" } else { "packages" };
    List { key, report: "Packages", sortable: &sortable, descending: true, fixed: false }.answer(
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
            let package = if state.switches.official_file_keys() { json!([package]) } else { package };
            Answer::json(200, &json!({ "code": 0, "message": "success", "package": package }))
        }
        None => missing(state, "package_id", id),
    }
}

/// `GET /shipmentorders/{id}`.
pub(crate) fn shipment(state: &State, id: &str, has_data: bool) -> Answer {
    let mut shipments = state.shop.shipments.iter().filter(|_| has_data);
    let key = if state.switches.official_file_keys() { "shipment_order" } else { "shipmentorder" };
    match shipments.find(|shipment| text(shipment, "shipment_id") == id) {
        Some(shipment) => Answer::json(200, &json!({ "code": 0, "message": "success", key: shipment })),
        None => missing(state, "shipmentorder_id", id),
    }
}
