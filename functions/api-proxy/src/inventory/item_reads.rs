//! Items as Zoho has them: one by its id, and pages of them.

use shared::base::problem::Problem;
use shared::zoho::inventory;
use shared::zoho::inventory::item_bytes::{self, Items};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response::{self, records};
use shared::zoho::value::Object;

use crate::zoho::{Target, Zoho, unreadable};

/// One item, as callers get it.
pub(crate) async fn item(zoho: &Zoho, target: &Target<'_>, item_id: &str) -> Result<Object, Problem> {
    let answer = zoho
        .read(
            target,
            |endpoint| inventory::item_url(endpoint.api, endpoint.organization, item_id),
            response::inventory,
        )
        .await?;
    item_in(answer)
}

fn item_in(mut answer: Object) -> Result<Object, Problem> {
    RecordKind::ITEM.take_record(&mut answer).map(inventory::item).ok_or_else(|| unreadable("item"))
}

/// What was made of Zoho's answer.
pub(super) enum Reading<T, V> {
    /// Text for callers, most of it copied.
    Text(T),
    /// Values, because the answer is not a plain one and nothing can be copied from it.
    Values(V),
}

/// Reads one item, as callers get it, with the fields of these names or with all. An answer that lacks one of these fields is read as
/// values, too.
pub(super) async fn item_text(
    zoho: &Zoho,
    target: &Target<'_>,
    item_id: &str,
    shown: Option<&[&str]>,
) -> Result<Reading<Vec<u8>, Object>, Problem> {
    let found = zoho
        .read(
            target,
            |endpoint| inventory::item_url(endpoint.api, endpoint.organization, item_id),
            |answer| match item_bytes::item(answer, shown) {
                Some(text) => Ok(Reading::Text(text)),
                None => response::inventory(answer).map(Reading::Values),
            },
        )
        .await?;
    match found {
        Reading::Text(text) => Ok(Reading::Text(text)),
        Reading::Values(answer) => item_in(answer).map(Reading::Values),
    }
}

/// A page of items, as Zoho gives them.
pub(crate) struct ItemPage {
    pub(crate) items: Vec<Object>,
    pub(crate) more: bool,
    /// Whether Zoho says that these are low on stock.
    pub(crate) low_stock_filtered: bool,
}

/// Reads a page of items.
pub(super) async fn item_page(
    zoho: &Zoho,
    target: &Target<'_>,
    filters: &[(&str, &str)],
    page: u32,
    rows: u32,
) -> Result<ItemPage, Problem> {
    let answer = zoho
        .read(
            target,
            |endpoint| inventory::items_url(endpoint.api, endpoint.organization, filters, page, rows),
            response::inventory,
        )
        .await?;
    page_in(answer, page, rows)
}

fn page_in(mut answer: Object, page: u32, rows: u32) -> Result<ItemPage, Problem> {
    let items = records(&mut answer, "items")?;
    let more = inventory::may_go_on(&answer, page, items.len(), rows);
    let low_stock_filtered = inventory::has_filtered(&answer, inventory::LOW_STOCK);
    Ok(ItemPage { items, more, low_stock_filtered })
}

/// Reads a page of all items. The text is that which callers get, behind `head`; beside it stands whether there are more items. The
/// values are those of [`item_page`].
pub(super) async fn item_texts(
    zoho: &Zoho,
    target: &Target<'_>,
    page: u32,
    rows: u32,
    head: &str,
) -> Result<Reading<(Items, bool), ItemPage>, Problem> {
    let found = zoho
        .read(
            target,
            |endpoint| inventory::items_url(endpoint.api, endpoint.organization, &[], page, rows),
            |answer| match item_bytes::items(answer, head) {
                Some(items) => Ok(Reading::Text(items)),
                None => response::inventory(answer).map(Reading::Values),
            },
        )
        .await?;
    match found {
        Reading::Text(items) => {
            let more = inventory::may_go_on(&items.rest, page, items.count, rows);
            Ok(Reading::Text((items, more)))
        }
        Reading::Values(answer) => page_in(answer, page, rows).map(Reading::Values),
    }
}
