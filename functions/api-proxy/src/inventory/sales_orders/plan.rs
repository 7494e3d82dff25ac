//! Sales orders: made, confirmed, voided. <https://www.zoho.com/inventory/api/v1/salesorders/>

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};
use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::base::secret::random_hex;
use shared::zoho::http::Method;
use shared::zoho::inventory::{self, orders};
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id, record, records, text};

use crate::app::App;
use crate::writes::plan::Done;
use crate::writes::recovery::{made_since, only};
use crate::zoho::{Outgoing, Target, WriteFailure};

/// Making an order, and changing its status, too, is a CREATE.
pub(crate) const NEEDS: (Product, &str) = (Product::Inventory, orders::CREATE);

/// How many of the newest orders are looked at, and how many of those in detail.
const NEWEST: u32 = 100;
const CANDIDATES: usize = 5;

/// A new order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Create {
    /// What Zoho gets.
    pub(crate) body: Value,
    /// Whether its reference is one that we made up: then nothing else has it.
    pub(crate) own_reference: bool,
}

impl Create {
    /// An order of this body. Zoho has no idempotency keys, so that an order without a reference of the caller's gets one by
    /// which it can be found.
    pub(crate) fn new(mut body: Object) -> Self {
        let own_reference = text(&body, "reference_number").is_none();
        if own_reference {
            body.insert("reference_number".to_owned(), format!("ZC-{}", random_hex::<6>()).into());
        }
        Self { body: body.into(), own_reference }
    }

    pub(crate) async fn send(&self, app: &App, target: &Target<'_>) -> Result<Done, WriteFailure> {
        let order = app
            .write(
                target,
                |place| Outgoing {
                    method: Method::POST,
                    url: orders::list_url(place.api, place.organization, &[]),
                    body: Some(self.body.to_string().into()),
                    if_unmodified_since: None,
                },
                |answer| response::inventory(answer).map(taken),
            )
            .await?;
        match order {
            Some(order) => Ok(done(201, order)),
            // It was made, but Zoho did not show it.
            None => Err(WriteFailure::Uncertain(crate::zoho::unreadable("salesorder"))),
        }
    }

    /// The one order that can only be this one.
    pub(crate) async fn find(
        &self,
        app: &App,
        target: &Target<'_>,
        at: Timestamp,
        taken: &[String],
    ) -> Result<Option<Done>, Problem> {
        let target = target.with(orders::READ);
        let rows = NEWEST.to_string();
        let query = [("sort_column", "created_time"), ("sort_order", "D"), ("per_page", &rows)];
        let mut answer = app
            .read(
                &target,
                |place| orders::list_url(place.api, place.organization, &query),
                response::inventory,
            )
            .await?;
        let mine = |row: &Object| {
            let of = |record: Option<&Value>| record.and_then(Value::as_str).map(str::to_owned);
            let same = |field| of(row.get(field)) == of(self.body.get(field));
            same("reference_number") && same("customer_id") && made_since(row, "created_time", at)
        };
        let candidates: Vec<_> = records(&mut answer, "salesorders").into_iter().filter(mine).collect();
        let mut found = Vec::new();
        let free = |id: &String| !taken.contains(&format!("salesorder/{id}"));
        for id in candidates.iter().filter_map(|row| id(row, "salesorder_id")).filter(free).take(CANDIDATES) {
            let order = one(app, &target, &id).await?;
            if order.as_ref().is_some_and(|order| self.own_reference || self.has_same_lines(order)) {
                found.extend(order);
            }
        }
        Ok(only(found).map(|order| done(201, order)))
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
            lines.sort();
            lines
        };
        lines(self.body.get("line_items")) == lines(order.get("line_items"))
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
pub(crate) struct SetStatus {
    pub(crate) id: String,
    /// `confirmed` or `void`.
    pub(crate) status: String,
}

impl SetStatus {
    pub(crate) fn asked_for(&self) -> Value {
        json!({ "status": self.status })
    }

    pub(crate) async fn send(&self, app: &App, target: &Target<'_>) -> Result<Done, WriteFailure> {
        app.write(
            target,
            |place| Outgoing {
                method: Method::POST,
                url: orders::status_url(place.api, place.organization, &self.id, &self.status),
                body: None,
                if_unmodified_since: None,
            },
            |answer| response::inventory(answer).map(drop),
        )
        .await?;
        // Zoho answers without the order.
        match one(app, &target.with(orders::READ), &self.id).await {
            Ok(Some(order)) => Ok(done(200, order)),
            _ => {
                let mut order = Object::new();
                order.insert("salesorder_id".to_owned(), self.id.clone().into());
                order.insert("status".to_owned(), self.status.clone().into());
                Ok(done(200, order))
            }
        }
    }

    pub(crate) async fn find(&self, app: &App, target: &Target<'_>) -> Result<Option<Done>, Problem> {
        let order = one(app, &target.with(orders::READ), &self.id).await?;
        let has_it = |order: &Object| {
            ["status", "order_status"].iter().any(|field| text(order, field) == Some(&self.status))
        };
        Ok(order.filter(has_it).map(|order| done(200, order)))
    }
}

/// One order, as Zoho has it.
pub(crate) async fn one(app: &App, target: &Target<'_>, id: &str) -> Result<Option<Object>, Problem> {
    let mut answer = app
        .read(target, |place| orders::one_url(place.api, place.organization, id), response::inventory)
        .await?;
    Ok(taken_from(&mut answer))
}

fn taken(mut answer: Object) -> Option<Object> {
    taken_from(&mut answer)
}

/// Zoho spells the key in two ways.
fn taken_from(answer: &mut Object) -> Option<Object> {
    record(answer, "salesorder").or_else(|| record(answer, "sales_order"))
}

fn done(status: u16, order: Object) -> Done {
    let subject = format!("salesorder/{}", id(&order, "salesorder_id").unwrap_or_default());
    Done { status, subject, body: inventory::plain_record(order).into(), exact: None }
}
