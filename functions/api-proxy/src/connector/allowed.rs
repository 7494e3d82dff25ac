//! Which routes a key may call on which connection: what its permissions and the connection's scopes allow both. A permission of a
//! product counts where the connection offers that product.

use shared::core::access::key::ServiceKey;
use shared::core::access::permission::Permission;
use shared::zoho::scope::{Product, ScopeSet};

use crate::openapi::listed::{Listed, OPERATIONS};

/// The most connections that are looked at, one by one, to say what a key may do.
pub(super) const MAX_CONNECTIONS: usize = 10;

/// Whether a key has a permission for it, whatever the connection.
pub(super) fn by_key(key: &ServiceKey, operation: &Listed) -> bool {
    permissions(operation).any(|needed| key.demand(&needed).is_ok())
}

/// Whether a key may call it on a connection that has these scopes.
pub(super) fn on(key: &ServiceKey, scopes: &ScopeSet, operation: &Listed) -> bool {
    fits(key, scopes, &scopes.products(), operation)
}

fn fits(key: &ServiceKey, scopes: &ScopeSet, offered: &[Product], operation: &Listed) -> bool {
    let counts = |needed: &Permission| match needed {
        Permission::Product(product, _) => offered.contains(product),
        Permission::Events | Permission::Zoho(_) => true,
    };
    permissions(operation).any(|needed| counts(&needed) && key.demand(&needed).is_ok())
        && operation.scopes.iter().all(|scope| scopes.allows(scope))
}

fn permissions(operation: &Listed) -> impl Iterator<Item = Permission> {
    operation.permissions.iter().filter_map(|needed| needed.parse::<Permission>().ok())
}

/// What a key may pass through to Zoho on such a connection: `GET /v1/zoho/inventory/itemgroups/*`.
pub(super) fn passed_through(key: &ServiceKey, scopes: &ScopeSet) -> Vec<String> {
    let offered: Vec<String> =
        scopes.products().iter().map(|product| format!(" /v1/zoho/{product}/")).collect();
    let routes = key.permissions.iter().filter_map(Permission::route);
    routes.filter(|route| offered.iter().any(|product| route.contains(product.as_str()))).collect()
}

/// The routes that a key may call on such a connection: `POST /v1/crm/deals`.
pub(super) fn routes(key: &ServiceKey, scopes: &ScopeSet) -> Vec<String> {
    let offered = scopes.products();
    let own = OPERATIONS.iter().filter(|operation| fits(key, scopes, &offered, operation));
    let own = own.map(|operation| format!("{} {}", operation.method, operation.path));
    own.chain(passed_through(key, scopes)).collect()
}

/// A key with these permissions, and nothing else of its own.
#[cfg(test)]
pub(super) fn key_with(permissions: &[&str]) -> ServiceKey {
    serde_json::from_value(serde_json::json!({
        "id": "000000000001",
        "label": "test",
        "digest": "",
        "permissions": permissions,
        "connections": ["default"],
        "created": "2026-11-21T10:00:00Z",
        "expires": null,
    }))
    .unwrap()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::zoho::scope::Access;

    use super::*;
    use crate::openapi::operation::Way;
    use crate::routes::operations;

    /// Who adds a route to Zoho says which scopes it needs, and the consents ask for these.
    #[test]
    fn every_call_to_zoho_names_its_scopes_and_a_whole_consent_has_them() {
        let all = ScopeSet::of(&Product::ALL, Access::Write);
        for operation in operations() {
            let route = format!("{} {}", operation.verb.as_str(), operation.path);
            let is_call = matches!(operation.way, Way::Read(_) | Way::Write(..) | Way::Work(..));
            assert_eq!(operation.scopes.is_empty(), !is_call, "{route}");
            assert!(
                operation.scopes.iter().all(|scope| all.allows(scope)),
                "{route}: {:?}",
                operation.scopes
            );
        }
    }

    #[test]
    fn the_list_of_the_build_is_that_of_the_routes() {
        let listed: BTreeSet<String> =
            OPERATIONS.iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect();
        let needs_permission = |way: Way| !matches!(way, Way::Open | Way::Key | Way::Pass(_));
        let own = operations().into_iter().filter(|operation| needs_permission(operation.way));
        let own: BTreeSet<String> =
            own.map(|operation| format!("{} {}", operation.verb.as_str(), operation.path)).collect();
        assert_eq!(listed, own, "the build took an old openapi.json: UPDATE_OPENAPI=1, then build again");
        let writes = |way: Way| matches!(way, Way::Write(..));
        let expected = operations().into_iter().filter(|operation| writes(operation.way)).count();
        assert_eq!(OPERATIONS.iter().filter(|operation| operation.is_write).count(), expected);
    }

    #[test]
    fn key_and_scopes_must_both_allow_it() {
        let read = ScopeSet::of(&Product::ALL, Access::Read);
        let write = ScopeSet::of(&Product::ALL, Access::Write);
        let crm = ScopeSet::of(&[Product::Crm], Access::Write);
        let may = |permissions: &[&str], scopes: &ScopeSet, route: &str| {
            routes(&key_with(permissions), scopes).iter().any(|known| known == route)
        };
        let order = "POST /v1/inventory/salesorders";
        assert!(may(&["inventory:write"], &write, order));
        assert!(!may(&["inventory:stock"], &write, order));
        assert!(!may(&["inventory:write"], &read, order));
        assert!(!may(&["inventory:write"], &crm, order));
        assert!(may(&["inventory:stock"], &write, "POST /v1/inventory/adjustments"));
        // Answered from the connector's own store, and about a product all the same.
        assert!(may(&["inventory:read"], &read, "GET /v1/inventory/mappings"));
        assert!(!may(&["inventory:read"], &crm, "GET /v1/inventory/mappings"));
        assert!(may(&["events"], &ScopeSet::default(), "GET /v1/events"));
        assert!(!may(&["inventory:read"], &crm, "GET /v1/audit"));
        assert!(may(&["crm:read"], &crm, "GET /v1/audit"));
        let passing = ["zoho:GET:inventory/itemgroups/*", "zoho:*:crm/Leads"];
        assert_eq!(routes(&key_with(&passing), &crm), ["* /v1/zoho/crm/Leads"]);
    }
}
