//! Modules of Zoho CRM: the word for a record, and the scope to read it.
//! <https://www.zoho.com/crm/developer/docs/api/v8/scopes.html>

/// Modules with their own scopes. Modules that a company has added share one scope.
const OWN_SCOPE: [&str; 20] = [
    "Leads",
    "Accounts",
    "Contacts",
    "Deals",
    "Campaigns",
    "Tasks",
    "Cases",
    "Events",
    "Calls",
    "Solutions",
    "Products",
    "Vendors",
    "Price_Books",
    "Quotes",
    "Sales_Orders",
    "Purchase_Orders",
    "Invoices",
    "Notes",
    "Appointments",
    "Services",
];

/// The modules that every CRM has, by their API names.
pub fn standard() -> impl Iterator<Item = &'static str> + Clone {
    OWN_SCOPE.into_iter()
}

/// The word for a record of a module, as events use it: `deal` for `Deals`, `price_book` for `Price_Books`.
pub fn record_word(module: &str) -> String {
    let name = module.to_ascii_lowercase();
    match (name.strip_suffix("ies"), name.strip_suffix('s')) {
        (Some(stem), _) if !stem.is_empty() => format!("{stem}y"),
        (None, Some(stem)) if !stem.is_empty() && !stem.ends_with(['s', '_']) => stem.to_owned(),
        _ => name,
    }
}

/// The scope to read the records of a module.
pub fn read_scope(module: &str) -> String {
    let own = OWN_SCOPE.iter().any(|known| known.eq_ignore_ascii_case(module));
    let name = if own { module.replace('_', "").to_lowercase() } else { "custom".to_owned() };
    format!("ZohoCRM.modules.{name}.READ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named_after_one_of_its_records() {
        for (module, expected) in [
            ("Deals", "deal"),
            ("Price_Books", "price_book"),
            ("Activities", "activity"),
            ("Business", "business"),
            ("Appointments__s", "appointments__s"),
            ("Fleet", "fleet"),
            ("s", "s"),
            ("ies", "ies"),
        ] {
            assert_eq!(record_word(module), expected, "{module}");
        }
    }

    #[test]
    fn modules_of_a_company_share_a_scope() {
        for (module, expected) in [
            ("Deals", "ZohoCRM.modules.deals.READ"),
            ("Price_Books", "ZohoCRM.modules.pricebooks.READ"),
            ("Warranties", "ZohoCRM.modules.custom.READ"),
        ] {
            assert_eq!(read_scope(module), expected, "{module}");
        }
    }
}
