//! Decides what becomes of each line of an adjustment, from what Zoho has at that moment. Zoho refuses a whole document because of one
//! line, so lines that it would refuse are left out, and the answer names them.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::value::{Object, id, text};

use super::adjustment::{AdjustStock, Change, Line};
use crate::inventory::decimals::json_or_null;
use crate::inventory::stock::{self, Figures, Location};
use crate::inventory::unfit::unfit;

/// A line with its item.
pub(crate) struct Judged<'a> {
    pub(crate) line: &'a Line,
    pub(crate) item: Option<&'a Object>,
    pub(crate) location: Option<Location>,
    pub(crate) before: Option<Decimal>,
    pub(crate) verdict: Verdict,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The stock changes by so much.
    Moves(Decimal),
    /// It is what it shall be.
    Unchanged,
    /// It is not what the caller expected.
    Changed,
    /// Zoho would not take it.
    Unfit(String),
}

impl Judged<'_> {
    /// What the stock is after it.
    pub(crate) fn after(&self) -> Option<Decimal> {
        match self.verdict {
            Verdict::Moves(delta) => self.before?.checked_add(delta),
            _ => self.before,
        }
    }

    /// The item in a sentence. It is named by its id, because our sentences hold nothing that people wrote.
    pub(crate) fn name(&self) -> String {
        format!("item {}", self.line.item_id)
    }

    /// As callers see it.
    pub(crate) fn shown(
        &self,
        outcome: &str,
        delta: Option<Decimal>,
        after: Option<Decimal>,
        why: Option<&str>,
    ) -> Value {
        let of_item = |field: &str| self.item.and_then(|item| text(item, field));
        json!({
            "item_id": self.line.item_id,
            "sku": of_item("sku"),
            "name": of_item("name"),
            "unit": of_item("unit"),
            "location_id": self.location.as_ref().map(|location| &location.id),
            "location": self.location.as_ref().and_then(|location| location.name.as_deref()),
            "delta": json_or_null(delta),
            "before": json_or_null(self.before),
            "after": json_or_null(after),
            "outcome": outcome,
            "why": why,
        })
    }

    /// As callers see it where nothing is written for it.
    pub(crate) fn shown_unsent(&self) -> Value {
        match &self.verdict {
            Verdict::Moves(delta) => self.shown("ready", Some(*delta), self.after(), None),
            Verdict::Unchanged => self.shown("unchanged", None, self.before, None),
            Verdict::Changed => {
                let expected = match &self.line.change {
                    Change::Target { expected, .. } => *expected,
                    Change::Delta(_) => None,
                };
                let why = expected.map(|expected| format!("you expected {}", expected.0.normalize()));
                self.shown("changed", None, self.before, why.as_deref())
            }
            Verdict::Unfit(why) => self.shown("refused", None, self.before, Some(why)),
        }
    }
}

/// Decides what becomes of each line.
pub(crate) fn judge<'a>(plan: &'a AdjustStock, items: &'a [Object]) -> Result<Vec<Judged<'a>>, Problem> {
    if let Some(name) = &plan.location {
        stock::demand_kept_at(items, name)?;
    }
    let mut by_id: BTreeMap<String, &Object> = BTreeMap::new();
    by_id.extend(items.iter().filter_map(|item| Some((id(item, "item_id")?, item))));
    plan.lines
        .iter()
        .map(|line| {
            let item = by_id.get(&line.item_id).copied();
            line.check(item)?;
            let Some(item) = item else {
                let verdict = Verdict::Unfit("is not in Zoho Inventory".to_owned());
                return Ok(Judged { line, item: None, location: None, before: None, verdict });
            };
            let mut judged =
                Judged { line, item: Some(item), location: None, before: None, verdict: Verdict::Unchanged };
            judged.verdict = match unfit(item, line.brings()) {
                Some(unfit) => Verdict::Unfit(unfit.why().to_owned()),
                None => decide(plan, &mut judged, item)?,
            };
            Ok(judged)
        })
        .collect()
}

fn decide(plan: &AdjustStock, judged: &mut Judged<'_>, item: &Object) -> Result<Verdict, Problem> {
    let locations = stock::locations(item);
    let figures: Figures = match (&plan.location, locations.as_slice()) {
        // Zoho's total is of no location that anybody named.
        (None, []) => stock::total(item),
        (None, [only]) => {
            judged.location = Some(only.clone());
            only.figures
        }
        (None, several) => return Err(name_a_location(several)),
        (Some(name), several) => match several.iter().find(|location| location.is_called(name)) {
            Some(location) => {
                judged.location = Some(location.clone());
                location.figures
            }
            None => return Ok(Verdict::Unfit(format!("is not kept at the location {name:?}"))),
        },
    };
    judged.before = figures.by(plan.basis.unwrap_or_default());
    let (target, expected) = match &judged.line.change {
        Change::Delta(delta) => return Ok(Verdict::Moves(delta.0)),
        Change::Target { target, expected } => (target.0, *expected),
    };
    if plan.basis.is_none() && figures.bases_differ() {
        return Ok(Verdict::Unfit(format!(
            "has two counts in Zoho, physical {} and accounting {}: say with `basis` which one you mean",
            json_or_null(figures.physical),
            json_or_null(figures.accounting),
        )));
    }
    let Some(before) = judged.before else {
        return Ok(Verdict::Unfit("has no figure of this count in Zoho's answer".to_owned()));
    };
    if expected.is_some_and(|expected| expected.0 != before) {
        return Ok(Verdict::Changed);
    }
    Ok(match target.checked_sub(before) {
        Some(delta) if delta.is_zero() => Verdict::Unchanged,
        Some(delta) => Verdict::Moves(delta.normalize()),
        None => Verdict::Unfit("has a stock that cannot be reckoned with".to_owned()),
    })
}

/// Where the stock is in several locations, none is guessed.
fn name_a_location(locations: &[Location]) -> Problem {
    let names = stock::names_of(locations);
    Problem::new(Code::BodyInvalid, format!("`location` must name one of the locations: {names}."))
}

/// Demands that all lines are for one location, as an adjustment must be. Without a named location, items may each be kept at a single
/// location, but not at the same one.
pub(super) fn demand_one_location(lines: &[Judged<'_>]) -> Result<(), Problem> {
    let moving = lines.iter().filter(|line| matches!(line.verdict, Verdict::Moves(_)));
    let locations: Vec<Option<&Location>> = moving.map(|line| line.location.as_ref()).collect();
    // A line without a location would be sent with that of the others.
    let ids: BTreeSet<Option<&str>> =
        locations.iter().map(|location| location.map(|location| location.id.as_str())).collect();
    if ids.len() > 1 {
        let all: Vec<Location> = locations.into_iter().flatten().cloned().collect();
        return Err(name_a_location(&all));
    }
    Ok(())
}

/// Whether Zoho still shows the figures of before the write, for all lines that the write has moved.
pub(super) fn is_stale(plan: &AdjustStock, was: &[Judged<'_>], now: &[Object]) -> bool {
    judge(plan, now).is_ok_and(|now| {
        let moved = was.iter().zip(now).filter(|(was, _)| matches!(was.verdict, Verdict::Moves(_)));
        let mut moved = moved.peekable();
        moved.peek().is_some() && moved.all(|(was, now)| was.before.is_some() && was.before == now.before)
    })
}

/// The problem if no line is left to send. There is none if the stock is already what the caller wants.
pub(crate) fn nothing_left(lines: &[Judged<'_>]) -> Option<Problem> {
    let told = |of: &dyn Fn(&Judged<'_>) -> Option<String>| {
        let told: Vec<String> = lines.iter().filter_map(of).collect();
        (!told.is_empty()).then(|| told.join("; "))
    };
    let unfit = told(&|line| match &line.verdict {
        Verdict::Unfit(why) => Some(format!("{} {why}", line.name())),
        _ => None,
    });
    let changed = told(&|line| match (&line.verdict, &line.line.change) {
        (Verdict::Changed, Change::Target { expected, .. }) => Some(format!(
            "of {} there is {}, and you expected {}",
            line.name(),
            json_or_null(line.before),
            json_or_null(expected.map(|expected| expected.0)),
        )),
        _ => None,
    });
    match (changed, unfit) {
        (Some(changed), None) => {
            Some(Problem::new(Code::StockChanged, format!("{}.", first_upper(&changed))))
        }
        (Some(changed), Some(unfit)) => {
            Some(Problem::new(Code::StockChanged, format!("{}. Besides: {unfit}.", first_upper(&changed))))
        }
        (None, Some(unfit)) => Some(Problem::new(Code::ItemNotAdjustable, format!("{unfit}."))),
        (None, None) => None,
    }
}

fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::adjustments::fixtures::{by, items_with, object, plan, to};
    use crate::inventory::stock::Basis;

    fn moves(delta: &str) -> Verdict {
        Verdict::Moves(delta.parse().unwrap())
    }

    const ONE_LOCATION: &str =
        r#"{"item_id":"1","stock_on_hand":"9.50","actual_available_stock":9.5,"available_stock":9.5}"#;
    const TWO_COUNTS: &str =
        r#"{"item_id":"1","stock_on_hand":5,"actual_available_stock":7,"available_stock":5}"#;
    const TWO_LOCATIONS: &str = r#"{"item_id":"1","stock_on_hand":5,"locations":[
        {"location_id":"10","location_name":"Main","location_stock_on_hand":4},
        {"location_id":"11","location_name":"Shop","location_stock_on_hand":1}]}"#;

    /// The verdict of one line, with what is there before and after it.
    fn of(
        item: &str,
        change: Change,
        location: Option<&str>,
        basis: Option<Basis>,
    ) -> (Verdict, String, String) {
        let (plan, items) = (plan(vec![change], location, basis), [object(item)]);
        let judged = judge(&plan, &items).unwrap();
        let [only] = judged.as_slice() else { panic!("one line") };
        let shown = |figure| json_or_null(figure).to_string();
        (only.verdict.clone(), shown(only.before), shown(only.after()))
    }

    #[test]
    fn a_line_moves_by_what_it_says_or_to_what_it_says() {
        for (change, verdict, after) in [
            (by("2.25"), moves("2.25"), "11.75"),
            (by("-9.5"), moves("-9.5"), "0"),
            (by("-20"), moves("-20"), "-10.5"),
            (to("12", None), moves("2.5"), "12"),
            (to("0", None), moves("-9.5"), "0"),
            (to("9.500", None), Verdict::Unchanged, "9.5"),
            (to("12", Some("9.5")), moves("2.5"), "12"),
            (to("12", Some("9.4")), Verdict::Changed, "9.5"),
            (to("9.5", Some("9.4")), Verdict::Changed, "9.5"),
        ] {
            let told = format!("{change:?}");
            assert_eq!(
                of(ONE_LOCATION, change, None, None),
                (verdict, "9.5".to_owned(), after.to_owned()),
                "{told}"
            );
        }
    }

    #[test]
    fn of_two_counts_a_target_needs_to_say_which() {
        let (verdict, ..) = of(TWO_COUNTS, to("6", None), None, None);
        let Verdict::Unfit(why) = verdict else { panic!("{verdict:?}") };
        assert!(why.contains("physical 7 and accounting 5"), "{why}");
        for (basis, delta) in [(Basis::Physical, "-1"), (Basis::Accounting, "1"), (Basis::OnHand, "1")] {
            assert_eq!(of(TWO_COUNTS, to("6", None), None, Some(basis)).0, moves(delta), "{basis:?}");
        }
        assert_eq!(of(TWO_COUNTS, by("1"), None, None).0, moves("1"), "both counts move by it");
        let none = r#"{"item_id":"1","stock_on_hand":5}"#;
        let (verdict, ..) = of(none, to("6", None), None, Some(Basis::Physical));
        assert!(matches!(verdict, Verdict::Unfit(why) if why.contains("no figure")));
    }

    #[test]
    fn a_location_is_named_where_there_are_several() {
        assert_eq!(
            of(TWO_LOCATIONS, to("6", None), Some("Main"), None),
            (moves("2"), "4".to_owned(), "6".to_owned())
        );
        assert_eq!(
            of(TWO_LOCATIONS, to("6", None), Some("11"), None),
            (moves("5"), "1".to_owned(), "6".to_owned())
        );
        let items = [object(TWO_LOCATIONS)];
        let nowhere = plan(vec![by("1")], None, None);
        let problem = judge(&nowhere, &items).err().unwrap();
        assert_eq!(problem.code(), Code::BodyInvalid);
        assert!(problem.detail().contains("\"Main\", \"Shop\""), "{}", problem.detail());
        let elsewhere = plan(vec![by("1")], Some("Elsewhere"), None);
        assert_eq!(judge(&elsewhere, &items).err().unwrap().code(), Code::LocationNotFound);
        // It is a location, but not this item's.
        let other = r#"{"item_id":"2","locations":[{"location_id":"12","location_name":"Dock","location_stock_on_hand":1}]}"#;
        let (docked, items) =
            (plan(vec![by("1"), by("1")], Some("Dock"), None), [object(TWO_LOCATIONS), object(other)]);
        let judged = judge(&docked, &items).unwrap();
        assert!(matches!(&judged[0].verdict, Verdict::Unfit(why) if why.contains("\"Dock\"")));
        assert_eq!(judged[1].verdict, moves("1"));
        // An item that is kept from all of them has a total, which is not the stock there.
        let kept_away = r#"{"item_id":"1","stock_on_hand":9,"locations":[{"location_id":"12","location_name":"Dock","is_item_mapped":false,"location_stock_on_hand":4}]}"#;
        for change in [by("1"), to("5", Some("9"))] {
            let (docked, items) =
                (plan(vec![change, by("1")], Some("Dock"), None), [object(kept_away), object(other)]);
            let judged = judge(&docked, &items).unwrap();
            assert!(matches!(&judged[0].verdict, Verdict::Unfit(why) if why.contains("\"Dock\"")));
            assert_eq!((judged[0].before, &judged[1].verdict), (None, &moves("1")));
        }
    }

    #[test]
    fn what_zoho_does_not_have_or_would_not_take_is_unfit() {
        let (absent, items) =
            (plan(vec![by("1")], None, None), [object(r#"{"item_id":"9","stock_on_hand":1}"#)]);
        let judged = judge(&absent, &items).unwrap();
        assert_eq!(judged[0].verdict, Verdict::Unfit("is not in Zoho Inventory".to_owned()));
        assert_eq!((judged[0].before, judged[0].after()), (None, None));
        let (verdict, ..) =
            of(r#"{"item_id":"1","stock_on_hand":1,"status":"inactive"}"#, by("1"), None, None);
        assert!(matches!(verdict, Verdict::Unfit(why) if why.contains("inactive")));
        let most = "79228162514264337593543950335";
        let full = format!(r#"{{"item_id":"1","stock_on_hand":-{most}}}"#);
        let (verdict, ..) = of(&full, to("999999999999999", None), None, None);
        assert!(matches!(verdict, Verdict::Unfit(why) if why.contains("reckoned")));
    }

    #[test]
    fn lines_that_move_are_at_one_location() {
        let item = |id: &str, location: &str| {
            object(&format!(
                r#"{{"item_id":"{id}","locations":[{{"location_id":"{location}","location_stock_on_hand":1}}]}}"#
            ))
        };
        let several = plan(vec![by("1"), by("1")], None, None);
        let same = [item("1", "10"), item("2", "10")];
        assert!(demand_one_location(&judge(&several, &same).unwrap()).is_ok());
        let apart = [item("1", "10"), item("2", "11")];
        assert_eq!(
            demand_one_location(&judge(&several, &apart).unwrap()).err().map(|problem| problem.code()),
            Some(Code::BodyInvalid)
        );
        // One that Zoho shows at no location would be sent with that of the other.
        for first in [0, 1] {
            let mut half = [item("1", "10"), item("2", "10")];
            half[first] = object(&format!(r#"{{"item_id":"{}","stock_on_hand":1}}"#, first + 1));
            let problem = demand_one_location(&judge(&several, &half).unwrap()).err().unwrap();
            assert!(problem.detail().ends_with("one of the locations: \"10\"."), "{}", problem.detail());
        }
        let nowhere = items_with(&["1", "1"]);
        assert!(demand_one_location(&judge(&several, &nowhere).unwrap()).is_ok());
        // One that stays as it is may be anywhere.
        let stays = plan(vec![by("1"), to("1", None)], None, None);
        assert!(demand_one_location(&judge(&stays, &apart).unwrap()).is_ok());
    }

    #[test]
    fn figures_are_old_where_no_line_that_moved_shows_a_new_one() {
        let stale = |plan: &AdjustStock, before: &[Object], after: &[Object]| {
            is_stale(plan, &judge(plan, before).unwrap(), after)
        };
        let two_move = plan(vec![by("1"), by("-2"), to("5", None)], None, None);
        let before = items_with(&["4", "4", "5"]);
        for (after, expected) in [
            (&["4", "4", "5"][..], true),
            (&["4", "4", "9"], true), // the last one is not of this write
            (&["5", "4", "5"], false),
            (&["4", "2", "5"], false),
            (&["5", "2", "5"], false),
            (&["4"], false), // one that is not there has no old figure
        ] {
            assert_eq!(stale(&two_move, &before, &items_with(after)), expected, "{after:?}");
        }
        let none_moves = plan(vec![to("4", None)], None, None);
        assert!(!stale(&none_moves, &before, &before), "there is nothing to wait for");
        let of_no_figure = plan(vec![by("1")], None, Some(Basis::Physical));
        assert!(!stale(&of_no_figure, &before, &before), "it would stay so for ever");
        let at_main = plan(vec![by("1")], Some("Main"), None);
        let two_locations = [object(TWO_LOCATIONS)];
        assert!(stale(&at_main, &two_locations, &two_locations));
        let renamed = [object(&TWO_LOCATIONS.replace("Main", "Centre"))];
        assert!(!stale(&at_main, &two_locations, &renamed), "the location cannot be found any more");
    }

    #[test]
    fn where_nothing_is_left_the_problem_says_why_and_stock_that_is_right_is_none() {
        let left = |changes: Vec<Change>, items: &[&str]| {
            let items: Vec<Object> = items.iter().map(|item| object(item)).collect();
            let plan = plan(changes, None, None);
            nothing_left(&judge(&plan, &items).unwrap())
                .map(|problem| (problem.code(), problem.detail().to_owned()))
        };
        assert_eq!(left(vec![to("9.5", None)], &[ONE_LOCATION]), None);
        let changed = left(vec![to("1", Some("3"))], &[ONE_LOCATION]).unwrap();
        assert_eq!(changed, (Code::StockChanged, "Of item 1 there is 9.5, and you expected 3.".to_owned()));
        let unfit = left(vec![by("1")], &[]).unwrap();
        assert_eq!(unfit, (Code::ItemNotAdjustable, "item 1 is not in Zoho Inventory.".to_owned()));
        let (code, detail) = left(vec![to("1", Some("3")), by("1")], &[ONE_LOCATION]).unwrap();
        assert_eq!(code, Code::StockChanged);
        assert!(detail.ends_with("Besides: item 2 is not in Zoho Inventory."), "{detail}");
    }
}
