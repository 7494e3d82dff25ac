//! What becomes of each line of a transfer, decided from what Zoho has at that moment.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::value::{Object, id, text};

use super::transfer::{Line, TransferStock};
use crate::inventory::decimals::json_or_null;
use crate::inventory::lookup::named::demand_mapped;
use crate::inventory::stock::{self, Figures, Location};
use crate::inventory::unfit::unfit;

/// A line with its item and both locations.
pub(super) struct Judged<'a> {
    pub(super) line: &'a Line,
    item: Option<&'a Object>,
    pub(super) locations: Result<(Location, Location), String>,
}

/// Decides what becomes of each line.
pub(super) fn judge<'a>(plan: &'a TransferStock, items: &'a [Object]) -> Result<Vec<Judged<'a>>, Problem> {
    for location in [&plan.from, &plan.to] {
        stock::demand_kept_at(items, location)?;
    }
    let judge_line = |line: &'a Line| {
        let item = items.iter().find(|item| id(item, "item_id").as_deref() == Some(line.item_id.as_str()));
        demand_mapped(&line.item_id, line.mapping.as_ref(), item)?;
        let locations = match item {
            None => Err("is not in Zoho Inventory".to_owned()),
            Some(item) => match unfit(item, line.brings()) {
                Some(unfit) => Err(unfit.why().to_owned()),
                None => both(plan, item),
            },
        };
        Ok(Judged { line, item, locations })
    };
    plan.lines.iter().map(judge_line).collect()
}

fn both(plan: &TransferStock, item: &Object) -> Result<(Location, Location), String> {
    let locations = stock::locations(item);
    let called = |name: &str| {
        let found = locations.iter().find(|location| location.is_called(name)).cloned();
        found.ok_or_else(|| match locations.is_empty() {
            true => "is in an organisation without locations".to_owned(),
            false => format!("is not kept at the location {name:?}"),
        })
    };
    let (from, to) = (called(&plan.from)?, called(&plan.to)?);
    if from.id == to.id {
        Err("would stay where it is: `from` and `to` are one location".to_owned())
    } else {
        Ok((from, to))
    }
}

impl Judged<'_> {
    pub(super) fn item_name(&self) -> &str {
        self.item.and_then(|item| text(item, "name")).unwrap_or_default()
    }

    /// The item in a sentence: by its id, because a sentence of ours holds no words of people.
    pub(super) fn name(&self) -> String {
        format!("item {}", self.line.item_id)
    }

    /// What is missing at the source.
    pub(super) fn shortage(&self) -> Option<String> {
        let (from, _) = self.locations.as_ref().ok()?;
        let left = from.figures.on_hand?.checked_sub(self.line.quantity.0)?;
        (left.is_sign_negative() && !left.is_zero()).then(|| {
            format!("Location {} would be left with {} of {}.", from.id, left.normalize(), self.name())
        })
    }

    /// Whether the stock is what the transfer alone makes of it.
    pub(super) fn became(&self, after: &Self, in_transit: bool) -> bool {
        let (Ok((from, to)), Ok((from_now, to_now))) = (&self.locations, &after.locations) else {
            return false;
        };
        let moved = |was: &Location, by: Decimal| was.figures.on_hand.and_then(|was| was.checked_add(by));
        let quantity = self.line.quantity.0;
        let arrived = if in_transit { Decimal::ZERO } else { quantity };
        let (from_is, to_is) = (from_now.figures.on_hand, to_now.figures.on_hand);
        from_is.is_some() && moved(from, -quantity) == from_is && moved(to, arrived) == to_is
    }

    /// As callers see it: both locations, before and after.
    pub(super) fn shown(&self, outcome: &str, after: Option<&Self>) -> Value {
        let of_item = |field: &str| self.item.and_then(|item| text(item, field));
        let after = after.and_then(|after| after.locations.as_ref().ok());
        let location = |location: &Location, after: Option<&Location>| {
            let figure = |of: fn(&Figures) -> Option<Decimal>| {
                json_or_null(after.and_then(|location| of(&location.figures)))
            };
            json!({
                "location_id": location.id,
                "location": location.name,
                "before": json_or_null(location.figures.on_hand),
                "after": figure(|figures| figures.on_hand),
                "in_transit": figure(|figures| figures.in_transit),
            })
        };
        let (from, to, why) = match &self.locations {
            Ok((from, to)) => {
                (location(from, after.map(|(from, _)| from)), location(to, after.map(|(_, to)| to)), None)
            }
            Err(why) => (Value::Null, Value::Null, Some(why)),
        };
        json!({
            "item_id": self.line.item_id,
            "sku": of_item("sku"),
            "name": of_item("name"),
            "quantity": self.line.quantity,
            "from": from,
            "to": to,
            "outcome": outcome,
            "why": why,
        })
    }

    pub(super) fn shown_unsent(&self) -> Value {
        self.shown(if self.locations.is_ok() { "ready" } else { "refused" }, None)
    }
}

/// The problem where no line is left that could be sent.
pub(super) fn nothing_left(lines: &[Judged<'_>]) -> Option<Problem> {
    if lines.iter().any(|line| line.locations.is_ok()) {
        return None;
    }
    let told =
        lines.iter().filter_map(|line| Some(format!("{} {}", line.name(), line.locations.as_ref().err()?)));
    let told: Vec<String> = told.collect();
    Some(Problem::new(Code::ItemNotAdjustable, format!("{}.", told.join("; "))))
}
