//! Sales orders: made, confirmed, voided. <https://www.zoho.com/inventory/api/v1/salesorders/>

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};
use shared::base::clock::Timestamp;
use shared::base::exactly_one::exactly_one;
use shared::base::problem::Problem;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::inventory::{self, orders};
use shared::zoho::response::{self, records};
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id, text};

use crate::inventory::documents;
use crate::writes::plan::{Done, Plan, Sent};
use crate::writes::recovery::made_since;
use crate::writes::request::WriteRequest;
use crate::zoho::{Scope, Target, WriteFailure, Zoho};

/// How many of the newest orders are looked at, and how many of those in detail.
const MAX_NEWEST: u32 = 100;
const MAX_CANDIDATES: usize = 5;

/// A new order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CreateOrder {
    /// What Zoho gets.
    pub(crate) body: Value,
    /// Whether its reference is one that we made up: then nothing else has it.
    pub(crate) own_reference: bool,
}

impl CreateOrder {
    /// An order of this body. Zoho has no idempotency keys, so that an order without a reference of the caller's gets one by
    /// which it can be found.
    pub(crate) fn new(mut body: Object) -> Self {
        let own_reference = text(&body, "reference_number").is_none();
        if own_reference {
            body.insert("reference_number".to_owned(), documents::own_reference().into());
        }
        Self { body: body.into(), own_reference }
    }

    /// Whether a row of a list can be this one. A reference that we made up needs no time: nothing before the write has it, and our clock
    /// may be wrong.
    fn can_be(&self, row: &Object, sent_at: Timestamp) -> bool {
        let of = |record: Option<&Value>| record.and_then(Value::as_str).map(str::to_owned);
        let same = |field| of(row.get(field)) == of(self.body.get(field));
        same("reference_number")
            && same("customer_id")
            && (self.own_reference || made_since(row, "created_time", sent_at))
    }

    /// What was done, of the orders that can only be this one. Of a reference that we made up, each is: it is there, however often.
    fn done_of(&self, found: Vec<Object>) -> Option<Done> {
        let ids: Vec<String> = found.iter().filter_map(|order| id(order, "salesorder_id")).collect();
        if !self.own_reference || found.len() < 2 {
            return exactly_one(found).one().map(|order| done(201, order));
        }
        let mut done = done(201, found.into_iter().next()?);
        if let Some(body) = done.body.as_object_mut() {
            let notice = format!(
                "Zoho has {} sales orders with the reference of this one: {}. If nobody made the others on purpose, a person must delete them in Zoho.",
                ids.len(),
                ids.join(", ")
            );
            body.insert("notice".to_owned(), notice.into());
        }
        Some(done)
    }

    fn has_same_lines(&self, order: &Object) -> bool {
        let lines = |value: Option<&Value>| {
            let lines = value.and_then(Value::as_array).into_iter().flatten();
            let mut lines: Vec<_> = lines
                .filter_map(Value::as_object)
                .map(|line| {
                    let quantity = line.get("quantity").and_then(Value::as_number).map(plain);
                    (id(line, "item_id").unwrap_or_default(), quantity.unwrap_or_default())
                })
                .collect();
            lines.sort_unstable();
            lines
        };
        lines(self.body.get("line_items")) == lines(order.get("line_items"))
    }
}

#[async_trait]
impl Plan for CreateOrder {
    fn name() -> &'static str {
        "create_sales_order"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Inventory, Scope::Known(orders::CREATE))
    }

    fn shown(&self) -> Value {
        self.body.clone()
    }

    fn subject(&self) -> &'static str {
        "the order"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let url = |api: &str, organization: &str| orders::list_url(api, organization, &[]);
        documents::create(zoho, &target, RecordKind::SALES_ORDER, url, &self.body)
            .await
            .map(|order| done(201, order))
    }

    /// The order that can only be this one.
    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Inventory, Scope::Known(orders::READ)));
        let rows = MAX_NEWEST.to_string();
        let query = [("sort_column", "created_time"), ("sort_order", "D"), ("per_page", &rows)];
        let mut answer = zoho
            .read(
                &target,
                |endpoint| orders::list_url(endpoint.api, endpoint.organization, &query),
                response::inventory,
            )
            .await?;
        let mut candidates = records(&mut answer, "salesorders")?;
        candidates.retain(|row| self.can_be(row, sent.at));
        let free = |id: &String| sent.is_free(&format!("salesorder/{id}"));
        let ids = candidates.iter().filter_map(|row| id(row, "salesorder_id")).filter(free);
        let mut found = Vec::new();
        for id in ids.take(MAX_CANDIDATES) {
            let order = one(zoho, &target, &id).await?;
            if order.as_ref().is_some_and(|order| self.own_reference || self.has_same_lines(order)) {
                found.extend(order);
            }
        }
        Ok(self.done_of(found))
    }
}

/// `2.0` and `2` are the same quantity.
fn plain(number: &Number) -> String {
    let text = number.to_string();
    match text.split_once('.') {
        Some((whole, part)) if part.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        Some(_) => text.trim_end_matches('0').to_owned(),
        None => text,
    }
}

/// A new status for an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SetOrderStatus {
    pub(crate) id: String,
    /// `confirmed` or `void`.
    pub(crate) status: String,
}

#[async_trait]
impl Plan for SetOrderStatus {
    fn name() -> &'static str {
        "set_sales_order_status"
    }

    /// For Zoho, this is a CREATE, too.
    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Inventory, Scope::Known(orders::CREATE))
    }

    fn shown(&self) -> Value {
        json!({ "status": self.status })
    }

    fn subject(&self) -> &'static str {
        "the new status of the order"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let url =
            |api: &str, organization: &str| orders::status_url(api, organization, &self.id, &self.status);
        documents::set_status(zoho, &target, RecordKind::SALES_ORDER, (&self.id, &self.status), &url)
            .await
            .map(|order| done(200, order))
    }

    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        _: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Inventory, Scope::Known(orders::READ)));
        let order = one(zoho, &target, &self.id).await?;
        let has_it = |order: &Object| {
            ["status", "order_status"].iter().any(|field| text(order, field) == Some(&self.status))
        };
        Ok(order.filter(has_it).map(|order| done(200, order)))
    }
}

/// One order, as Zoho has it.
pub(crate) async fn one(zoho: &Zoho, target: &Target<'_>, id: &str) -> Result<Option<Object>, Problem> {
    documents::one(zoho, target, RecordKind::SALES_ORDER, id).await
}

fn done(status: u16, order: Object) -> Done {
    let subject = format!("salesorder/{}", id(&order, "salesorder_id").unwrap_or_default());
    Done::new(status, subject, inventory::plain_record(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_zoho_has_twice_is_done_where_only_this_write_has_its_reference() {
        let orders = |ids: &[&str]| -> Vec<Object> {
            ids.iter().map(|id| json!({ "salesorder_id": id }).as_object().unwrap().clone()).collect()
        };
        let done_of = |own_reference: bool, ids: &[&str]| {
            let done = CreateOrder { body: json!({}), own_reference }.done_of(orders(ids))?;
            Some((done.subject, done.body.get("notice").and_then(Value::as_str).map(str::to_owned)))
        };
        let first = || "salesorder/61".to_owned();
        for own_reference in [false, true] {
            assert_eq!(done_of(own_reference, &[]), None);
            assert_eq!(done_of(own_reference, &["61"]), Some((first(), None)));
        }
        assert_eq!(done_of(false, &["61", "62"]), None, "it can be either");
        let (subject, notice) = done_of(true, &["61", "62"]).unwrap();
        assert_eq!(subject, first());
        let several = "Zoho has 2 sales orders with the reference of this one: 61, 62.";
        assert!(notice.as_deref().is_some_and(|notice| notice.starts_with(several)), "{notice:?}");
    }

    #[test]
    fn an_order_is_known_by_its_reference_and_only_by_the_callers_one_also_by_when_it_was_made() {
        let at = "2026-11-22T10:00:00Z".parse().unwrap();
        let order = |reference: &str, customer: &str, made: &str| {
            let row = json!({ "reference_number": reference, "customer_id": customer, "created_time": made });
            row.as_object().unwrap().clone()
        };
        let (now, an_hour_before) = ("2026-11-22T11:00:00+0100", "2026-11-22T10:00:00+0100");
        for (own_reference, reference, customer, made, can_be) in [
            (false, "R-1", "33", now, true),
            (false, "R-1", "33", an_hour_before, false),
            (true, "R-1", "33", now, true),
            // Our clock is an hour fast.
            (true, "R-1", "33", an_hour_before, true),
            (true, "R-1", "34", now, false),
            (true, "R-2", "33", now, false),
        ] {
            let sent = CreateOrder { body: order("R-1", "33", "").into(), own_reference };
            let found = sent.can_be(&order(reference, customer, made), at);
            assert_eq!(found, can_be, "{own_reference} {reference} {customer} {made}");
        }
    }

    #[test]
    fn what_is_stored_stays_readable() {
        use crate::writes::plan::assert_stored;

        assert_stored::<CreateOrder>(
            r#"{"version":1,"write":"create_sales_order","plan":{"body":{"customer_id":"33","reference_number":"ZC-0a1b2c","line_items":[{"item_id":"33","quantity":1.50}]},"own_reference":true},"before":null,"modified":null}"#,
        );
        assert_stored::<SetOrderStatus>(
            r#"{"version":1,"write":"set_sales_order_status","plan":{"id":"33","status":"void"},"before":{"status":"draft"},"modified":"2026-11-21T10:00:00+0100"}"#,
        );
    }
}
