//! Figures and amounts with all their digits: as Zoho writes them, and as JSON.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Number, Value};
use shared::zoho::value;

/// A figure as Zoho writes it: a number, or a text with one; `""` is none.
pub(crate) fn decimal(value: Option<&Value>) -> Option<Decimal> {
    exact(value::number(value).as_number()?)
}

/// A JSON number with all its digits, unless it has more than can be reckoned with.
pub(crate) fn exact(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A figure as JSON, without zeros at its end.
pub(crate) fn json(decimal: Decimal) -> Value {
    decimal.normalize().to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// A figure as JSON, or null.
pub(super) fn json_or_null(decimal: Option<Decimal>) -> Value {
    decimal.map_or(Value::Null, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_their_digits() {
        for (written, read) in [
            ("1e2", Some("100")),
            ("-0.50", Some("-0.5")),
            ("\"12.50\"", Some("12.5")),
            ("\"\"", None),
            ("null", None),
            ("true", None),
            ("1e300", None),
            ("9007199254740993", Some("9007199254740993")),
        ] {
            let value: Value = serde_json::from_str(written).unwrap();
            let found = decimal(Some(&value)).map(|found| json(found).to_string());
            assert_eq!(found.as_deref(), read, "{written}");
        }
        assert_eq!((decimal(None), json_or_null(None)), (None, Value::Null));
        assert_eq!(json_or_null(Some(Decimal::ONE)).to_string(), "1");
    }
}
