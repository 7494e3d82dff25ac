//! The key and its connections, as callers see them.

use serde::Serialize;
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::public_url::PublicUrl;
use shared::core::access::key::ServiceKey;
use shared::core::access::permission::Permission;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::core::connection::{Connection, State as ConnectionState};
use shared::core::events::Event;
use shared::core::quota::{Left, Remaining};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Product, ScopeSet};

use crate::connector::allowed;

/// What is said of a connection that nobody has consented to.
pub(crate) fn not_connected(name: &ConnectionName) -> String {
    format!("Not connected yet: the operator runs `zoho-connector connect --connection {name}`.")
}

#[derive(Serialize)]
pub(super) struct Status {
    pub(super) version: &'static str,
    pub(super) key: KeyStatus,
    pub(super) connections: Vec<ConnectionStatus>,
}

#[derive(Serialize)]
pub(super) struct KeyStatus {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) permissions: Vec<Permission>,
    /// What may be passed through to Zoho: routes, with `*` for any one part of a path and `**` for the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pass_through: Vec<String>,
    pub(super) expires: Option<Timestamp>,
    /// Whether each of its writes must be previewed.
    pub(super) confirm: bool,
    /// What its answers hide.
    pub(super) redact: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) today: Option<Today>,
}

/// What a key may use of a day, and has used.
#[derive(Serialize)]
pub(super) struct Today {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calls_per_day: Option<u32>,
    pub(super) calls_used: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) writes_per_day: Option<u32>,
    pub(super) writes_used: u32,
    pub(super) resets_at: Timestamp,
}

#[derive(Serialize)]
pub(super) struct ConnectionStatus {
    pub(super) connection: ConnectionName,
    pub(super) state: &'static str,
    /// What that means and what to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reconnect_url: Option<String>,
    #[serde(flatten)]
    pub(super) details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quota: Option<QuotaStatus>,
    pub(super) last_event: Option<LastEvent>,
}

#[derive(Serialize)]
pub(super) struct Details {
    pub(super) data_centre: DataCentre,
    pub(super) products: Vec<Product>,
    pub(super) organization: Option<NamedOrganization>,
    pub(super) crm_organization: Option<NamedOrganization>,
    pub(super) scopes: ScopeSet,
    pub(super) allows: Vec<String>,
    pub(super) connected_at: Timestamp,
    pub(super) token_expires: Option<Timestamp>,
    pub(super) token_renewed_at: Option<Timestamp>,
}

/// An organisation, with a word on what people wrote of it.
#[derive(Serialize)]
pub(super) struct NamedOrganization {
    #[serde(flatten)]
    pub(super) own: Organization,
    pub(super) untrusted: [&'static str; 1],
}

impl NamedOrganization {
    fn of(own: Organization) -> Self {
        Self { own, untrusted: ["name"] }
    }
}

/// What is left of Zoho's limits, where anything is known.
#[derive(Serialize)]
pub(super) struct QuotaStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inventory: Option<Left>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crm: Option<Remaining>,
}

#[derive(Serialize)]
pub(super) struct LastEvent {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) receivedtime: Timestamp,
}

pub(super) fn describe(
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
