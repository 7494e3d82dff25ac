//! What a key may do, as the operator writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::access::pattern;
use crate::core::access::pattern::{BadPattern, Pattern};
use crate::zoho::scope::{Access, Product};

/// Something that a key may do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Permission {
    /// Use a product up to this level.
    Product(Product, Access),
    /// Read and work on events.
    Events,
    /// Pass calls of this kind through to Zoho. No level of a product includes it, and it includes none.
    Zoho(Pattern),
}

impl Permission {
    /// The permissions of a key for which none are named.
    pub const DEFAULT: [Self; 3] = [
        Self::Product(Product::Inventory, Access::Read),
        Self::Product(Product::Crm, Access::Read),
        Self::Events,
    ];

    /// The connector's own routes that a pattern opens.
    pub fn route(&self) -> Option<String> {
        match self {
            Self::Zoho(pattern) => Some(pattern.route()),
            _ => None,
        }
    }

    /// Whether a key that may do this may do that.
    pub(super) fn covers(&self, needed: &Self) -> bool {
        match (self, needed) {
            (Self::Product(product, up_to), Self::Product(wanted, level)) => {
                product == wanted && level <= up_to
            }
            (Self::Events, Self::Events) => true,
            (Self::Zoho(own), Self::Zoho(wanted)) => own.covers(wanted),
            _ => false,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product(product, access) => write!(f, "{product}:{access}"),
            Self::Events => f.write_str("events"),
            Self::Zoho(pattern) => pattern.fmt(f),
        }
    }
}

/// Why a text is no permission.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum UnknownPermission {
    /// It is none of the known words.
    #[error(
        "a permission is one of inventory:read, inventory:stock, inventory:write, crm:read, crm:write, events, or a pattern \
         like zoho:GET:inventory/itemgroups/*"
    )]
    Word,
    /// It begins like a pattern, but is none.
    #[error("this is no pattern like zoho:GET:inventory/itemgroups/*: {0}")]
    Pattern(#[from] BadPattern),
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        if text == "events" {
            return Ok(Self::Events);
        }
        if text.starts_with(pattern::PREFIX) {
            return Ok(Self::Zoho(text.parse()?));
        }
        let (product, access) = text.split_once(':').ok_or(UnknownPermission::Word)?;
        let product = product.parse().map_err(|_| UnknownPermission::Word)?;
        let access = access.parse().map_err(|_| UnknownPermission::Word)?;
        if product == Product::Crm && access == Access::Stock {
            return Err(UnknownPermission::Word);
        }
        Ok(Self::Product(product, access))
    }
}

impl TryFrom<String> for Permission {
    type Error = UnknownPermission;

    fn try_from(text: String) -> Result<Self, UnknownPermission> {
        text.parse()
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_cover_those_below_and_no_other_product() {
        let can =
            |own: &str, needed: &str| own.parse::<Permission>().unwrap().covers(&needed.parse().unwrap());
        assert!(can("inventory:write", "inventory:read"));
        assert!(!can("inventory:read", "inventory:stock"));
        assert!(!can("inventory:write", "crm:read"));
        assert!(!can("events", "crm:read"));
        assert!(can("zoho:GET:inventory/items/*", "zoho:GET:inventory/items/33"));
        assert!(!can("inventory:write", "zoho:GET:inventory/items"));
        assert!(!can("zoho:*:inventory/**", "inventory:read"));
        for wrong in
            ["", "inventory", "inventory:", "crm:stock", "books:read", "events:read", "zoho:", "zoho:read"]
        {
            assert!(wrong.parse::<Permission>().is_err(), "{wrong}");
        }
    }
}
