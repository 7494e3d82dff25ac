//! From an order as callers write it to the one that Zoho takes: names become ids, values are checked.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::Value;
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id};

use super::amount;
use super::estimate;
use super::order_body::{Line, MAX_LINES, Order};
use super::plan::CreateOrder;
use crate::inventory::lookup::{self, Customer};
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
    body.insert("customer_id".to_owned(), customer.id.clone().into());
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
        let details = details_of(zoho, request, &items).await?;
        let lines = order.line_items.iter().zip(&details);
        let lines: Vec<_> = lines
            .map(|(line, item)| estimate::Line {
                item,
                quantity: &line.quantity,
                rate: line.rate.as_ref(),
                tax_id: line.tax_id.as_deref(),
                has_discount: line.discount.as_ref().is_some_and(|discount| !discount.is_null()),
            })
            .collect();
        let charges: Vec<_> =
            charges.into_iter().filter_map(|(field, charge)| Some((field, charge.as_ref()?))).collect();
        preview = estimate::order(&customer, decimals(zoho, request, &customer).await?, &lines, &charges)?;
        // What is shown is what is sent, whatever the item costs by then.
        for (line, item) in order.line_items.iter_mut().zip(&details) {
            let rate = item.get("rate").and_then(Value::as_number);
            line.rate = line.rate.take().or_else(|| rate.cloned());
        }
    }
    let lines = order.line_items.iter().zip(&items).map(|(line, item)| line.for_zoho(item));
    body.insert("line_items".to_owned(), Value::Array(lines.collect()));
    amount::written_out(&mut body, "")?;
    Ok(Draft { plan: CreateOrder::new(body), preview, before: Value::Null, modified: None })
}

/// The customer: as given, or by exact name. Of a given id, only a preview looks up whose it is.
async fn customer(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    name: Option<&str>,
    id: Option<&str>,
) -> Result<Customer, Problem> {
    let target = target(request, inventory::scope::CONTACTS);
    match (name, id) {
        (None, Some(id)) if !is_zoho_id(id) => Err(invalid(
            "`customer_id` must be Zoho's own: 1 to 19 digits. A name stands in `customer`.".to_owned(),
        )),
        (None, Some(id)) if request.dry_run => lookup::customer_by_id(zoho, &target, id).await,
        (None, Some(id)) => Ok(Customer { id: id.to_owned(), name: None, currency_code: None }),
        (Some(name), None) if !name.is_empty() => lookup::customer_by_name(zoho, &target, name).await,
        _ => Err(invalid("Either `customer` (an exact name) or `customer_id` must be there.".to_owned())),
    }
}

/// To how many decimals the order's amounts are rounded: known for the organisation's own currency alone.
async fn decimals(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    customer: &Customer,
) -> Result<Option<u32>, Problem> {
    let organization = zoho.organization(request.caller, request.connection).await?;
    Ok(organization
        .filter(|own| own.currency_code.is_some() && own.currency_code == customer.currency_code)
        .and_then(|own| own.price_precision))
}

/// The items of the lines, each read once.
async fn details_of(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    items: &[String],
) -> Result<Vec<Object>, Problem> {
    let target = target(request, inventory::scope::ITEMS);
    let mut ids: Vec<&str> = items.iter().map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut read: BTreeMap<&str, Object> = BTreeMap::new();
    for some in ids.chunks(READS_AT_ONCE) {
        let found = try_join_all(some.iter().copied().map(async |id| {
            let found = lookup::item(zoho, &target, id).await;
            found.map_err(|problem| at_lines(problem, items.iter().map(|item| item == id), "item_id", id))
        }));
        read.extend(some.iter().copied().zip(found.await?));
    }
    Ok(items.iter().map(|id| read.get(id.as_str()).cloned().unwrap_or_default()).collect())
}

/// The ids of the lines' items; each SKU is looked up once, and few at a time: Zoho takes no more.
async fn items_of(zoho: &Zoho, request: &WriteRequest<'_>, lines: &[Line]) -> Result<Vec<String>, Problem> {
    let mut skus: Vec<&str> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let place = format!("line_items[{index}]");
        if !line.quantity.as_f64().is_some_and(|quantity| quantity > 0.0) {
            return Err(invalid(format!(
                "`{place}.quantity` is {}, but must be more than 0.",
                line.quantity
            )));
        }
        match (&line.sku, &line.item_id) {
            (None, Some(id)) if is_zoho_id(id) => {}
            (None, Some(_)) => {
                return Err(invalid(format!(
                    "`{place}.item_id` must be Zoho's own: 1 to 19 digits. A SKU stands in `sku`."
                )));
            }
            (Some(sku), None) if !sku.is_empty() => skus.push(sku),
            _ => return Err(invalid(format!("`{place}` must have either `sku` or `item_id`."))),
        }
    }
    skus.sort_unstable();
    skus.dedup();
    let target = target(request, inventory::scope::ITEMS);
    let mut ids: Vec<String> = Vec::with_capacity(skus.len());
    for some in skus.chunks(READS_AT_ONCE) {
        let found = try_join_all(some.iter().copied().map(async |sku| {
            let found = lookup::item_by_sku(zoho, &target, sku).await;
            found.map_err(|problem| {
                let of = |line: &Line| line.sku.as_deref() == Some(sku);
                at_lines(problem, lines.iter().map(of), "sku", sku)
            })
        }));
        for item in &found.await? {
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

/// A problem with the item of some lines, told with their places and with what to change there.
fn at_lines(problem: Problem, lines: impl Iterator<Item = bool>, field: &str, value: &str) -> Problem {
    let hint = match problem.code() {
        Code::SkuAmbiguous => {
            "In the lines that `detail` names, send `item_id` with one of its ids in place of `sku`. The SKUs should be made unique in Zoho."
        }
        Code::SkuUnresolved => {
            "Find the item by listing `/v1/inventory/items`, and send its `item_id` in place of `sku` in the lines that `detail` names."
        }
        Code::SkuNotFound | Code::SkuInactive | Code::RecordNotFound => problem.code().hint(),
        _ => return problem,
    };
    let places: Vec<String> = lines
        .enumerate()
        .filter(|(_, is)| *is)
        .map(|(index, _)| format!("`line_items[{index}].{field}`"))
        .collect();
    problem.within(&format!("{} {value:?}", places.join(", "))).hint(hint)
}

fn target<'a>(request: &WriteRequest<'a>, scope: &'static str) -> Target<'a> {
    Target::new(request.caller, request.connection, Product::Inventory, scope)
}

fn invalid(detail: String) -> Problem {
    Problem::new(Code::BodyInvalid, detail)
}
