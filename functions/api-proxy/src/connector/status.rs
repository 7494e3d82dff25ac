//! `GET /v1/status`: the connections of the key, what they may do and how they are. No call to Zoho.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::problem::Problem;
use shared::base::public_url::PublicUrl;
use shared::base::web::Origin;
use shared::core::access::key::{DayLimits, ServiceKey};
use shared::core::access::permission::Permission;
use shared::core::access::usage::KeyUsage;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::core::connection::{Connection, State as ConnectionState};
use shared::core::events::Event;
use shared::core::quota::{Left, Quotas, Remaining};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Product, ScopeSet};

use super::allowed;
use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{count, described, named, text, time, untrusted, words};
use crate::request::caller::Caller;
use crate::request::params::{NoParams, Params};

/// What is said of a connection that nobody has consented to.
pub(super) fn not_connected(name: &ConnectionName) -> String {
    format!("Not connected yet: the operator runs `zoho-connector connect --connection {name}`.")
}

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/v1/status", status, || {
        Operation::key("getStatus", "The key's connections and what they allow")
            .about("No call to Zoho is made. `allows` lists the routes that the scopes of a connection and the permissions of the key allow both.")
            .answers(200, "The key and its connections.", named("Status", documented()))
    });
}

fn documented() -> Value {
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
                            "limit_per_minute": count(),
                            "used": count(),
                            "left": count(),
                            "resets_at": time(),
                            "blocked_until": described(time(), "Until then Zoho refuses all calls."),
                        },
                    },
                    "crm": {
                        "type": "object",
                        "description": "CRM's credits of the last 24 hours; it tells them when half of them are used.",
                        "required": ["credits_remaining", "as_of"],
                        "properties": { "credits_remaining": count(), "as_of": time() },
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
                            "calls_used": count(),
                            "writes_per_day": count(),
                            "writes_used": count(),
                            "resets_at": time(),
                        },
                    },
                },
            },
            "connections": { "type": "array", "items": connection },
        },
    })
}

#[derive(Serialize)]
struct Status {
    version: &'static str,
    key: KeyStatus,
    connections: Vec<ConnectionStatus>,
}

#[derive(Serialize)]
struct KeyStatus {
    id: String,
    label: String,
    permissions: Vec<Permission>,
    /// What may be passed through to Zoho: routes, with `*` for any one part of a path and `**` for the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pass_through: Vec<String>,
    expires: Option<Timestamp>,
    /// Whether each of its writes must be previewed.
    confirm: bool,
    /// What its answers hide.
    redact: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    today: Option<Today>,
}

/// What a key may use of a day, and has used.
#[derive(Serialize)]
struct Today {
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_day: Option<u32>,
    calls_used: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    writes_per_day: Option<u32>,
    writes_used: u32,
    resets_at: Timestamp,
}

#[derive(Serialize)]
struct ConnectionStatus {
    connection: ConnectionName,
    state: &'static str,
    /// What that means and what to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconnect_url: Option<String>,
    #[serde(flatten)]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaStatus>,
    last_event: Option<LastEvent>,
}

#[derive(Serialize)]
struct Details {
    data_centre: DataCentre,
    products: Vec<Product>,
    organization: Option<NamedOrganization>,
    crm_organization: Option<NamedOrganization>,
    scopes: ScopeSet,
    allows: Vec<String>,
    connected_at: Timestamp,
    token_expires: Option<Timestamp>,
    token_renewed_at: Option<Timestamp>,
}

/// An organisation, with a word on what people wrote of it.
#[derive(Serialize)]
struct NamedOrganization {
    #[serde(flatten)]
    own: Organization,
    untrusted: [&'static str; 1],
}

impl NamedOrganization {
    fn of(own: Organization) -> Self {
        Self { own, untrusted: ["name"] }
    }
}

/// What is left of Zoho's limits, where anything is known.
#[derive(Serialize)]
struct QuotaStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory: Option<Left>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crm: Option<Remaining>,
}

#[derive(Serialize)]
struct LastEvent {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    receivedtime: Timestamp,
}

async fn status(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Status>, Problem> {
    let mut connections = Vec::new();
    for name in &caller.key.connections {
        let found = app.connections.read(name).await?;
        let last = app.events.newest(name, 1).await?.into_iter().next();
        let quota = match &found {
            Some(found) => Some(quota(&app.gate.zoho.quotas, found).await?),
            None => None,
        };
        connections.push(describe(&origin, &caller.key, name.clone(), (found.as_deref(), quota), last));
    }
    let key = &caller.key;
    let today = today(&app.gate.usage, key).await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        key: KeyStatus {
            id: key.id.clone(),
            label: key.label.clone(),
            permissions: key.permissions.clone(),
            pass_through: key.permissions.iter().filter_map(Permission::route).collect(),
            expires: key.expires,
            confirm: key.confirm,
            redact: key.redact_contacts.then_some("contacts"),
            today,
        },
        connections,
    }))
}

async fn today(usage: &KeyUsage, key: &ServiceKey) -> Result<Option<Today>, Problem> {
    let DayLimits { calls: calls_per_day, writes: writes_per_day } = key.limits;
    if calls_per_day.is_none() && writes_per_day.is_none() {
        return Ok(None);
    }
    let used = usage.of(key).await?;
    Ok(Some(Today {
        calls_per_day,
        calls_used: used.calls,
        writes_per_day,
        writes_used: used.writes,
        resets_at: usage.day_ends(),
    }))
}

async fn quota(quotas: &Quotas, found: &Connection) -> Result<QuotaStatus, Problem> {
    let (dc, scopes) = (found.data_centre, found.scopes.products());
    let id = |organization: &Option<Organization>| organization.as_ref().map(|found| found.id.clone());
    let inventory = match id(&found.organization).filter(|_| scopes.contains(&Product::Inventory)) {
        Some(id) => quotas.stored(dc, &id).await?,
        None => None,
    };
    let crm = match id(&found.crm_organization).filter(|_| scopes.contains(&Product::Crm)) {
        Some(id) => quotas.credits().stored(dc, &id).await?,
        None => None,
    };
    Ok(QuotaStatus { inventory, crm })
}

fn describe(
    origin: &PublicUrl,
    key: &ServiceKey,
    name: ConnectionName,
    (found, quota): (Option<&Connection>, Option<QuotaStatus>),
    last: Option<Event>,
) -> ConnectionStatus {
    let notice = match found {
        None => Some(not_connected(&name)),
        Some(found) => found.notice(),
    };
    let dead = found.filter(|found| matches!(found.state, ConnectionState::ReconnectRequired { .. }));
    let again = dead.and_then(Wish::again).map(|wish| Wish::path_again(&wish.connection));
    ConnectionStatus {
        state: found.map_or("not_connected", |found| found.state.as_str()),
        notice,
        reconnect_url: again.map(|path| format!("{}{path}", origin.as_str())),
        details: found.map(|found| details(key, found)),
        quota,
        last_event: last.map(|event| LastEvent {
            id: event.id,
            kind: event.kind,
            receivedtime: event.receivedtime,
        }),
        connection: name,
    }
}

fn details(key: &ServiceKey, found: &Connection) -> Details {
    Details {
        data_centre: found.data_centre,
        products: found.scopes.products(),
        organization: found.organization.clone().map(NamedOrganization::of),
        crm_organization: found.crm_organization.clone().map(NamedOrganization::of),
        allows: allowed::routes(key, &found.scopes),
        scopes: found.scopes.clone(),
        connected_at: found.connected_at,
        token_expires: found.token_expires,
        token_renewed_at: found.token_renewed_at,
    }
}
