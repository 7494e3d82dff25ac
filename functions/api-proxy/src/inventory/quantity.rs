//! Quantities as callers write them: a number, or a decimal as text. No digit is lost, and what is no number is refused.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Number, Value};

use super::decimals;

/// Zoho keeps six decimals of a quantity.
const MAX_DECIMALS: u32 = 6;

/// The most digits before the point. No figure of Zoho's has more.
const MAX_DIGITS: usize = 15;

/// A quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(pub(crate) Decimal);

/// Reads a quantity from text.
///
/// # Errors
/// Where it is none; the error says what to write.
pub(crate) fn parse(text: &str) -> Result<Quantity, String> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.contains(',') {
        return Err(format!(
            "{text:?} has a comma. Write a point before decimals and nothing between thousands, like 1250.5"
        ));
    }
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let found = plain.then(|| Decimal::from_str(text).ok()).flatten();
    within(found.ok_or_else(|| format!("{text:?} is no number"))?)
}

fn within(decimal: Decimal) -> Result<Quantity, String> {
    let decimal = decimal.normalize();
    if decimal.scale() > MAX_DECIMALS {
        return Err(format!("{decimal} has more than {MAX_DECIMALS} decimals, and Zoho keeps no more"));
    }
    if decimal.trunc().abs().to_string().len() > MAX_DIGITS {
        return Err(format!("{decimal} is larger than any stock"));
    }
    Ok(Quantity(decimal))
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = match Value::deserialize(deserializer)? {
            Value::Number(number) => of_number(&number),
            Value::String(text) => parse(&text),
            _ => Err("must be a number".to_owned()),
        };
        read.map_err(D::Error::custom)
    }
}

fn of_number(number: &Number) -> Result<Quantity, String> {
    within(decimals::exact(number).ok_or_else(|| format!("{number} has more digits than any stock"))?)
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimals::json(self.0).serialize(serializer)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["number", "string"], "pattern": r"^[-+]?[0-9]{1,15}(\.[0-9]{1,6})?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_keeps_its_digits_and_what_is_none_says_so() {
        for (written, means) in [
            ("3", "3"),
            ("-2.50", "-2.5"),
            ("\"+0.1\"", "0.1"),
            ("1e2", "100"),
            ("\" 7 \"", "7"),
            ("0.000001", "0.000001"),
        ] {
            let read: Quantity = serde_json::from_str(written).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), means, "{written}");
        }
        for (written, says) in [
            ("\"1,5\"", "has a comma"),
            ("\"\"", "is no number"),
            ("\"five\"", "is no number"),
            ("\"1e3\"", "is no number"),
            ("true", "must be a number"),
            ("null", "must be a number"),
            ("0.1234567", "more than 6 decimals"),
            ("1e300", "than any stock"),
            ("1234567890123456", "than any stock"),
        ] {
            let error = serde_json::from_str::<Quantity>(written).unwrap_err().to_string();
            assert!(error.contains(says), "{written}: {error}");
        }
    }

    #[test]
    fn the_largest_and_the_finest_quantity_are_taken_and_what_is_beyond_is_not() {
        for text in [
            "999999999999999",
            "-999999999999999.999999",
            "999999999999999.9",
            "0.1000000000",
            "000000000000000000007",
            "+7",
            "-0",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in [
            "1000000000000000",
            "-1000000000000000",
            "0.0000001",
            "--1",
            "+-1",
            "-",
            "+",
            ".",
            "1.2.3",
            "1 2",
            "1_000",
            "0x1",
            "1,250.5",
            "\u{0661}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("-0").unwrap(), parse("0").unwrap());
        assert_eq!(parse("2.50").unwrap().0.to_string(), "2.5");
        assert_eq!(parse("-2.5").unwrap().0, -parse("2.5").unwrap().0);
    }
}
