//! Where else a refused token is tried: Zoho's refusals do not tell a dead token from one that may not do this.

use crate::zoho::failure::Failure;
use crate::zoho::http::Answer;
use crate::zoho::response::{crm as judge_crm, inventory as judge_inventory};
use crate::zoho::scope::{Product, ScopeSet};
use crate::zoho::{crm, inventory};

/// A read that a living token is not refused.
pub struct TokenProbe {
    /// Whose call it is.
    pub product: Product,
    /// Its address.
    pub url: String,
    judge: fn(&Answer) -> Result<(), Failure>,
}

impl TokenProbe {
    /// The other product, or another route of Inventory where its refusal was the `ambiguous` one; nothing where these scopes
    /// allow neither.
    pub fn of(scopes: &ScopeSet, refused: Product, ambiguous: bool, api: &str) -> Option<Self> {
        if scopes.allows(inventory::scope::SETTINGS) && (ambiguous || refused == Product::Crm) {
            let (product, url) = (Product::Inventory, inventory::organizations_url(api));
            Some(Self { product, url, judge: |answer| judge_inventory(answer).map(drop) })
        } else if scopes.allows(crm::scope::ORG) && refused == Product::Inventory {
            let (product, url) = (Product::Crm, crm::org_url(api));
            Some(Self { product, url, judge: |answer| judge_crm(answer).map(drop) })
        } else {
            None
        }
    }

    /// Judges its answer.
    ///
    /// # Errors
    /// Everything but success.
    pub fn judge(&self, answer: &Answer) -> Result<(), Failure> {
        (self.judge)(answer)
    }
}
