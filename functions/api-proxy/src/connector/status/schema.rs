//! What the OpenAPI document says of the answer.

use serde_json::{Value, json};
use shared::core::connection::State as ConnectionState;

use crate::openapi::schema::{count, described, text, time, untrusted, words};

pub(super) fn documented() -> Value {
    let organization = json!({
        "type": ["object", "null"],
        "required": ["id", "name", "untrusted"],
        "properties": {
            "id": text(),
            "name": text(),
            "untrusted": untrusted(),
            "currency_code": text(),
            "price_precision": { "type": "integer", "description": "To how many decimals amounts are rounded." },
        },
    });
    let words_of =
        |about: &str| json!({ "type": "array", "items": { "type": "string" }, "description": about });
    let or_null = json!({ "type": ["string", "null"], "format": "date-time" });
    let states = [ConnectionState::WORDS.as_slice(), &["not_connected"]].concat();
    let connection = json!({
        "type": "object",
        "required": ["connection", "state", "last_event"],
        "properties": {
            "connection": { "type": "string", "description": "Its name, for the header `Zoho-Connection`." },
            "state": words(&states),
            "notice": { "type": "string", "description": "What the state means and what to do next." },
            "reconnect_url": { "type": "string", "description": "Where a person connects it again." },
            "data_centre": { "type": "string" },
            "products": { "type": "array", "items": words(&["inventory", "crm"]) },
            "organization": organization,
            "crm_organization": organization,
            "scopes": words_of("The scopes that Zoho granted."),
            "allows": words_of("The routes that this key may call on this connection."),
            "connected_at": time(),
            "token_expires": or_null,
            "token_renewed_at": or_null,
            "quota": {
                "type": "object",
                "description": "What is left of Zoho's limits, where anything is known.",
                "properties": {
                    "inventory": {
                        "type": "object",
                        "description": "Of the calls of a minute, which all of an organisation share.",
                        "required": ["limit_per_minute", "used", "left", "resets_at"],
                        "properties": {
                            "limit_per_minute": described(count(), "How many calls there may be in a minute."),
                            "used": described(count(), "How many of them count now."),
                            "left": described(count(), "How many are left now."),
                            "resets_at": time(),
                            "blocked_until": described(time(), "Until then Zoho refuses all calls."),
                        },
                    },
                    "crm": {
                        "type": "object",
                        "description": "CRM's credits of the last 24 hours; it tells them when half of them are used.",
                        "required": ["credits_remaining", "as_of"],
                        "properties": {
                            "credits_remaining": described(count(), "How many were left."),
                            "as_of": described(time(), "When Zoho said so."),
                        },
                    },
                },
            },
            "last_event": {
                "type": ["object", "null"],
                "required": ["id", "type", "receivedtime"],
                "properties": { "id": text(), "type": text(), "receivedtime": time() },
            },
        },
    });
    json!({
        "type": "object",
        "required": ["version", "key", "connections"],
        "properties": {
            "version": text(),
            "key": {
                "type": "object",
                "required": ["id", "label", "permissions", "expires"],
                "properties": {
                    "id": text(),
                    "label": { "type": "string" },
                    "permissions": words_of("Like `inventory:read`."),
                    "expires": or_null,
                    "confirm": { "type": "boolean", "description": "Whether each of its writes must be previewed." },
                    "redact": { "type": ["string", "null"], "description": "What its answers hide: `contacts`, or nothing." },
                    "pass_through": words_of("The calls that it may pass through to Zoho."),
                    "today": {
                        "type": "object",
                        "description": "What it may use of a day and has used, where that is limited. What a process of the connector has reserved counts as used.",
                        "required": ["calls_used", "writes_used", "resets_at"],
                        "properties": {
                            "calls_per_day": described(count(), "Calls to Zoho, of all products."),
                            "calls_used": described(count(), "Calls since midnight UTC."),
                            "writes_per_day": described(count(), "Writes to Zoho, of all products."),
                            "writes_used": described(count(), "Writes since midnight UTC."),
                            "resets_at": time(),
                        },
                    },
                },
            },
            "connections": { "type": "array", "items": connection },
        },
    })
}
