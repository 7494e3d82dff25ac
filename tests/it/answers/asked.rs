//! What an agent asks: writes and reads of each kind, on native routes and passed through.

use serde_json::{Value, json};
use tests::dice::Dice;

use super::heard::Heard;
use super::proper::{ID, ITEM, ORDER};

/// What says that a write was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A row of CRM's with the id.
    Record,
    /// The order.
    Order,
    /// Inventory's code 0.
    Zero,
    /// Any success.
    Passed,
}

impl Proof {
    pub(super) fn holds(self, heard: &Heard) -> bool {
        match self {
            Self::Record => heard.wrote_record(),
            Self::Order => heard.made_order(),
            Self::Zero => heard.said_zero(),
            Self::Passed => heard.passed(true),
        }
    }
}

/// A write.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
    /// By which text its record is known at Zoho.
    pub(super) marker: String,
    pub(super) proof: Proof,
    /// Whether it must be previewed.
    pub(super) previewed: bool,
}

/// A write of any kind; `number` tells it from all others.
pub(super) fn write(dice: &mut Dice, number: u64) -> Write {
    let marker = format!("Order-{number}-");
    let own = |method, path: &str, body, proof| Write {
        method,
        path: path.to_owned(),
        body,
        marker: marker.clone(),
        proof,
        previewed: method == "DELETE",
    };
    let deal = json!({ "Deal_Name": marker, "Stage": "Qualification", "External_Order_ID": marker });
    let order = json!({
        "customer_id": "3300000000060210", "reference_number": marker, "line_items": [{ "item_id": ITEM, "quantity": 2 }],
    });
    let status = |what: &str, marker: &str| Write {
        marker: marker.to_owned(),
        previewed: what == "void",
        ..own("POST", &format!("/v1/inventory/salesorders/{ORDER}/{what}"), Value::Null, Proof::Zero)
    };
    match dice.below(14) {
        0 | 1 => own("POST", "/v1/crm/deals", deal, Proof::Record),
        2 => own("PATCH", &format!("/v1/crm/deals/{ID}"), json!({ "Next_Step": marker }), Proof::Record),
        3 => own("POST", "/v1/crm/deals/upsert?by=External_Order_ID", deal, Proof::Record),
        4 => own(
            "POST",
            &format!("/v1/crm/deals/{ID}/notes"),
            json!({ "Note_Content": marker }),
            Proof::Record,
        ),
        5 | 6 => own("POST", "/v1/inventory/salesorders", order, Proof::Order),
        7 => status("confirm", "confirmed"),
        8 => status("void", "void"),
        9 => own("POST", "/v1/zoho/crm/Leads", json!({ "data": [{ "Last_Name": marker }] }), Proof::Passed),
        10 => {
            let path = format!("/v1/zoho/crm/Leads/{ID}");
            let method = dice.pick(&["PUT", "DELETE"]);
            let body =
                if method == "PUT" { json!({ "data": [{ "Last_Name": marker }] }) } else { Value::Null };
            own(if method == "PUT" { "PUT" } else { "DELETE" }, &path, body, Proof::Passed)
        }
        11 => own("POST", "/v1/zoho/inventory/itemgroups", json!({ "group_name": marker }), Proof::Passed),
        12 => own("PUT", "/v1/zoho/inventory/itemgroups/33", json!({ "group_name": marker }), Proof::Passed),
        _ => own("DELETE", "/v1/zoho/inventory/itemgroups/33", Value::Null, Proof::Passed),
    }
}

/// What a read must find in Zoho's answer to be told as found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// A list under one of these keys.
    List(&'static [&'static str]),
    /// A record under one of these keys, with an id in this field.
    One(&'static [&'static str], &'static str),
    /// A record of CRM's.
    Row,
    /// Whatever Zoho says.
    Passed,
}

/// A read, and the path of the call of whose answer it is made.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) path: String,
    pub(super) calls: &'static str,
    pub(super) wanted: Wanted,
    pub(super) body: Option<Value>,
}

/// A read of any kind.
pub(super) fn read(dice: &mut Dice, number: u64) -> Read {
    use Wanted::{List, One, Passed, Row};
    let own = |path: &str, calls, wanted| Read { path: path.to_owned(), calls, wanted, body: None };
    let inventory = |path: &str, wanted| own(&format!("/v1/inventory/{path}"), "/inventory/v1/", wanted);
    let crm = |path: &str, wanted| own(&format!("/v1/crm/{path}"), "/crm/v8/", wanted);
    const DATA: Wanted = List(&["data"]);
    match dice.below(27) {
        0 => inventory("items?per_page=3", List(&["items"])),
        1 => inventory("items?sku=OAK", List(&["items"])),
        2 => inventory("items?stock=low", List(&["items"])),
        3 => inventory("items?location=Other", List(&["items", "locations"])),
        4 => inventory(&format!("items/{ITEM}"), One(&["item"], "item_id")),
        5 => inventory("salesorders", List(&["salesorders"])),
        6 => inventory(&format!("salesorders/{ORDER}"), One(&["salesorder", "sales_order"], "salesorder_id")),
        7 => inventory("contacts?search=Harbor", List(&["contacts"])),
        8 => inventory("contacts/3300000000060210", One(&["contact"], "contact_id")),
        9 => inventory("purchaseorders", List(&["purchaseorders", "purchase_orders"])),
        10 => inventory("packages", List(&["packages", "packagea"])),
        11 => inventory("packages/3300000000084001", One(&["package"], "package_id")),
        12 => inventory(
            "shipmentorders/3300000000084011",
            One(&["shipmentorder", "shipment_order"], "shipment_id"),
        ),
        13 => inventory("locations", List(&["locations"])),
        14 | 15 => {
            let body = json!({
                "customer": "Harbor", "line_items": [{ "sku": "OAK", "quantity": 2 }],
            });
            Read {
                body: Some(body),
                ..inventory("salesorders?dry_run=true", List(&["contacts", "items", "item"]))
            }
        }
        16 => crm("deals?per_page=3", DATA),
        17 => crm("deals?stage=Qualification", DATA),
        18 => crm(&format!("deals/{ID}"), Row),
        19 => crm(&format!("deals/{ID}/notes"), DATA),
        20 => crm("contacts?email=nora@example.com", DATA),
        21 => crm("contacts/6100000000441001", Row),
        22 => crm("accounts", DATA),
        23 => crm(&format!("fields?module=Module{number}"), List(&["fields"])),
        24 => Read {
            body: Some(json!({ "query": "select Deal_Name from Deals where id > 0" })),
            ..crm("query", DATA)
        },
        25 => own("/v1/zoho/crm/Leads", "/crm/v8/", Passed),
        _ => own("/v1/zoho/inventory/itemgroups/33", "/inventory/v1/", Passed),
    }
}
