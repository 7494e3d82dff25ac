//! The command that asks for more than a consent holds, and for all that it holds: a consent replaces the one before it.

use shared::core::connection::Connection;
use shared::zoho::scope::{Access, Product, ScopeSet};

/// Asks for these scopes as well.
pub(super) fn command(connection: &Connection, missing: &[String]) -> String {
    format!("connect --connection {}{}", connection.name, flags(&connection.scopes, missing))
}

/// Its flags, each with a blank before. Of two such commands, the second would end what the first has asked for.
pub(super) fn flags(granted: &ScopeSet, missing: &[String]) -> String {
    let all: Vec<_> = granted.iter().chain(missing.iter().map(String::as_str)).collect();
    let all = ScopeSet::parse(&all.join(","));
    let products = all.products();
    let holds_all = |access: &Access| {
        let asked = ScopeSet::of(&products, *access);
        all.iter().all(|scope| asked.allows(scope))
    };
    let Some(access) = Access::ALL.into_iter().find(holds_all) else {
        return format!(" --scopes {}", all.comma_separated());
    };
    let names: Vec<_> = products.iter().map(|product| product.as_str()).collect();
    // Unsaid, they are those that the connection has.
    let has_both = granted.products().len() == Product::ALL.len();
    let products = if has_both { String::new() } else { format!(" --products {}", names.join(",")) };
    format!("{products} --access {access}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_granted_is_lost_by_asking_for_more() {
        let of = |products: &[Product], access| ScopeSet::of(products, access);
        let (both, crm, inventory): (&[Product], &[Product], &[Product]) =
            (&Product::ALL, &[Product::Crm], &[Product::Inventory]);
        let settings = ScopeSet::parse("ZohoInventory.settings.ALL");
        for (granted, missing, expected) in [
            (of(both, Access::Read), of(inventory, Access::Stock), " --access stock"),
            (of(both, Access::Write), of(both, Access::Read), " --access write"),
            (of(crm, Access::Read), of(crm, Access::Write), " --products crm --access write"),
            (of(inventory, Access::Write), of(crm, Access::Read), " --products inventory,crm --access write"),
            (ScopeSet::default(), settings, " --scopes ZohoInventory.settings.ALL"),
        ] {
            let names: Vec<_> = missing.iter().map(str::to_owned).collect();
            assert_eq!(flags(&granted, &names), expected, "{granted:?} {missing:?}");
        }
        let all = ScopeSet::parse(&format!(
            "{},ZohoInventory.settings.ALL",
            of(crm, Access::Read).comma_separated()
        ));
        let flags = flags(&all, &["ZohoCRM.modules.deals.CREATE".to_owned()]);
        let asked = ScopeSet::parse(flags.strip_prefix(" --scopes ").unwrap());
        assert!(all.iter().all(|scope| asked.allows(scope)), "{flags}");
        assert!(asked.allows("ZohoCRM.modules.deals.CREATE"), "{flags}");
    }
}
