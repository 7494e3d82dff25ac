//! Transfers of stock between locations. <https://www.zoho.com/inventory/api/v1/transferorders/>

use super::MAX_ROWS;
use super::record_kinds::RecordKind;
use crate::zoho::value::query_of;

/// Reading them.
pub const READ: &str = RecordKind::TRANSFER_ORDER.read_scope;
/// Making them, and marking them as received: for Zoho, that is a CREATE, too.
pub const CREATE: &str = "ZohoInventory.transferorders.CREATE";

/// Where new ones are posted that carry a number of their own.
pub fn create_url(api: &str, organization: &str) -> String {
    let mut url = query_of(RecordKind::TRANSFER_ORDER.list_url(api));
    url.append_pair("organization_id", organization).append_pair("ignore_auto_number_generation", "true");
    url.finish()
}

/// Those with this number, where Zoho heeds that.
pub fn numbered_url(api: &str, organization: &str, number: &str) -> String {
    let mut url = query_of(RecordKind::TRANSFER_ORDER.list_url(api));
    url.append_pair("organization_id", organization)
        .append_pair("transfer_order_number", number)
        .append_pair("per_page", &MAX_ROWS.to_string())
        .append_pair("sort_column", "created_time")
        .append_pair("sort_order", "D");
    url.finish()
}

/// The address at which the goods of a transfer have arrived, on that day.
pub fn received_url(api: &str, organization: &str, id: &str, date: &str) -> String {
    let mut url = query_of(format!("{}/{id}/markastransferred", RecordKind::TRANSFER_ORDER.list_url(api)));
    url.append_pair("date", date).append_pair("organization_id", organization);
    url.finish()
}
