//! Sales orders.

use super::record_kinds::RecordKind;
use crate::zoho::value::query_of;

/// Reading them.
pub const READ: &str = RecordKind::SALES_ORDER.read_scope;
/// Making them, and changing their status.
pub const CREATE: &str = "ZohoInventory.salesorders.CREATE";

/// The list, and where new ones are posted.
pub fn list_url(api: &str, organization: &str, query: &[(&str, &str)]) -> String {
    let mut url = query_of(RecordKind::SALES_ORDER.list_url(api));
    url.append_pair("organization_id", organization).extend_pairs(query);
    url.finish()
}

/// One of them.
pub fn one_url(api: &str, organization: &str, id: &str) -> String {
    RecordKind::SALES_ORDER.record_url(api, organization, id)
}

/// The address to change an order's status.
pub fn status_url(api: &str, organization: &str, id: &str, status: &str) -> String {
    format!("{api}/inventory/v1/salesorders/{id}/status/{status}?organization_id={organization}")
}
