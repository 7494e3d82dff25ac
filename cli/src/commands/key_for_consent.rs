//! What a key may do, going by the consent of its connection.

use shared::core::access::permission::Permission;
use shared::zoho::scope::{Access, Product, ScopeSet};

/// As much as the consent allows.
pub(super) fn allowed(scopes: &ScopeSet) -> Vec<Permission> {
    let highest = |product: Product| {
        let levels = Access::ALL.into_iter().rev();
        let mut levels = levels.filter(|level| product != Product::Crm || *level != Access::Stock);
        let level =
            levels.find(|level| ScopeSet::of(&[product], *level).iter().all(|scope| scopes.allows(scope)));
        Permission::Product(product, level.unwrap_or(Access::Read))
    };
    scopes.products().into_iter().map(highest).chain([Permission::Events]).collect()
}

/// What has `keys create` make such a key, with a blank before; nothing where a key for which nothing is named may as much.
pub(super) fn flag(scopes: &ScopeSet) -> String {
    let may = allowed(scopes);
    if may.iter().all(|permission| Permission::DEFAULT.contains(permission)) {
        return String::new();
    }
    format!(" --can {}", listed(&may))
}

/// Permissions as a flag takes them.
pub(super) fn listed(permissions: &[Permission]) -> String {
    permissions.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_what_the_consent_allows() {
        let of = |products: &[Product], access| listed(&allowed(&ScopeSet::of(products, access)));
        assert_eq!(of(&Product::ALL, Access::Read), "inventory:read,crm:read,events");
        assert_eq!(of(&Product::ALL, Access::Stock), "inventory:stock,crm:read,events");
        assert_eq!(of(&[Product::Crm], Access::Write), "crm:write,events");
        let narrow = ScopeSet::parse("ZohoCRM.modules.deals.READ");
        assert_eq!(allowed(&narrow).first().unwrap().to_string(), "crm:read");
    }

    #[test]
    fn what_a_key_may_is_named_where_it_is_more_than_reading() {
        assert_eq!(flag(&ScopeSet::of(&Product::ALL, Access::Read)), "");
        assert_eq!(flag(&ScopeSet::of(&[Product::Crm], Access::Read)), "");
        let stock = ScopeSet::of(&Product::ALL, Access::Stock);
        assert_eq!(flag(&stock), " --can inventory:stock,crm:read,events");
    }
}
