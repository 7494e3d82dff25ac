//! From names to items, with the fewest calls: ids need none, mappings none, a few SKUs one each, and many SKUs the list of all
//! items, which is then read to its end: only so can it be told that no second item has the same SKU.

use std::collections::{BTreeSet, HashMap};

use shared::base::problem::Problem;
use shared::zoho::value::{Object, id, text};

use super::head::State;
use super::row::{Candidate, Item, MAX_OTHERS, Named, Outcome, Row, Why, cut};
use super::work::Work;
use crate::inventory::lookup::{ItemPage, item_page};
use crate::inventory::stock::Unfit;
use crate::zoho::{Target, Zoho};

/// The most SKUs that are looked up one by one.
pub(super) const MAX_LOOKUPS: usize = 20;

/// The most rows that Zoho gives at once.
const ROWS: u32 = 200;

/// Whether the next step needs a call to Zoho.
pub(super) fn calls_zoho(state: &State) -> bool {
    matches!(state, State::LookingUp | State::Paging(_) | State::Comparing)
}

/// What the mappings know. An item of a mapping is not believed: the comparison reads its SKU.
pub(super) fn map(work: &mut Work<'_>) {
    let products: Vec<usize> = open(work.rows(), |named| matches!(named, Named::Product(_)));
    for index in products {
        if let Some(row) = work.row(index) {
            row.end(Outcome::Unknown, Some(Why::Unmapped));
        }
    }
    work.head.state = match open_skus(work.rows()).len() {
        0 => State::Comparing,
        1..=MAX_LOOKUPS => State::LookingUp,
        _ => State::Paging(1),
    };
}

/// Looks one SKU up.
pub(super) async fn look_up(zoho: &Zoho, target: &Target<'_>, work: &mut Work<'_>) -> Result<(), Problem> {
    let Some(sku) = open_skus(work.rows()).into_iter().next().map(str::to_owned) else {
        work.head.state = State::Comparing;
        return Ok(());
    };
    work.head.calls += 1;
    let ItemPage { items, more, .. } = item_page(zoho, target, &[("sku", &sku)], 1, ROWS).await?;
    if more {
        // Zoho has ignored the filter: the list serves all of them.
        work.head.state = State::Paging(1);
        return Ok(());
    }
    note(work, &items);
    for index in open(work.rows(), |named| *named == Named::Sku(sku.clone())) {
        if let Some(row) = work.row(index) {
            judge(row);
        }
    }
    Ok(())
}

/// Reads a page of all items.
pub(super) async fn page(
    zoho: &Zoho,
    target: &Target<'_>,
    work: &mut Work<'_>,
    page: u32,
) -> Result<(), Problem> {
    work.head.calls += 1;
    let ItemPage { items, more, .. } = item_page(zoho, target, &[], page, ROWS).await?;
    note(work, &items);
    work.has_moved = true;
    if more {
        work.head.state = State::Paging(page.saturating_add(1));
        return Ok(());
    }
    for index in open(work.rows(), |named| matches!(named, Named::Sku(_))) {
        if let Some(row) = work.row(index) {
            judge(row);
        }
    }
    work.head.state = State::Comparing;
    Ok(())
}

/// The rows whose item is looked for, of those names.
fn open(rows: &[Row], wanted: impl Fn(&Named) -> bool) -> Vec<usize> {
    let is_open = |row: &Row| row.item.is_none() && row.outcome.is_none() && wanted(&row.named);
    rows.iter().enumerate().filter(|(_, row)| is_open(row)).map(|(index, _)| index).collect()
}

/// The SKUs that are looked for.
fn open_skus(rows: &[Row]) -> BTreeSet<&str> {
    let skus = rows.iter().filter(|row| row.item.is_none() && row.outcome.is_none());
    skus.filter_map(|row| match &row.named {
        Named::Sku(sku) => Some(sku.as_str()),
        _ => None,
    })
    .collect()
}

/// What two SKUs have in common that people take for the same: without capitals, blanks and leading zeros.
fn folded(sku: &str) -> String {
    let letters = sku.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase);
    let folded: String = letters.collect();
    folded.trim_start_matches('0').to_owned()
}

/// Notes which of the items have a SKU that is looked for, or nearly.
fn note(work: &mut Work<'_>, items: &[Object]) {
    let mut exact: HashMap<String, Vec<usize>> = HashMap::new();
    let mut near: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, row) in work.rows().iter().enumerate() {
        if let (Named::Sku(sku), None, None) = (&row.named, &row.item, row.outcome) {
            near.entry(folded(sku)).or_default().push(index);
            exact.entry(sku.clone()).or_default().push(index);
        }
    }
    for item in items {
        let (Some(sku), Some(id)) = (text(item, "sku"), id(item, "item_id")) else { continue };
        if let Some(rows) = exact.get(sku) {
            let name = cut(text(item, "name").unwrap_or_default());
            let active = text(item, "status") != Some("inactive");
            let found = Candidate { id, name, active };
            for index in rows {
                // A list that changes while it is read can show an item twice.
                let is_known = |row: &Row| row.found.iter().any(|known| known.id == found.id);
                if work.rows().get(*index).is_some_and(|row| row.found.len() <= MAX_OTHERS && !is_known(row))
                    && let Some(row) = work.row(*index)
                {
                    row.found.push(found.clone());
                }
            }
        } else if let Some(rows) = near.get(&folded(sku)) {
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
        row.found = found
            .iter()
            .map(|(id, active)| Candidate { id: (*id).to_owned(), name: "Oak".to_owned(), active: *active })
            .collect();
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
    }

    #[test]
    fn what_people_take_for_the_same_is_folded_alike() {
        for twin in ["shelf-1", " SHELF -1", "00shelf-1", "Shelf-1\u{a0}"] {
            assert_eq!(folded(twin), folded("SHELF-1"), "{twin}");
        }
        assert_ne!(folded("SHELF-10"), folded("SHELF-1"));
    }
}
