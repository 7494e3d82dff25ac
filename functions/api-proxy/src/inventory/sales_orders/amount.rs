//! Amounts without loss: as they are reckoned with, and as they are sent.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};
use shared::base::problem::{Code, Problem};
use shared::zoho::value::Object;

use crate::inventory::decimals;

/// The amount of a field.
pub(super) fn decimal(number: &Number, field: &str) -> Result<Decimal, Problem> {
    decimals::exact(number).ok_or_else(|| too_large(field))
}

/// Amounts are rounded half up, as Zoho does it; where nobody knows to how many decimals, they stay as they are.
pub(super) fn rounded(amount: Decimal, decimals: Option<u32>) -> Decimal {
    decimals.map_or(amount, |decimals| {
        amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
    })
}

/// What is too large to be reckoned with.
pub(super) fn too_large(field: &str) -> Problem {
    Problem::new(Code::BodyInvalid, format!("`{field}` has more digits than can be reckoned with."))
}

/// Writes the numbers of an object out: no source says that Zoho reads `1e15`.
pub(super) fn written_out(object: &mut Object, path: &str) -> Result<(), Problem> {
    for (field, value) in object.iter_mut() {
        let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
        write_out(value, &path)?;
    }
    Ok(())
}

fn write_out(value: &mut Value, path: &str) -> Result<(), Problem> {
    match value {
        Value::Number(digits) if digits.to_string().contains(['e', 'E']) => {
            *value = decimals::json(decimal(digits, path)?);
        }
        Value::Array(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                write_out(value, &format!("{path}[{index}]"))?;
            }
        }
        Value::Object(object) => written_out(object, path)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_out_and_keep_their_digits() {
        let mut body: Object = serde_json::from_str(
            r#"{"adjustment":1e15,"notes":"1e15","line_items":[{"rate":-2.5E-3,"quantity":1.50,"discount":"10%"}]}"#,
        )
        .unwrap();
        written_out(&mut body, "").unwrap();
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"adjustment":1000000000000000,"notes":"1e15","line_items":[{"rate":-0.0025,"quantity":1.50,"discount":"10%"}]}"#
        );
        let mut large = json!({ "line_items": [{ "rate": 1e300 }] }).as_object().unwrap().clone();
        let problem = written_out(&mut large, "").unwrap_err();
        assert_eq!(problem.detail(), "`line_items[0].rate` has more digits than can be reckoned with.");
    }

    #[test]
    fn halves_go_up_to_the_decimals_of_the_organisation() {
        for (amount, decimals, expected) in [
            ("0.125", Some(2), "0.13"),
            ("0.135", Some(2), "0.14"),
            ("-0.125", Some(2), "-0.13"),
            ("12.5", Some(0), "13"),
            ("0.0625", Some(3), "0.063"),
            ("0.12345", None, "0.12345"),
        ] {
            assert_eq!(rounded(amount.parse().unwrap(), decimals).to_string(), expected, "{amount}");
        }
    }
}
