//! Stock at one location: a list has no figures by location, so that its items are read again with all details.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::base::problem::Problem;
use shared::zoho::inventory;
use shared::zoho::value::{Object, id};

use crate::inventory::details::details;
use crate::inventory::locations::{NamedLocation, demand_location};
use crate::inventory::stock::demand_one_meaning;
use crate::zoho::{Target, Zoho};

/// Those of the items that have figures at the location, with these alone. Of the `first` page without any, the location is looked
/// up, because an empty list of a location that there is not would be a wrong answer.
pub(super) async fn items_at(
    zoho: &Zoho,
    target: &Target<'_>,
    items: Vec<Object>,
    location: &NamedLocation,
    first: bool,
) -> Result<Vec<Object>, Problem> {
    let ids: Vec<String> = items.iter().filter_map(|item| id(item, "item_id")).collect();
    let found = details(zoho, target, &ids).await?;
    let mut at: Vec<Object> = found.into_iter().map(inventory::item).collect();
    demand_one_meaning(&at, &location.known_as, location.mapped.as_deref())?;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    if first {
        seen.extend(at.iter().flat_map(names_of_locations));
    }
    at.retain_mut(|item| keep_only(item, &location.known_as));
    if at.is_empty() && first {
        demand_location(zoho, target, &location.known_as, &seen).await?;
    }
    Ok(at)
}

/// One item with all its details, with the figures at the location alone. Where it has none, the location is looked up.
pub(super) async fn item_at(
    zoho: &Zoho,
    target: &Target<'_>,
    mut item: Object,
    location: &NamedLocation,
) -> Result<Object, Problem> {
    demand_one_meaning(std::slice::from_ref(&item), &location.known_as, location.mapped.as_deref())?;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    seen.extend(names_of_locations(&item));
    if !keep_only(&mut item, &location.known_as) {
        demand_location(zoho, target, &location.known_as, &seen).await?;
    }
    Ok(item)
}

/// The names of the locations where an item has figures.
fn names_of_locations(item: &Object) -> Vec<String> {
    let locations = item.get("stock").and_then(|stock| stock.get("locations")).and_then(Value::as_array);
    let name = |location: &Value| location.get("name").and_then(Value::as_str).map(str::to_owned);
    locations.into_iter().flatten().filter_map(name).collect()
}

/// Leaves the figures of one location only; says whether there are any.
fn keep_only(item: &mut Object, location: &str) -> bool {
    let locations = item.get_mut("stock").and_then(|stock| stock.get_mut("locations"));
    let Some(locations) = locations.and_then(Value::as_array_mut) else { return false };
    let is = |found: &Value| {
        ["location_id", "name"].iter().any(|field| found.get(field) == Some(&location.into()))
    };
    locations.retain(is);
    let any = !locations.is_empty();
    // Zoho's own list of them says the same with more words.
    item.retain(|field, _| field != "locations" && field != "warehouses");
    if let Some(Value::Array(names)) = item.get_mut("untrusted") {
        names.retain(|name| name != "locations" && name != "warehouses");
    }
    any
}
