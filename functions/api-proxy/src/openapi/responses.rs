//! How operations fail: the codes that all of a kind share, and the answers that the document lists for them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::base::problem::Code;

use crate::openapi::operation::{Operation, Verb, Way};

const KEY: &[Code] = &[
    Code::KeyMissing,
    Code::KeyInvalid,
    Code::KeyExpired,
    Code::InvalidParameter,
    Code::ConnectorBusy,
    Code::StoreUnavailable,
    Code::Internal,
];

const CONNECTION: &[Code] = &[Code::KeyNotAllowed, Code::ConnectionUnknown, Code::ConnectionAmbiguous];

const ZOHO: &[Code] = &[
    Code::ProductNotConnected,
    Code::OrganizationMismatch,
    Code::RecordNotFound,
    Code::ReconnectRequired,
    Code::ConnectionMisconfigured,
    Code::TokenCoolingDown,
    Code::TokenPending,
    Code::ScopeMissing,
    Code::ZohoRejected,
    Code::ZohoForbidden,
    Code::OrganizationRefused,
    Code::ZohoRateLimited,
    Code::ZohoDailyLimit,
    Code::KeyDailyLimit,
    Code::ZohoUnavailable,
    Code::ZohoTimeout,
    Code::ZohoUnreadable,
    Code::ResponseTooLarge,
];

const BODY: &[Code] = &[Code::BodyInvalid, Code::BodyTooLarge];

const WRITE: &[Code] = &[
    Code::PreviewRequired,
    Code::IdempotencyKeyReused,
    Code::IdempotencyInProgress,
    Code::RecordLocked,
    Code::WriteUncertain,
];

const WORK: &[Code] = &[Code::IdempotencyInProgress];

/// The codes of its kind.
fn common(operation: &Operation) -> Vec<&'static [Code]> {
    let mut groups: Vec<&'static [Code]> = match operation.way {
        Way::Open => vec![],
        Way::Key => vec![KEY],
        Way::Own(_) => vec![KEY, CONNECTION],
        Way::Read(_) => vec![KEY, CONNECTION, ZOHO],
        Way::Work(..) => vec![KEY, CONNECTION, ZOHO, WORK],
        Way::Pass(Verb::Get) => vec![KEY, CONNECTION, ZOHO],
        Way::Pass(_) => vec![KEY, CONNECTION, ZOHO, WRITE, BODY],
        Way::Write(..) => vec![KEY, CONNECTION, ZOHO, WRITE],
    };
    if operation.body.is_some() {
        groups.push(BODY);
    }
    groups
}

/// The answers of failure by status: each a `$ref` to one that other operations can have, too.
pub(super) fn responses(operation: &Operation, components: &mut Map<String, Value>) -> Map<String, Value> {
    let common = common(operation).concat();
    let own: Vec<Code> = operation.codes.iter().filter(|code| !common.contains(code)).copied().collect();
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    // In the order of the table.
    for code in Code::ALL.iter().filter(|code| common.contains(code) || own.contains(code)) {
        by_status.entry(code.status().as_u16()).or_default().push(*code);
    }
    let mut responses = Map::new();
    for (status, codes) in by_status {
        let response = response(status, &codes);
        let mut name = format!("{}-{status}", kind(operation));
        for code in codes.iter().filter(|code| own.contains(code)) {
            name.push('-');
            name.push_str(code.as_str());
        }
        // What is the same for several kinds is there once.
        let known = components.iter().find(|(_, known)| **known == response).map(|(known, _)| known.clone());
        let name = known.unwrap_or(name);
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        components.entry(name).or_insert(response);
    }
    responses
}

/// What the shared answers are named by.
fn kind(operation: &Operation) -> &'static str {
    match (operation.way, operation.body.is_some()) {
        (Way::Open, _) => "open",
        (Way::Key, false) => "key",
        (Way::Key, true) => "key-body",
        (Way::Own(_), false) => "own",
        (Way::Own(_), true) => "own-body",
        (Way::Read(_), false) => "read",
        (Way::Read(_), true) => "read-body",
        (Way::Pass(Verb::Get), _) => "pass",
        (Way::Pass(_), _) => "pass-write",
        (Way::Work(..), false) => "work",
        (Way::Work(..), true) => "work-body",
        (Way::Write(..), false) => "write",
        (Way::Write(..), true) => "write-body",
    }
}

fn response(status: u16, codes: &[Code]) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let lines: Vec<String> =
        codes.iter().map(|code| format!("- `{}`: {}", code.as_str(), code.title())).collect();
    let mut headers = json!({ "X-Request-Id": header("X-Request-Id") });
    if let Some(headers) = headers.as_object_mut() {
        if status == 401 {
            headers.insert("WWW-Authenticate".to_owned(), header("WWW-Authenticate"));
        }
        if codes.iter().any(|code| code.is_retryable()) {
            headers.insert("Retry-After".to_owned(), header("Retry-After"));
        }
    }
    json!({
        "description": lines.join("\n"),
        "headers": headers,
        "content": { "application/problem+json": { "schema": {
            "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "type": "object", "properties": { "code": { "enum": names }, "status": { "const": status } } },
            ],
        } } },
    })
}

pub(super) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// The problem document.
pub(super) fn problem() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "What went wrong and what to do next (RFC 9457). `code` is stable; texts are for reading.",
        "required": ["type", "title", "status", "detail", "code", "hint", "retryable", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "`urn:zoho-connector:problem:<code>`." },
            "title": { "type": "string", "description": "The kind of problem, in words." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What happened this time." },
            "code": { "type": "string", "enum": codes },
            "hint": { "type": "string", "description": "What to do next." },
            "retryable": { "type": "boolean", "description": "Whether the same request can succeed later." },
            "retry_after": { "type": "integer", "minimum": 0, "description": "After how many seconds the same may succeed." },
            "zoho": {
                "type": "object",
                "description": "What Zoho itself said, where it did.",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "string", "description": "A number in Inventory, a word in CRM." },
                    "message": { "type": "string" },
                    "details": {
                        "description": "What Zoho tells beside its words: the field (`api_name`), what it expects, the record that is there already.",
                    },
                },
            },
            "untrusted": super::schema::untrusted(),
            "reconnect_url": {
                "type": "string",
                "description": "Where a person connects Zoho again; only with `reconnect_required`.",
            },
            "request_id": { "type": "string", "description": "Under it the operator finds the request in the log." },
        },
    })
}
