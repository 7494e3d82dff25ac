//! Scopes: those that a connection asks for, and the calls that a granted set allows.
//!
//! Some of Zoho's names are unexpected: the list of organisations needs `settings`, confirming an order needs CREATE, searching
//! CRM needs a scope of another product. <https://www.zoho.com/inventory/api/v1/oauth/>,
//! <https://www.zoho.com/crm/developer/docs/api/v8/scopes.html>

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A product of Zoho that the connector serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Zoho Inventory.
    Inventory,
    /// Zoho CRM.
    Crm,
}

impl Product {
    /// Both products.
    pub const ALL: [Self; 2] = [Self::Inventory, Self::Crm];

    /// Its name, as in permissions and routes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Crm => "crm",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Inventory => "ZohoInventory.",
            Self::Crm => "ZohoCRM.",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The level of access. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Reading.
    Read,
    /// Reading, and moving stock.
    Stock,
    /// Reading, moving stock, and writing orders, deals and notes.
    Write,
}

impl Access {
    /// All levels, the lowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Stock, Self::Write];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Stock => "stock",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is none of the expected ones.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not one of {1}")]
pub struct UnknownWord(String, &'static str);

impl FromStr for Product {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|product| product.as_str() == text);
        found.ok_or_else(|| UnknownWord(text.to_owned(), "inventory, crm"))
    }
}

impl FromStr for Access {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|access| access.as_str() == text);
        found.ok_or_else(|| UnknownWord(text.to_owned(), "read, stock, write"))
    }
}

/// The scopes that each level adds, by product. CRM has no stock, so its `stock` adds none.
const SCOPES: &[(Product, Access, &[&str])] = &[
    (
        Product::Inventory,
        Access::Read,
        &[
            "ZohoInventory.items.READ",
            "ZohoInventory.salesorders.READ",
            "ZohoInventory.purchaseorders.READ",
            "ZohoInventory.packages.READ",
            "ZohoInventory.shipmentorders.READ",
            "ZohoInventory.contacts.READ",
            "ZohoInventory.inventoryadjustments.READ",
            "ZohoInventory.transferorders.READ",
            "ZohoInventory.settings.READ",
        ],
    ),
    (
        Product::Inventory,
        Access::Stock,
        &["ZohoInventory.inventoryadjustments.CREATE", "ZohoInventory.transferorders.CREATE"],
    ),
    (Product::Inventory, Access::Write, &["ZohoInventory.salesorders.CREATE"]),
    (
        Product::Crm,
        Access::Read,
        &[
            "ZohoCRM.modules.deals.READ",
            "ZohoCRM.modules.contacts.READ",
            "ZohoCRM.modules.accounts.READ",
            "ZohoCRM.modules.notes.READ",
            "ZohoCRM.settings.fields.READ",
            "ZohoCRM.org.READ",
            "ZohoCRM.coql.READ",
            // A channel only reports changes, so the level for reading includes it.
            "ZohoCRM.notifications.ALL",
            "ZohoSearch.securesearch.READ",
        ],
    ),
    (
        Product::Crm,
        Access::Write,
        &["ZohoCRM.modules.deals.CREATE", "ZohoCRM.modules.deals.UPDATE", "ZohoCRM.modules.notes.CREATE"],
    ),
];

/// A set of scopes, in the order in which they were named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// The scopes that a connection with these products asks for.
    pub fn of(products: &[Product], access: Access) -> Self {
        let wanted =
            SCOPES.iter().filter(|(product, level, _)| products.contains(product) && *level <= access);
        Self(wanted.flat_map(|(_, _, scopes)| scopes.iter().map(ToString::to_string)).collect())
    }

    /// Reads a list. Zoho takes commas between scopes and gives spaces.
    pub fn parse(text: &str) -> Self {
        let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let mut scopes: Vec<String> = Vec::new();
        for word in words {
            if !scopes.iter().any(|known| known == word) {
                scopes.push(word.to_owned());
            }
        }
        Self(scopes)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The list in the form that Zoho's consent page takes.
    pub fn comma_separated(&self) -> String {
        self.0.join(",")
    }

    /// Whether the set covers this scope. Case is ignored, because both spellings of `FullAccess` are in use.
    pub fn allows(&self, needed: &str) -> bool {
        let Some((module, operation)) = needed.rsplit_once('.') else { return false };
        self.iter().any(|granted| {
            let Some((prefix, right)) = granted.rsplit_once('.') else { return false };
            let is_all = right.eq_ignore_ascii_case("all");
            if !is_all && !right.eq_ignore_ascii_case(operation) {
                return false;
            }
            // `ZohoCRM.modules.ALL` covers `ZohoCRM.modules.deals.READ`; `ZohoInventory.fullaccess.all` covers all of Inventory.
            let covers = |part: &str| {
                without_start(module, part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            match without_end(prefix, ".fullaccess") {
                Some(product) => is_all && covers(product),
                None => prefix.contains('.') && covers(prefix),
            }
        })
    }

    /// Whether a scope in the set is of this product.
    pub fn has(&self, product: Product) -> bool {
        self.iter().any(|scope| without_start(scope, product.prefix()).is_some())
    }

    /// The products that have a scope in the set.
    pub fn products(&self) -> Vec<Product> {
        Product::ALL.into_iter().filter(|product| self.has(*product)).collect()
    }
}

/// What stands behind this start, in any case.
fn without_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (own, rest) = text.split_at_checked(start.len())?;
    own.eq_ignore_ascii_case(start).then_some(rest)
}

/// What stands before this end, in any case.
fn without_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (rest, own) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    own.eq_ignore_ascii_case(end).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_add_up() {
        let read = ScopeSet::of(&[Product::Inventory], Access::Read);
        let stock = ScopeSet::of(&[Product::Inventory], Access::Stock);
        assert!(read.iter().all(|scope| stock.allows(scope)));
        assert!(stock.allows("ZohoInventory.inventoryadjustments.CREATE"));
        assert!(!stock.allows("ZohoInventory.salesorders.CREATE"));
        assert_eq!(ScopeSet::of(&Product::ALL, Access::Write).products(), Product::ALL);
    }

    #[test]
    fn wide_scopes_hold_narrow_ones_and_not_their_neighbours() {
        for (granted, needed, expected) in [
            ("ZohoInventory.items.READ", "ZohoInventory.items.READ", true),
            ("ZohoInventory.items.ALL", "ZohoInventory.items.READ", true),
            ("ZohoInventory.items.READ", "ZohoInventory.items.UPDATE", false),
            ("ZohoInventory.FullAccess.all", "ZohoInventory.items.READ", true),
            ("ZohoInventory.fullaccess.all", "ZohoInventory.settings.READ", true),
            ("ZohoInventory.FullAccess.all", "ZohoCRM.modules.deals.READ", false),
            ("ZohoCRM.modules.ALL", "ZohoCRM.modules.deals.READ", true),
            ("ZohoCRM.modules.READ", "ZohoCRM.modules.deals.READ", true),
            ("ZohoCRM.modules.READ", "ZohoCRM.modules.deals.CREATE", false),
            ("ZohoCRM.modules.ALL", "ZohoCRM.settings.fields.READ", false),
            ("ZohoCRM.modules.deals.ALL", "ZohoCRM.modules.deals_custom.READ", false),
            ("ZohoCRM.ALL", "ZohoCRM.modules.deals.READ", false),
            ("zohocrm.MODULES.all", "ZohoCRM.modules.deals.READ", true),
            ("ZohoCRM.módules.ALL", "ZohoCRM.modules.deals.READ", false),
            ("fullaccess.all", "ZohoCRM.modules.deals.READ", false),
            ("é.all", "ZohoCRM.modules.deals.READ", false),
        ] {
            assert_eq!(ScopeSet::parse(granted).allows(needed), expected, "{granted} / {needed}");
        }
    }

    #[test]
    fn both_separators_are_read_and_repetitions_dropped() {
        let set = ScopeSet::parse("a.b.READ, a.c.READ a.b.READ\n");
        assert_eq!(set.comma_separated(), "a.b.READ,a.c.READ");
    }
}
