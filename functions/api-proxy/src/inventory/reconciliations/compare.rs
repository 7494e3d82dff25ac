//! What was counted against what Zoho says, a hundred items a call.

use std::collections::HashMap;

use rust_decimal::Decimal;
use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::zoho::value::{Object, id, text, timestamp};

use super::calls;
use super::head::{State, Summary};
use super::row::{Item, MAX_OTHERS, Outcome, Row, Spot, Where, Why, cut};
use super::work::Work;
use crate::inventory::decimals::decimal;
use crate::inventory::details::{self, MAX_IDS};
use crate::inventory::stock::{self, Basis, Figures, Location};
use crate::inventory::unfit::unfit;
use crate::zoho::{Target, Zoho};

/// How a comparison is made.
#[derive(Clone, Copy)]
struct Rules {
    basis: Option<Basis>,
    counted_at: Option<Timestamp>,
}

/// Compares the rows of up to a hundred items; with the last of them, all is compared.
pub(super) async fn step(
    zoho: &Zoho,
    target: &Target<'_>,
    work: &mut Work<'_>,
    a_day: Option<u32>,
) -> Result<(), Problem> {
    let rules = Rules { basis: work.head.basis, counted_at: work.head.counted_at };
    // In the order of the rows, so that what is compared stands in few chunks.
    let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
    let mut ids: Vec<String> = Vec::new();
    for (index, row) in work.rows().iter().enumerate() {
        let (Some(item), None) = (&row.item, row.outcome) else { continue };
        if let Some(same) = waiting.get_mut(&item.id) {
            same.push(index);
        } else if ids.len() < MAX_IDS {
            ids.push(item.id.clone());
            waiting.insert(item.id.clone(), vec![index]);
        }
    }
    if ids.is_empty() {
        finish(work);
        return Ok(());
    }
    let mut parts: Vec<&[String]> = vec![&ids];
    while let Some(part) = parts.pop() {
        if !work.has_time() {
            return Ok(());
        }
        calls::demand(work.head.calls, 1, a_day, work.head.calls_agreed, "Going on")?;
        work.head.calls += 1;
        let found = match details::some(zoho, target, part).await? {
            Some(found) => found,
            // Zoho does not have one of them, and does not say which; or they were too much for one answer.
            None if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
                continue;
            }
            None => Vec::new(),
        };
        let by_id: HashMap<String, &Object> =
            found.iter().filter_map(|item| Some((id(item, "item_id")?, item))).collect();
        for item_id in part {
            for index in waiting.get(item_id).into_iter().flatten() {
                if let Some(row) = work.row(*index) {
                    judge(row, by_id.get(item_id).copied(), rules);
                }
            }
        }
    }
    Ok(())
}

/// An item's id, and the id of the location where there are locations.
type ItemAtLocation = (String, Option<String>);

/// Finds counts that turned out to be of the same item and location, and sums up.
fn finish(work: &mut Work<'_>) {
    let mut lines: HashMap<ItemAtLocation, Vec<(usize, u32)>> = HashMap::new();
    for (index, row) in work.rows().iter().enumerate() {
        if let (Some(Outcome::Matched | Outcome::Drifted), Some(item)) = (row.outcome, &row.item) {
            let location = row.spot().map(|spot| spot.id.clone());
            lines.entry((item.id.clone(), location)).or_default().push((index, row.line));
        }
    }
    for same in lines.into_values().filter(|same| same.len() > 1) {
        for (index, line) in &same {
            let others = same.iter().map(|(_, line)| *line).filter(|other| other != line);
            let others: Vec<u32> = others.take(MAX_OTHERS).collect();
            if let Some(row) = work.row(*index) {
                row.end(Outcome::Ambiguous, Some(Why::Twice(others)));
            }
        }
    }
    work.head.summary = Summary::of(work.rows());
    work.head.compared = Some(work.now());
    work.head.state = State::Compared;
}

fn judge(row: &mut Row, found: Option<&Object>, rules: Rules) {
    let Some(found) = found else {
        row.end(Outcome::Unknown, Some(Why::Gone));
        return;
    };
    let words = |field: &str| text(found, field).map(cut);
    let item = Item {
        id: id(found, "item_id").unwrap_or_default(),
        sku: words("sku"),
        name: words("name"),
        unit: words("unit"),
        rate: decimal(found.get("purchase_rate")),
    };
    let is_stale = row.sku().is_some_and(|sku| text(found, "sku") != Some(sku));
    row.item = Some(item);
    if is_stale {
        row.end(Outcome::Unknown, Some(Why::Stale));
        return;
    }
    if let Some(unfit) = unfit(found, (false, false)) {
        row.end(Outcome::Unfit, Some(Why::Unfit(unfit.why().to_owned())));
        return;
    }
    let figures = match at(row, found) {
        Ok(figures) => figures,
        Err((outcome, why)) => {
            row.end(outcome, Some(why));
            return;
        }
    };
    row.zoho = Some(figures);
    if rules.basis.is_none() && figures.bases_differ() {
        row.end(Outcome::Ambiguous, Some(Why::TwoFigures));
        return;
    }
    row.expected = figures.by(rules.basis.unwrap_or_default());
    let modified = text(found, "last_modified_time").and_then(timestamp);
    row.changed =
        matches!((rules.counted_at, modified), (Some(counted), Some(modified)) if modified > counted);
    let (outcome, why) = match row.difference() {
        None => (Outcome::Unknown, Some(Why::NoFigure)),
        Some(difference) if difference.is_zero() => (Outcome::Matched, None),
        Some(difference) => {
            let rate = row.item.as_ref().and_then(|item| item.rate);
            let is_free = difference.is_sign_positive() && rate == Some(Decimal::ZERO);
            (Outcome::Drifted, is_free.then_some(Why::NoValue))
        }
    };
    row.end(outcome, why);
}

/// The figures at the location of a row, which is then known.
fn at(row: &mut Row, item: &Object) -> Result<Figures, (Outcome, Why)> {
    let locations = stock::locations(item);
    let wanted = match &row.location {
        Where::Only => None,
        Where::Called(name) => Some(name.clone()),
        Where::At(spot) | Where::Mapped(spot) => Some(spot.id.clone()),
    };
    if let Where::Mapped(spot) = &row.location
        && stock::demand_one_meaning(std::slice::from_ref(item), &spot.id, spot.name.as_deref()).is_err()
    {
        return Err((Outcome::Ambiguous, Why::TwoMeanings));
    }
    let names = |locations: &[Location]| {
        let name = |location: &Location| cut(location.name.as_deref().unwrap_or(&location.id));
        locations.iter().take(MAX_OTHERS).map(name).collect::<Vec<_>>()
    };
    let location = match (wanted, locations.as_slice()) {
        (None, []) => return Ok(stock::total(item)),
        (None, [only]) => only,
        (None, _) => return Err((Outcome::Ambiguous, Why::WhichLocation(names(&locations)))),
        (Some(wanted), _) => match locations.iter().find(|location| location.is_called(&wanted)) {
            Some(location) => location,
            None => return Err((Outcome::Unknown, Why::NoLocation(names(&locations)))),
        },
    };
    row.location = Where::At(Spot { id: location.id.clone(), name: location.name.as_deref().map(cut) });
    Ok(location.figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::reconciliations::row::Named;

    const MAIN: &str = r#"{"location_id":"1","location_name":"Main","location_stock_on_hand":5,"location_available_stock":5,"location_actual_available_stock":5}"#;
    const SHOP: &str = r#"{"location_id":"2","location_name":"Shop","location_stock_on_hand":7.000000,"location_available_stock":7,"location_actual_available_stock":6}"#;

    fn item(rest: &str) -> Object {
        let text = format!(
            r#"{{"item_id":"9","sku":"A","name":"Oak","status":"active","purchase_rate":2.5,"stock_on_hand":12,"available_stock":12,"actual_available_stock":12{rest}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn judged(counted: &str, location: Where, found: Option<&Object>, basis: Option<Basis>) -> Row {
        let counted_at = Some("2026-11-29T10:00:00Z".parse().unwrap());
        let mut row = Row::new(1, Named::Sku("A".to_owned()), counted.parse().unwrap(), location);
        judge(&mut row, found, Rules { basis, counted_at });
        row
    }

    #[test]
    fn a_count_is_compared_at_its_location_by_the_basis_that_was_named() {
        let both =
            item(&format!(r#","locations":[{MAIN},{SHOP}],"last_modified_time":"2026-11-29T11:30:00+0100""#));
        let shop = || Where::Called("Shop".to_owned());
        let row = judged("7", shop(), Some(&both), Some(Basis::OnHand));
        assert_eq!((row.outcome, row.spot().unwrap().id.as_str()), (Some(Outcome::Matched), "2"));
        assert!(row.changed, "it was changed half an hour after it was counted");
        let row = judged("4.5", shop(), Some(&both), Some(Basis::Physical));
        assert_eq!(row.difference(), Some("-1.5".parse().unwrap()));
        assert_eq!(row.value(), Some("-3.75".parse().unwrap()));
        let row = judged("7", shop(), Some(&both), None);
        assert_eq!((row.outcome, row.why), (Some(Outcome::Ambiguous), Some(Why::TwoFigures)));
        let row = judged("7", Where::Only, Some(&both), None);
        assert_eq!(row.why, Some(Why::WhichLocation(vec!["Main".to_owned(), "Shop".to_owned()])));
        let mapped = |name: &str| Where::Mapped(Spot { id: "1".to_owned(), name: Some(name.to_owned()) });
        let row = judged("5", mapped("till 1"), Some(&both), None);
        assert_eq!((row.outcome, row.spot().unwrap().id.as_str()), (Some(Outcome::Matched), "1"));
        let row = judged("5", mapped("Shop"), Some(&both), None);
        assert_eq!((row.outcome, row.why), (Some(Outcome::Ambiguous), Some(Why::TwoMeanings)));
        let row = judged("7", Where::Called("Attic".to_owned()), Some(&both), None);
        assert_eq!((row.outcome, row.why.is_some()), (Some(Outcome::Unknown), true));
        let one = item(&format!(r#","locations":[{MAIN}]"#));
        let row = judged("6", Where::Only, Some(&one), None);
        assert_eq!((row.outcome, row.expected), (Some(Outcome::Drifted), Some("5".parse().unwrap())));
        assert!(!row.changed);
        let row = judged("12.0", Where::Only, Some(&item("")), None);
        assert_eq!((row.outcome, row.spot()), (Some(Outcome::Matched), None));
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let other = item(r#","sku":"B""#);
        assert_eq!(judged("1", Where::Only, Some(&other), None).why, Some(Why::Stale));
        assert_eq!(judged("1", Where::Only, None, None).why, Some(Why::Gone));
        let kit = item(r#","is_combo_product":true,"combo_type":"kit""#);
        assert_eq!(judged("1", Where::Only, Some(&kit), None).outcome, Some(Outcome::Unfit));
        let free = item(r#","purchase_rate":0"#);
        assert_eq!(judged("13", Where::Only, Some(&free), None).why, Some(Why::NoValue));
        assert_eq!(judged("11", Where::Only, Some(&free), None).why, None);
        let silent: Object = serde_json::from_str(r#"{"item_id":"9","sku":"A","stock_on_hand":""}"#).unwrap();
        assert_eq!(judged("1", Where::Only, Some(&silent), None).why, Some(Why::NoFigure));
    }
}
