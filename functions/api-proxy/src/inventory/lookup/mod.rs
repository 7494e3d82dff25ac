//! Records by what people call them: an item by its exact SKU or by another system's id, a customer by exact name, a location by id or exact name. Each
//! leads to exactly one, or the caller hears why not. Zoho's filters are not relied on: they may be ignored, or match in parts.

pub(crate) mod named;

use std::collections::BTreeSet;

use shared::base::exactly_one::{Found, exactly_one};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::inventory::item_bytes::{self, Items};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id, query_of, text};

use crate::inventory::near_twins::{are_near, common_part};
use crate::zoho::{Target, Zoho, unreadable};

/// How many pages are searched for a SKU where Zoho ignores the filter, as it does with filters it does not know.
const MAX_ITEM_PAGES: u32 = 20;

/// How many pages of customers are looked through for a name.
const MAX_CUSTOMER_PAGES: u32 = 10;

/// How many of several are named, and how much of a name is shown.
const MAX_CANDIDATES: usize = 20;
const MAX_NAME: usize = 80;

/// The most rows that Zoho gives at once.
const ROWS: u32 = 200;

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

/// The one active item with exactly this SKU.
pub(crate) async fn item_by_sku(zoho: &Zoho, target: &Target<'_>, sku: &str) -> Result<Object, Problem> {
    let (mut found, mut twins): (Vec<Object>, Vec<Object>) = (Vec::new(), Vec::new());
    let mut is_filtered = true;
    for page in 1.. {
        let ItemPage { items, more, .. } = item_page(zoho, target, &[("sku", sku)], page, ROWS).await?;
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

fn is_near_twin(item: &Object, sku: &str) -> bool {
    text(item, "sku").is_some_and(|other| are_near(other, sku))
}

/// Items whose SKU may be meant: those of one page, because this only words a failure.
pub(super) async fn near_twins(zoho: &Zoho, target: &Target<'_>, sku: &str) -> Vec<Object> {
    let part = common_part(sku);
    if part.is_empty() {
        return Vec::new();
    }
    match item_page(zoho, target, &[("search_text", part)], 1, ROWS).await {
        Ok(page) => page.items.into_iter().filter(|item| is_near_twin(item, sku)).collect(),
        Err(_) => Vec::new(),
    }
}

/// Some records by their ids, each with words that tell it apart for people.
fn candidates(records: &[Object], id_field: &str, fields: &[&str]) -> String {
    let words = |record: &Object| -> Vec<String> {
        let words = fields.iter().filter_map(|field| text(record, field));
        words.map(|word| format!("{:?}", word.chars().take(MAX_NAME).collect::<String>())).collect()
    };
    let candidate = |record: &Object| {
        let id = id(record, id_field)?;
        let words = words(record);
        Some(if words.is_empty() { id } else { format!("{id} ({})", words.join(", ")) })
    };
    let mut listed: Vec<String> = records.iter().take(MAX_CANDIDATES).filter_map(candidate).collect();
    if records.len() > MAX_CANDIDATES {
        listed.push(format!("and {} more", records.len() - MAX_CANDIDATES));
    }
    listed.join(", ")
}

/// A customer, as an order names one.
pub(crate) struct Customer {
    pub(crate) id: String,
    /// As people wrote it; nothing where it was not looked up.
    pub(crate) name: Option<String>,
    pub(crate) currency_code: Option<String>,
}

impl Customer {
    fn of(id: String, contact: &Object) -> Self {
        let text = |field| text(contact, field).map(str::to_owned);
        Self { id, name: text("contact_name"), currency_code: text("currency_code") }
    }
}

/// The customer of this id, with its name where the connection may read it.
pub(crate) async fn customer_by_id(zoho: &Zoho, target: &Target<'_>, id: &str) -> Result<Customer, Problem> {
    let read = zoho.read(
        target,
        |endpoint| RecordKind::CONTACT.record_url(endpoint.api, endpoint.organization, id),
        response::inventory,
    );
    match read.await {
        Ok(mut answer) => {
            let contact = RecordKind::CONTACT.take_record(&mut answer).unwrap_or_default();
            Ok(Customer::of(id.to_owned(), &contact))
        }
        Err(problem) if problem.code() == Code::RecordNotFound => {
            Err(Problem::new(Code::CustomerNotFound, format!("There is no customer with the id {id}.")))
        }
        // Zoho takes an order from a connection that may not read contacts.
        Err(problem) if matches!(problem.code(), Code::ScopeMissing | Code::ZohoForbidden) => {
            Ok(Customer { id: id.to_owned(), name: None, currency_code: None })
        }
        Err(problem) => Err(problem),
    }
}

/// The one active customer with exactly this name.
pub(crate) async fn customer_by_name(
    zoho: &Zoho,
    target: &Target<'_>,
    name: &str,
) -> Result<Customer, Problem> {
    let is_it = |row: &Object| {
        text(row, "contact_name") == Some(name)
            && text(row, "contact_type") != Some("vendor")
            && text(row, "status") != Some("inactive")
    };
    let mut found: Vec<Object> = Vec::new();
    for page in 1.. {
        let mut answer = zoho
            .read(
                target,
                |endpoint| {
                    let mut url = query_of(RecordKind::CONTACT.list_url(endpoint.api));
                    url.append_pair("organization_id", endpoint.organization)
                        .append_pair("contact_name", name)
                        .append_pair("page", &page.to_string())
                        .append_pair("per_page", &ROWS.to_string());
                    url.finish()
                },
                response::inventory,
            )
            .await?;
        let rows = records(&mut answer, "contacts")?;
        let more = inventory::may_go_on(&answer, page, rows.len(), ROWS);
        for row in rows.into_iter().filter(is_it) {
            if !found.iter().any(|known| id(known, "contact_id") == id(&row, "contact_id")) {
                found.push(row);
            }
        }
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
    match exactly_one(found) {
        Found::One(only) => {
            let id = id(&only, "contact_id").ok_or_else(|| unreadable("contact_id"))?;
            Ok(Customer::of(id, &only))
        }
        Found::Several(contacts) => Err(Problem::new(
            Code::CustomerAmbiguous,
            format!(
                "Customers of this name: {}.",
                candidates(&contacts, "contact_id", &["company_name", "currency_code"])
            ),
        )),
        Found::None => Err(Problem::new(Code::CustomerNotFound, "No customer has exactly this name.")),
    }
}

/// Demands that there is a location of this id or exact name, as far as that can be told: a connection may not be allowed to read
/// them. `seen` are the names of locations where items have stock: older organisations have warehouses, which are not listed.
pub(crate) async fn demand_location(
    zoho: &Zoho,
    target: &Target<'_>,
    location: &str,
    seen: &BTreeSet<String>,
) -> Result<(), Problem> {
    let target = target.with(inventory::scope::SETTINGS);
    let answer = zoho
        .read(
            &target,
            |endpoint| inventory::locations_url(endpoint.api, endpoint.organization),
            response::inventory,
        )
        .await;
    let is = |row: &Object| {
        ["location_id", "location_name"].iter().any(|field| id(row, field).as_deref() == Some(location))
    };
    let mut said = None;
    let listed = match answer {
        Ok(mut answer) => records(&mut answer, "locations")?,
        // An organisation without locations does not know the call.
        Err(problem) if matches!(problem.code(), Code::RecordNotFound | Code::ZohoRejected) => {
            said = problem.said().cloned();
            Vec::new()
        }
        Err(problem) if !matches!(problem.code(), Code::ScopeMissing | Code::ZohoForbidden) => {
            return Err(problem);
        }
        Err(_) if seen.is_empty() => return Ok(()),
        Err(problem) => {
            said = problem.said().cloned();
            Vec::new()
        }
    };
    if listed.iter().any(is) || seen.contains(location) {
        return Ok(());
    }
    let names = listed.iter().filter_map(|row| text(row, "location_name").map(str::to_owned));
    let names: BTreeSet<String> = names.chain(seen.iter().cloned()).collect();
    let problem = if names.is_empty() {
        let detail = "The organisation has no locations: its stock is in one place.";
        Problem::new(Code::LocationNotFound, detail).hint("Send the same request without `location`.")
    } else {
        let names: Vec<_> = names.into_iter().collect();
        Problem::new(Code::LocationNotFound, format!("The locations are: {}.", names.join(", ")))
    };
    Err(match said {
        Some(said) => problem.zoho(said),
        None => problem,
    })
}
