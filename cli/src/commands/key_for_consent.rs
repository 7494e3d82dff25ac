//! What a key may do, going by the consent of its connection.

use shared::core::access::permission::Permission;
use shared::zoho::scope::{Access, Product, ScopeSet};

/// As much as the consent allows.
pub(super) fn allowed(scopes: &ScopeSet) -> Vec<Permission> {
    highest(scopes, |product, level| ScopeSet::of(&[product], level).iter().all(|scope| scopes.allows(scope)))
}

/// As much as the consent allows any part of. What it leaves out of that, Zoho refuses.
pub(super) fn allowed_in_part(scopes: &ScopeSet) -> Vec<Permission> {
    highest(scopes, |product, level| !lacks(scopes, product, level))
}

/// For each product of a consent the highest level that fits, and events.
fn highest(scopes: &ScopeSet, fits: impl Fn(Product, Access) -> bool) -> Vec<Permission> {
    let of_product = |product: Product| {
        let levels = Access::ALL.into_iter().rev();
        let mut levels = levels.filter(|level| product != Product::Crm || *level != Access::Stock);
        let level = levels.find(|level| fits(product, *level));
        Permission::Product(product, level.unwrap_or(Access::Read))
    };
    scopes.products().into_iter().map(of_product).chain([Permission::Events]).collect()
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
    fn a_part_of_a_level_is_enough_for_a_key_that_uses_it() {
        let of = |scopes: &ScopeSet| listed(&allowed_in_part(scopes));
        assert_eq!(of(&ScopeSet::of(&Product::ALL, Access::Read)), "inventory:read,crm:read,events");
        assert_eq!(of(&ScopeSet::of(&Product::ALL, Access::Stock)), "inventory:stock,crm:read,events");
        assert_eq!(of(&ScopeSet::of(&Product::ALL, Access::Write)), "inventory:write,crm:write,events");
        assert_eq!(of(&ScopeSet::of(&[Product::Inventory], Access::Write)), "inventory:write,events");
        let one = ScopeSet::parse("ZohoInventory.items.READ,ZohoInventory.transferorders.CREATE");
        assert_eq!(
            (of(&one).as_str(), listed(&allowed(&one)).as_str()),
            ("inventory:stock,events", "inventory:read,events")
        );
        assert_eq!(of(&ScopeSet::parse("ZohoCRM.modules.notes.CREATE")), "crm:write,events");
    }

    #[test]
    fn what_a_key_may_is_named_where_it_is_not_the_usual() {
        assert_eq!(flag(&ScopeSet::of(&Product::ALL, Access::Read)), "");
        assert_eq!(flag(&ScopeSet::of(&[Product::Crm], Access::Read)), " --can crm:read,events");
        let stock = ScopeSet::of(&Product::ALL, Access::Stock);
        assert_eq!(flag(&stock), " --can inventory:stock,crm:read,events");
    }
}
