//! `GET /v1/status`: the connections of the key, what they may do and how they are. No call to Zoho.

mod representation;
mod schema;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use shared::base::problem::Problem;
use shared::base::web::Origin;
use shared::core::access::key::{DayLimits, ServiceKey};
use shared::core::access::permission::Permission;
use shared::core::access::usage::KeyUsage;
use shared::core::connection::Connection;
use shared::core::connection::organization::Organization;
use shared::core::quota::Quotas;
use shared::zoho::scope::Product;

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::named;
use crate::request::caller::Caller;
use crate::request::params::{NoParams, Params};
use representation::{KeyStatus, QuotaStatus, Status, Today, describe};

pub(super) use representation::not_connected;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/v1/status", status, || {
        Operation::key("getStatus", "The key's connections and what they allow")
            .about("No call to Zoho is made. `allows` lists the routes that the scopes of a connection and the permissions of the key allow both.")
            .answers(200, "The key and its connections.", named("Status", schema::documented()))
    });
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
