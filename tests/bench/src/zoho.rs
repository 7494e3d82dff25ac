//! A Zoho that answers from memory. It checks no token.

use bytes::Bytes;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::calls::Counter;
use crate::http::{self, Answer};

/// How many items a page has.
const PAGE: u64 = 200;

/// The stand-in.
pub(crate) struct Zoho {
    pub(crate) calls: Counter,
    item: Bytes,
    items: Bytes,
    deal: Bytes,
    token: Bytes,
}

impl Zoho {
    pub(crate) fn new() -> Self {
        let item: Value = serde_json::from_str(include_str!("../answers/item.json")).unwrap();
        let deal: Value = serde_json::from_str(include_str!("../answers/deal.json")).unwrap();
        let token = json!({ "access_token": "1000.access", "expires_in": 3600, "token_type": "Bearer" });
        Self {
            calls: Counter::default(),
            items: bytes(&page(&item["item"])),
            item: bytes(&item),
            deal: bytes(&deal),
            token: bytes(&token),
        }
    }

    pub(crate) fn answer(&self, request: &Parts) -> Answer {
        let path = request.uri.path();
        let (name, body) = match path {
            _ if path.ends_with("/oauth/v2/token") => ("token", &self.token),
            _ if path.contains("/crm/") => ("deal", &self.deal),
            _ if path.contains("/inventory/v1/items/") => ("item", &self.item),
            _ if path.ends_with("/inventory/v1/items") => ("items", &self.items),
            _ => panic!("nothing is known here of {path}"),
        };
        self.calls.count(name);
        http::json(200, body.clone())
    }
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

/// A full page of items, each with an id of its own.
fn page(item: &Value) -> Value {
    let rows: Vec<Value> = (0..PAGE)
        .map(|number| {
            let mut row = item.clone();
            row["item_id"] = (3_300_000_000_070_001 + number).to_string().into();
            row
        })
        .collect();
    let context = json!({ "page": 1, "per_page": PAGE, "has_more_page": true });
    json!({ "code": 0, "message": "success", "items": rows, "page_context": context })
}
