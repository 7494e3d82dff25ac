//! Zoho Inventory: its addresses, and its records in the shape that callers get.
//! <https://www.zoho.com/inventory/api/v1/>

pub mod adjustments;
pub mod item_bytes;
pub mod orders;
pub mod record_kinds;
mod representation;
mod stock;
pub mod transfer_orders;
pub mod webhook_rules;

use serde_json::Value;

use self::record_kinds::RecordKind;
use super::value::{Object, number, query_of};

pub use self::representation::{item, plain_record};
pub use self::stock::lacks_figures;

/// Scopes, by the records that they cover.
pub mod scope {
    use super::record_kinds::RecordKind;

    /// Items and their stock.
    pub const ITEMS: &str = RecordKind::ITEM.read_scope;
    /// Customers and vendors.
    pub const CONTACTS: &str = RecordKind::CONTACT.read_scope;
    /// Settings, which include the list of organisations.
    pub const SETTINGS: &str = RecordKind::LOCATION.read_scope;
}

/// The organisations of the user who connected.
pub fn organizations_url(api: &str) -> String {
    format!("{api}/inventory/v1/organizations")
}

/// The user who connected.
pub fn user_url(api: &str, organization: &str) -> String {
    format!("{api}/inventory/v1/users/me?organization_id={organization}")
}

/// The email address of that user, in lower case: the selected one, else the first.
pub fn user_email(answer: &Object) -> Option<String> {
    let addresses = answer.get("user")?.get("email_ids")?.as_array()?;
    let selected = |entry: &&Value| entry.get("is_selected").and_then(Value::as_bool).unwrap_or(false);
    let entry = addresses.iter().find(selected).or(addresses.first())?;
    entry.get("email")?.as_str().map(str::to_lowercase)
}

/// A page of items, sorted by creation, so that a new item appears at the end and moves no other across pages.
pub fn items_url(
    api: &str,
    organization: &str,
    filters: &[(&str, &str)],
    page: u32,
    per_page: u32,
) -> String {
    let mut query = query_of(RecordKind::ITEM.list_url(api));
    query
        .append_pair("organization_id", organization)
        .append_pair("page", &page.to_string())
        .append_pair("per_page", &per_page.to_string())
        .append_pair("sort_column", "created_time")
        .append_pair("sort_order", "A")
        .extend_pairs(filters);
    query.finish()
}

/// Items with all details, by their ids, separated by commas.
pub fn item_details_url(api: &str, organization: &str, ids: &str) -> String {
    let mut query = query_of(format!("{api}/inventory/v1/itemdetails"));
    query.append_pair("organization_id", organization).append_pair("item_ids", ids);
    query.finish()
}

/// The locations of the organisation.
pub fn locations_url(api: &str, organization: &str) -> String {
    format!("{api}/inventory/v1/locations?organization_id={organization}")
}

/// The filter of items that are low on stock.
pub const LOW_STOCK: (&str, &str) = ("filter_by", "Status.Lowstock");

/// Whether an item is low on stock. A list can leave out the reorder level: then Zoho's filter decides, if Zoho says that it was
/// applied (`filtered`).
pub fn is_low(item: &Object, filtered: bool) -> bool {
    let figure = |field: &str| number(item.get(field)).as_f64();
    match (figure("reorder_level"), figure("stock_on_hand")) {
        (Some(level), Some(stock)) => stock <= level,
        _ => filtered,
    }
}

/// Whether Zoho says that it has applied a filter.
pub fn has_filtered(answer: &Object, (_, filter): (&str, &str)) -> bool {
    let applied = answer.get("page_context").and_then(|page| page.get("applied_filter"));
    applied.and_then(Value::as_str) == Some(filter)
}

/// One item.
pub fn item_url(api: &str, organization: &str, item_id: &str) -> String {
    RecordKind::ITEM.record_url(api, organization, item_id)
}

/// The most rows of a list that are asked for at once. Zoho names 200 as the default and promises no longer page.
/// <https://www.zoho.com/inventory/api/v1/pagination/>
pub const MAX_ROWS: u32 = 200;

/// Whether Zoho says that there is a page after this one. Without a `page_context` there is none.
pub fn has_more(answer: &Object) -> bool {
    answer
        .get("page_context")
        .and_then(|page| page.get("has_more_page"))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Of a first page with fewer than one row in so many, Zoho's word is believed that it is the last.
const NEARLY_EMPTY: u64 = 4;

/// Whether a list may go on after a page of so many rows, where so many were asked for. Zoho can call a page the last one that is
/// not: a second page with 175 of 200 rows did, and 131 more came after it. Only an empty page is the end. To ask for one after each
/// short list would double the calls of most reads, so that a nearly empty first page is believed.
pub fn may_go_on(answer: &Object, page: u32, rows: usize, asked: u32) -> bool {
    if has_more(answer) {
        return true;
    }
    let Some(context) = answer.get("page_context") else { return false };
    let size = context.get("per_page").and_then(Value::as_u64).filter(|size| *size > 0);
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    rows > 0 && (page > 1 || rows.saturating_mul(NEARLY_EMPTY) >= size.unwrap_or(asked.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn low_is_what_the_figures_say_or_else_what_zoho_filtered() {
        let low = |text: &str, filtered| is_low(&serde_json::from_str(text).unwrap(), filtered);
        for filtered in [false, true] {
            assert!(low(r#"{"reorder_level":10,"stock_on_hand":"10.0"}"#, filtered));
            assert!(!low(r#"{"reorder_level":10,"stock_on_hand":10.5}"#, filtered));
            assert_eq!(low(r#"{"reorder_level":"","stock_on_hand":1}"#, filtered), filtered);
            assert_eq!(low("{}", filtered), filtered);
        }
    }

    #[test]
    fn only_an_empty_page_or_a_nearly_empty_first_one_is_the_end() {
        let answer = |context: Value| json!({ "page_context": context }).as_object().unwrap().clone();
        let last = answer(json!({ "has_more_page": false }));
        for (page, rows, goes_on) in
            [(1, 0, false), (1, 49, false), (1, 50, true), (2, 1, true), (2, 175, true), (4, 0, false)]
        {
            assert_eq!(may_go_on(&last, page, rows, 200), goes_on, "{page} {rows}");
        }
        let small = answer(json!({ "has_more_page": false, "per_page": 2 }));
        assert!(may_go_on(&small, 1, 1, 200), "what Zoho took for a page counts");
        assert!(may_go_on(&answer(json!({ "has_more_page": true })), 1, 0, 200));
        assert!(!may_go_on(&Object::new(), 1, 200, 200), "lists that have no pages");
    }

    #[test]
    fn a_sku_is_escaped_into_the_query() {
        let url = items_url("https://api", "1", &[("sku", "A&B ü+")], 2, 200);
        assert!(
            url.ends_with("page=2&per_page=200&sort_column=created_time&sort_order=A&sku=A%26B+%C3%BC%2B"),
            "{url}"
        );
    }
}
