//! What a caller asks of the list of items.

use serde::Deserialize;

use super::PATH;
use crate::request::params::next;

#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    pub(super) sku: Option<String>,
    /// Another system's id of an item.
    pub(super) product_id: Option<String>,
    /// A part of name or SKU.
    pub(super) search: Option<String>,
    /// `active` or `inactive`.
    pub(super) status: Option<String>,
    /// `low`: at or below the reorder level.
    pub(super) stock: Option<String>,
    /// The id or the exact name of a location: items that have stock figures there, with these only.
    pub(super) location: Option<String>,
    /// Only what was changed since then.
    pub(super) modified_since: Option<String>,
    /// Whether each item is read with all figures.
    #[serde(default)]
    pub(super) details: bool,
    pub(super) fields: Option<String>,
    pub(super) per_page: Option<u32>,
    pub(super) cursor: Option<String>,
}

impl ListParams {
    /// Where the list goes on.
    pub(super) fn next(&self, page: u32, rows: u32) -> String {
        let (cursor, rows) = (format!("p{page}"), rows.to_string());
        let params = [
            ("per_page", Some(rows.as_str())),
            ("fields", self.fields.as_deref()),
            ("search", self.search.as_deref()),
            ("status", self.status.as_deref()),
            ("stock", self.stock.as_deref()),
            ("location", self.location.as_deref()),
            ("modified_since", self.modified_since.as_deref()),
            ("details", self.details.then_some("true")),
            ("cursor", Some(cursor.as_str())),
        ];
        next(PATH, &params)
    }
}
