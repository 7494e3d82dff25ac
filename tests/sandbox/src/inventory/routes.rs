//! Inventory's routes: the scope of each, and its handler.

use axum::http::Method;
use serde_json::json;

use super::error::error;
use super::missing::missing;
use super::{
    adjustments, body, change, contacts, data, groups, image, language, organizations, purchasing, query,
};
use super::{salesorders, settings, shipping, transferorders, view};
use crate::http::{Answer, Call};
use crate::state::State;

/// The most item details in one call.
const MOST_DETAILS: usize = 200;

/// The scope of a route; `None` if there is no such route. Status changes are CREATE, settings are READ.
pub(crate) fn needed(state: &State, call: &Call, path: &[&str]) -> Option<&'static str> {
    let legacy = state.switches.legacy_warehouses;
    let settings = state.switches.settings_api();
    Some(match (path, call.method.as_str()) {
        (["organizations"] | ["users", "me"], "GET") => "ZohoInventory.settings.READ",
        (["locations"], "GET") if !legacy && !state.switches.without_locations => {
            "ZohoInventory.settings.READ"
        }
        (["settings", "webhooks" | "workflows"] | ["settings", "webhooks" | "workflows", _], "GET")
            if settings =>
        {
            "ZohoInventory.settings.READ"
        }
        (
            ["settings", "webhooks" | "workflows"] | ["settings", "workflows", _, "active" | "inactive"],
            "POST",
        ) if settings => "ZohoInventory.settings.CREATE",
        (["settings", "webhooks" | "workflows", _], "DELETE") if settings => "ZohoInventory.settings.DELETE",
        (["items"] | ["items", _] | ["itemdetails"], "GET") => "ZohoInventory.items.READ",
        (["items", _], "PUT") => "ZohoInventory.items.UPDATE",
        (["items", _, "image"] | ["itemgroups"] | ["itemgroups", _], "GET") => "ZohoInventory.items.READ",
        (["items", _, "image"] | ["itemgroups"], "POST") => "ZohoInventory.items.CREATE",
        (["items", _, "image"], "DELETE") => "ZohoInventory.items.DELETE",
        (["salesorders", _], "DELETE") => "ZohoInventory.salesorders.DELETE",
        (["items", _, "active" | "inactive"], "POST") => "ZohoInventory.items.CREATE",
        (["contacts"] | ["contacts", _], "GET") => "ZohoInventory.contacts.READ",
        (["salesorders"] | ["salesorders", _], "GET") => "ZohoInventory.salesorders.READ",
        (
            ["salesorders"]
            | ["salesorders", "status", "confirmed"]
            | ["salesorders", _, "status", "confirmed" | "void"],
            "POST",
        ) => "ZohoInventory.salesorders.CREATE",
        (["purchaseorders"] | ["purchaseorders", _], "GET") => "ZohoInventory.purchaseorders.READ",
        (["packages"] | ["packages", _], "GET") => "ZohoInventory.packages.READ",
        (["shipmentorders", _], "GET") => "ZohoInventory.shipmentorders.READ",
        (["inventoryadjustments"] | ["inventoryadjustments", _], "GET") => {
            "ZohoInventory.inventoryadjustments.READ"
        }
        (["inventoryadjustments"], "POST") => "ZohoInventory.inventoryadjustments.CREATE",
        (["inventoryadjustments", _], "DELETE") => "ZohoInventory.inventoryadjustments.DELETE",
        (
            ["inventoryadjustments", _, "submit" | "approve" | "reject"]
            | ["inventoryadjustments", _, "approve", "final"],
            "POST",
        ) => "ZohoInventory.inventoryadjustments.UPDATE",
        (["transferorders"] | ["transferorders", _], "GET") => "ZohoInventory.transferorders.READ",
        (["transferorders"] | ["transferorders", _, "markastransferred" | "intransit"], "POST") => {
            "ZohoInventory.transferorders.CREATE"
        }
        (["transferorders"] | ["transferorders", _], "DELETE") => "ZohoInventory.transferorders.DELETE",
        _ => return None,
    })
}

/// Answers a call that is allowed.
pub(crate) fn route(state: &mut State, call: &Call, path: &[&str], has_data: bool) -> Answer {
    let post = call.method == Method::POST;
    match path {
        ["organizations"] => organizations::list(&state.options),
        ["users", "me"] => {
            Answer::json(200, &json!({ "code": 0, "message": "success", "user": data::user() }))
        }
        ["locations"] => organizations::locations(state, has_data),
        ["settings", "webhooks", rest @ ..] => {
            settings::webhooks(state, call, rest.first().copied(), has_data)
        }
        ["settings", _, rest @ ..] => settings::workflows(state, call, rest, has_data),
        ["items"] => query::items(state, call, has_data),
        ["items", id, rest @ ..] => match (change::position(state, id).filter(|_| has_data), rest) {
            (None, _) => missing(state, "item_id", id),
            (Some(_), ["image"]) => match call.method {
                Method::GET => image::get(state, id),
                Method::POST => image::post(state, call, id),
                _ => image::delete(state, id),
            },
            (Some(place), [status]) => change::set_status(state, place, status),
            (Some(place), _) if call.method == Method::PUT => change::put(state, call, place),
            (Some(place), _) => view::one(state, place, "success"),
        },
        ["itemdetails"] => details(state, call, has_data),
        ["itemgroups"] if post => groups::create(state, call),
        ["itemgroups"] => groups::list(state, call, has_data),
        ["itemgroups", id] => groups::one(state, id, has_data),
        ["contacts"] => contacts::list(state, call, has_data),
        ["contacts", id] => contacts::one(state, id, has_data),
        ["salesorders"] if post => salesorders::create(state, call, has_data),
        ["salesorders"] => salesorders::list(state, call, has_data),
        ["salesorders", "status", _] => salesorders::status::confirm_several(state, call, has_data),
        ["salesorders", id, "status", status] => salesorders::status::set(state, id, status, has_data),
        ["salesorders", id] if call.method == Method::DELETE => salesorders::delete(state, id, has_data),
        ["salesorders", id] => salesorders::one(state, id, has_data),
        ["purchaseorders"] => purchasing::list(state, call, has_data),
        ["purchaseorders", id] => purchasing::one(state, id, has_data),
        ["packages"] => shipping::list(state, call, has_data),
        ["packages", id] => shipping::package(state, id, has_data),
        ["shipmentorders", id] => shipping::shipment(state, id, has_data),
        ["inventoryadjustments", ..] => {
            let answer = adjustments(state, call, path, has_data);
            language::told(state, answer)
        }
        ["transferorders", ..] => {
            let answer = transfers(state, call, path, has_data);
            language::told(state, answer)
        }
        _ => error(404, 5, "Invalid URL Passed"),
    }
}

fn adjustments(state: &mut State, call: &Call, path: &[&str], has_data: bool) -> Answer {
    match (path, &call.method) {
        ([_], &Method::POST) => adjustments::create(state, call, has_data),
        ([_], _) => adjustments::list(state, call, has_data),
        ([_, id], &Method::DELETE) => adjustments::delete(state, id, has_data),
        ([_, id], _) => adjustments::one(state, id, has_data),
        ([_, id, step, ..], _) => adjustments::decide(state, call, id, step, has_data),
        _ => error(404, 5, "Invalid URL Passed"),
    }
}

fn transfers(state: &mut State, call: &Call, path: &[&str], has_data: bool) -> Answer {
    match (path, &call.method) {
        ([_], &Method::POST) => transferorders::create(state, call, has_data),
        ([_], &Method::DELETE) => {
            let ids = call.filled("transfer_order_ids").unwrap_or_default();
            let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
            transferorders::delete(state, &ids, has_data)
        }
        ([_], _) => transferorders::list(state, call, has_data),
        ([_, id], &Method::DELETE) => transferorders::delete(state, &[*id], has_data),
        ([_, id], _) => transferorders::one(state, id, has_data),
        ([_, id, "intransit"], _) => transferorders::send(state, id, has_data),
        ([_, id, ..], _) => transferorders::receive(state, call, id, has_data),
        _ => error(404, 5, "Invalid URL Passed"),
    }
}

/// Items in full. One unknown id fails the whole call, and the answer does not name it.
fn details(state: &State, call: &Call, has_data: bool) -> Answer {
    let ids = call.filled("item_ids").unwrap_or_default();
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > MOST_DETAILS {
        return body::invalid("item_ids");
    }
    let mut found = String::new();
    for id in ids {
        let place = change::position(state, id).filter(|_| has_data);
        match place.and_then(|place| view::written(state, place)) {
            Some(item) => {
                let comma = if found.is_empty() { "" } else { "," };
                found.push_str(comma);
                found.push_str(&item);
            }
            None => return missing(state, "item_ids", id),
        }
    }
    let body = format!(r#"{{"code":0,"message":"success","items":[{found}]}}"#);
    Answer::text(200, "application/json;charset=UTF-8", body)
}
