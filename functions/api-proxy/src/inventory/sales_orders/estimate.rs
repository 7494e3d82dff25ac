//! What an order would cost and take from stock: our own sum, shown before anything is written. Zoho computes the real one. What
//! cannot be known is null, and a warning says why.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Number, Value, json};
use shared::base::problem::Problem;
use shared::zoho::value::{Object, text};

use super::amount::{decimal, rounded, too_large};
use crate::inventory::decimals::json as number;
use crate::inventory::lookup::customer::Customer;

/// A line with its item.
pub(crate) struct Line<'a> {
    pub(crate) item: &'a Object,
    pub(crate) quantity: &'a Number,
    /// Where it is not the item's own.
    pub(crate) rate: Option<&'a Number>,
    /// Where it is not the item's own.
    pub(crate) tax_id: Option<&'a str>,
    pub(crate) has_discount: bool,
}

/// The lines, the sums, and the stock before and after. `decimals` is what amounts are rounded to, where that is known.
pub(crate) fn order(
    customer: &Customer,
    decimals: Option<u32>,
    lines: &[Line<'_>],
    charges: &[(&str, &Number)],
) -> Result<Value, Problem> {
    let mut estimate = Estimate::new(decimals);
    let mut shown = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        shown.push(estimate.add(line, &format!("line_items[{index}]"))?);
    }
    let Estimate { subtotal, tax, mut warnings, .. } = estimate;
    let mut before_tax = subtotal;
    for (field, charge) in charges {
        before_tax = sum(before_tax, decimal(charge, field)?, field)?;
    }
    let total = tax.map(|tax| sum(before_tax, tax, "total")).transpose()?;
    if decimals.is_none() {
        warnings.push(
            "It is not known how amounts are rounded in this currency: the estimate is not rounded."
                .to_owned(),
        );
    }
    let amount = |amount: Decimal| number(rounded(amount, decimals));
    Ok(json!({
        "customer_id": customer.id,
        "customer_name": customer.name,
        "currency_code": customer.currency_code,
        "lines": shown,
        "estimate": {
            "subtotal": amount(subtotal),
            "tax": tax.map(amount),
            "total": total.map(amount),
            "total_before_tax": amount(before_tax),
            "decimals": decimals,
        },
        "estimate_leaves_out": ["discounts", "taxes of single lines"],
        "warnings": warnings,
        "untrusted": ["customer_name", "lines"],
    }))
}

/// The sums of the lines that were looked at.
struct Estimate<'a> {
    decimals: Option<u32>,
    subtotal: Decimal,
    /// None where that of a line is unknown.
    tax: Option<Decimal>,
    /// What the lines take of each item.
    taken: BTreeMap<&'a str, Decimal>,
    warnings: Vec<String>,
}

impl<'a> Estimate<'a> {
    fn new(decimals: Option<u32>) -> Self {
        Self {
            decimals,
            subtotal: Decimal::ZERO,
            tax: Some(Decimal::ZERO),
            taken: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds a line, and shows it. `path` is what it is called in the request.
    fn add(&mut self, line: &Line<'a>, path: &str) -> Result<Value, Problem> {
        let quantity = decimal(line.quantity, &format!("{path}.quantity"))?;
        let rate = self.rate(line, path)?;
        let total = rounded(product(rate, quantity, path)?, self.decimals);
        self.subtotal = sum(self.subtotal, total, path)?;
        let percentage = percentage(line, path)?;
        self.add_tax(total, percentage, path)?;
        self.warn_of(line, path);
        let stock = self.take(line, quantity, path)?;
        Ok(json!({
            "item_id": text(line.item, "item_id"),
            "sku": text(line.item, "sku"),
            "name": text(line.item, "name"),
            "status": text(line.item, "status"),
            "quantity": line.quantity,
            "rate": number(rate),
            "tax_percentage": percentage.map(number),
            "total": number(total),
            "stock": stock,
        }))
    }

    /// What one costs: the rate of the line, or the item's own.
    fn rate(&mut self, line: &Line<'a>, path: &str) -> Result<Decimal, Problem> {
        let field = format!("{path}.rate");
        if let Some(given) = line.rate {
            return decimal(given, &field);
        }
        let own = figure(line.item, "rate", &field)?.unwrap_or_default();
        if own.is_zero() {
            self.warnings.push(format!(
                "`{path}`: no `rate` is given, and the item's own is 0: it would cost nothing."
            ));
        }
        Ok(own)
    }

    fn add_tax(&mut self, total: Decimal, percentage: Option<Decimal>, path: &str) -> Result<(), Problem> {
        let Some(percentage) = percentage else {
            self.tax = None;
            self.warnings.push(format!(
                "`{path}`: its tax is unknown, because Zoho shows none for the item as it is ordered."
            ));
            return Ok(());
        };
        let of_line = rounded(product(total, percentage, path)? / Decimal::ONE_HUNDRED, self.decimals);
        self.tax = self.tax.map(|tax| sum(tax, of_line, path)).transpose()?;
        Ok(())
    }

    /// Warns of what the sums leave out, and of items that Zoho may refuse.
    fn warn_of(&mut self, line: &Line<'a>, path: &str) {
        if line.has_discount {
            self.warnings.push(format!("`{path}`: its discount is left out of the estimate."));
        }
        if text(line.item, "status") == Some("inactive") {
            self.warnings.push(format!("`{path}`: the item is inactive."));
        }
        if line.item.get("can_be_sold") == Some(&Value::Bool(false)) {
            self.warnings.push(format!("`{path}`: the item is not for sale, and Zoho may refuse it."));
        }
    }

    /// What can be promised of the item before and after the line, where that is known. Lines before it take theirs first.
    fn take(&mut self, line: &Line<'a>, quantity: Decimal, path: &str) -> Result<Value, Problem> {
        let available = line.item.get("stock").and_then(|stock| stock.get("available"));
        let Some(available) = available.and_then(Value::as_number) else { return Ok(Value::Null) };
        let taken = self.taken.entry(text(line.item, "item_id").unwrap_or_default()).or_default();
        let before = sum(decimal(available, "available")?, -*taken, path)?;
        *taken = sum(*taken, quantity, path)?;
        let after = sum(before, -quantity, path)?;
        if after.is_sign_negative() && !after.is_zero() {
            let (before, after) = (before.normalize(), after.normalize());
            self.warnings.push(format!(
                "`{path}`: {before} can be promised, so that the stock for sale would be {after}."
            ));
        }
        Ok(json!({ "available": number(before), "after": number(after) }))
    }
}

/// The tax of a line in percent, where it can be known: the item has a tax, and the line no other.
fn percentage(line: &Line<'_>, path: &str) -> Result<Option<Decimal>, Problem> {
    let own = text(line.item, "tax_id");
    if line.tax_id.is_some_and(|given| own != Some(given)) {
        return Ok(None);
    }
    let percentage = figure(line.item, "tax_percentage", path)?;
    Ok(percentage.filter(|percentage| own.is_some() || !percentage.is_zero()))
}

fn figure(item: &Object, field: &str, path: &str) -> Result<Option<Decimal>, Problem> {
    item.get(field).and_then(Value::as_number).map(|figure| decimal(figure, path)).transpose()
}

fn product(one: Decimal, other: Decimal, path: &str) -> Result<Decimal, Problem> {
    one.checked_mul(other).ok_or_else(|| too_large(path))
}

fn sum(one: Decimal, other: Decimal, path: &str) -> Result<Decimal, Problem> {
    one.checked_add(other).ok_or_else(|| too_large(path))
}

#[cfg(test)]
mod tests {
    use shared::base::problem::Code;

    use super::*;

    fn item(text: &str) -> Object {
        serde_json::from_str(text).unwrap()
    }

    fn digits(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn customer() -> Customer {
        Customer {
            id: "7".to_owned(),
            name: Some("Harbor".to_owned()),
            currency_code: Some("EUR".to_owned()),
        }
    }

    fn line<'a>(item: &'a Object, quantity: &'a Number, rate: Option<&'a Number>) -> Line<'a> {
        Line { item, quantity, rate, tax_id: None, has_discount: false }
    }

    #[test]
    fn sums_keep_their_digits() {
        let item = item(
            r#"{"item_id":"1","sku":"S","name":"Oak","rate":49.90,"tax_id":"9","tax_percentage":19,"stock":{"available":3}}"#,
        );
        let (three, rate) = (digits("3"), digits("0.1"));
        let lines = [line(&item, &three, None), line(&item, &three, Some(&rate))];
        let shown = order(&customer(), Some(2), &lines, &[("adjustment", &digits("6.00"))]).unwrap();
        assert_eq!(
            shown["estimate"].to_string(),
            r#"{"subtotal":150,"tax":28.5,"total":184.5,"total_before_tax":156,"decimals":2}"#
        );
        assert_eq!(shown["lines"][1]["total"].to_string(), "0.3");
        assert_eq!(shown["lines"][0]["stock"].to_string(), r#"{"available":3,"after":0}"#);
        assert_eq!(
            shown["lines"][1]["stock"].to_string(),
            r#"{"available":0,"after":-3}"#,
            "of the same item"
        );
        assert_eq!(shown["warnings"].as_array().unwrap().len(), 1, "{shown}");
        let (large, one) = (digits("70000000000000000000000000000"), digits("1"));
        let both = [line(&item, &large, Some(&one)), line(&item, &large, Some(&one))];
        assert_eq!(order(&customer(), None, &both, &[]).unwrap_err().code(), Code::BodyInvalid);
        let huge = digits("99999999999999999999999999999999");
        let problem = order(&customer(), None, &[line(&item, &huge, Some(&one))], &[]).unwrap_err();
        assert_eq!(problem.detail(), "`line_items[0].quantity` has more digits than can be reckoned with.");
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let bare = item(r#"{"item_id":"1","rate":100,"tax_id":"","tax_percentage":0}"#);
        let free = item(r#"{"item_id":"2","rate":0,"tax_id":"9","tax_percentage":0}"#);
        let one = digits("1");
        let shown = order(&customer(), None, &[line(&bare, &one, None)], &[]).unwrap();
        assert_eq!(
            shown["estimate"].to_string(),
            r#"{"subtotal":100,"tax":null,"total":null,"total_before_tax":100,"decimals":null}"#
        );
        let warnings = shown["warnings"].to_string();
        assert!(
            warnings.contains("`line_items[0]`: its tax is unknown") && warnings.contains("rounded"),
            "{warnings}"
        );

        let nothing = digits("0");
        let shown = order(&customer(), Some(2), &[line(&free, &one, None)], &[]).unwrap();
        assert_eq!(shown["estimate"]["tax"], 0, "a tax of nothing that somebody has set");
        assert!(shown["warnings"].to_string().contains("cost nothing"), "{shown}");
        let shown = order(&customer(), Some(2), &[line(&free, &one, Some(&nothing))], &[]).unwrap();
        assert_eq!(shown["warnings"], json!([]), "a rate of nothing that the caller has given");
        let other = Line { tax_id: Some("8"), ..line(&free, &one, Some(&one)) };
        assert_eq!(order(&customer(), Some(2), &[other], &[]).unwrap()["estimate"]["tax"], Value::Null);
    }
}
