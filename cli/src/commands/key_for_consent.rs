//! What a key may do, going by the consent of its connection.

use shared::core::access::permission::Permission;
use shared::zoho::scope::{Access, Product, ScopeSet};

/// As much as the consent allows: of each product, the highest level of which it holds anything.
pub(super) fn allowed(scopes: &ScopeSet) -> Vec<Permission> {
    let highest = |product: Product| {
        let levels = Access::ALL.into_iter().rev();
        let mut levels = levels.filter(|level| product != Product::Crm || *level != Access::Stock);
        let level = levels.find(|level| !lacks(scopes, product, *level));
        Permission::Product(product, level.unwrap_or(Access::Read))
    };
    scopes.products().into_iter().map(highest).chain([Permission::Events]).collect()
}

/// What has `keys create` make such a key, with a blank before; nothing where a key for which nothing is named is such a one.
pub(super) fn flag(scopes: &ScopeSet) -> String {
    let may = allowed(scopes);
    if may == Permission::DEFAULT { String::new() } else { format!(" --can {}", listed(&may)) }
}

/// Whether the consent holds nothing of what a level adds to the one below. Single scopes are left out on purpose, more often than not.
pub(super) fn lacks(scopes: &ScopeSet, product: Product, level: Access) -> bool {
    let below = Access::ALL.into_iter().rev().find(|lower| *lower < level);
    let below = below.map(|lower| ScopeSet::of(&[product], lower)).unwrap_or_default();
    let wanted = ScopeSet::of(&[product], level);
    let mut added = wanted.iter().filter(|scope| !below.allows(scope)).peekable();
    added.peek().is_some() && added.all(|scope| !scopes.allows(scope))
}

/// The permissions of which the consent holds nothing.
pub(super) fn beyond(scopes: &ScopeSet, permissions: &[Permission]) -> Vec<Permission> {
    let is_beyond = |permission: &&Permission| match permission {
        Permission::Product(product, level) => lacks(scopes, *product, *level),
        _ => false,
    };
    permissions.iter().filter(is_beyond).cloned().collect()
}

/// The scopes that the consent lacks for these.
pub(super) fn missing(scopes: &ScopeSet, permissions: &[Permission]) -> Vec<String> {
    let mut missing = Vec::new();
    for permission in beyond(scopes, permissions) {
        if let Permission::Product(product, level) = permission {
            let wanted = ScopeSet::of(&[product], level);
            missing.extend(wanted.iter().filter(|scope| !scopes.allows(scope)).map(str::to_owned));
        }
    }
    missing
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
        // Who consented to a single write wants a key that makes it.
        let one_write = ScopeSet::parse("ZohoCRM.modules.deals.READ,ZohoCRM.modules.deals.UPDATE");
        assert_eq!(listed(&allowed(&one_write)), "crm:write,events");
        let one_of_stock = ScopeSet::parse("ZohoInventory.items.READ,ZohoInventory.transferorders.CREATE");
        assert_eq!(listed(&allowed(&one_of_stock)), "inventory:stock,events");
    }

    #[test]
    fn what_a_consent_lacks_for_a_key_is_told_of_all_its_permissions() {
        let read = ScopeSet::of(&Product::ALL, Access::Read);
        let can: Vec<Permission> =
            ["inventory:stock", "crm:write", "events"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(listed(&beyond(&read, &can)), "inventory:stock,crm:write");
        let missing = missing(&read, &can);
        for scope in ["ZohoInventory.transferorders.CREATE", "ZohoCRM.modules.notes.CREATE"] {
            assert!(missing.iter().any(|found| found == scope), "{scope}: {missing:?}");
        }
        assert!(missing.iter().all(|scope| !read.allows(scope)), "{missing:?}");
        assert!(beyond(&read, &Permission::DEFAULT).is_empty());
    }

    #[test]
    fn a_level_of_which_a_consent_holds_nothing_is_known() {
        let stock = ScopeSet::of(&Product::ALL, Access::Stock);
        assert!(!lacks(&stock, Product::Inventory, Access::Read));
        assert!(!lacks(&stock, Product::Inventory, Access::Stock));
        assert!(lacks(&stock, Product::Inventory, Access::Write));
        assert!(lacks(&stock, Product::Crm, Access::Write));
        assert!(lacks(&ScopeSet::of(&[Product::Crm], Access::Read), Product::Inventory, Access::Read));
        // A part of a level is no mistake.
        assert!(!lacks(&ScopeSet::parse("ZohoCRM.modules.deals.READ"), Product::Crm, Access::Read));
    }

    #[test]
    fn what_a_key_may_is_named_where_it_is_not_the_usual() {
        assert_eq!(flag(&ScopeSet::of(&Product::ALL, Access::Read)), "");
        assert_eq!(flag(&ScopeSet::of(&[Product::Crm], Access::Read)), " --can crm:read,events");
        let stock = ScopeSet::of(&Product::ALL, Access::Stock);
        assert_eq!(flag(&stock), " --can inventory:stock,crm:read,events");
    }
}
