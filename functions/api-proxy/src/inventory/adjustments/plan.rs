//! Adjusts stock: reads the items, writes once, and reads the items again. <https://www.zoho.com/inventory/api/v1/inventoryadjustments/>
//!
//! Zoho has no compare-and-set and no idempotency key. So the items are read right before the write, and our own writes wait for each
//! other. The document has a reference by which it is found if Zoho's answer is lost. After the write the figures are read again: they
//! show whether somebody else moved the stock in between. Zoho leaves that race open, and the answer names it.

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
use super::outcome;
use crate::inventory::details::details;
use crate::inventory::documents;
use crate::inventory::stock::demand_one_meaning;
use crate::inventory::touched::touched;
use crate::inventory::uncertain_refusal::begun_perhaps;
use crate::writes::plan::{Done, Plan, Sent, Touched};
use crate::writes::request::WriteRequest;
use crate::zoho::{Scope, Target, WriteFailure, Zoho};

const KIND: &RecordKind = RecordKind::INVENTORY_ADJUSTMENT;

/// How many documents with the same reference are looked at in detail.
const MAX_CANDIDATES: usize = 5;

/// While Zoho still shows the old figures, they are read again after this pause, and this often at most.
const LAG: Duration = Duration::from_secs(2);
const MAX_LOOKS: usize = 3;

impl AdjustStock {
    pub(super) async fn items(&self, zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Object>, Problem> {
        let ids: Vec<String> = self.lines.iter().map(|line| line.item_id.clone()).collect();
        details(zoho, &target.with_scope(inventory::scope::ITEMS), &ids).await
    }

    /// Demands that a location to which a mapping led is the one that the caller means.
    pub(super) fn demand_location_meant(&self, items: &[Object]) -> Result<(), Problem> {
        match &self.location {
            Some(location) => demand_one_meaning(items, location, self.location_name.as_deref()),
            None => Ok(()),
        }
    }

    /// Reads the items after the write. Zoho may show the old figures for some seconds. While it shows them for all lines, the items are
    /// read again after `lag`, because the next write must not build on old figures.
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

    /// The items that only this write changed. If others changed an item in the same moment, that change must still be reported.
    fn touched(&self, was: &[Judged<'_>], now: &[Object]) -> Vec<Touched> {
        let judged = judge(self, now).unwrap_or_default();
        touched(&self.seen, now, |item| {
            let mut lines = was.iter().zip(&judged).filter(|(was, _)| was.line.item_id == item);
            lines.all(|(was, now)| was.after() == now.before)
        })
    }

    fn done(&self, status: u16, document: Object, lines: Vec<Value>, notices: &[String]) -> Done {
        let id = id(&document, KIND.id_field).unwrap_or_default();
        Done::new(status, format!("{KIND}/{id}"), document::shown(document, lines, notices, self.is_part))
    }

    /// Whether a document can only be the one that this write made.
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
        let (shown, notices) = outcome::written(self, &document, &lines, now.as_deref());
        let touched = self.touched(&lines, now.as_deref().unwrap_or_default());
        Ok(Done { touched, ..self.done(201, document, shown, &notices) })
    }

    /// The document that can only be this one.
    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Inventory, Scope::Known(adjustments::READ)));
        let ids = document::with_reference(zoho, &target, self, sent.at).await?;
        let free = |id: &String| sent.is_free(&format!("{KIND}/{id}"));
        let mut found = Vec::new();
        for id in ids.iter().filter(|id| free(id)).take(MAX_CANDIDATES) {
            found.extend(
                documents::one(zoho, &target, KIND, id).await?.filter(|document| self.is_mine(document)),
            );
        }
        let of_one_reference: Vec<String> =
            found.iter().filter_map(|document| id(document, KIND.id_field)).collect();
        // Of a reference that we made up, each is this one: it is there, however often.
        let is_known = self.own_reference && found.len() > 1;
        let document = if is_known { found.into_iter().next() } else { exactly_one(found).one() };
        let Some(document) = document else { return Ok(None) };
        let items = self.items(zoho, &target).await.unwrap_or_default();
        let (mut lines, mut notices) = outcome::found(self, &document, &items);
        if is_known {
            outcome::say_several(&mut lines, &mut notices, &of_one_reference);
        }
        Ok(Some(self.done(201, document, lines, &notices)))
    }
}

#[cfg(test)]
mod tests {
    use shared::base::problem::Code;

    use super::*;
    use crate::inventory::adjustments::fixtures::{booked, by, object, plan, to};

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
