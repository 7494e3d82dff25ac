//! Which scopes exist, and what a granted scope allows.

#[rustfmt::skip]
const INVENTORY: [&str; 18] = [
    "contacts", "items", "compositeitems", "inventoryadjustments", "transferorders", "salesorders",
    "packages", "shipmentorders", "invoices", "customerpayments", "salesreturns", "creditnotes",
    "purchaseorders", "purchasereceives", "bills", "warehouses", "settings", "custommodules",
];
#[rustfmt::skip]
const CRM_MODULES: [&str; 11] = [
    "leads", "accounts", "contacts", "deals", "notes", "tasks", "events", "calls", "products", "campaigns",
    "custom", // all modules of a company's own
];
const OPERATIONS: [&str; 5] = ["create", "read", "update", "delete", "all"];

/// Whether Zoho knows this scope. Case does not matter: both spellings of full access work.
pub(crate) fn known(scope: &str) -> bool {
    let scope = scope.to_ascii_lowercase();
    let parts: Vec<&str> = scope.split('.').collect();
    match parts.as_slice() {
        ["zohoinventory", "fullaccess", "all"] | ["zohosearch", "securesearch", "read"] => true,
        ["zohoinventory", module, operation] => INVENTORY.contains(module) && OPERATIONS.contains(operation),
        [
            "zohocrm",
            "modules" | "settings" | "notifications" | "users" | "org" | "coql" | "bulk",
            operation,
        ] => OPERATIONS.contains(operation),
        ["zohocrm", "modules", module, operation] => {
            CRM_MODULES.contains(module) && OPERATIONS.contains(operation)
        }
        ["zohocrm", "settings", _, operation] => OPERATIONS.contains(operation),
        _ => false,
    }
}

/// Whether one of the granted scopes covers the needed one, e.g. `ZohoCRM.modules.deals.READ`.
pub(crate) fn allows(granted: &[String], needed: &str) -> bool {
    let needed = needed.to_ascii_lowercase();
    granted.iter().any(|scope| {
        let scope = scope.to_ascii_lowercase();
        let Some((area, operation)) = scope.rsplit_once('.') else { return false };
        let Some((wanted, wanted_operation)) = needed.rsplit_once('.') else { return false };
        let whole_area = wanted == area
            || (area == "zohocrm.modules" && wanted.starts_with("zohocrm.modules."))
            || (area == "zohocrm.settings" && wanted.starts_with("zohocrm.settings."))
            || (area == "zohoinventory.fullaccess" && wanted.starts_with("zohoinventory."));
        whole_area && (operation == "all" || operation == wanted_operation)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_known_or_not() {
        for scope in ["ZohoInventory.items.READ", "ZohoInventory.FullAccess.all", "ZohoCRM.modules.Deals.ALL"]
        {
            assert!(known(scope), "{scope}");
        }
        for scope in
            ["", "ZohoInventory.item.READ", "ZohoInventory.items", "ZohoCRM.modules.deals.WRITE", "a.b.c"]
        {
            assert!(!known(scope), "{scope}");
        }
    }

    #[test]
    fn a_wider_scope_covers_a_narrower_one() {
        let granted = |scope: &str| vec![scope.to_owned()];
        assert!(allows(&granted("ZohoCRM.modules.ALL"), "ZohoCRM.modules.deals.READ"));
        assert!(allows(&granted("ZohoInventory.fullaccess.all"), "ZohoInventory.settings.READ"));
        assert!(!allows(&granted("ZohoInventory.items.READ"), "ZohoInventory.items.UPDATE"));
        assert!(!allows(&granted("ZohoInventory.items.ALL"), "ZohoInventory.settings.READ"));
        assert!(!allows(&granted("ZohoCRM.modules.ALL"), "ZohoCRM.org.READ"));
    }
}
