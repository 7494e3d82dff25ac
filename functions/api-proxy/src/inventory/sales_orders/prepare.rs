//! From an order as callers write it to the one that Zoho takes: names become ids, values are checked.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::Value;
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::core::mappings::Mappings;
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id};

use super::amount;
use super::estimate;
use super::order_body::{Line, MAX_LINES, Order};
use super::plan::CreateOrder;
use crate::inventory::dates::demand_date;
use crate::inventory::details::details;
use crate::inventory::item_reads;
use crate::inventory::lookup::customer::{Customer, customer_by_id, customer_by_name};
use crate::inventory::lookup::named::{NamedItem, OneName, find_item};
use crate::request::body::invalid;
use crate::writes::plan::Draft;
use crate::writes::request::WriteRequest;
use crate::zoho::{Target, Zoho};

/// Reads at a time: Zoho takes five in its free plan.
const READS_AT_ONCE: usize = 3;

/// Works out what an order would send to Zoho, and for a preview what it would cost.
pub(super) async fn prepare(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    order: Order,
) -> Result<Draft<CreateOrder>, Problem> {
    if order.line_items.is_empty() || order.line_items.len() > MAX_LINES {
        return Err(invalid(format!("`line_items` must have 1 to {MAX_LINES} lines.")));
    }
    for (field, date) in [("date", &order.date), ("shipment_date", &order.shipment_date)] {
        if let Some(date) = date {
            demand_date(field, date)?;
        }
    }
    let customer = customer(zoho, request, order.customer.as_deref(), order.customer_id.as_deref()).await?;
    let items = items_of(zoho, mappings, request, &order.line_items).await?;
    let (mut preview, mut read) = (Value::Null, Vec::new());
    if request.dry_run {
        read = details_of(zoho, request, &order.line_items, &items).await?;
        preview = cost(zoho, request, &customer, &order, &read).await?;
    }
    // What is shown is what is sent, whatever the item costs by then.
    let shown = |index: usize| read.get(index)?.get("rate")?.as_number();
    let lines = order.line_items.iter().enumerate();
    let lines: Vec<Value> = lines
        .map(|(index, line)| line.for_zoho(items.id_of(line), line.rate.as_ref().or_else(|| shown(index))))
        .collect();
    let mut body = order.into_head(customer.id);
    body.insert("line_items".to_owned(), lines.into());
    amount::written_out(&mut body, "")?;
    Ok(Draft { plan: CreateOrder::new(body), preview, before: Value::Null, modified: None })
}

/// What the order would cost, with its items as they were read.
async fn cost(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    customer: &Customer,
    order: &Order,
    items: &[Object],
) -> Result<Value, Problem> {
    let lines = order.line_items.iter().zip(items);
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
        order.charges().into_iter().filter_map(|(field, charge)| Some((field, charge?))).collect();
    estimate::order(customer, decimals(zoho, request, customer).await?, &lines, &charges)
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
        (None, Some(id)) if !is_zoho_id(id) => {
            Err(invalid("`customer_id` must be Zoho's own: 1 to 19 digits. A name stands in `customer`."))
        }
        (None, Some(id)) if request.dry_run => customer_by_id(zoho, &target, id).await,
        (None, Some(id)) => Ok(Customer { id: id.to_owned(), name: None, currency_code: None }),
        (Some(name), None) if !name.is_empty() => customer_by_name(zoho, &target, name).await,
        _ => Err(invalid("Either `customer` (an exact name) or `customer_id` must be there.")),
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
async fn details_of<'a>(
    zoho: &Zoho,
    request: &WriteRequest<'_>,
    lines: &'a [Line],
    items: &Items<'a>,
) -> Result<Vec<Object>, Problem> {
    let target = target(request, inventory::scope::ITEMS);
    let mut read: BTreeMap<&str, Object> = BTreeMap::new();
    let mut unread: BTreeMap<&str, OneName<'_>> = BTreeMap::new();
    unread.extend(
        items
            .found
            .iter()
            .filter(|(name, _)| !items.read.contains_key(name))
            .map(|(name, item)| (item.item_id.as_str(), *name)),
    );
    let unread: Vec<(&str, OneName<'_>)> = unread.into_iter().collect();
    for some in unread.chunks(READS_AT_ONCE) {
        let found = try_join_all(some.iter().map(async |(id, name)| {
            let found = item_reads::item(zoho, &target, id).await;
            found.map_err(|problem| at_lines(problem, lines, *name))
        }));
        read.extend(some.iter().map(|(id, _)| *id).zip(found.await?));
    }
    let of = |line: &'a Line| {
        let name = line.item().one("").ok()?;
        items.read.get(&name).or_else(|| read.get(items.id(name)?)).cloned()
    };
    Ok(lines.iter().map(|line| of(line).unwrap_or_default()).collect())
}

/// The items of an order's lines by their names there.
struct Items<'a> {
    found: BTreeMap<OneName<'a>, NamedItem>,
    /// Those that were read, as callers get them.
    read: BTreeMap<OneName<'a>, Object>,
}

impl<'a> Items<'a> {
    fn id(&self, name: OneName<'a>) -> Option<&str> {
        self.found.get(&name).map(|item| item.item_id.as_str())
    }

    fn id_of(&self, line: &'a Line) -> &str {
        line.item().one("").ok().and_then(|name| self.id(name)).unwrap_or_default()
    }
}

/// The items of the lines; each name is looked up once, and few at a time: Zoho takes no more.
async fn items_of<'a>(
    zoho: &Zoho,
    mappings: &Mappings,
    request: &WriteRequest<'_>,
    lines: &'a [Line],
) -> Result<Items<'a>, Problem> {
    let mut names: Vec<OneName<'_>> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let path = format!("line_items[{index}]");
        if !line.quantity.as_f64().is_some_and(|quantity| quantity > 0.0) {
            return Err(invalid(format!("`{path}.quantity` is {}, but must be more than 0.", line.quantity)));
        }
        names.push(line.item().one(&path)?);
    }
    names.sort_unstable();
    names.dedup();
    let target = target(request, inventory::scope::ITEMS);
    let mut items = Items { found: BTreeMap::new(), read: BTreeMap::new() };
    for some in names.chunks(READS_AT_ONCE) {
        let found = try_join_all(some.iter().map(async |name| {
            let found = find_item(zoho, mappings, &target, *name).await;
            found.map_err(|problem| at_lines(problem, lines, *name))
        }));
        items.found.extend(some.iter().copied().zip(found.await?));
    }
    check_mapped(zoho, &target, lines, &mut items).await?;
    Ok(items)
}

/// Holds the items of mappings against what Zoho has, in one call: an order must not go to an item that is not meant any more.
async fn check_mapped(
    zoho: &Zoho,
    target: &Target<'_>,
    lines: &[Line],
    items: &mut Items<'_>,
) -> Result<(), Problem> {
    let mapped: Vec<(OneName<'_>, &NamedItem)> = items
        .found
        .iter()
        .filter(|(_, item)| item.mapping.is_some())
        .map(|(name, item)| (*name, item))
        .collect();
    let mut ids: Vec<String> = mapped.iter().map(|(_, item)| item.item_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let all: Vec<Object> = details(zoho, target, &ids).await?.into_iter().map(inventory::item).collect();
    for (name, named) in mapped {
        let same = |item: &&Object| id(item, "item_id").as_ref() == Some(&named.item_id);
        let item = match all.iter().find(same) {
            Some(item) => Ok(item.clone()),
            None => Err(named.gone(Problem::new(Code::RecordNotFound, "Zoho Inventory has no such item."))),
        };
        let checked = item.and_then(|item| named.check(&item).map(|()| item));
        items.read.insert(name, checked.map_err(|problem| at_lines(problem, lines, name))?);
    }
    Ok(())
}

/// A problem with the item of some lines, told with their paths and with what to change there.
fn at_lines(problem: Problem, lines: &[Line], name: OneName<'_>) -> Problem {
    let hint = match problem.code() {
        Code::SkuAmbiguous => {
            "In the lines that `detail` names, send `item_id` with one of its ids. The SKUs should be made unique in Zoho."
        }
        Code::SkuUnresolved => {
            "Find the item by listing `/v1/inventory/items`, and send its `item_id` in the lines that `detail` names."
        }
        Code::SkuNotFound
        | Code::SkuInactive
        | Code::RecordNotFound
        | Code::ProductUnmapped
        | Code::MappingStale => problem.code().hint(),
        _ => return problem,
    };
    let (field, value) = name.field();
    let is = |line: &Line| line.item().one("").is_ok_and(|own| own == name);
    let paths: Vec<String> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is(line))
        .map(|(index, _)| format!("`line_items[{index}].{field}`"))
        .collect();
    problem.within(&format!("{} {value:?}", paths.join(", "))).hint(hint)
}

fn target<'a>(request: &WriteRequest<'a>, scope: &'static str) -> Target<'a> {
    Target::new(request.caller, request.connection, Product::Inventory, scope)
}
