//! A second call that checks a refused token. Zoho's refusals do not distinguish a dead token from a token without the right.

use crate::zoho::failure::Failure;
use crate::zoho::http::Answer;
use crate::zoho::response::{crm as judge_crm, inventory as judge_inventory};
use crate::zoho::scope::{Product, ScopeSet};
use crate::zoho::{crm, inventory};

/// A read that every live token is allowed.
pub struct TokenProbe {
    /// The product that is called.
    pub product: Product,
    /// Its address.
    pub url: String,
    judge: fn(&Answer) -> Result<(), Failure>,
}

impl TokenProbe {
    /// A read of the other product, or of another route of Inventory after a refusal that is `ambiguous` there. None where
    /// the scopes allow neither.
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

    /// Judges the answer to the probe.
    ///
    /// # Errors
    /// Everything but success.
    pub fn judge(&self, answer: &Answer) -> Result<(), Failure> {
        (self.judge)(answer)
    }
}
