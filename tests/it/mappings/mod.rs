//! What other systems call the items: said, imported, exported, held against Zoho, and used wherever an item is named.

mod kept;
mod resolve;
mod used;

use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use tests::agent::Agent;
use tests::connector::Connector;
use tests::in_process;
use tests::inside::{Inside, any_key};

const MAPPINGS: &str = "/v1/inventory/mappings";
const RESOLVE: &str = "/v1/inventory/mappings/resolve";
const SHELF: &str = "3300000000070001";
const BRACKET: &str = "3300000000070002";

/// A key that may change mappings.
async fn stock_key(inside: &Inside) -> Secret {
    let permissions = ["inventory:stock", "inventory:read", "events"].map(|text| text.parse().unwrap());
    inside.key(NewKey { permissions: permissions.to_vec(), ..any_key() }).await
}

/// A call with any body and headers: the status, and the answer as text.
async fn call(
    inside: &Inside,
    key: &Secret,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String) {
    let bearer = format!("Bearer {}", key.expose());
    let headers = [&[("authorization", bearer.as_str())][..], headers].concat();
    let told = in_process::send(&inside.api(), method, path, &headers, body).await.unwrap();
    (told.status, String::from_utf8(told.body.to_vec()).unwrap())
}

async fn send(inside: &Inside, key: &Secret, route: (&str, &str), body: &Value) -> (u16, Value) {
    let (status, text) = call(inside, key, route, &[], &body.to_string()).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

async fn table(inside: &Inside, key: &Secret) -> String {
    let (status, text) = call(inside, key, ("GET", MAPPINGS), &[("accept", "text/csv")], "").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    text
}

async fn import(inside: &Inside, key: &Secret, table: &str) -> (u16, Value) {
    let (status, text) =
        call(inside, key, ("POST", MAPPINGS), &[("content-type", "text/csv; charset=utf-8")], table).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap())
}

/// A connector with everything, and agents who may write, and move stock.
async fn shop() -> (Connector, Agent) {
    let (connector, agent) =
        Connector::start_without_limit().await.with_agent("write", "inventory:write,events").await;
    for (product_id, body) in [
        ("shelf", json!({ "sku": "SHELF-OAK-80" })),
        ("bracket", json!({ "sku": "BRKT-STD", "item_id": BRACKET })),
        ("twin", json!({ "sku": "shelf-oak-80" })),
    ] {
        let path = format!("{MAPPINGS}?product_id={product_id}");
        assert_eq!(agent.write("PUT", &path, &[], &body).await.status, 200);
    }
    (connector, agent)
}
