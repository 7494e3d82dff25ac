//! Finds an item by the name that a caller has: Zoho's own id, the SKU, or another system's product id, which a mapping leads to one of
//! these. What Zoho has of the item is compared with the mapping, and the caller is told of a difference: a mapping never changes by
//! itself.

use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::{Mapping, Mappings, READ_AT_ONCE, Saving};
use shared::zoho::value::{Object, id, text};

use super::candidates::candidates;
use super::sku::item_by_sku;
use crate::inventory::item_reads::item;
use crate::inventory::near_twins::are_near;
use crate::zoho::{Target, Zoho, unreadable};

/// How many mappings are looked through for a near twin, and how many of those are named.
const MAX_LOOKED_THROUGH: usize = 5000;
const MAX_TWINS: usize = 5;

/// The codes with which a call fails whose items are named by their SKUs, or by another system's ids.
pub(crate) const CODES: &[Code] = &[
    Code::SkuNotFound,
    Code::SkuAmbiguous,
    Code::SkuUnresolved,
    Code::SkuInactive,
    Code::ProductUnmapped,
    Code::MappingStale,
];

/// The names of an item in a request, of which exactly one must be there. Bodies have these three fields of their own: serde tells the
/// place of a mistake only in fields that are not flattened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ItemName<'a> {
    pub(crate) item_id: Option<&'a str>,
    pub(crate) sku: Option<&'a str>,
    pub(crate) product_id: Option<&'a str>,
}

/// The one name that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OneName<'a> {
    ItemId(&'a str),
    Sku(&'a str),
    ProductId(&'a str),
}

impl<'a> ItemName<'a> {
    /// Takes the three fields as a body has them.
    pub(crate) fn of(
        item_id: Option<&'a String>,
        sku: Option<&'a String>,
        product_id: Option<&'a String>,
    ) -> Self {
        let text = |field: Option<&'a String>| field.map(String::as_str);
        Self { item_id: text(item_id), sku: text(sku), product_id: text(product_id) }
    }

    /// The name that is there. `path` is its place in the request: `line_items[0]`, or nothing.
    pub(crate) fn one(&self, path: &str) -> Result<OneName<'a>, Problem> {
        let wrong = |detail: String| Err(Problem::new(Code::BodyInvalid, detail));
        let dot = if path.is_empty() { "" } else { "." };
        match (self.item_id, self.sku, self.product_id) {
            (Some(id), None, None) if is_zoho_id(id) => Ok(OneName::ItemId(id)),
            (Some(_), None, None) => wrong(format!(
                "`{path}{dot}item_id` must be Zoho's own: 1 to 19 digits. A SKU stands in `sku`, another system's id in `product_id`."
            )),
            (None, Some(sku), None) if !sku.is_empty() => Ok(OneName::Sku(sku)),
            (None, None, Some(id)) if !id.is_empty() => Ok(OneName::ProductId(id)),
            _ => {
                let path = if path.is_empty() { "The body".to_owned() } else { format!("`{path}`") };
                wrong(format!(
                    "{path} must have exactly one of `sku`, `item_id` and `product_id`, and it must not be empty."
                ))
            }
        }
    }
}

impl<'a> OneName<'a> {
    /// The field of the name, and its content.
    pub(crate) fn field(self) -> (&'static str, &'a str) {
        match self {
            Self::ItemId(id) => ("item_id", id),
            Self::Sku(sku) => ("sku", sku),
            Self::ProductId(id) => ("product_id", id),
        }
    }
}

/// An item that was found by a name.
#[derive(Debug, Clone)]
pub(crate) struct NamedItem {
    pub(crate) item_id: String,
    /// The row of Zoho's list, where it was looked up by SKU: without figures by location.
    pub(crate) row: Option<Object>,
    /// The mapping that led to the id, about which Zoho was not asked. Who reads the item must compare it with this.
    pub(crate) mapping: Option<Mapping>,
}

impl NamedItem {
    /// Demands that the item, as it was read, is still what the mapping says, and can be sold.
    pub(crate) fn check(&self, item: &Object) -> Result<(), Problem> {
        let Some(mapping) = &self.mapping else { return Ok(()) };
        let sku = text(item, "sku").unwrap_or_default();
        if let Some(mapped) = mapping.sku.as_deref().filter(|mapped| *mapped != sku) {
            return Err(stale(mapping, &format!("has the SKU {sku:?} now, not {mapped:?}")));
        }
        if text(item, "status") == Some("inactive") {
            let item = candidates(std::slice::from_ref(item), "item_id", &["name"]);
            let detail = format!("The item of product_id {:?}, {item}, is inactive.", mapping.product_id);
            return Err(Problem::new(Code::SkuInactive, detail));
        }
        Ok(())
    }

    /// The problem if Zoho has no such item.
    pub(crate) fn gone(&self, problem: Problem) -> Problem {
        match &self.mapping {
            Some(mapping) if problem.code() == Code::RecordNotFound => stale(mapping, "is gone from Zoho"),
            _ => problem,
        }
    }
}

fn stale(mapping: &Mapping, what: &str) -> Problem {
    let item = mapping.item_id.as_deref().unwrap_or_default();
    let detail = format!("product_id {:?} is mapped to item {item}, which {what}.", mapping.product_id);
    Problem::new(Code::MappingStale, detail)
}

/// Demands that an item, as it was read, is still what the mapping says that led to it. An item that is gone is not.
pub(crate) fn demand_mapped(
    item_id: &str,
    mapping: Option<&Mapping>,
    item: Option<&Object>,
) -> Result<(), Problem> {
    let Some(mapping) = mapping else { return Ok(()) };
    let named = NamedItem { item_id: item_id.to_owned(), row: None, mapping: Some(mapping.clone()) };
    match item {
        Some(item) => named.check(item),
        None => Err(stale(mapping, "is gone from Zoho")),
    }
}

/// The item of a name, in as few calls as can be: none for `item_id` and for a `product_id` whose item is known. Whoever reads the item
/// afterwards calls [`NamedItem::check`].
pub(crate) async fn find_item(
    zoho: &Zoho,
    mappings: &Mappings,
    target: &Target<'_>,
    name: OneName<'_>,
) -> Result<NamedItem, Problem> {
    match name {
        OneName::ItemId(id) => Ok(NamedItem { item_id: id.to_owned(), row: None, mapping: None }),
        OneName::Sku(sku) => by_sku(zoho, target, sku).await,
        OneName::ProductId(product_id) => {
            let Some(mapping) = mappings.get(target.connection, product_id).await? else {
                return Err(unmapped(mappings, target.connection, product_id).await);
            };
            match (&mapping.item_id, &mapping.sku) {
                (Some(id), _) => Ok(NamedItem { item_id: id.clone(), row: None, mapping: Some(mapping) }),
                (None, Some(sku)) => {
                    let found = by_sku(zoho, target, sku).await.map_err(|problem| {
                        problem.within(&format!("product_id {product_id:?} is mapped to the SKU {sku:?}"))
                    })?;
                    remember(mappings, target, &mapping, &found).await;
                    Ok(found)
                }
                // No route stores such a mapping.
                (None, None) => Err(unmapped(mappings, target.connection, product_id).await),
            }
        }
    }
}

/// The item with all that Zoho tells of it, in the shape that callers get.
pub(crate) async fn item_named(
    zoho: &Zoho,
    mappings: &Mappings,
    target: &Target<'_>,
    name: OneName<'_>,
) -> Result<Object, Problem> {
    let found = find_item(zoho, mappings, target, name).await?;
    let item = item(zoho, target, &found.item_id).await.map_err(|problem| found.gone(problem))?;
    found.check(&item)?;
    Ok(item)
}

async fn by_sku(zoho: &Zoho, target: &Target<'_>, sku: &str) -> Result<NamedItem, Problem> {
    let row = item_by_sku(zoho, target, sku).await?;
    let item_id = id(&row, "item_id").ok_or_else(|| unreadable("item_id"))?;
    Ok(NamedItem { item_id, row: Some(row), mapping: None })
}

/// Keeps the id that was found for a SKU, so that the next time takes one call less. It is not needed for the answer.
async fn remember(mappings: &Mappings, target: &Target<'_>, mapping: &Mapping, found: &NamedItem) {
    let name = found.row.as_ref().and_then(|row| text(row, "name")).map(str::to_owned);
    let found = Mapping { item_id: Some(found.item_id.clone()), name, ..mapping.clone() };
    let known = mappings.some(target.connection, std::slice::from_ref(&mapping.product_id)).await;
    let saved = match known {
        Ok(known) => mappings.save(target.connection, &[found], Saving::Found, known, &|| true).await,
        Err(error) => Err(error),
    };
    if let Err(error) = saved {
        tracing::warn!(%error, "what was found for a mapping could not be kept");
    }
}

/// The problem of a product id without a mapping. It names mappings that the caller may have meant.
pub(crate) async fn unmapped(mappings: &Mappings, connection: &ConnectionName, product_id: &str) -> Problem {
    let mut twins: Vec<String> = Vec::new();
    let (mut seen, mut after) = (0, None);
    while let Ok((page, next)) = mappings.list(connection, after.as_deref(), READ_AT_ONCE).await {
        seen += page.len();
        let near = page.iter().filter(|mapping| are_near(&mapping.product_id, product_id));
        twins.extend(near.map(described));
        match next {
            Some(next) if seen < MAX_LOOKED_THROUGH && twins.len() < MAX_TWINS => after = Some(next),
            _ => break,
        }
    }
    twins.truncate(MAX_TWINS);
    let near = match twins.as_slice() {
        [] => String::new(),
        twins => format!(
            " These differ only by capitals, blanks, leading zeros or the way an accent is written: {}.",
            twins.join(", ")
        ),
    };
    Problem::new(Code::ProductUnmapped, format!("No mapping has the product_id {product_id:?}.{near}"))
}

fn described(mapping: &Mapping) -> String {
    let of = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value:?}"));
    let words = [of("item", &mapping.item_id), of("SKU", &mapping.sku), of("name", &mapping.name)];
    let words: Vec<String> = words.into_iter().flatten().collect();
    format!("{:?} ({})", mapping.product_id, words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_has_exactly_one_name() {
        let name = |item_id, sku, product_id| ItemName { item_id, sku, product_id };
        assert_eq!(name(Some("33"), None, None).one("").unwrap(), OneName::ItemId("33"));
        for wrong in [
            name(None, None, None),
            name(Some("33"), Some("A"), None),
            name(None, Some("A"), Some("7")),
            name(None, None, Some("")),
            name(Some("A"), None, None),
        ] {
            let problem = wrong.one("lines[3]").unwrap_err();
            assert!(problem.detail().starts_with("`lines[3]"), "{}", problem.detail());
        }
        let problem = name(None, None, None).one("").unwrap_err();
        assert!(problem.detail().starts_with("The body must have exactly one"), "{}", problem.detail());
    }
}
