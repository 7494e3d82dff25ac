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

/// The text of one item, as callers get it, with the fields of these names or with all; or as [`item`] where Zoho's answer is not a
/// plain one, or does not have one of these.
pub(super) async fn item_text(
    zoho: &Zoho,
    target: &Target<'_>,
    item_id: &str,
    shown: Option<&[&str]>,
) -> Result<Result<Vec<u8>, Object>, Problem> {
    let found = zoho
        .read(
            target,
            |endpoint| inventory::item_url(endpoint.api, endpoint.organization, item_id),
            |answer| match item_bytes::item(answer, shown) {
                Some(text) => Ok(Ok(text)),
                None => response::inventory(answer).map(Err),
            },
        )
        .await?;
    match found {
        Ok(text) => Ok(Ok(text)),
        Err(answer) => item_in(answer).map(Err),
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

/// A page of all items, as callers get them: their text behind `head`, and whether there are more; or as [`item_page`] where Zoho's
/// answer is not a plain one.
pub(super) async fn item_texts(
    zoho: &Zoho,
    target: &Target<'_>,
    page: u32,
    rows: u32,
    head: &str,
) -> Result<Result<(Items, bool), ItemPage>, Problem> {
    let found = zoho
        .read(
            target,
            |endpoint| inventory::items_url(endpoint.api, endpoint.organization, &[], page, rows),
            |answer| match item_bytes::items(answer, head) {
                Some(items) => Ok(Ok(items)),
                None => response::inventory(answer).map(Err),
            },
        )
        .await?;
    match found {
        Ok(items) => {
            let more = inventory::may_go_on(&items.rest, page, items.count, rows);
            Ok(Ok((items, more)))
        }
        Err(answer) => page_in(answer, page, rows).map(Err),
    }
}
