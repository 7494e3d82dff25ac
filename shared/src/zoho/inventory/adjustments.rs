//! Adjustments of stock. <https://www.zoho.com/inventory/api/v1/inventoryadjustments/>

use super::record_kinds::RecordKind;
use crate::zoho::value::query_of;

/// Reading them.
pub const READ: &str = RecordKind::INVENTORY_ADJUSTMENT.read_scope;
/// Making them.
pub const CREATE: &str = "ZohoInventory.inventoryadjustments.CREATE";

/// Where new ones are posted.
pub fn create_url(api: &str, organization: &str) -> String {
    let mut url = query_of(RecordKind::INVENTORY_ADJUSTMENT.list_url(api));
    url.append_pair("organization_id", organization);
    url.finish()
}

/// A page of them, the newest first where Zoho heeds that: no page of Zoho's says that it does.
pub fn newest_url(api: &str, organization: &str, page: u32, rows: u32) -> String {
    let mut url = query_of(RecordKind::INVENTORY_ADJUSTMENT.list_url(api));
    url.append_pair("organization_id", organization)
        .append_pair("page", &page.to_string())
        .append_pair("per_page", &rows.to_string())
        .append_pair("sort_column", "created_time")
        .append_pair("sort_order", "D");
    url.finish()
}
