//! Finds an item by its exact SKU.

use shared::base::exactly_one::{Found, exactly_one};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory::MAX_ROWS;
use shared::zoho::value::{Object, id, text};

use super::candidates::candidates;
use crate::inventory::item_reads::{ItemPage, item_page};
use crate::inventory::near_twins::{are_near, common_part};
use crate::zoho::{Target, Zoho};

/// How many pages are searched for a SKU where Zoho ignores the filter, as it does with filters it does not know.
const MAX_PAGES: u32 = 20;

/// The one active item with exactly this SKU.
pub(crate) async fn item_by_sku(zoho: &Zoho, target: &Target<'_>, sku: &str) -> Result<Object, Problem> {
    let (mut found, mut twins): (Vec<Object>, Vec<Object>) = (Vec::new(), Vec::new());
    let mut is_filtered = true;
    for page in 1.. {
        let ItemPage { items, more, .. } = item_page(zoho, target, &[("sku", sku)], page, MAX_ROWS).await?;
        let (exact, others): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| text(item, "sku") == Some(sku));
        is_filtered &= page == 1;
        twins.extend(others.into_iter().filter(|item| is_near_twin(item, sku)));
        for item in exact {
            // A list that changes while it is read can show an item twice.
            if !found.iter().any(|known| id(known, "item_id") == id(&item, "item_id")) {
                found.push(item);
            }
        }
        if !more {
            break;
        }
        if page == MAX_PAGES {
            return Err(Problem::new(
                Code::SkuUnresolved,
                "Zoho ignored the SKU filter, and the organisation has too many items to search them all.",
            ));
        }
    }
    let active = |item: &Object| text(item, "status") != Some("inactive");
    if found.iter().any(active) {
        found.retain(active);
    }
    match exactly_one(found) {
        Found::One(item) if active(&item) => Ok(item),
        Found::One(item) => Err(Problem::new(
            Code::SkuInactive,
            format!("The item with this SKU, {}, is inactive.", candidates(&[item], "item_id", &["name"])),
        )),
        Found::Several(items) => Err(Problem::new(
            Code::SkuAmbiguous,
            format!("Items with this SKU: {}.", candidates(&items, "item_id", &["name"])),
        )),
        Found::None => {
            if twins.is_empty() && is_filtered {
                twins = near_twins(zoho, target, sku).await;
            }
            let mut detail = "No item in Zoho Inventory has exactly this SKU.".to_owned();
            if may_be_an_id(sku) {
                detail.push_str(
                    " It looks like an item's id: that stands in `item_id` of a body, or in the path, `GET /v1/inventory/items/{item_id}`.",
                );
            }
            if !twins.is_empty() {
                let twins = candidates(&twins, "item_id", &["sku", "name"]);
                detail.push_str(
                    " These differ only by capitals, blanks, leading zeros or the way an accent is written: ",
                );
                detail.push_str(&twins);
                detail.push('.');
            }
            Err(Problem::new(Code::SkuNotFound, detail))
        }
    }
}

/// Whether a SKU has the form of Zoho's ids. Numbers of articles (EAN, GTIN) have 14 digits at most.
fn may_be_an_id(sku: &str) -> bool {
    (15..=19).contains(&sku.len()) && sku.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_near_twin(item: &Object, sku: &str) -> bool {
    text(item, "sku").is_some_and(|other| are_near(other, sku))
}

/// Items whose SKU may be meant: those of one page, because this only words a failure.
pub(crate) async fn near_twins(zoho: &Zoho, target: &Target<'_>, sku: &str) -> Vec<Object> {
    let part = common_part(sku);
    if part.is_empty() {
        return Vec::new();
    }
    match item_page(zoho, target, &[("search_text", part)], 1, MAX_ROWS).await {
        Ok(page) => page.items.into_iter().filter(|item| is_near_twin(item, sku)).collect(),
        Err(_) => Vec::new(),
    }
}
