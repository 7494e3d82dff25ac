//! From an order as callers write it to the one that Zoho takes: names become ids, values are checked.

use futures::future::try_join_all;
use serde_json::{Number, Value};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id};

use super::estimate;
use super::order_body::{Line, MAX_LINES, Order};
use super::plan::CreateOrder;
use crate::inventory::lookup;
use crate::request::params::record_id;
use crate::writes::plan::Draft;
use crate::writes::request::WriteRequest;
use crate::zoho::{Target, Zoho, unreadable};

/// Reads at a time: Zoho takes five in its free plan.
const READS_AT_ONCE: usize = 3;

/// Works out what an order would send to Zoho, and for a preview what it would cost.
pub(super) async fn prepare(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    mut order: Order,
) -> Result<Draft<CreateOrder>, Problem> {
    if order.line_items.is_empty() || order.line_items.len() > MAX_LINES {
        return Err(invalid(format!("`line_items` must have 1 to {MAX_LINES} lines.")));
    }
    let customer = customer(zoho, request, order.customer.as_deref(), order.customer_id.as_deref()).await?;
    let items = items_of(zoho, request, &order.line_items).await?;
    let mut body = Object::new();
    body.insert("customer_id".to_owned(), customer.clone().into());
    for (field, value) in [
        ("reference_number", order.reference_number),
        ("date", order.date),
        ("shipment_date", order.shipment_date),
        ("location_id", order.location_id),
        ("notes", order.notes),
        ("terms", order.terms),
        ("salesperson_id", order.salesperson_id),
        ("billing_address_id", order.billing_address_id),
        ("shipping_address_id", order.shipping_address_id),
    ] {
        body.extend(value.map(|value| (field.to_owned(), value.into())));
    }
    let charges = [("shipping_charge", &order.shipping_charge), ("adjustment", &order.adjustment)];
    for (field, value) in charges {
        body.extend(value.clone().map(|value| (field.to_owned(), value.into())));
    }
    body.extend(order.custom_fields.map(|fields| ("custom_fields".to_owned(), fields)));
    let mut preview = Value::Null;
    if request.dry_run {
        let target = target(request, inventory::scope::ITEMS);
        let mut details: Vec<Object> = Vec::with_capacity(items.len());
        for some in items.chunks(READS_AT_ONCE) {
            details.extend(try_join_all(some.iter().map(|item| lookup::item(zoho, &target, item))).await?);
        }
        // What is shown is what is sent, whatever the item costs by then.
        for (line, item) in order.line_items.iter_mut().zip(&details) {
            let rate = item.get("rate").and_then(Value::as_number);
            line.rate = line.rate.take().or_else(|| rate.cloned());
        }
        let lines = order.line_items.iter().zip(&details);
        let lines: Vec<_> = lines
            .map(|(line, item)| estimate::Line { item, quantity: &line.quantity, rate: line.rate.as_ref() })
            .collect();
        let charges: Vec<&Number> = charges.iter().filter_map(|(_, charge)| charge.as_ref()).collect();
        preview = estimate::order(&customer, &lines, &charges)?;
    }
    let lines = order.line_items.iter().zip(&items).map(|(line, item)| line.for_zoho(item));
    body.insert("line_items".to_owned(), Value::Array(lines.collect()));
    Ok(Draft { plan: CreateOrder::new(body), preview, before: Value::Null, modified: None })
}

/// The customer's id: as given, or by exact name.
async fn customer(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    name: Option<&str>,
    id: Option<&str>,
) -> Result<String, Problem> {
    match (name, id) {
        (None, Some(id)) => Ok(record_id(id)?.to_owned()),
        (Some(name), None) if !name.is_empty() => {
            let target = target(request, inventory::scope::CONTACTS);
            lookup::customer_by_name(zoho, &target, name).await
        }
        _ => Err(invalid("Either `customer` (an exact name) or `customer_id` must be there.".to_owned())),
    }
}

/// The ids of the lines' items; each SKU is looked up once, and few at a time: Zoho takes no more.
async fn items_of(zoho: &Zoho, request: &WriteRequest<'_>, lines: &[Line]) -> Result<Vec<String>, Problem> {
    let mut skus: Vec<&str> = Vec::new();
    for line in lines {
        if !line.quantity.as_f64().is_some_and(|quantity| quantity > 0.0) {
            return Err(invalid(format!("`quantity` is {}, but must be more than 0.", line.quantity)));
        }
        match (&line.sku, &line.item_id) {
            (None, Some(id)) => drop(record_id(id)?),
            (Some(sku), None) if !sku.is_empty() => skus.push(sku),
            _ => return Err(invalid("Each line must have either `sku` or `item_id`.".to_owned())),
        }
    }
    skus.sort_unstable();
    skus.dedup();
    let target = target(request, inventory::scope::ITEMS);
    let mut ids: Vec<String> = Vec::with_capacity(skus.len());
    for some in skus.chunks(READS_AT_ONCE) {
        let found = try_join_all(some.iter().map(|sku| lookup::item_by_sku(zoho, &target, sku))).await?;
        for item in &found {
            ids.push(id(item, "item_id").ok_or_else(|| unreadable("item_id"))?);
        }
    }
    let of = |line: &Line| match (&line.item_id, &line.sku) {
        (Some(id), _) => id.clone(),
        (None, sku) => {
            let place = sku.as_deref().and_then(|sku| skus.binary_search(&sku).ok());
            place.and_then(|place| ids.get(place)).cloned().unwrap_or_default()
        }
    };
    Ok(lines.iter().map(of).collect())
}

fn target<'a>(request: &WriteRequest<'a>, scope: &'static str) -> Target<'a> {
    Target::new(request.caller, request.connection, Product::Inventory, scope)
}

fn invalid(detail: String) -> Problem {
    Problem::new(Code::BodyInvalid, detail)
}
