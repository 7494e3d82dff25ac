//! What a proper Zoho answers, in short: to the calls of the routes that are tried, before the write and after it.

use serde_json::{Value, json};

use super::said::Said;

pub(super) const ID: &str = "6100000000451001";
pub(super) const ITEM: &str = "3300000000070001";
pub(super) const ORDER: &str = "3300000000080407";

/// How far the write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It was not done.
    Before,
    /// It was.
    After,
}

/// The answer to a read.
pub(super) fn read(path: &str, state: State, marker: &str) -> Said {
    let after = state == State::After;
    let (way, _) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = way.split('/').skip(3).collect();
    if path.starts_with("/crm/v8/") {
        let person = json!({ "id": "6100000000441001", "Full_Name": "Nora", "Last_Name": "Nora", "Email": "nora@example.com" });
        let rows = match parts.as_slice() {
            ["settings", "fields"] => return Said::json(200, fields().to_string()),
            ["org"] => return Said::json(200, json!({ "org": [{ "id": "1" }] }).to_string()),
            ["Deals", _, "Notes"] | ["Deals"] | ["coql"] if !after => {
                return Said { body: Vec::new(), ..Said::json(204, "") };
            }
            ["Deals", _, "Notes"] => {
                json!([{ "id": "6100000000461001", "Note_Content": marker, "Created_Time": "2026-12-01T10:00:00+00:00" }])
            }
            ["coql"] => json!([{ "id": ID }]),
            ["Deals", ..] => json!([deal(if after { marker } else { "Web" })]),
            _ => json!([person]),
        };
        return Said::json(200, json!({ "data": rows, "info": { "more_records": false } }).to_string());
    }
    let item = json!({ "item_id": ITEM, "name": "Oak", "sku": "OAK", "status": "active", "stock_on_hand": 3.0, "locations": [
        { "location_id": "33001", "location_name": "Main", "location_stock_on_hand": 3.0 }] });
    let page = json!({ "page": 1, "per_page": 200, "has_more_page": false });
    let list =
        |key: &str, row: Value| json!({ "code": 0, "message": "success", key: [row], "page_context": page });
    let one = |key: &str, row: Value| json!({ "code": 0, "message": "success", key: row });
    let body = match parts.as_slice() {
        ["organizations"] => json!({ "code": 0, "organizations": [{ "organization_id": "1" }] }),
        ["items"] => list("items", item),
        ["items", _] => one("item", item),
        ["itemdetails"] => json!({ "code": 0, "items": [item] }),
        ["locations"] => list("locations", json!({ "location_id": "33001", "location_name": "Main" })),
        ["salesorders"] => list("salesorders", order(state, marker)),
        ["salesorders", _] => one("salesorder", order(state, marker)),
        ["contacts"] => list("contacts", contact()),
        ["contacts", _] => one("contact", contact()),
        ["purchaseorders"] => list("purchaseorders", json!({ "purchaseorder_id": "3300000000083001" })),
        ["purchaseorders", _] => one("purchaseorder", json!({ "purchaseorder_id": "3300000000083001" })),
        ["packages"] => list("packagea", json!({ "package_id": "3300000000084001" })),
        ["packages", _] => one("package", json!({ "package_id": "3300000000084001" })),
        ["shipmentorders", _] => one("shipmentorder", json!({ "shipment_id": "3300000000084011" })),
        _ => one("group", json!({ "group_id": "33", "code": 57 })),
    };
    Said::json(200, body.to_string())
}

/// The answer to a write.
pub(super) fn written(method: &str, path: &str, marker: &str) -> Said {
    if path.starts_with("/crm/v8/") {
        let id = if path.ends_with("/Notes") { "6100000000461001" } else { ID };
        let row = json!({ "code": "SUCCESS", "status": "success", "message": "record added", "details": { "id": id, "Modified_Time": "2026-12-01T10:00:00+00:00" } });
        return Said::json(if method == "POST" { 201 } else { 200 }, json!({ "data": [row] }).to_string());
    }
    let made = method == "POST" && !path.contains("/status/");
    let mut body = json!({ "code": 0, "message": "success" });
    if path.contains("/salesorders") && made {
        body["salesorder"] = order(State::After, marker);
    }
    Said::json(if made { 201 } else { 200 }, body.to_string())
}

fn deal(name: &str) -> Value {
    json!({
        "id": ID, "Deal_Name": name, "Stage": "Qualification", "Next_Step": name, "External_Order_ID": name,
        "Account_Name": { "id": "6100000000440011", "name": "Harbor" }, "Contact_Name": { "id": "6100000000441001", "name": "Nora" },
        "Created_Time": "2026-12-01T10:00:00+00:00", "Modified_Time": "2026-12-01T10:00:00+00:00",
    })
}

fn contact() -> Value {
    json!({ "contact_id": "3300000000060210", "contact_name": "Harbor", "contact_type": "customer", "status": "active" })
}

/// An order; after the write it has the marker as reference and the status that was asked for.
fn order(state: State, marker: &str) -> Value {
    let status = if state == State::After { marker } else { "draft" };
    json!({
        "salesorder_id": ORDER, "customer_id": "3300000000060210", "reference_number": marker, "status": status,
        "created_time": if state == State::After { "2026-12-01T10:00:00+0000" } else { "2026-11-01T10:00:00+0000" },
        "last_modified_time": "2026-11-01T10:00:00+0000", "line_items": [{ "item_id": ITEM, "quantity": 2 }],
    })
}

fn fields() -> Value {
    let field = |name: &str, kind: &str, unique: Value| {
        json!({
            "api_name": name, "data_type": kind, "field_label": name, "read_only": false, "system_mandatory": false, "unique": unique,
            "operation_type": { "api_create": true, "api_update": true },
        })
    };
    let mut stage = field("Stage", "picklist", json!({}));
    stage["pick_list_values"] =
        json!([{ "display_value": "Qualification", "actual_value": "Qualification" }]);
    json!({ "fields": [
        field("Deal_Name", "text", json!({})),
        stage,
        field("Next_Step", "text", json!({})),
        field("External_Order_ID", "text", json!({ "casesensitive": "false" })),
    ] })
}
