//! Adjusting stock: looked at, written once, looked at again. <https://www.zoho.com/inventory/api/v1/inventoryadjustments/>
//!
//! Zoho has no compare-and-set and no idempotency key. So the items are read right before the write, one of our writes after the
//! other; the document carries a reference by which it is found after silence; and the figures are read again after it, which shows
//! a movement of somebody else in between. That short time is the race that Zoho leaves open, and the answer names it.

use std::time::Duration;

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::base::exactly_one::exactly_one;
use shared::base::problem::Problem;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::inventory::{self, adjustments};
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, day_of_organization, id, text};
use tokio::time::{Instant, sleep};

use super::adjustment::{AdjustStock, Change};
use super::document;
use super::judge::{Judged, Verdict, demand_one_location, is_stale, judge, nothing_left};
use crate::inventory::details::details;
use crate::inventory::documents;
use crate::inventory::stock::demand_one_meaning;
use crate::inventory::touched::{NOT_READ_AGAIN, touched};
use crate::inventory::uncertain_refusal::begun_perhaps;
use crate::writes::plan::{Done, Plan, Sent, Touched};
use crate::writes::request::WriteRequest;
use crate::zoho::{Scope, Target, WriteFailure, Zoho};

const KIND: &RecordKind = RecordKind::INVENTORY_ADJUSTMENT;

/// How many documents with the same reference are looked at in detail.
const MAX_CANDIDATES: usize = 5;

/// Where Zoho shows the old figures, they are read again after so long, and so often at most.
const LAG: Duration = Duration::from_secs(2);
const MAX_LOOKS: usize = 3;

impl AdjustStock {
    pub(super) async fn items(&self, zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Object>, Problem> {
        let ids: Vec<String> = self.lines.iter().map(|line| line.item_id.clone()).collect();
        details(zoho, &target.with(inventory::scope::ITEMS), &ids).await
    }

    /// Demands that its location is the one that is meant, where a mapping led to it.
    pub(super) fn demand_location_meant(&self, items: &[Object]) -> Result<(), Problem> {
        match &self.location {
            Some(location) => demand_one_meaning(items, location, self.location_name.as_deref()),
            None => Ok(()),
        }
    }

    /// What the items are after the write. Zoho may show the old figures for some seconds: while it does so for all lines, they are
    /// read again after `lag`, because the next write must not build on them.
    pub(super) async fn look_again(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        lines: &[Judged<'_>],
        lag: Duration,
    ) -> Option<Vec<Object>> {
        let target = request.target(self.needs());
        let mut items = self.items(zoho, &target).await.ok()?;
        for _ in 0..MAX_LOOKS {
            let has_time = is_time_to_look_again(lag, Instant::now(), request.caller.deadline);
            if !is_stale(self, lines, &items) || !has_time {
                break;
            }
            sleep(lag).await;
            items = self.items(zoho, &target).await.unwrap_or(items);
        }
        Some(items)
    }

    /// The items that this write changed, and nobody else: a change of others in the same moment must be reported.
    fn touched(&self, was: &[Judged<'_>], now: &[Object]) -> Vec<Touched> {
        let judged = judge(self, now).unwrap_or_default();
        touched(&self.seen, now, |item| {
            let mut lines = was.iter().zip(&judged).filter(|(was, _)| was.line.item_id == item);
            lines.all(|(was, now)| was.after() == now.before)
        })
    }

    /// What became of the lines, and what is to be said of it. `was` is what was read before the write, where that is known.
    fn outcome(
        &self,
        document: &Object,
        was: &[Judged<'_>],
        now: Option<&[Object]>,
    ) -> (Vec<Value>, Vec<String>) {
        let (is_moved, mut notices) = document::standing(document);
        let booked = document::quantities(document);
        let now = now.and_then(|items| judge(self, items).ok());
        let mut lines = Vec::new();
        for (index, line) in was.iter().enumerate() {
            let Verdict::Moves(asked) = line.verdict else {
                lines.push(line.shown_unsent());
                continue;
            };
            let after = now.as_ref().and_then(|now| now.get(index)?.before);
            let delta = match &booked {
                Some(booked) => booked.get(&line.line.item_id).copied().filter(|booked| !booked.is_zero()),
                None => Some(asked),
            };
            let Some(delta) = delta else {
                notices.push(format!("Zoho booked nothing of {}, without a word.", line.name()));
                lines.push(line.shown(
                    "not_booked",
                    Some(Decimal::ZERO),
                    after,
                    Some("Zoho booked nothing of it"),
                ));
                continue;
            };
            if delta != asked {
                let (asked, delta) = (asked.normalize(), delta.normalize());
                notices.push(format!("Of {}, Zoho booked {delta} in place of {asked}.", line.name()));
            }
            if is_moved {
                notices.extend(raced(line, delta, after));
            }
            lines.push(line.shown(
                if is_moved { "adjusted" } else { "awaits_approval" },
                Some(delta),
                after,
                None,
            ));
        }
        let left =
            was.iter().filter(|line| matches!(line.verdict, Verdict::Changed | Verdict::Unfit(_))).count();
        if left > 0 {
            let all = was.len();
            let was_left = if left == 1 { "was" } else { "were" };
            notices.insert(
                0,
                format!("{left} of {all} lines {was_left} left out: `why` beside each says what to do."),
            );
        }
        if now.is_none() {
            notices.push(NOT_READ_AGAIN.to_owned());
        }
        (lines, notices)
    }

    fn done(&self, status: u16, document: Object, lines: Vec<Value>, notices: &[String]) -> Done {
        let id = id(&document, KIND.id_field).unwrap_or_default();
        Done::new(status, format!("{KIND}/{id}"), document::shown(document, lines, notices, self.is_part))
    }

    /// Whether a document can only be this one.
    fn is_mine(&self, document: &Object) -> bool {
        let booked = document::quantities(document);
        let fits = |(item, quantity): (&String, &Decimal)| {
            self.lines.iter().any(|line| {
                line.item_id == *item
                    && match &line.change {
                        Change::Delta(delta) => delta.0 == *quantity,
                        Change::Target { .. } => true,
                    }
            })
        };
        let booked = booked.unwrap_or_default();
        self.own_reference || (!booked.is_empty() && booked.iter().all(fits))
    }
}

/// Whether there is time to wait for Zoho and to read the items once more.
fn is_time_to_look_again(lag: Duration, now: Instant, deadline: Instant) -> bool {
    now + lag * 2 <= deadline
}

/// Whether somebody else moved the stock between the two looks, in words.
fn raced(line: &Judged<'_>, delta: Decimal, after: Option<Decimal>) -> Option<String> {
    let (before, after) = (line.before?, after?);
    let sum = before.checked_add(delta)?;
    if sum == after {
        return None;
    }
    let name = line.name();
    let (before, delta, sum, after) =
        (before.normalize(), delta.normalize(), sum.normalize(), after.normalize());
    Some(if after == before {
        format!(
            "Zoho has booked {delta} of {name} and does not show it yet: read the item again in a moment."
        )
    } else {
        format!(
            "Of {name} there was {before}, {delta} was booked, and there is {after} in place of {sum}: somebody else moved it at the same time, or Zoho rounded it. The change itself was made once."
        )
    })
}

#[async_trait]
impl Plan for AdjustStock {
    fn name() -> &'static str {
        "adjust_stock"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Inventory, Scope::Known(adjustments::CREATE))
    }

    fn shown(&self) -> Value {
        json!({
            "reason": self.reason,
            "reference_number": self.reference,
            "location": self.location,
            "lines": self.lines,
        })
    }

    fn subject(&self) -> &'static str {
        "the adjustment"
    }

    fn moves_stock(&self) -> bool {
        true
    }

    async fn look(&mut self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Option<Done>, Problem> {
        self.seen = self.items(zoho, &request.target(self.needs())).await?;
        self.demand_location_meant(&self.seen)?;
        let lines = judge(self, &self.seen)?;
        demand_one_location(&lines)?;
        if lines.iter().any(|line| matches!(line.verdict, Verdict::Moves(_))) {
            return Ok(None);
        }
        if let Some(problem) = nothing_left(&lines).filter(|_| !self.is_part) {
            return Err(problem);
        }
        let shown = lines.iter().map(Judged::shown_unsent).collect();
        let notice = "There was nothing to adjust, and nothing was written.".to_owned();
        Ok(Some(self.done(200, Object::new(), shown, &[notice])))
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let lines = judge(self, &self.seen)?;
        let times = self.seen.iter().filter_map(|item| text(item, "last_modified_time"));
        let today = day_of_organization(zoho.now(), times);
        let body = document::to_send(self, &lines, &today).into();
        let document = documents::create(zoho, &target, KIND, adjustments::create_url, &body)
            .await
            .map_err(begun_perhaps)?;
        let now = self.look_again(zoho, request, &lines, LAG).await;
        let (shown, notices) = self.outcome(&document, &lines, now.as_deref());
        let touched = self.touched(&lines, now.as_deref().unwrap_or_default());
        Ok(Done { touched, ..self.done(201, document, shown, &notices) })
    }

    /// The one document that can only be this one.
    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Inventory, Scope::Known(adjustments::READ)));
        let ids =
            document::with_reference(zoho, &target, &self.reference, sent.at, self.date.is_none()).await?;
        let free = |id: &String| sent.is_free(&format!("{KIND}/{id}"));
        let mut found = Vec::new();
        for id in ids.iter().filter(|id| free(id)).take(MAX_CANDIDATES) {
            found.extend(
                documents::one(zoho, &target, KIND, id).await?.filter(|document| self.is_mine(document)),
            );
        }
        let Some(document) = exactly_one(found).one() else { return Ok(None) };
        let items = self.items(zoho, &target).await.unwrap_or_default();
        let (is_moved, mut notices) = document::standing(&document);
        let booked = document::quantities(&document).unwrap_or_default();
        let lines = judge(self, &items).unwrap_or_default().into_iter().map(|mut line| {
            // What was before it is not known any more.
            let after = line.before.take();
            let outcome = if is_moved { "adjusted" } else { "awaits_approval" };
            match booked.get(&line.line.item_id).filter(|booked| !booked.is_zero()) {
                Some(booked) => line.shown(outcome, Some(*booked), after, None),
                None => {
                    let why = "it is not in the document that Zoho has";
                    line.shown("not_booked", Some(Decimal::ZERO), after, Some(why))
                }
            }
        });
        let lines = lines.collect();
        let found = "The answer to this write was lost, and it was found in Zoho: what the stock was before it is not known.";
        notices.insert(0, found.to_owned());
        Ok(Some(self.done(201, document, lines, &notices)))
    }
}

#[cfg(test)]
mod tests {
    use shared::base::problem::Code;

    use super::*;
    use crate::inventory::adjustments::fixtures::{by, items_with, object, plan, to};

    /// What is told of each line, `outcome delta before>after`, and the notices.
    fn told(
        plan: &AdjustStock,
        before: &[Object],
        document: &str,
        after: Option<&[Object]>,
    ) -> (Vec<String>, Vec<String>) {
        let was = judge(plan, before).unwrap();
        let (lines, notices) = plan.outcome(&object(document), &was, after);
        let line = |line: &Value| {
            let outcome = line["outcome"].as_str().unwrap();
            format!("{outcome} {} {}>{}", line["delta"], line["before"], line["after"])
        };
        (lines.iter().map(line).collect(), notices)
    }

    fn booked(first: &str, second: &str) -> String {
        format!(
            r#"{{"line_items":[{{"item_id":"1","quantity_adjusted":{first}}},{{"item_id":"2","quantity_adjusted":{second}}}]}}"#
        )
    }

    #[test]
    fn of_each_line_it_is_told_what_zoho_booked() {
        let three = plan(vec![by("2"), by("-1"), to("5", None)], None, None);
        let before = items_with(&["4", "4", "5"]);
        let short = "Of item 1, Zoho booked 1 in place of 2.";
        let nothing = "Zoho booked nothing of item 2, without a word.";
        for (document, after, first, second, notices) in [
            (booked("2", "-1"), ["6", "3", "5"], "adjusted 2 4>6", "adjusted -1 4>3", vec![]),
            (booked("\"2.00\"", "-1.0"), ["6", "3", "5"], "adjusted 2 4>6", "adjusted -1 4>3", vec![]),
            ("{}".to_owned(), ["6", "3", "5"], "adjusted 2 4>6", "adjusted -1 4>3", vec![]),
            (booked("1", "-1"), ["5", "3", "5"], "adjusted 1 4>5", "adjusted -1 4>3", vec![short]),
            (booked("2", "0"), ["6", "4", "5"], "adjusted 2 4>6", "not_booked 0 4>4", vec![nothing]),
        ] {
            let (lines, said) = told(&three, &before, &document, Some(&items_with(&after)));
            assert_eq!(lines, [first, second, "unchanged null 5>5"], "{document}");
            assert_eq!(said, notices, "{document}");
        }
    }

    #[test]
    fn what_has_not_moved_yet_or_cannot_be_read_again_is_told_so() {
        let one = plan(vec![by("2")], None, None);
        let before = items_with(&["4"]);
        let (lines, said) = told(&one, &before, r#"{"status":"draft"}"#, Some(&before));
        assert_eq!(lines, ["awaits_approval 2 4>4"]);
        assert!(
            said.len() == 1 && said[0].contains("\"draft\""),
            "a person must act, and nobody raced: {said:?}"
        );
        let (lines, said) = told(&one, &before, "{}", None);
        assert_eq!(lines, ["adjusted 2 4>null"]);
        assert_eq!(said, ["The stock could not be read again: `after` is unknown. Read the items."]);
        let (_, said) = told(&one, &before, "{}", Some(&items_with(&["7"])));
        assert!(said.len() == 1 && said[0].contains("somebody else moved it"), "{said:?}");
    }

    #[test]
    fn lines_that_were_left_out_are_counted_before_all_else() {
        let (before, after) = (items_with(&["4", "4"]), items_with(&["6", "4"]));
        let two = plan(vec![by("2"), to("9", Some("3"))], None, None);
        let (lines, said) = told(&two, &before, "{}", Some(&after));
        assert_eq!(lines, ["adjusted 2 4>6", "changed null 4>4"]);
        assert_eq!(said, ["1 of 2 lines was left out: `why` beside each says what to do."]);
        let three = plan(vec![by("2"), to("9", Some("3")), by("1")], None, None);
        let (lines, said) = told(&three, &before, "{}", None);
        assert_eq!(lines[2], "refused null null>null", "Zoho does not have it");
        assert_eq!(said[0], "2 of 3 lines were left out: `why` beside each says what to do.");
    }

    #[test]
    fn a_location_that_a_mapping_led_to_is_the_only_one_of_that_name() {
        let items = [object(
            r#"{"item_id":"1","locations":[{"location_id":"10","location_name":"Main"},{"location_id":"11","location_name":"Shop"}]}"#,
        )];
        for (location, mapped, code) in [
            (None, None, None),
            (Some("Shop"), None, None),
            (Some("10"), Some("Counter"), None),
            (Some("11"), Some("Shop"), None),
            (Some("10"), Some("Shop"), Some(Code::MappingStale)),
        ] {
            let mut one = plan(vec![by("1")], location, None);
            one.location_name = mapped.map(str::to_owned);
            let found = one.demand_location_meant(&items).err().map(|problem| problem.code());
            assert_eq!(found, code, "{location:?} {mapped:?}");
        }
    }

    #[test]
    fn old_figures_are_read_again_where_a_pause_and_a_look_fit_into_the_time() {
        let now = Instant::now();
        for (left, is_time) in [(0, false), (3999, false), (4000, true), (25_000, true)] {
            let deadline = now + Duration::from_millis(left);
            assert_eq!(is_time_to_look_again(LAG, now, deadline), is_time, "{left}");
        }
    }

    #[test]
    fn a_movement_of_somebody_else_and_old_figures_are_told_apart() {
        let (one, items) = (plan(vec![by("-2")], None, None), items_with(&["10"]));
        let was = judge(&one, &items).unwrap();
        let said = |after: Option<i64>| raced(&was[0], Decimal::from(-2), after.map(Decimal::from));
        assert_eq!((said(Some(8)), said(None)), (None, None));
        assert!(said(Some(10)).unwrap().contains("does not show it yet"));
        let moved = said(Some(5)).unwrap();
        assert!(moved.contains("there was 10, -2 was booked, and there is 5 in place of 8"), "{moved}");
    }

    #[test]
    fn only_what_this_write_alone_has_changed_is_known_as_our_own() {
        let item = |id: &str, figure: &str, time: &str| {
            object(&format!(r#"{{"item_id":"{id}","stock_on_hand":{figure},"last_modified_time":"{time}"}}"#))
        };
        let mut three = plan(vec![by("1"), by("1"), by("1")], None, None);
        three.seen = vec![item("1", "4", "a"), item("2", "4", "a"), item("3", "4", "a")];
        let was = judge(&three, &three.seen).unwrap();
        // Somebody else moved the second one, too, and the third one does not say that it was changed.
        let now = [item("1", "5", "b"), item("2", "6", "b"), item("3", "5", "a")];
        let found = three.touched(&was, &now).into_iter();
        let found: Vec<_> = found.map(|found| (found.subject, found.record, found.before)).collect();
        let first = ("item/1".to_owned(), json!({ "last_modified_time": "b" }), Some("a".to_owned()));
        assert_eq!(found, [first]);
        assert!(three.touched(&was, &[]).is_empty());
    }

    #[test]
    fn a_document_with_a_reference_of_the_callers_own_is_ours_only_where_its_lines_are() {
        let mut two = plan(vec![by("2"), to("5", None)], None, None);
        for (document, is_mine) in [
            (booked("2", "7"), true), // to a target, by whatever was missing
            (booked("3", "7"), false),
            (booked("2", "7").replace("\"2\"", "\"3\""), false),
            (r#"{"line_items":[{"item_id":"1","quantity_adjusted":2}]}"#.to_owned(), true),
            (r#"{"line_items":[]}"#.to_owned(), false),
            ("{}".to_owned(), false),
        ] {
            two.own_reference = false;
            assert_eq!(two.is_mine(&object(&document)), is_mine, "{document}");
            two.own_reference = true;
            assert!(two.is_mine(&object(&document)), "nothing else has a reference that we made up");
        }
    }

    #[test]
    fn what_is_stored_stays_readable() {
        crate::writes::plan::assert_stored::<AdjustStock>(
            r#"{"version":1,"write":"adjust_stock","plan":{"reason":"Count","date":null,"description":null,"reference":"ZC-0a1b2c","own_reference":true,"location":"Main","basis":"physical","lines":[{"item_id":"33","change":{"delta":-2.5}},{"item_id":"34","change":{"target":{"target":5,"expected":3}},"tracking":{"serial_numbers":["A"]}}],"is_part":false},"before":null,"modified":null}"#,
        );
    }
}
