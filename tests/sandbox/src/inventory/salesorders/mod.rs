//! Sales orders: writes, lists, confirms and voids them.

pub(crate) mod build;
pub(crate) mod data;
mod number;
pub(crate) mod status;
mod status_fields;

use serde_json::{Value, json};

use super::body;
use super::list::{List, contains, text};
use super::missing::missing;
use super::rules::Moment;
use crate::api::Entity;
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;
use crate::webhooks;

/// The keys of a list row, where the order has them.
#[rustfmt::skip]
const ROW: [&str; 20] = [
    "salesorder_id", "zcrm_potential_id", "customer_name", "customer_id", "salesorder_number", "reference_number",
    "date", "shipment_date", "currency_id", "currency_code", "total", "bcy_total", "created_time",
    "last_modified_time", "order_status", "invoiced_status", "paid_status", "shipped_status", "status",
    "sales_channel",
];

/// The position of an order.
pub(crate) fn position(state: &State, id: &str) -> Option<usize> {
    state.shop.salesorders.iter().position(|order| text(order, "salesorder_id") == id)
}

/// `DELETE /salesorders/{id}`.
pub(crate) fn delete(state: &mut State, id: &str, has_data: bool) -> Answer {
    let Some(place) = position(state, id).filter(|_| has_data) else {
        return missing(state, "salesorder_id", id);
    };
    state.shop.salesorders.remove(place);
    let gone = json!({ "salesorder_id": id });
    webhooks::prepare(state, (Entity::SalesOrder, Moment::Delete), &gone);
    Answer::json(200, &json!({ "code": 0, "message": "The sales order has been deleted." }))
}

/// `POST /salesorders`.
pub(crate) fn create(state: &mut State, call: &Call, has_data: bool) -> Answer {
    let order = match build(state, call, has_data) {
        Ok(order) => order,
        Err(Answer { status: 404, body, kind, .. }) if state.switches.missing_is_400() => {
            return Answer::bytes(400, &kind, body);
        }
        Err(answer) => return answer,
    };
    keep(state, &order);
    let key = if state.switches.official_file_keys() { "sales_order" } else { "salesorder" };
    Answer::json(201, &json!({ "code": 0, "message": "Sales Order has been created.", key: order }))
}

/// Keeps a new order and tells of it.
pub(crate) fn keep(state: &mut State, order: &Object) {
    state.shop.salesorders.push(order.clone());
    announce(state, Moment::Add, order);
}

fn build(state: &mut State, call: &Call, has_data: bool) -> Result<Object, Answer> {
    let wanted = body::read(call)?;
    let number = number::asked(state, call, &wanted)?;
    draft(state, &wanted, number, has_data)
}

/// A draft with its number and its times.
pub(crate) fn draft(
    state: &mut State,
    wanted: &Object,
    number: Option<String>,
    has_data: bool,
) -> Result<Object, Answer> {
    let now = inventory_time(state.now());
    let today = now.split('T').next().unwrap_or_default();
    let mut order = build::order(&mut state.shop, &state.items, wanted, (has_data, today))?;
    // Only an accepted order uses up a number.
    let number = number.unwrap_or_else(|| state.shop.order_number());
    for (key, value) in [("salesorder_number", &number), ("created_time", &now), ("last_modified_time", &now)]
    {
        order.insert(key.to_owned(), value.as_str().into());
    }
    Ok(order)
}

/// `GET /salesorders/{id}`.
pub(crate) fn one(state: &State, id: &str, has_data: bool) -> Answer {
    match position(state, id).filter(|_| has_data).and_then(|place| state.shop.salesorders.get(place)) {
        Some(order) => Answer::json(200, &json!({ "code": 0, "message": "success", "salesorder": order })),
        None => missing(state, "salesorder_id", id),
    }
}

/// `GET /salesorders`. Only these filters were seen to work. The official file has none.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let orders = state.shop.salesorders.iter().filter(|_| has_data);
    let rows = orders
        .filter(|order| state.switches.order_filters_ignored() || matches(state, order, call))
        .map(|order| row(state, order))
        .collect();
    let sortable = [
        "created_time",
        "last_modified_time",
        "salesorder_number",
        "date",
        "shipment_date",
        "customer_name",
        "reference_number",
        "total",
    ];
    List { key: "salesorders", report: "Sales Orders", sortable: &sortable, descending: true, fixed: false }
        .answer(call, &state.switches, rows)
}

fn matches(state: &State, order: &Object, call: &Call) -> bool {
    let value = |key: &str| text(order, key);
    let check =
        |param: &str, test: &dyn Fn(&str) -> bool| call.filled(param).is_none_or(|wanted| test(&wanted));
    let searched: &[&str] = if state.switches.order_search_without_reference() {
        &["salesorder_number", "customer_name"]
    } else {
        &["salesorder_number", "customer_name", "reference_number"]
    };
    let dated = !state.switches.order_dates_ignored();
    check("customer_id", &|wanted| value("customer_id") == wanted)
        && check("status", &|wanted| value("status") == wanted)
        && check("search_text", &|wanted| searched.iter().any(|key| contains(value(key), wanted)))
        && check("date_start", &|wanted| !dated || value("date") >= wanted)
        && check("date_end", &|wanted| !dated || value("date") <= wanted)
}

fn row(state: &State, order: &Object) -> Value {
    let mut row: Object = order
        .iter()
        .filter(|(key, _)| ROW.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let customer = text(order, "customer_id");
    let customer = state.shop.contacts.iter().find(|contact| text(contact, "contact_id") == customer);
    let of_customer = |key: &str| customer.map(|contact| text(contact, key)).unwrap_or_default();
    let sum = |key: &str| {
        let lines = order.get("line_items").and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(|line| line.get(key).and_then(Value::as_f64)).sum::<f64>()
    };
    for (key, value) in [
        ("balance", order.get("balance").cloned().unwrap_or_default()),
        ("delivery_method", text(order, "delivery_method").into()),
        ("email", of_customer("email").into()),
        ("company_name", of_customer("company_name").into()),
        ("quantity", sum("quantity").into()),
        ("quantity_invoiced", sum("quantity_invoiced").into()),
        ("quantity_packed", sum("quantity_packed").into()),
        ("quantity_shipped", sum("quantity_shipped").into()),
        ("is_emailed", false.into()),
        ("has_attachment", false.into()),
        ("tags", json!([])),
    ] {
        row.insert(key.to_owned(), value);
    }
    row.into()
}

/// Queues the webhooks of an order.
fn announce(state: &mut State, moment: Moment, order: &Object) {
    webhooks::prepare(state, (Entity::SalesOrder, moment), &order.clone().into());
}
