//! Zoho's answers: whatever Zoho says, the caller gets JSON or a problem; an item that is copied is the item that is read as a
//! whole document; and nothing is a success that a reader of its own does not find to be one.
//!
//! The input: a letter that chooses the call; a letter that chooses the status; the `Content-Type`; then the body.

#![no_main]

use fuzz::{Api, Desk, chosen, lines, problem, send};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::zoho::http::Answer;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::inventory::{item, item_bytes};
use shared::zoho::response;

const STATUSES: [u16; 10] = [200, 201, 204, 304, 400, 401, 404, 429, 500, 503];

/// Method, address, and body.
const CALLS: [(&str, &str, &str); 13] = [
    ("GET", "/v1/inventory/items/3300000000070001", ""),
    ("GET", "/v1/inventory/items", ""),
    ("GET", "/v1/inventory/salesorders/3300000000070001", ""),
    ("GET", "/v1/inventory/salesorders", ""),
    ("GET", "/v1/crm/deals/6100000000451001", ""),
    ("GET", "/v1/crm/deals", ""),
    ("GET", "/v1/crm/fields?module=Deals", ""),
    ("POST", "/v1/crm/query", r#"{"query":"select id from Deals where id > 0"}"#),
    ("POST", "/v1/crm/deals/6100000000451001/notes", r#"{"Note_Content":"Called"}"#),
    (
        "POST",
        "/v1/inventory/adjustments",
        r#"{"reason":"Counted","line_items":[{"item":"3300000000070001","quantity":"1"}]}"#,
    ),
    ("GET", "/v1/crm/contacts/6100000000451001", ""),
    ("GET", "/v1/inventory/items?sku=SHELF-OAK-80", ""),
    ("GET", "/v1/inventory/items/3300000000070001?fields=name,rate", ""),
];

/// Fields that are asked for, in place of all.
const SHOWN: [&str; 4] = ["item_id", "name", "stock", "untrusted"];

async fn take(api: &Api, input: &[u8]) {
    let Some(([call, status, kind], body)) = lines(input) else { return };
    let (status, (method, address, asked)) = (*chosen(status, &STATUSES), *chosen(call, &CALLS));
    readers_agree(status, body);
    api.line.answer(status, kind, body);
    let headers = [("authorization", &*api.authorization), ("content-type", "application/json")];
    let told = send(&api.router, method, address, &headers, asked.as_bytes()).await.unwrap();
    problem::demand(&told);
    let sent = api.line.sent();
    assert!(sent.len() <= 40, "{} calls for one", sent.len());
    if !told.status.is_success() {
        return;
    }
    assert!(told.json().is_some(), "{address}: {}", told.text());
    // Inventory says in the body whether it is a success, but for some bulk answers, which say nothing.
    if method == "GET" && address.starts_with("/v1/inventory/") {
        let said = serde_json::from_slice::<Value>(body);
        let is_success = said.as_ref().is_ok_and(|said| said.get("code").is_none_or(is_zero));
        // What is not JSON to this reader, like a text with half a letter, Zoho may have meant all the same.
        let is_told = (200..300).contains(&status) && (is_success || said.is_err());
        assert!(is_told, "{address}: {status} told as {}", told.text());
    }
}

fn is_zero(code: &Value) -> bool {
    *code == "0" || code.as_number().is_some_and(|number| number.as_str() == "0")
}

/// Two readers of the same bytes: what is copied without becoming values, and what is read as a whole.
fn readers_agree(status: u16, body: &[u8]) {
    let answer = Answer { status, body: body.to_vec().into(), ..Answer::default() };
    if let Some(text) = item_bytes::item(&answer, None) {
        let mut whole = response::inventory(&answer).expect("copied, but no success");
        let whole = RecordKind::ITEM.take_record(&mut whole).map(item).expect("copied, but no item");
        assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&whole).unwrap());
    }
    // What is not shown need not be readable.
    if let (Some(text), Ok(mut whole)) =
        (item_bytes::item(&answer, Some(&SHOWN)), response::inventory(&answer))
    {
        let mut whole = RecordKind::ITEM.take_record(&mut whole).map(item).expect("copied, but no item");
        whole.retain(|name, _| SHOWN.contains(&name.as_str()));
        if let Some(Value::Array(names)) = whole.get_mut("untrusted") {
            names.retain(|name| name.as_str().is_some_and(|name| SHOWN.contains(&name)));
        }
        assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&whole).unwrap());
    }
    if let Some(found) = item_bytes::items(&answer, "") {
        let mut whole = response::inventory(&answer).expect("copied, but no success");
        let rows = response::records(&mut whole, "items").expect("copied, but no list");
        whole.shift_remove("items");
        let rows: Vec<_> = rows.into_iter().map(item).collect();
        assert_eq!(String::from_utf8(found.text).unwrap(), serde_json::to_string(&rows).unwrap());
        assert_eq!(found.rest, whole);
    }
}

thread_local! {
    static DESK: Desk<Api> = Desk::open();
}

fuzz_target!(|input: &[u8]| {
    DESK.with(|desk| desk.take(async |api| take(api, input).await));
});
