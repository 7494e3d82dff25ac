//! What `GET /v1` says, as JSON has it, beside what the OpenAPI document says of it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::core::access::permission::Permission;
use shared::zoho::data_centre::DataCentre;

use crate::openapi::schema::{count, described, text, untrusted};

#[derive(Serialize)]
pub(super) struct SelfDescription {
    pub(super) version: &'static str,
    pub(super) key: KeyWords,
    pub(super) rules: Vec<String>,
    pub(super) connection_count: usize,
    pub(super) connections: Vec<ConnectionWords>,
    /// The first names, where the connections are too many to be looked at.
    #[serde(skip)]
    pub(super) among: Vec<ConnectionName>,
    pub(super) routes: Vec<Group>,
    pub(super) left_out: LeftOut,
}

#[derive(Serialize)]
pub(super) struct KeyWords {
    pub(super) label: String,
    pub(super) permissions: Vec<Permission>,
    pub(super) confirm: bool,
    pub(super) redact: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct ConnectionWords {
    pub(super) connection: ConnectionName,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data_centre: Option<DataCentre>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crm_organization: Option<Account>,
}

#[derive(Serialize)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) untrusted: [&'static str; 1],
}

/// Routes of one subject that can be called on the same connections.
#[derive(Serialize)]
pub(super) struct Group {
    pub(super) about: &'static str,
    pub(super) writes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connections: Option<Vec<ConnectionName>>,
    pub(super) routes: Vec<String>,
}

#[derive(Serialize, Default)]
pub(super) struct LeftOut {
    pub(super) by_key: usize,
    pub(super) permissions: BTreeSet<&'static str>,
    pub(super) by_scopes: usize,
    pub(super) scopes: BTreeSet<&'static str>,
}

pub(super) fn documented() -> Value {
    let words = |about: &str| json!({ "type": "array", "items": { "type": "string" }, "description": about });
    let account = json!({
        "type": "object",
        "required": ["id", "name", "untrusted"],
        "properties": { "id": text(), "name": text(), "untrusted": untrusted() },
    });
    let connection = json!({
        "type": "object",
        "required": ["connection", "state"],
        "properties": {
            "connection": described(text(), "Its name, for the header `Zoho-Connection`."),
            "state": described(text(), "`healthy`, or what is wrong with it."),
            "notice": described(text(), "What the state means and what to do next."),
            "data_centre": text(),
            "organization": account,
            "crm_organization": account,
        },
    });
    let group = json!({
        "type": "object",
        "required": ["about", "writes", "routes"],
        "properties": {
            "about": text(),
            "writes": { "type": "boolean", "description": "Whether they write to Zoho: `dry_run` and `Idempotency-Key` are for these, but for what a comparison previews." },
            "connections": words("Where they can be called, if not on all of `connections`."),
            "routes": words("Method, path, parameters, body and what it does."),
        },
    });
    json!({
        "type": "object",
        "required": ["version", "key", "rules", "connection_count", "connections", "routes", "left_out"],
        "properties": {
            "version": text(),
            "key": {
                "type": "object",
                "required": ["label", "permissions", "confirm", "redact"],
                "properties": {
                    "label": { "type": "string" },
                    "permissions": words("Like `inventory:read`."),
                    "confirm": { "type": "boolean", "description": "Whether each of its writes must be previewed." },
                    "redact": { "type": ["string", "null"], "description": "What its answers hide: `contacts`, or nothing." },
                },
            },
            "rules": words("How to work with the connector."),
            "connection_count": described(count(), "How many connections the key has."),
            "connections": { "type": "array", "items": connection },
            "routes": { "type": "array", "items": group },
            "left_out": {
                "type": "object",
                "description": "How many routes there are beside these, and what they need.",
                "required": ["by_key", "permissions", "by_scopes", "scopes"],
                "properties": {
                    "by_key": count(),
                    "permissions": words("Those that the key lacks."),
                    "by_scopes": count(),
                    "scopes": words("Those that no connection has."),
                },
            },
        },
    })
}
