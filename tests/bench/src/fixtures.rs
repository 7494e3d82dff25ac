//! What the stand-in of AWS holds before a process starts, and the events that functions get.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::aws::Aws;

/// A service key: what it is stored as, and what a caller sends.
const KEY_ID: &str = "0123456789ab";
pub(crate) const KEY: &str =
    "zck_0123456789ab_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The SHA-256 of what stands behind the second underscore.
const KEY_DIGEST: &str = "a8ae6e6ee929abea3afcfc5258c8ccd6f85273e0d4626d26c7279f3250f77c8e";

pub(crate) const ORGANIZATION: &str = "10234695";
pub(crate) const STACK: &str = "bench";
/// The secret with the access token, named as api-proxy names it in this stack.
pub(crate) const TOKEN_SECRET: &str = "bench/connections/default/access-token";
pub(crate) const STATE_TABLE: &str = "bench-state";
/// The secret with the client and the refresh token, for the functions in other languages.
pub(crate) const OTHERS_SECRET: &str = "bench/others";

/// The paths of the reads.
pub(crate) const ITEM: &str = "/v1/inventory/items/3300000000070001";
pub(crate) const ITEMS: &str = "/v1/inventory/items";
pub(crate) const DEAL: &str = "/v1/crm/deals/6100000000451001";

/// What Secrets Manager holds.
pub(crate) fn secrets() -> [(String, Value); 2] {
    let organization = json!({ "id": ORGANIZATION, "name": "Nordlicht Moebel" });
    let token = json!({
        "token": "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef",
        "generation": 1,
        "expires": "2099-01-01T00:00:00Z",
        "data_centre": "eu",
        "scopes": [
            "ZohoInventory.items.READ", "ZohoInventory.salesorders.READ", "ZohoInventory.contacts.READ",
            "ZohoInventory.settings.READ", "ZohoCRM.modules.deals.READ", "ZohoCRM.modules.notes.READ",
        ],
        "organization": organization,
        "crm_organization": organization,
    });
    let client =
        json!({ "client_id": "1000.CLIENT", "client_secret": "secret", "refresh_token": "1000.refresh" });
    [(TOKEN_SECRET.to_owned(), token), (OTHERS_SECRET.to_owned(), client)]
}

/// Stores the service key.
pub(crate) fn store_key(aws: &Aws) {
    let key = json!({
        "id": KEY_ID,
        "label": "bench",
        "digest": KEY_DIGEST,
        "permissions": ["inventory:read", "crm:read"],
        "connections": ["default"],
        "created": "2026-11-21T10:00:00Z",
        "expires": null,
    });
    aws.row(STATE_TABLE, "key", KEY_ID, &key);
}

/// A GET, as API Gateway hands it over.
pub(crate) fn event(path: &str) -> Bytes {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../events/api-proxy-items.json")).unwrap();
    event["rawPath"] = path.into();
    event["requestContext"]["http"]["path"] = path.into();
    let query = if path == ITEMS { "per_page=200" } else { "" };
    event["rawQueryString"] = query.into();
    event["queryStringParameters"] = if path == ITEMS { json!({ "per_page": "200" }) } else { json!({}) };
    event["headers"]["authorization"] = format!("Bearer {KEY}").into();
    event.to_string().into()
}
