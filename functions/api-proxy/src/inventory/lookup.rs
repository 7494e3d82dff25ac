//! Records by what people call them: an item by its exact SKU, a customer by exact name, a location by id or exact name. Each
//! leads to exactly one, or the caller hears why not. Zoho's filters are not relied on: they may be ignored, or match in parts.

use shared::base::exactly_one::{Found, exactly_one};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id, query_of, record, text};

use crate::zoho::{Target, Zoho, unreadable};

/// How many pages are searched for a SKU where Zoho ignores the filter, as it does with filters it does not know.
const MAX_ITEM_PAGES: u32 = 20;

/// How many pages of customers are looked through for a name.
const MAX_CUSTOMER_PAGES: u32 = 10;

/// The most rows that Zoho gives at once.
const ROWS: u32 = 200;

/// One item, as callers get it.
pub(crate) async fn item(zoho: &Zoho, target: &Target<'_>, item_id: &str) -> Result<Object, Problem> {
    let mut answer = zoho
        .read(
            target,
            |place| inventory::item_url(place.api, place.organization, item_id),
            response::inventory,
        )
        .await?;
    record(&mut answer, "item").map(inventory::item).ok_or_else(|| unreadable("item"))
}

/// A page of items, as Zoho gives them.
pub(super) struct ItemPage {
    pub(super) items: Vec<Object>,
    pub(super) more: bool,
    /// Whether Zoho says that these are low on stock.
    pub(super) low_stock_filtered: bool,
}

/// Reads a page of items.
pub(super) async fn item_page(
    zoho: &Zoho,
    target: &Target<'_>,
    filters: &[(&str, &str)],
    page: u32,
    rows: u32,
) -> Result<ItemPage, Problem> {
    let mut answer = zoho
        .read(
            target,
            |place| inventory::items_url(place.api, place.organization, filters, page, rows),
            response::inventory,
        )
        .await?;
    let more = inventory::has_more(&answer);
    let low_stock_filtered = inventory::has_filtered(&answer, inventory::LOW_STOCK);
    Ok(ItemPage { items: records(&mut answer, "items")?, more, low_stock_filtered })
}

/// The one active item with exactly this SKU.
pub(crate) async fn item_by_sku(zoho: &Zoho, target: &Target<'_>, sku: &str) -> Result<Object, Problem> {
    let mut found: Vec<Object> = Vec::new();
    for page in 1.. {
        let ItemPage { items, more, .. } = item_page(zoho, target, &[("sku", sku)], page, ROWS).await?;
        for item in items.into_iter().filter(|item| text(item, "sku") == Some(sku)) {
            // A list that changes while it is read can show an item twice.
            if !found.iter().any(|known| id(known, "item_id") == id(&item, "item_id")) {
                found.push(item);
            }
        }
        if !more {
            break;
        }
        if page == MAX_ITEM_PAGES {
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
    let ids =
        |items: &[Object]| items.iter().filter_map(|item| id(item, "item_id")).collect::<Vec<_>>().join(", ");
    match exactly_one(found) {
        Found::One(item) if active(&item) => Ok(item),
        Found::One(item) => Err(Problem::new(
            Code::SkuInactive,
            format!("The item with this SKU, {}, is inactive.", ids(&[item])),
        )),
        Found::Several(items) => {
            Err(Problem::new(Code::SkuAmbiguous, format!("Items with this SKU: {}.", ids(&items))))
        }
        Found::None => {
            Err(Problem::new(Code::SkuNotFound, "No item in Zoho Inventory has exactly this SKU."))
        }
    }
}

/// The id of the one active customer with exactly this name.
pub(crate) async fn customer_by_name(
    zoho: &Zoho,
    target: &Target<'_>,
    name: &str,
) -> Result<String, Problem> {
    let is_it = |row: &Object| {
        text(row, "contact_name") == Some(name)
            && text(row, "contact_type") != Some("vendor")
            && text(row, "status") != Some("inactive")
    };
    let mut found: Vec<String> = Vec::new();
    for page in 1.. {
        let mut answer = zoho
            .read(
                target,
                |place| {
                    let mut url = query_of(RecordKind::CONTACT.list_url(place.api));
                    url.append_pair("organization_id", place.organization)
                        .append_pair("contact_name", name)
                        .append_pair("page", &page.to_string())
                        .append_pair("per_page", &ROWS.to_string());
                    url.finish()
                },
                response::inventory,
            )
            .await?;
        let more = inventory::has_more(&answer);
        let rows = records(&mut answer, "contacts")?;
        found.extend(rows.iter().filter(|row| is_it(row)).filter_map(|row| id(row, "contact_id")));
        if !more {
            break;
        }
        if page == MAX_CUSTOMER_PAGES {
            return Err(Problem::new(
                Code::CustomerAmbiguous,
                "Zoho did not filter by name, and there are too many customers to look through them all.",
            ));
        }
    }
    found.sort_unstable();
    found.dedup();
    match exactly_one(found) {
        Found::One(only) => Ok(only),
        Found::Several(ids) => {
            Err(Problem::new(Code::CustomerAmbiguous, format!("Customers of this name: {}.", ids.join(", "))))
        }
        Found::None => Err(Problem::new(Code::CustomerNotFound, "No customer has exactly this name.")),
    }
}

/// Demands that there is a location of this id or exact name, as far as that can be told: an organisation may have none, and a
/// connection may not be allowed to read them.
pub(crate) async fn demand_location(zoho: &Zoho, target: &Target<'_>, location: &str) -> Result<(), Problem> {
    let target = target.with(inventory::scope::SETTINGS);
    let answer = zoho
        .read(&target, |place| inventory::locations_url(place.api, place.organization), response::inventory)
        .await;
    let Ok(mut answer) = answer else { return Ok(()) };
    let Ok(locations) = records(&mut answer, "locations") else { return Ok(()) };
    let name = |place: &Object| text(place, "location_name").unwrap_or_default().to_owned();
    let is =
        |place: &Object| id(place, "location_id").as_deref() == Some(location) || name(place) == location;
    if locations.is_empty() || locations.iter().any(is) {
        return Ok(());
    }
    let names: Vec<String> = locations.iter().map(name).collect();
    Err(Problem::new(Code::LocationNotFound, format!("The locations are: {}.", names.join(", "))))
}
