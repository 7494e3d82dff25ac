//! What an order would cost and take from stock: our own sum, shown before anything is written. Zoho computes the real one.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Number, Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::value::{Object, text};

/// A line with its item.
pub(crate) struct Line<'a> {
    pub(crate) item: &'a Object,
    pub(crate) quantity: &'a Number,
    /// Where it is not the item's own.
    pub(crate) rate: Option<&'a Number>,
}

/// The lines, the sums, and the stock before and after.
pub(crate) fn order(customer_id: &str, lines: &[Line<'_>], charges: &[&Number]) -> Result<Value, Problem> {
    let (mut subtotal, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    let mut shown = Vec::new();
    for line in lines {
        let quantity = decimal(&line.quantity.to_string())?;
        let rate = match line.rate {
            Some(rate) => decimal(&rate.to_string())?,
            None => figure(line.item, "rate")?.unwrap_or_default(),
        };
        let total = product(rate, quantity)?;
        let percentage = figure(line.item, "tax_percentage")?.unwrap_or_default();
        subtotal = sum(subtotal, total)?;
        tax = sum(tax, product(total, percentage)? / Decimal::ONE_HUNDRED)?;
        let available =
            line.item.get("stock").and_then(|stock| stock.get("available")).and_then(Value::as_number);
        let stock = match available {
            Some(available) => {
                let before = decimal(&available.to_string())?;
                json!({ "available": number(before), "after": number(sum(before, -quantity)?) })
            }
            None => Value::Null,
        };
        shown.push(json!({
            "item_id": text(line.item, "item_id"),
            "sku": text(line.item, "sku"),
            "name": text(line.item, "name"),
            "status": text(line.item, "status"),
            "quantity": line.quantity,
            "rate": number(rate),
            "total": number(total),
            "stock": stock,
        }));
    }
    let mut total = sum(subtotal, tax)?;
    for charge in charges {
        total = sum(total, decimal(&charge.to_string())?)?;
    }
    Ok(json!({
        "customer_id": customer_id,
        "lines": shown,
        "estimate": { "subtotal": number(subtotal), "tax": number(tax.round_dp(2)), "total": number(total.round_dp(2)) },
        "estimate_leaves_out": ["discounts", "taxes of single lines"],
        "untrusted": ["lines"],
    }))
}

fn figure(item: &Object, field: &str) -> Result<Option<Decimal>, Problem> {
    item.get(field).and_then(Value::as_number).map(|figure| decimal(&figure.to_string())).transpose()
}

fn product(one: Decimal, other: Decimal) -> Result<Decimal, Problem> {
    one.checked_mul(other).ok_or_else(too_large)
}

fn sum(one: Decimal, other: Decimal) -> Result<Decimal, Problem> {
    one.checked_add(other).ok_or_else(too_large)
}

fn decimal(text: &str) -> Result<Decimal, Problem> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).map_err(|_| too_large())
}

fn too_large() -> Problem {
    Problem::new(Code::BodyInvalid, "A quantity or rate has more digits than can be reckoned with.")
}

fn number(decimal: Decimal) -> Value {
    decimal.normalize().to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_their_digits() {
        let item: Object = serde_json::from_str(
            r#"{"item_id":"1","sku":"S","name":"Oak","rate":49.90,"tax_percentage":19,"stock":{"available":3}}"#,
        )
        .unwrap();
        let (three, rate): (Number, Number) = ("3".parse().unwrap(), "0.1".parse().unwrap());
        let lines = [
            Line { item: &item, quantity: &three, rate: None },
            Line { item: &item, quantity: &three, rate: Some(&rate) },
        ];
        let shown = order("7", &lines, &[&"6.00".parse().unwrap()]).unwrap();
        assert_eq!(shown["estimate"].to_string(), r#"{"subtotal":150,"tax":28.5,"total":184.5}"#);
        assert_eq!(shown["lines"][1]["total"].to_string(), "0.3");
        assert_eq!(shown["lines"][0]["stock"].to_string(), r#"{"available":3,"after":0}"#);
        let large: Number = "70000000000000000000000000000".parse().unwrap();
        let one: Number = "1".parse().unwrap();
        let line = || Line { item: &item, quantity: &large, rate: Some(&one) };
        assert_eq!(order("7", &[line(), line()], &[]).unwrap_err().code(), Code::BodyInvalid);
        let huge: Number = "99999999999999999999999999999999".parse().unwrap();
        assert_eq!(
            order("7", &[Line { item: &item, quantity: &huge, rate: None }], &[]).unwrap_err().code(),
            Code::BodyInvalid
        );
    }
}
