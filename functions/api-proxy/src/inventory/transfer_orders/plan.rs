//! Moving stock between locations. <https://www.zoho.com/inventory/api/v1/transferorders/>
//!
//! The number of a transfer is unique at Zoho, so that one of our own, sent with `ignore_auto_number_generation`, makes it findable,
//! and a second one of it impossible. Without `is_intransit_order` Zoho moves both locations at once: that is not a draft.

use async_trait::async_trait;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::exactly_one::exactly_one;
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::inventory::{self, transfer_orders};
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, day_of_organization, id, text};

use super::judge::{Judged, judge, nothing_left};
use super::transfer::TransferStock;
use crate::inventory::decimals;
use crate::inventory::details::details;
use crate::inventory::documents;
use crate::inventory::stock;
use crate::inventory::touched::{NOT_READ_AGAIN, touched};
use crate::inventory::uncertain_refusal::begun_perhaps;
use crate::writes::plan::{Done, Plan, Sent, Touched};
use crate::writes::recovery::made_since;
use crate::writes::request::WriteRequest;
use crate::zoho::{Scope, Target, WriteFailure, Zoho};

pub(super) const KIND: &RecordKind = RecordKind::TRANSFER_ORDER;

impl TransferStock {
    pub(super) async fn items(&self, zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Object>, Problem> {
        let ids: Vec<String> = self.lines.iter().map(|line| line.item_id.clone()).collect();
        details(zoho, &target.with_scope(inventory::scope::ITEMS), &ids).await
    }

    /// Demands that its locations are those that are meant, where mappings led to them.
    pub(super) fn demand_locations_meant(&self, items: &[Object]) -> Result<(), Problem> {
        stock::demand_one_meaning(items, &self.from, self.from_name.as_deref())?;
        stock::demand_one_meaning(items, &self.to, self.to_name.as_deref())
    }

    fn to_send(&self, lines: &[Judged<'_>], today: &str) -> Object {
        let mut body = Object::new();
        let mut put = |field: &str, value: Value| {
            body.insert(field.to_owned(), value);
        };
        put("transfer_order_number", self.number.as_str().into());
        put("date", self.date.as_deref().unwrap_or(today).into());
        if let Some((from, to)) = lines.iter().find_map(|line| line.locations.as_ref().ok()) {
            let of = |location: &stock::Location| {
                if location.is_warehouse { "warehouse_id" } else { "location_id" }
            };
            put(&format!("from_{}", of(from)), from.id.as_str().into());
            put(&format!("to_{}", of(to)), to.id.as_str().into());
        }
        if let Some(description) = &self.description {
            put("description", description.as_str().into());
        }
        put("is_intransit_order", self.in_transit.into());
        let line_items = lines.iter().filter(|judged| judged.locations.is_ok()).map(|judged| {
            let mut line = Object::new();
            line.insert("item_id".to_owned(), judged.line.item_id.as_str().into());
            line.insert("name".to_owned(), judged.item_name().into());
            line.insert("quantity_transfer".to_owned(), decimals::json(judged.line.quantity.0));
            line.extend(judged.line.tracking.clone());
            Value::Object(line)
        });
        let line_items: Vec<Value> = line_items.collect();
        put("line_items", line_items.into());
        body
    }

    /// Whether a row of a list can be this one. A number that we made up needs no time: nothing before the write has it, and our clock
    /// may be wrong.
    fn can_be(&self, row: &Object, sent_at: Timestamp) -> bool {
        text(row, "transfer_order_number") == Some(self.number.as_str())
            && (self.own_number || made_since(row, "created_time", sent_at))
    }

    /// Whether a document can only be this one.
    fn is_mine(&self, document: &Object) -> bool {
        let lines = document.get("line_items").and_then(Value::as_array).into_iter().flatten();
        let mut lines = lines.filter_map(Value::as_object).peekable();
        let fits = |line: &Object| {
            let (item, quantity) = (id(line, "item_id"), decimals::decimal(line.get("quantity_transfer")));
            self.lines
                .iter()
                .any(|own| Some(&own.item_id) == item.as_ref() && Some(own.quantity.0) == quantity)
        };
        self.own_number || (lines.peek().is_some() && lines.all(fits))
    }

    /// The document with the number of this one, if it can only be this one.
    async fn with_number(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Object>, Problem> {
        let target = request.target((Product::Inventory, Scope::Known(transfer_orders::READ)));
        let mut answer = zoho
            .read(
                &target,
                |endpoint| transfer_orders::numbered_url(endpoint.api, endpoint.organization, &self.number),
                response::inventory,
            )
            .await?;
        let rows = KIND.take_list(&mut answer)?.into_iter().filter(|row| self.can_be(row, sent.at));
        let free = |id: &String| sent.is_free(&format!("{KIND}/{id}"));
        let ids: Vec<String> = rows.filter_map(|row| id(&row, KIND.id_field)).filter(free).collect();
        let Some(id) = exactly_one(ids).one() else { return Ok(None) };
        Ok(documents::one(zoho, &target, KIND, &id).await?.filter(|document| self.is_mine(document)))
    }

    /// The items that this write changed, and nobody else: a change of others in the same moment must be reported.
    fn touched(&self, was: &[Judged<'_>], now: &[Object]) -> Vec<Touched> {
        let judged = judge(self, now).unwrap_or_default();
        touched(&self.seen, now, |item| {
            let mut lines = was.iter().zip(&judged).filter(|(was, _)| was.line.item_id == item).peekable();
            lines.peek().is_some() && lines.all(|(was, now)| was.became(now, self.in_transit))
        })
    }

    fn done(
        &self,
        document: Object,
        was: &[Judged<'_>],
        now: Option<&[Object]>,
        mut notices: Vec<String>,
    ) -> Done {
        let after = now.and_then(|items| judge(self, items).ok());
        let outcome = match text(&document, "status") {
            Some("transferred") | None => "transferred",
            Some("in_transit") => "in_transit",
            Some(status) => {
                notices.push(format!(
                    "Zoho made the transfer and has not moved the stock yet: its status is {status:?}. A person must approve or finish it in Zoho."
                ));
                "waits"
            }
        };
        let mut lines = Vec::new();
        for (index, line) in was.iter().enumerate() {
            lines.push(match line.locations {
                Ok(_) => line.shown(outcome, after.as_ref().and_then(|after| after.get(index))),
                Err(_) => line.shown_unsent(),
            });
        }
        let id = id(&document, KIND.id_field).unwrap_or_default();
        let mut document = document;
        document.insert("lines".to_owned(), lines.into());
        let mut body = inventory::plain_record(document);
        if !notices.is_empty() {
            body.insert("notice".to_owned(), notices.join(" ").into());
        }
        Done::new(201, format!("{KIND}/{id}"), body)
    }
}

#[async_trait]
impl Plan for TransferStock {
    fn name() -> &'static str {
        "transfer_stock"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Inventory, Scope::Known(transfer_orders::CREATE))
    }

    fn shown(&self) -> Value {
        json!({
            "transfer_order_number": self.number,
            "from": self.from,
            "to": self.to,
            "in_transit": self.in_transit,
            "lines": self.lines,
        })
    }

    fn subject(&self) -> &'static str {
        "the transfer order"
    }

    fn moves_stock(&self) -> bool {
        true
    }

    async fn look(&mut self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Option<Done>, Problem> {
        self.seen = self.items(zoho, &request.target(self.needs())).await?;
        self.demand_locations_meant(&self.seen)?;
        match nothing_left(&judge(self, &self.seen)?) {
            Some(problem) => Err(problem),
            None => Ok(None),
        }
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let lines = judge(self, &self.seen)?;
        let times = self.seen.iter().filter_map(|item| text(item, "last_modified_time"));
        let body = self.to_send(&lines, &day_of_organization(zoho.now(), times)).into();
        let sent = Sent { at: zoho.now(), taken: &[] };
        let made = documents::create(zoho, &target, KIND, transfer_orders::create_url, &body).await;
        let document = match made {
            Ok(document) => document,
            // A number of our own that exists already is ours: something on the way sent the call twice.
            Err(WriteFailure::Refused(problem))
                if self.own_number && problem.code() == Code::ZohoRejected =>
            {
                match self.with_number(zoho, request, &sent).await {
                    Ok(Some(document)) => document,
                    Ok(None) => return Err(WriteFailure::Refused(problem)),
                    Err(_) => return Err(WriteFailure::Uncertain(problem)),
                }
            }
            Err(failure) => return Err(begun_perhaps(failure)),
        };
        let now = self.items(zoho, &target).await.ok();
        let mut notices = Vec::new();
        if now.is_none() {
            notices.push(NOT_READ_AGAIN.to_owned());
        }
        let touched = self.touched(&lines, now.as_deref().unwrap_or_default());
        Ok(Done { touched, ..self.done(document, &lines, now.as_deref(), notices) })
    }

    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let Some(document) = self.with_number(zoho, request, sent).await? else { return Ok(None) };
        let target = request.target(self.needs());
        let items = self.items(zoho, &target).await.unwrap_or_default();
        let notice = "The answer to this write was lost, and it was found in Zoho: `before` is what was read after it.";
        Ok(Some(self.done(
            document,
            &judge(self, &items).unwrap_or_default(),
            Some(&items),
            vec![notice.to_owned()],
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_known_by_its_number_and_only_one_of_the_callers_by_when_it_was_made() {
        let at = "2026-11-22T10:00:00Z".parse().unwrap();
        let row = |number: &str, made: &str| {
            let row = json!({ "transfer_order_number": number, "created_time": made });
            row.as_object().unwrap().clone()
        };
        let plan = |own_number: bool| -> TransferStock {
            let plan = json!({
                "number": "TO-7", "own_number": own_number, "from": "1", "to": "2", "in_transit": false,
                "date": null, "description": null, "lines": [],
            });
            serde_json::from_value(plan).unwrap()
        };
        let (now, an_hour_before) = ("2026-11-22T11:00:00+0100", "2026-11-22T10:00:00+0100");
        for (own_number, number, made, can_be) in [
            (false, "TO-7", now, true),
            (false, "TO-7", an_hour_before, false),
            (true, "TO-7", now, true),
            // Our clock is an hour fast.
            (true, "TO-7", an_hour_before, true),
            (true, "TO-8", now, false),
        ] {
            assert_eq!(
                plan(own_number).can_be(&row(number, made), at),
                can_be,
                "{own_number} {number} {made}"
            );
        }
    }

    #[test]
    fn what_is_stored_stays_readable() {
        crate::writes::plan::assert_stored::<TransferStock>(
            r#"{"version":1,"write":"transfer_stock","plan":{"number":"ZC-0A1B2C","own_number":true,"from":"Main","to":"33","in_transit":false,"date":null,"description":null,"lines":[{"item_id":"33","quantity":4}]},"before":null,"modified":null}"#,
        );
    }
}
