//! What becomes of each line of an adjustment, decided from what Zoho has at that moment: Zoho refuses a whole document because of
//! one line, so that lines that it cannot take are left out and told.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::value::{Object, id, text};

use super::adjustment::{AdjustStock, Change, Line};
use crate::inventory::stock::{self, Figures, Place, json_or_null};

/// A line with its item.
pub(crate) struct Judged<'a> {
    pub(crate) line: &'a Line,
    pub(crate) item: Option<&'a Object>,
    pub(crate) place: Option<Place>,
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

    /// The item in a sentence: by its id, because a sentence of ours holds no words of people.
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
            "location_id": self.place.as_ref().map(|place| &place.id),
            "location": self.place.as_ref().and_then(|place| place.name.as_deref()),
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
        stock::demand_place(items, name)?;
    }
    let by_id: BTreeMap<String, &Object> =
        items.iter().filter_map(|item| Some((id(item, "item_id")?, item))).collect();
    plan.lines
        .iter()
        .map(|line| {
            let item = by_id.get(&line.item_id).copied();
            line.check(item)?;
            let Some(item) = item else {
                let verdict = Verdict::Unfit("is not in Zoho Inventory".to_owned());
                return Ok(Judged { line, item: None, place: None, before: None, verdict });
            };
            let mut judged =
                Judged { line, item: Some(item), place: None, before: None, verdict: Verdict::Unchanged };
            judged.verdict = match stock::unfit(item, line.brings()) {
                Some(unfit) => Verdict::Unfit(unfit.why().to_owned()),
                None => decide(plan, &mut judged, item)?,
            };
            Ok(judged)
        })
        .collect()
}

fn decide(plan: &AdjustStock, judged: &mut Judged<'_>, item: &Object) -> Result<Verdict, Problem> {
    let places = stock::places(item);
    let figures: Figures = match (&plan.location, places.as_slice()) {
        (_, []) => stock::total(item),
        (None, [only]) => {
            judged.place = Some(only.clone());
            only.figures
        }
        (None, several) => return Err(name_a_location(several)),
        (Some(name), several) => match several.iter().find(|place| place.is_called(name)) {
            Some(place) => {
                judged.place = Some(place.clone());
                place.figures
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

/// Where the stock is in several places, none is guessed.
fn name_a_location(places: &[Place]) -> Problem {
    let names = stock::names_of(places);
    Problem::new(Code::BodyInvalid, format!("`location` must name one of the locations: {names}."))
}

/// An adjustment is for one place: items that are each kept at another single one are not put together.
pub(crate) fn demand_one_place(lines: &[Judged<'_>]) -> Result<(), Problem> {
    let moving = lines.iter().filter(|line| matches!(line.verdict, Verdict::Moves(_)));
    let places: Vec<&Place> = moving.filter_map(|line| line.place.as_ref()).collect();
    let differ = |pair: &[&Place]| matches!(pair, [one, other] if one.id != other.id);
    if places.windows(2).any(differ) {
        let all: Vec<Place> = places.into_iter().cloned().collect();
        return Err(name_a_location(&all));
    }
    Ok(())
}

/// The problem where no line is left that could be sent, if it is one: stock that is what it shall be is none.
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
