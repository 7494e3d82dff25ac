//! Builds an order from a request: checks required fields, finds the customer, computes the totals.

use jiff::civil::Date;
use serde_json::{Number, Value, json};

use crate::http::Answer;
use crate::inventory::body;
use crate::inventory::error::{error, not_there};
use crate::inventory::items::Items;
use crate::inventory::list::text;
use crate::inventory::shop::Shop;
use crate::object::{Object, object};

/// The only tax.
const TAX: (&str, &str, f64) = ("3300000000044019", "USt", 19.0);
/// The text fields that are stored unchanged.
#[rustfmt::skip]
const TEXTS: [&str; 6] =
    ["reference_number", "delivery_method", "notes", "terms", "salesperson_id", "adjustment_description"];

/// A draft without number and times. Unknown keys are dropped silently, as at Zoho.
pub(crate) fn order(
    shop: &mut Shop,
    items: &Items,
    wanted: &Object,
    (has_data, today): (bool, &str),
) -> Result<Object, Answer> {
    let customer = customer(shop, wanted, has_data)?;
    let place = location(shop, wanted, None)?;
    let date = Some(day(wanted, "date")?).filter(|date| !date.is_empty());
    let date = date.unwrap_or_else(|| today.to_owned());
    let shipment_date = day(wanted, "shipment_date")?;
    let lines = wanted.get("line_items").and_then(Value::as_array).filter(|lines| !lines.is_empty());
    let lines = lines.ok_or_else(|| error(400, 4, "Invalid value passed for line_items"))?;
    let id = shop.id();
    let mut sums = Sums::default();
    let mut built = Vec::new();
    for (order, line) in lines.iter().enumerate() {
        let line = line.as_object().ok_or_else(|| body::invalid("line_items"))?;
        let id = shop.id();
        built.push(self::line(line, (shop, items), (order + 1, id), &place, &mut sums)?);
    }
    let charge = |key: &str| match wanted.get(key) {
        None => Ok(0.0),
        Some(value) => {
            let number = body::number(value).and_then(|number| number.as_f64());
            number.ok_or_else(|| body::invalid(key))
        }
    };
    let (shipping, adjustment) = (charge("shipping_charge")?, charge("adjustment")?);
    let total = money(sums.net + sums.tax + shipping + adjustment);
    let taxes = if sums.tax == 0.0 {
        json!([])
    } else {
        json!([{ "tax_name": TAX.1, "tax_amount": money(sums.tax) }])
    };
    let mut order = object(json!({
        "salesorder_id": id,
        "salesorder_number": "",
        "date": date,
        "shipment_date": shipment_date,
        "status": "draft",
        "order_status": "draft",
        "current_sub_status": "draft",
        "invoiced_status": "",
        "paid_status": "",
        "shipped_status": "",
        "reference_number": "",
        "customer_id": text(&customer, "contact_id"),
        "customer_name": text(&customer, "contact_name"),
        "contact_persons": [text(&customer, "primary_contact_id")],
        "currency_id": "3300000000000064",
        "currency_code": "EUR",
        "currency_symbol": "€",
        "exchange_rate": 1.0,
        "is_inclusive_tax": false,
        "discount_type": "item_level",
        "is_discount_before_tax": true,
        "delivery_method": "",
        "delivery_method_id": "",
        "sales_channel": "direct_sales",
        "zcrm_potential_id": "",
        "total_quantity": sums.quantity,
        "location_id": place.0,
        "location_name": place.1,
        "line_items": built,
        "sub_total": money(sums.net),
        "tax_total": money(sums.tax),
        "shipping_charge": money(shipping),
        "adjustment": money(adjustment),
        "adjustment_description": "Adjustment",
        "discount": 0.0,
        "total": total,
        "bcy_total": total,
        "balance": total,
        "price_precision": 2,
        "taxes": taxes,
        "billing_address": customer.get("billing_address"),
        "shipping_address": customer.get("shipping_address"),
        "notes": "",
        "terms": "",
        "custom_fields": wanted.get("custom_fields").filter(|fields| fields.is_array()).unwrap_or(&json!([])),
        "custom_field_hash": {},
        "packages": [],
        "invoices": [],
        "purchaseorders": [],
        "salesreturns": [],
        "documents": [],
        "created_time": "",
        "last_modified_time": "",
        "created_by_id": "3300000000034001",
    }));
    for key in TEXTS {
        if let Some(text) = wanted.get(key).and_then(Value::as_str) {
            order.insert(key.to_owned(), text.into());
        }
    }
    Ok(order)
}

#[derive(Default)]
struct Sums {
    net: f64,
    tax: f64,
    quantity: f64,
}

fn line(
    wanted: &Object,
    (shop, items): (&Shop, &Items),
    (order, id): (usize, String),
    place: &(String, String),
    sums: &mut Sums,
) -> Result<Value, Answer> {
    let item_id = body::id(wanted, "item_id");
    let item = items.by_id(&item_id).ok_or_else(|| match item_id.as_str() {
        "" => error(400, 4, "Invalid value passed for item_id"),
        _ => not_there("Item does not exist."),
    })?;
    let given = |key: &str| match wanted.get(key) {
        None => Ok(None),
        Some(value) => body::number(value).map(Some).ok_or_else(|| body::invalid(key)),
    };
    let float = |number: &Number| number.as_f64().unwrap_or_default();
    let quantity = given("quantity")?.as_ref().map_or(1.0, float);
    if quantity <= 0.0 {
        return Err(body::invalid("quantity"));
    }
    let rate = given("rate")?.or_else(|| item.get("rate").and_then(body::number));
    let rate = rate.filter(|rate| float(rate) >= 0.0).ok_or_else(|| body::invalid("rate"))?;
    let discount = discount(wanted, quantity * float(&rate))?;
    let place = location(shop, wanted, Some(place))?;
    let tax_id = body::id(wanted, "tax_id");
    let (tax_name, percentage) = match tax_id.as_str() {
        "" => ("", 0.0),
        id if id == TAX.0 => (TAX.1, TAX.2),
        _ => return Err(body::invalid("tax_id")),
    };
    let net = round(quantity * float(&rate) - discount);
    sums.net += net;
    sums.tax += round(net * percentage / 100.0);
    sums.quantity += quantity;
    let name = wanted.get("name").and_then(Value::as_str).unwrap_or(text(item, "name"));
    Ok(json!({
        "line_item_id": id,
        "item_id": item_id,
        "sku": text(item, "sku"),
        "name": name,
        "description": wanted.get("description").and_then(Value::as_str).unwrap_or_default(),
        "item_order": order,
        "bcy_rate": rate,
        "rate": rate,
        "quantity": quantity,
        "unit": text(item, "unit"),
        "discount": money(discount),
        "tax_id": tax_id,
        "tax_name": tax_name,
        "tax_type": "tax",
        "tax_percentage": percentage as i64,
        "item_total": money(net),
        "is_invoiced": false,
        "quantity_invoiced": 0.0,
        "quantity_packed": 0.0,
        "quantity_shipped": 0.0,
        "quantity_backordered": 0,
        "quantity_cancelled": 0.0,
        "is_fulfillable": 1,
        "location_id": place.0,
        "location_name": place.1,
        "item_custom_fields": [],
        "custom_field_hash": {},
        "mapped_items": [],
    }))
}

/// An amount, or a percentage as text.
fn discount(wanted: &Object, of: f64) -> Result<f64, Answer> {
    let discount = match wanted.get("discount") {
        None => Some(0.0),
        Some(Value::String(text)) => match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok().map(|percent: f64| of * percent / 100.0),
            None => text.parse().ok(),
        },
        Some(value) => value.as_f64(),
    };
    let fits = discount.filter(|discount| *discount >= 0.0 && *discount <= of);
    fits.map(round).ok_or_else(|| body::invalid("discount"))
}

fn customer(shop: &Shop, wanted: &Object, has_data: bool) -> Result<Object, Answer> {
    let id = body::id(wanted, "customer_id");
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(error(400, 4, "Invalid value passed for customer_id"));
    }
    let mut contacts = shop.contacts.iter().filter(|_| has_data);
    match contacts.find(|contact| text(contact, "contact_id") == id) {
        None => Err(not_there("Customer does not exist.")),
        Some(vendor) if text(vendor, "contact_type") != "customer" => Err(body::invalid("customer_id")),
        Some(customer) => Ok(customer.clone()),
    }
}

/// Id and name of the requested location, else of the order's, else of the primary one.
fn location(
    shop: &Shop,
    wanted: &Object,
    order: Option<&(String, String)>,
) -> Result<(String, String), Answer> {
    let id = body::id(wanted, "location_id");
    let mut locations = shop.locations.iter();
    let name_of =
        |place: &Object| (text(place, "location_id").to_owned(), text(place, "location_name").to_owned());
    match (id.as_str(), order) {
        ("", Some(order)) => Ok(order.clone()),
        ("", None) => Ok(locations.next().map(name_of).unwrap_or_default()),
        (id, _) => locations
            .find(|place| text(place, "location_id") == id)
            .map(name_of)
            .ok_or_else(|| body::invalid("location_id")),
    }
}

/// A date; empty if there is none.
fn day(wanted: &Object, key: &str) -> Result<String, Answer> {
    let date = body::id(wanted, key);
    let fits = date.is_empty() || (date.len() == 10 && date.parse::<Date>().is_ok());
    if fits { Ok(date) } else { Err(body::invalid(key)) }
}

fn round(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

/// An amount in cents, as a number.
fn money(amount: f64) -> Value {
    Number::from_f64(round(amount)).map_or(Value::Null, Value::Number)
}
