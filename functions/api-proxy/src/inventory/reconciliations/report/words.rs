//! Why a row came out as it did, in words.

use std::fmt::Write;

use crate::inventory::reconciliations::parts::{Ended, Ending};
use crate::inventory::reconciliations::row::{Candidate, Row, Why};

/// Why a row came out so; with what is to be done about it.
pub(super) fn why(row: &Row) -> Option<String> {
    let mut words = row.why.as_ref().map(of).unwrap_or_default();
    if row.changed {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(
            "The item was changed after it was counted: it is applied only where its line is named.",
        );
    }
    (!words.is_empty()).then_some(words)
}

fn of(why: &Why) -> String {
    match why {
        Why::NoSku(twins) if twins.is_empty() => {
            "No item has exactly this SKU: correct the count, or the item in Zoho.".to_owned()
        }
        Why::NoSku(twins) => {
            format!("No item has exactly this SKU. Near to it: {}. Correct the count or the item.", quoted(twins))
        }
        Why::Unmapped(twins) if twins.is_empty() => {
            "No item is mapped to this product: PUT /v1/inventory/mappings maps it.".to_owned()
        }
        Why::Unmapped(twins) => format!(
            "No item is mapped to this product. Near to it: {}. Correct the count, or PUT /v1/inventory/mappings maps it.",
            quoted(twins)
        ),
        Why::Stale => "The item has another SKU than the count or its mapping says: correct that, and count it again.".to_owned(),
        Why::Gone => "Zoho has no item of this id: it was deleted, or is of another organisation. Correct the id, or leave it out of the count.".to_owned(),
        Why::Items(items) => format!("Several items have this SKU: {}. Count it by item_id.", candidates(items)),
        Why::Unfit(why) => format!("The item {why}."),
        Why::WhichLocation(locations) => {
            format!("The item is at several places ({}), and the count says none of them: name one in its `location`.", quoted(locations))
        }
        Why::NoLocation(locations) if locations.is_empty() => {
            "Zoho shows no places of this item: count it without a `location`.".to_owned()
        }
        Why::NoLocation(locations) => {
            format!("Zoho has no stock figures of this item there, but at {}: name one of these in its `location`.", quoted(locations))
        }
        Why::TwoMeanings => {
            "The name of its place is mapped to one place, and is Zoho's own name of another: give the id of the one that is meant.".to_owned()
        }
        Why::NoFigure => "Zoho's answer has no such figure for this item: count it with the other basis.".to_owned(),
        Why::TwoFigures => {
            "Zoho keeps two figures of this item, accounting and physical stock, and they differ: count it with a basis.".to_owned()
        }
        Why::Twice(lines) => {
            let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
            format!("Line {} counts the same item at the same place: add them up and count it once.", lines.join(", "))
        }
        Why::NoValue => "The item's purchase rate is 0: Zoho books what is found of it at no value. Set the rate first if it has one.".to_owned(),
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(", ")
}

fn candidates(items: &[Candidate]) -> String {
    let mut words = String::new();
    for item in items {
        if !words.is_empty() {
            words.push_str(", ");
        }
        let _ = write!(words, "{} ({:?})", item.id, item.name);
    }
    words
}

/// What was done about a row.
pub(super) fn done(ended: &Ended) -> &'static str {
    match ended.ending {
        Ending::Adjusted => "Adjusted",
        Ending::Pending => "Adjustment made, waits for approval: no stock has moved yet",
        Ending::Changed => "Not adjusted: Zoho's figure has changed since it was compared",
        Ending::Refused => "Not adjusted: Zoho refused it",
        Ending::Uncertain => "Nobody knows whether it was adjusted: look in Zoho before it is counted again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_compared_is_told_with_what_to_do() {
        let near = || vec!["OAK-1".to_owned()];
        for (why, to_do) in [
            (Why::NoSku(Vec::new()), "correct the count"),
            (Why::NoSku(near()), "Correct the count"),
            (Why::Unmapped(Vec::new()), "PUT /v1/inventory/mappings"),
            (Why::Unmapped(near()), "PUT /v1/inventory/mappings"),
            (Why::Gone, "Correct the id"),
            (Why::NoLocation(Vec::new()), "without a `location`"),
            (Why::NoLocation(near()), "name one of these"),
            (Why::NoFigure, "with the other basis"),
        ] {
            let words = of(&why);
            assert!(words.contains(to_do) && words.ends_with('.'), "{words}");
        }
    }
}
