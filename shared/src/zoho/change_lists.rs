//! The lists that polling reads: records in the order of their last change, and CRM's deleted records. Inventory lists no deleted
//! records. <https://www.zoho.com/crm/developer/docs/api/v8/get-records.html>

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::zoho::failure::Failure;
use crate::zoho::inventory::record_kinds::RecordKind;
use crate::zoho::response::records;
use crate::zoho::value::{Object, id, query_of, text, timestamp};
use crate::zoho::{crm, inventory};

/// The rows of a page: the most that Zoho gives.
const ROWS_PER_PAGE: u32 = 200;

/// Each page of Inventory has this many rows less than the one before, so that it begins with that page's last rows. A record
/// that moves up when another one is deleted is then not missed. No page has less than half of the rows.
const ROWS_LESS_PER_PAGE: u32 = 2;

/// The last page of CRM that has a number. Later pages have tokens.
const LAST_NUMBERED_PAGE: u32 = 10;

/// The order of a list by the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The latest change comes last.
    OldestFirst,
    /// The latest change comes first.
    NewestFirst,
}

/// The position of a page in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagePosition {
    /// Its number, from 1.
    Page(u32),
    /// CRM's page token.
    Token(String),
}

impl PagePosition {
    /// The first page of every list.
    pub const FIRST: Self = Self::Page(1);
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// Its rows, without those that have no id or no time of change.
    pub rows: Vec<Changed>,
    /// The number of other rows.
    pub unread: u32,
    /// Whether it has rows, and none of them has a time at all, readable or not.
    pub timeless: bool,
    /// The next page.
    pub next: Option<PagePosition>,
    /// Whether the list goes on, but Zoho does not say where.
    pub cut: bool,
}

/// A record of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Its id.
    pub id: String,
    /// When it was changed last, or deleted.
    pub at: Timestamp,
    /// When it was made, where Zoho says so.
    pub created: Option<Timestamp>,
    /// As Zoho lists it.
    pub row: Object,
}

/// The fields that tell when a record was changed, the first that is there, and made.
struct Times<'a> {
    changed: &'a [&'a str],
    created: &'a str,
}

impl Page {
    /// With these rows. One that cannot be read is counted, and costs no other.
    fn with(mut self, rows: Vec<Object>, id_field: &str, times: &Times<'_>) -> Self {
        let all = rows.len();
        self.timeless =
            all > 0 && !rows.iter().any(|row| times.changed.iter().any(|field| text(row, field).is_some()));
        let read = |row: Object| {
            let time = |field: &str| text(&row, field).and_then(timestamp);
            let at = times.changed.iter().find_map(|field| time(field))?;
            Some(Changed { id: id(&row, id_field)?, at, created: time(times.created), row })
        };
        self.rows = rows.into_iter().filter_map(read).collect();
        self.unread = u32::try_from(all - self.rows.len()).unwrap_or(u32::MAX);
        self
    }

    /// Whether the rows are in this order.
    pub fn is_sorted(&self, order: Order) -> bool {
        match order {
            Order::OldestFirst => self.rows.is_sorted_by(|one, next| one.at <= next.at),
            Order::NewestFirst => self.rows.is_sorted_by(|one, next| one.at >= next.at),
        }
    }
}

/// A moment in the form that CRM takes in `If-Modified-Since`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// The list of a CRM module's records.
pub fn crm_url(api: &str, module: &str, order: Order, at: &PagePosition) -> String {
    let mut query = query_of(crm::module_url(api, module));
    let order = match order {
        Order::OldestFirst => "asc",
        Order::NewestFirst => "desc",
    };
    query
        .append_pair("fields", "id,Modified_Time,Created_Time")
        .append_pair("sort_by", "Modified_Time")
        .append_pair("sort_order", order);
    page_of(query, at, ROWS_PER_PAGE)
}

/// The list of a CRM module's deleted records. Zoho does not document its order.
pub fn crm_deleted_url(api: &str, module: &str, at: &PagePosition) -> String {
    let mut query = query_of(format!("{}/deleted", crm::module_url(api, module)));
    query.append_pair("type", "all");
    page_of(query, at, ROWS_PER_PAGE)
}

fn page_of(mut query: form_urlencoded::Serializer<'static, String>, at: &PagePosition, rows: u32) -> String {
    query.append_pair("per_page", &rows.to_string());
    match at {
        PagePosition::Page(number) => query.append_pair("page", &number.to_string()),
        PagePosition::Token(token) => query.append_pair("page_token", token),
    };
    query.finish()
}

/// Reads CRM's answer to a list of records. None is an empty list.
///
/// # Errors
/// Where it is no list.
pub fn crm_page(answer: Option<Object>, at: &PagePosition) -> Result<Page, Failure> {
    let token =
        answer.as_ref().and_then(crm::next_page_token).map(|token| PagePosition::Token(token.to_owned()));
    let next = match at {
        PagePosition::Page(number) if *number < LAST_NUMBERED_PAGE => Some(PagePosition::Page(number + 1)),
        _ => token,
    };
    crm_rows(answer, next)
}

/// Reads CRM's answer to a list of deleted records. All of its pages are numbered.
///
/// # Errors
/// Where it is no list.
pub fn crm_deleted_page(answer: Option<Object>, at: &PagePosition) -> Result<Page, Failure> {
    let next = match at {
        PagePosition::Page(number) => Some(PagePosition::Page(number + 1)),
        PagePosition::Token(_) => None,
    };
    crm_rows(answer, next)
}

fn crm_rows(answer: Option<Object>, next: Option<PagePosition>) -> Result<Page, Failure> {
    let Some(mut answer) = answer else { return Ok(Page::default()) };
    let more = crm::more_records(&answer);
    let next = next.filter(|_| more);
    let page = Page { cut: more && next.is_none(), next, ..Page::default() };
    let times = Times { changed: &["deleted_time", "Modified_Time"], created: "Created_Time" };
    Ok(page.with(records(&mut answer, "data")?, "id", &times))
}

/// The list of Inventory's records of a kind, the latest change first. The official OpenAPI file does not say that every list can
/// be sorted so. Where Zoho does not sort, the rows show it.
pub fn inventory_url(api: &str, organization: &str, kind: &RecordKind, at: &PagePosition) -> String {
    let mut query = query_of(kind.list_url(api));
    query
        .append_pair("organization_id", organization)
        .append_pair("sort_column", "last_modified_time")
        .append_pair("sort_order", "D");
    let rows = match at {
        PagePosition::Page(number) => rows_of(*number),
        PagePosition::Token(_) => ROWS_PER_PAGE,
    };
    page_of(query, at, rows)
}

/// Reads Inventory's answer to a list.
///
/// # Errors
/// Where it is no list.
pub fn inventory_page(mut answer: Object, kind: &RecordKind, at: &PagePosition) -> Result<Page, Failure> {
    let rows = kind.take_list(&mut answer)?;
    let next = match at {
        PagePosition::Page(number) => inventory::may_go_on(&answer, *number, rows.len(), rows_of(*number))
            .then(|| PagePosition::Page(number.saturating_add(1))),
        PagePosition::Token(_) => None,
    };
    let page = Page { cut: inventory::has_more(&answer) && next.is_none(), next, ..Page::default() };
    let times = Times { changed: &["last_modified_time"], created: "created_time" };
    Ok(page.with(rows, kind.id_field, &times))
}

/// How many rows this page of a list of Inventory is asked to have.
fn rows_of(page: u32) -> u32 {
    let less = ROWS_LESS_PER_PAGE.saturating_mul(page.saturating_sub(1));
    ROWS_PER_PAGE.saturating_sub(less).max(ROWS_PER_PAGE / 2)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn pages_of_crm_go_on_by_number_and_then_by_token() {
        let answer = |more: bool| {
            object(&json!({ "data": [], "info": { "more_records": more, "next_page_token": "t" } }))
        };
        assert_eq!(
            crm_page(Some(answer(true)), &PagePosition::Page(9)).unwrap().next,
            Some(PagePosition::Page(10))
        );
        assert_eq!(
            crm_page(Some(answer(true)), &PagePosition::Page(10)).unwrap().next,
            Some(PagePosition::Token("t".to_owned()))
        );
        assert_eq!(crm_page(Some(answer(false)), &PagePosition::Page(1)).unwrap().next, None);
        let numbered = object(&json!({ "data": [], "info": { "more_records": true } }));
        let page = crm_page(Some(numbered.clone()), &PagePosition::Page(10)).unwrap();
        assert!(page.next.is_none() && page.cut, "there is more, and no way to it");
        let page = crm_deleted_page(Some(numbered), &PagePosition::Page(10)).unwrap();
        assert_eq!((page.next, page.cut), (Some(PagePosition::Page(11)), false));
        let last = crm_deleted_page(Some(answer(false)), &PagePosition::Page(11)).unwrap();
        assert_eq!((last.next, last.cut), (None, false));
        assert!(crm_page(None, &PagePosition::FIRST).unwrap().rows.is_empty());
        let url = crm_url("https://api", "Deals", Order::OldestFirst, &PagePosition::Token("t".to_owned()));
        assert_eq!(
            url,
            "https://api/crm/v8/Deals?fields=id%2CModified_Time%2CCreated_Time&sort_by=Modified_Time&sort_order=asc&per_page=200&page_token=t"
        );
        assert_eq!(
            crm_deleted_url("https://api", "Deals", &PagePosition::Page(2)),
            "https://api/crm/v8/Deals/deleted?type=all&per_page=200&page=2"
        );
    }

    #[test]
    fn rows_of_both_products_say_when_they_changed() {
        let crm = object(&json!({ "data": [
            { "id": "61", "Modified_Time": "2026-11-21T20:00:00+01:00", "Created_Time": "2026-11-20T20:00:00+01:00" },
            { "id": "62", "Modified_Time": null },
            { "id": "63", "deleted_time": "2026-11-21T20:00:01+01:00" },
        ] }));
        let page = crm_page(Some(crm), &PagePosition::FIRST).unwrap();
        let found: Vec<_> = page.rows.iter().map(|row| (row.id.as_str(), row.at.to_string())).collect();
        assert_eq!(
            found,
            [("61", "2026-11-21T19:00:00Z".to_owned()), ("63", "2026-11-21T19:00:01Z".to_owned())]
        );
        assert!(page.is_sorted(Order::OldestFirst) && !page.is_sorted(Order::NewestFirst));
        let inventory = object(&json!({
            "code": 0, "page_context": { "has_more_page": true },
            "items": [{ "item_id": "33", "last_modified_time": "2026-11-21T20:00:00+0100" }],
        }));
        let page = inventory_page(inventory, RecordKind::ITEM, &PagePosition::Page(3)).unwrap();
        assert_eq!((page.rows.len(), page.next), (1, Some(PagePosition::Page(4))));
    }

    #[test]
    fn each_page_of_inventory_begins_with_the_last_rows_of_the_one_before() {
        let rows = |number| -> u32 {
            let url = inventory_url("https://api", "1", RecordKind::ITEM, &PagePosition::Page(number));
            let (_, rest) = url.split_once("per_page=").unwrap();
            rest.split('&').next().unwrap().parse().unwrap()
        };
        assert_eq!((rows(1), rows(2), rows(1000)), (200, 198, 100));
        for number in 1..=50 {
            assert!(number * rows(number + 1) <= number * rows(number) - 2, "{number}");
        }
    }

    #[test]
    fn moments_have_seconds_and_an_offset() {
        assert_eq!(moment("2026-11-21T10:00:00.75Z".parse().unwrap()), "2026-11-21T10:00:00+00:00");
    }
}
