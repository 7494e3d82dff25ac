//! The goods of a transfer have arrived.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory::{self, transfer_orders};
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, day_of_organization, id as record_id, text};

use super::plan::KIND;
use crate::inventory::details::details;
use crate::inventory::documents;
use crate::inventory::touched::touched;
use crate::inventory::uncertain_refusal::begun_perhaps;
use crate::writes::plan::{Done, Draft, Plan, Sent};
use crate::writes::request::WriteRequest;
use crate::zoho::{Scope, WriteFailure, Zoho, unreadable};

/// A transfer that is in transit becomes transferred.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReceiveTransfer {
    id: String,
    /// On which day.
    date: String,
    /// The items that arrive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<String>,
    /// As they are right before it is sent.
    #[serde(skip)]
    seen: Vec<Object>,
}

/// Reads the transfer, which must be on its way.
pub(super) async fn prepare(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    id: String,
    date: Option<String>,
) -> Result<Draft<ReceiveTransfer>, Problem> {
    let target = request.target((Product::Inventory, Scope::Known(transfer_orders::READ)));
    let found =
        documents::one(zoho, &target, KIND, &id).await?.ok_or_else(|| unreadable("transfer_order"))?;
    let status = text(&found, "status").unwrap_or_default().to_owned();
    if !["in_transit", "partially_transferred"].contains(&status.as_str()) {
        return Err(Problem::new(
            Code::ItemNotAdjustable,
            format!("The transfer order is {status:?}: only goods that are in transit can be received."),
        )
        .hint(
            "Nothing was written. Where it is `transferred`, its goods have arrived already, and nothing is left to do; else a person looks at the transfer order in Zoho.",
        ));
    }
    let times = ["last_modified_time", "created_time"];
    let times = times.iter().filter_map(|field| text(&found, field));
    let date = date.unwrap_or_else(|| day_of_organization(zoho.now(), times));
    let modified = text(&found, "last_modified_time").map(str::to_owned);
    let lines = found.get("line_items").and_then(Value::as_array).into_iter().flatten();
    let items = lines.filter_map(|line| record_id(line.as_object()?, "item_id")).collect();
    let before = inventory::plain_record(found);
    let preview = json!({
        "transfer_order": before,
        "status": { "before": status, "after": "transferred" },
        "date": date,
    });
    let plan = ReceiveTransfer { id, date, items, seen: Vec::new() };
    Ok(Draft { plan, preview, before: json!({ "status": status }), modified })
}

#[async_trait]
impl Plan for ReceiveTransfer {
    fn name() -> &'static str {
        "receive_transfer"
    }

    /// For Zoho, this is a CREATE, too.
    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Inventory, Scope::Known(transfer_orders::CREATE))
    }

    fn shown(&self) -> Value {
        json!({ "status": "transferred", "date": self.date })
    }

    fn subject(&self) -> &'static str {
        "the receipt of the transfer order"
    }

    fn moves_stock(&self) -> bool {
        true
    }

    /// Only so that what Zoho tells of the items afterwards is known as our own.
    async fn look(&mut self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Option<Done>, Problem> {
        self.seen = self.look_at_items(zoho, request).await;
        Ok(None)
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let url = |api: &str, organization: &str| {
            transfer_orders::received_url(api, organization, &self.id, &self.date)
        };
        let order = documents::set_status(zoho, &target, KIND, (&self.id, "transferred"), &url)
            .await
            .map_err(begun_perhaps)?;
        let touched = touched(&self.seen, &self.look_at_items(zoho, request).await, |_| true);
        Ok(Done { touched, ..self.done(order) })
    }

    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        _: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let target = request.target((Product::Inventory, Scope::Known(transfer_orders::READ)));
        let order = documents::one(zoho, &target, KIND, &self.id).await?;
        Ok(order.filter(|order| text(order, "status") == Some("transferred")).map(|order| self.done(order)))
    }
}

impl ReceiveTransfer {
    async fn look_at_items(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Vec<Object> {
        let target = request.target((Product::Inventory, Scope::Known(inventory::scope::ITEMS)));
        details(zoho, &target, &self.items).await.unwrap_or_default()
    }

    fn done(&self, order: Object) -> Done {
        Done::new(200, format!("{KIND}/{}", self.id), inventory::plain_record(order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_stays_readable() {
        crate::writes::plan::assert_stored::<ReceiveTransfer>(
            r#"{"version":1,"write":"receive_transfer","plan":{"id":"33","date":"2026-11-30"},"before":{"status":"in_transit"},"modified":null}"#,
        );
    }
}
