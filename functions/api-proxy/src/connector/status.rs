//! `GET /v1/status`: the connections of the key, what they may do and how they are. No call to Zoho.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::problem::Problem;
use shared::base::settings::PublicUrl;
use shared::base::web::Origin;
use shared::core::access::key::Permission;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::core::connection::{Connection, State as ConnectionState};
use shared::core::events::Event;
use shared::core::quota::{Left, Quotas, Remaining};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Product, ScopeSet};
use shared::zoho::{crm, inventory};

use crate::app::App;
use crate::crm::contacts_and_accounts::MODULES;
use crate::inventory::records::KINDS;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{count, described, named, text, time, untrusted, words};
use crate::request::caller::Caller;
use crate::request::params::{NoParams, Params};

/// The routes by the scope that they need, for `allows`.
const ROUTES: &[(&str, &str)] = &[
    ("GET /v1/inventory/items", inventory::scope::ITEMS),
    ("POST /v1/inventory/mappings/resolve", inventory::scope::ITEMS),
    ("POST /v1/inventory/salesorders", inventory::orders::CREATE),
    ("POST /v1/inventory/salesorders/{id}/confirm", inventory::orders::CREATE),
    ("POST /v1/inventory/salesorders/{id}/void", inventory::orders::CREATE),
    ("POST /v1/inventory/adjustments", inventory::adjustments::CREATE),
    ("POST /v1/inventory/transferorders", inventory::transfer_orders::CREATE),
    ("POST /v1/inventory/transferorders/{id}/receive", inventory::transfer_orders::CREATE),
    ("POST /v1/inventory/reconciliations", inventory::scope::ITEMS),
    ("POST /v1/inventory/reconciliations/{id}/counts", inventory::scope::ITEMS),
    ("POST /v1/inventory/reconciliations/{id}/compare", inventory::scope::ITEMS),
    ("POST /v1/inventory/reconciliations/{id}/apply", inventory::adjustments::CREATE),
    ("GET /v1/crm/deals", crm::scope::DEALS),
    ("POST /v1/crm/deals", crm::scope::CREATE_DEALS),
    ("PATCH /v1/crm/deals/{id}", crm::scope::UPDATE_DEALS),
    ("POST /v1/crm/deals/upsert", crm::scope::UPDATE_DEALS),
    ("GET /v1/crm/deals/{id}/brief", crm::scope::DEALS),
    ("GET /v1/crm/deals/{id}/notes", crm::scope::NOTES),
    ("POST /v1/crm/deals/{id}/notes", crm::scope::CREATE_NOTES),
    ("GET /v1/crm/fields", crm::scope::FIELDS),
    ("POST /v1/crm/query", shared::zoho::crm::coql::SCOPE),
];

/// Everything that a set of scopes allows.
fn allows(scopes: &ScopeSet) -> Vec<String> {
    let records = KINDS.iter().map(|kind| (format!("GET {}", kind.path), kind.record.read_scope));
    let people = MODULES.iter().map(|module| (format!("GET {}", module.path), module.scope));
    let all = ROUTES.iter().map(|(route, scope)| ((*route).to_owned(), *scope)).chain(records).chain(people);
    all.filter(|(_, scope)| scopes.allows(scope)).map(|(route, _)| route).collect()
}

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/v1/status", status, || {
        Operation::key("getStatus", "The key's connections and what they allow")
            .about("Call this first. No call to Zoho is made. `allows` lists the routes that the scopes of a connection are for.")
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
    let states = [
        "healthy",
        "cooling_down",
        "exhausted",
        "misconfigured",
        "reconnect_required",
        "disconnecting",
        "not_connected",
    ];
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
            "allows": words_of("The routes that these scopes are for."),
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
        connections.push(describe(&origin, name.clone(), (found.as_deref(), quota), last));
    }
    let key = &caller.key;
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
        },
        connections,
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
    name: ConnectionName,
    (found, quota): (Option<&Connection>, Option<QuotaStatus>),
    last: Option<Event>,
) -> ConnectionStatus {
    let notice = match found {
        None => Some("Not connected yet: the operator runs `zoho-connector connect`.".to_owned()),
        Some(found) => found.notice(),
    };
    let dead = found.filter(|found| matches!(found.state, ConnectionState::ReconnectRequired { .. }));
    let again = dead.and_then(Wish::again).map(|wish| Wish::path_again(&wish.connection));
    ConnectionStatus {
        state: found.map_or("not_connected", |found| found.state.as_str()),
        notice,
        reconnect_url: again.map(|path| format!("{}{path}", origin.as_str())),
        details: found.map(details),
        quota,
        last_event: last.map(|event| LastEvent {
            id: event.id,
            kind: event.kind,
            receivedtime: event.receivedtime,
        }),
        connection: name,
    }
}

fn details(found: &Connection) -> Details {
    Details {
        data_centre: found.data_centre,
        products: found.scopes.products(),
        organization: found.organization.clone().map(NamedOrganization::of),
        crm_organization: found.crm_organization.clone().map(NamedOrganization::of),
        allows: allows(&found.scopes),
        scopes: found.scopes.clone(),
        connected_at: found.connected_at,
        token_expires: found.token_expires,
        token_renewed_at: found.token_renewed_at,
    }
}

#[cfg(test)]
mod tests {
    use shared::zoho::scope::{Access, Product};

    use super::*;
    use crate::openapi::operation::Way;
    use crate::routes::operations;

    #[test]
    fn every_write_and_every_list_is_allowed_by_some_scope() {
        let allowed = allows(&ScopeSet::of(&Product::ALL, Access::Write));
        for operation in operations() {
            let route = format!("{} {}", operation.verb.as_str(), operation.path);
            let is_one = operation.path.ends_with('}') && matches!(operation.way, Way::Read(_));
            if matches!(operation.way, Way::Read(_) | Way::Write(..) | Way::Work(..)) && !is_one {
                assert!(allowed.contains(&route), "{route} is not among {allowed:?}");
            }
        }
    }
}
