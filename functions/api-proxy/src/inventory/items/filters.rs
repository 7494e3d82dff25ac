//! Which items of a page are wanted.

use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::zoho::inventory;
use shared::zoho::value::{Object, text, timestamp};

use super::params::ListParams;
use crate::request::params::{invalid, modified_since};
use crate::request::redact;

/// Which items are wanted.
pub(super) struct Filters<'a> {
    pub(super) search: Option<&'a str>,
    pub(super) status: Option<&'a str>,
    pub(super) is_low: bool,
    pub(super) since: Option<Timestamp>,
    /// Zoho searches descriptions, too, in which addresses may stand: for such a key the connector looks, page by page.
    pub(super) is_redacted: bool,
}

impl<'a> Filters<'a> {
    pub(super) fn of(params: &'a ListParams, is_redacted: bool) -> Result<Self, Problem> {
        let (search, status) = (params.search.as_deref(), params.status.as_deref());
        if search.is_some_and(str::is_empty) {
            return Err(invalid("`search` is empty."));
        }
        if status.is_some_and(|status| !["active", "inactive"].contains(&status)) {
            return Err(invalid("`status` is `active` or `inactive`."));
        }
        let stock = params.stock.as_deref();
        if stock.is_some_and(|stock| stock != "low") {
            return Err(invalid("`stock` is `low`, or left out."));
        }
        let since = modified_since(params.modified_since.as_deref())?;
        Ok(Self { search, status, is_low: stock.is_some(), since, is_redacted })
    }

    pub(super) fn are_none(&self) -> bool {
        self.search.or(self.status).is_none() && !self.is_low && self.since.is_none()
    }

    /// Whether an item is wanted: Zoho ignores filters it does not know, and is not sent all of them.
    pub(super) fn fit(&self, item: &Object, low_stock_filtered: bool) -> bool {
        let has = |field, part: &str| {
            text(item, field).is_some_and(|has| {
                if self.is_redacted { redact::shows(has, part) } else { has.to_lowercase().contains(part) }
            })
        };
        self.status.is_none_or(|status| text(item, "status").is_none_or(|has| has == status))
            && self.search.map(str::to_lowercase).is_none_or(|part| has("name", &part) || has("sku", &part))
            && (!self.is_low || inventory::is_low(item, low_stock_filtered))
            && self.since.is_none_or(|since| {
                text(item, "last_modified_time").and_then(timestamp).is_none_or(|changed| changed >= since)
            })
    }
}
