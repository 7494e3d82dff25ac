//! From names to items, with the fewest calls: ids need none, mappings none, a few SKUs one each, and many SKUs the list of all
//! items, which is then read to its end: only so can it be told that no second item has the same SKU.

use std::collections::HashMap;

use shared::base::problem::Problem;
use shared::core::mappings::{Known, Mappings};
use shared::zoho::inventory::MAX_ROWS;
use shared::zoho::value::{Object, id, text};

use super::head::State;
use super::row::{Candidate, Item, MAX_OTHERS, Named, Outcome, Row, Why, cut};
use super::work::Work;
use crate::inventory::item_reads::{ItemPage, item_page};
use crate::inventory::lookup::sku::near_twins;
use crate::inventory::near_twins::folded;
use crate::inventory::unfit::Unfit;
use crate::zoho::{Target, Zoho};

/// The most SKUs that are looked up one by one.
pub(super) const MAX_LOOKUPS: usize = 20;

/// Whether the next step needs a call to Zoho.
pub(super) fn calls_zoho(state: &State) -> bool {
    matches!(state, State::LookingUp | State::Paging(_) | State::Comparing)
}

/// What the mappings know: of products, and of SKUs where these are many. It is not believed: the comparison reads the item's SKU.
pub(super) async fn map(mappings: &Mappings, work: &mut Work<'_>) -> Result<(), Problem> {
    let products = open(work.rows(), |row| matches!(row.named, Named::Product(_)));
    if !products.is_empty() || open_skus(work.rows()).len() > MAX_LOOKUPS {
        let known = mappings.all(work.connection).await?;
        map_products(work, &known, &products);
        map_skus(work, &known);
    }
    work.head.state = match open_skus(work.rows()).len() {
        0 => State::Comparing,
        1..=MAX_LOOKUPS => State::LookingUp,
        _ => State::Paging(1),
    };
    Ok(())
}

fn map_products(work: &mut Work<'_>, known: &Known, products: &[usize]) {
    let mut near: HashMap<String, Vec<&str>> = HashMap::new();
    if !products.is_empty() {
        for product in known.keys() {
            near.entry(folded(product)).or_default().push(product);
        }
    }
    for index in products {
        let Some(row) = work.row(*index) else { continue };
        let Named::Product(product) = &row.named else { continue };
        match known.get(product).map(|(mapping, _)| mapping) {
            Some(mapping) if mapping.item_id.is_some() || mapping.sku.is_some() => {
                row.mapped_sku.clone_from(&mapping.sku);
                row.item = mapping.item_id.clone().map(|id| Item { id, ..Item::default() });
            }
            _ => {
                let twins = near.get(&folded(product)).into_iter().flatten().filter(|twin| **twin != product);
                let twins = twins.take(MAX_OTHERS).map(|twin| cut(twin)).collect();
                row.end(Outcome::Unknown, Some(Why::Unmapped(twins)));
            }
        }
    }
}

fn map_skus(work: &mut Work<'_>, known: &Known) {
    let mut items: HashMap<&str, Option<&str>> = HashMap::new();
    for (mapping, _) in known.values() {
        if let (Some(sku), Some(item)) = (&mapping.sku, &mapping.item_id) {
            // Two mappings that differ say nothing.
            let found = items.entry(sku).or_insert(Some(item));
            *found = found.filter(|known| known == item);
        }
    }
    for index in open(work.rows(), |row| row.sku().is_some()) {
        let item =
            work.rows().get(index).and_then(Row::sku).and_then(|sku| items.get(sku).copied().flatten());
        if let (Some(item), Some(row)) = (item, work.row(index)) {
            row.item = Some(Item { id: item.to_owned(), ..Item::default() });
        }
    }
}

/// Looks one SKU up.
pub(super) async fn look_up(zoho: &Zoho, target: &Target<'_>, work: &mut Work<'_>) -> Result<(), Problem> {
    let Some(sku) = open_skus(work.rows()).into_iter().next().map(str::to_owned) else {
        work.head.state = State::Comparing;
        return Ok(());
    };
    work.head.calls += 1;
    let ItemPage { items, more, .. } = item_page(zoho, target, &[("sku", &sku)], 1, MAX_ROWS).await?;
    if more {
        // Zoho has ignored the filter: the list serves all of them.
        work.head.state = State::Paging(1);
        return Ok(());
    }
    let wanted = OpenRows::of(work.rows());
    note(work, &wanted, &items);
    if !items.iter().any(|item| text(item, "sku") == Some(&sku)) {
        // Only to name it.
        work.head.calls += 1;
        note(work, &wanted, &near_twins(zoho, target, &sku).await);
    }
    for index in open(work.rows(), |row| row.sku() == Some(&sku)) {
        if let Some(row) = work.row(index) {
            judge(row);
        }
    }
    Ok(())
}

/// Reads a page of all items. What is wanted stays the same from the first page to the last, so that it is made once.
pub(super) async fn page(
    zoho: &Zoho,
    target: &Target<'_>,
    work: &mut Work<'_>,
    wanted: &mut Option<OpenRows>,
    page: u32,
) -> Result<(), Problem> {
    work.head.calls += 1;
    let ItemPage { items, more, .. } = item_page(zoho, target, &[], page, MAX_ROWS).await?;
    let wanted = wanted.get_or_insert_with(|| OpenRows::of(work.rows()));
    note(work, wanted, &items);
    work.has_moved = true;
    if more {
        work.head.state = State::Paging(page.saturating_add(1));
        return Ok(());
    }
    for index in open(work.rows(), |row| row.sku().is_some()) {
        if let Some(row) = work.row(index) {
            judge(row);
        }
    }
    work.head.state = State::Comparing;
    Ok(())
}

/// The rows whose item is looked for, of those that are wanted.
fn open(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Vec<usize> {
    let found = rows.iter().enumerate().filter(|(_, row)| row.is_open() && wanted(row));
    found.map(|(index, _)| index).collect()
}

/// The SKUs that are looked for, in order.
fn open_skus(rows: &[Row]) -> Vec<&str> {
    let mut skus: Vec<&str> = rows.iter().filter(|row| row.is_open()).filter_map(Row::sku).collect();
    skus.sort_unstable();
    skus.dedup();
    skus
}

/// The rows whose item is looked for by its SKU.
pub(super) struct OpenRows {
    exact: HashMap<String, Vec<usize>>,
    near: HashMap<String, Vec<usize>>,
}

impl OpenRows {
    fn of(rows: &[Row]) -> Self {
        let mut wanted = Self { exact: HashMap::new(), near: HashMap::new() };
        for (index, row) in rows.iter().enumerate() {
            if let Some(sku) = row.sku().filter(|_| row.is_open()) {
                wanted.near.entry(folded(sku)).or_default().push(index);
                wanted.exact.entry(sku.to_owned()).or_default().push(index);
            }
        }
        wanted
    }
}

/// Notes which of the items have a SKU that is looked for, or nearly.
fn note(work: &mut Work<'_>, wanted: &OpenRows, items: &[Object]) {
    for item in items {
        let (Some(sku), Some(id)) = (text(item, "sku"), id(item, "item_id")) else { continue };
        if let Some(rows) = wanted.exact.get(sku) {
            let name = cut(text(item, "name").unwrap_or_default());
            let active = text(item, "status") != Some("inactive");
            let found = Candidate { id, name, active };
            for index in rows {
                if let Some(at) = work.rows().get(*index).and_then(|row| place_of(&found, row))
                    && let Some(row) = work.row(*index)
                {
                    keep(row, at, found.clone());
                }
            }
        } else if let Some(rows) = wanted.near.get(&folded(sku)) {
            for index in rows {
                let is_known = |row: &Row| row.twins.iter().any(|twin| twin == sku);
                if work.rows().get(*index).is_some_and(|row| row.twins.len() < MAX_OTHERS && !is_known(row))
                    && let Some(row) = work.row(*index)
                {
                    row.twins.push(cut(sku));
                }
            }
        }
    }
}

/// Where an item that has a row's SKU is kept; nothing where it is not. Of many only some are kept, and then an active one takes the
/// place of an inactive one: of two active ones that are not both seen, one would be taken for the only one.
fn place_of(found: &Candidate, row: &Row) -> Option<usize> {
    // A list that changes while it is read can show an item twice.
    let is_known = row.found.iter().any(|known| known.id == found.id);
    match row.found.len() {
        _ if is_known => None,
        kept @ ..=MAX_OTHERS => Some(kept),
        _ if found.active => row.found.iter().rposition(|known| !known.active),
        _ => None,
    }
}

fn keep(row: &mut Row, at: usize, found: Candidate) {
    match row.found.get_mut(at) {
        Some(place) => *place = found,
        None => row.found.push(found),
    }
}

/// Which of the items that have its SKU a row is of.
fn judge(row: &mut Row) {
    let found = std::mem::take(&mut row.found);
    let active: Vec<&Candidate> = found.iter().filter(|item| item.active).collect();
    match (active.as_slice(), found.as_slice()) {
        ([only], _) => {
            row.item = Some(Item { id: only.id.clone(), ..Item::default() });
            row.twins = Vec::new();
        }
        ([], []) => {
            let twins = std::mem::take(&mut row.twins);
            row.end(Outcome::Unknown, Some(Why::NoSku(twins)));
        }
        ([], [first, ..]) => {
            row.item = Some(Item { id: first.id.clone(), name: Some(first.name.clone()), ..Item::default() });
            row.end(Outcome::Unfit, Some(Why::Unfit(Unfit::Inactive.why().to_owned())));
        }
        (several, _) => {
            let several = several.iter().copied().cloned().collect();
            row.end(Outcome::Ambiguous, Some(Why::Items(several)));
        }
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::inventory::reconciliations::row::Where;

    fn row(found: &[(&str, bool)], twins: &[&str]) -> Row {
        let mut row = Row::new(1, Named::Sku("A".to_owned()), Decimal::ONE, Where::Only);
        for (id, active) in found {
            let found = Candidate { id: (*id).to_owned(), name: "Oak".to_owned(), active: *active };
            if let Some(at) = place_of(&found, &row) {
                keep(&mut row, at, found);
            }
            assert!(row.found.len() <= MAX_OTHERS + 1, "a row stays small");
        }
        row.twins = twins.iter().map(|twin| (*twin).to_owned()).collect();
        judge(&mut row);
        row
    }

    #[test]
    fn only_one_active_item_is_the_one() {
        let one = row(&[("1", true), ("2", false)], &["a"]);
        assert_eq!((one.item.unwrap().id.as_str(), one.outcome), ("1", None));
        let none = row(&[], &["a", " A"]);
        assert_eq!(none.outcome, Some(Outcome::Unknown));
        assert_eq!(none.why, Some(Why::NoSku(vec!["a".to_owned(), " A".to_owned()])));
        assert_eq!(row(&[("1", false)], &[]).outcome, Some(Outcome::Unfit));
        let two = row(&[("1", true), ("2", true), ("3", false)], &[]);
        assert_eq!(two.outcome, Some(Outcome::Ambiguous));
        assert!(matches!(two.why, Some(Why::Items(items)) if items.len() == 2));
        let again = row(&[("1", true), ("1", true)], &[]);
        assert_eq!((again.item.unwrap().id.as_str(), again.outcome), ("1", None));
    }

    #[test]
    fn a_second_active_item_is_seen_behind_however_many_inactive_ones() {
        let old = [("1", false), ("2", false), ("3", false), ("4", false), ("5", false)];
        let one = row(&[&old[..], &[("6", true)]].concat(), &[]);
        assert_eq!((one.item.unwrap().id.as_str(), one.outcome), ("6", None));
        for active in
            [&[("6", true), ("7", true)][..], &[("6", true), ("6", true), ("8", false), ("7", true)]]
        {
            for some in [&old[..3], &old] {
                for all in [[some, active].concat(), [active, some].concat()] {
                    assert_eq!(row(&all, &[]).outcome, Some(Outcome::Ambiguous), "{all:?}");
                }
            }
        }
    }
}
