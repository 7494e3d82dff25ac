//! Quantities as exact decimals: a sum of tenths in binary fractions would drift.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde_json::{Number, Value};

/// Zoho keeps this many decimals of a quantity.
const PLACES: i64 = 6;
/// The most digits before the point.
const WHOLE: i64 = 18;

/// A quantity in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i128);

impl Amount {
    pub(crate) const ZERO: Self = Self(0);

    /// A number, or a number written as text. What stands beyond six decimals is cut off.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::read(&number.to_string()),
            Value::String(text) => Self::read(text),
            _ => None,
        }
    }

    /// The same, with what an organisation sees of it: rounded to this many decimals, half away from zero. The flag says
    /// whether that changed the number.
    pub(crate) fn rounded(value: &Value, places: u32) -> Option<(Self, bool)> {
        let (exact, cut) = match value {
            Value::Number(number) => parse(&number.to_string())?,
            Value::String(text) => parse(text)?,
            _ => return None,
        };
        let unit = 10_i128.pow(6_u32.saturating_sub(places));
        let rounded = (exact.abs() + unit / 2) / unit * unit * exact.signum();
        Some((Self(rounded), cut || rounded != exact))
    }

    /// Reads a decimal number.
    pub(crate) fn read(text: &str) -> Option<Self> {
        parse(text).map(|(millionths, _)| Self(millionths))
    }

    /// As items have it: `42.0`, `0.3`.
    pub(crate) fn number(self) -> Value {
        value(&self.text())
    }

    /// As the lines of documents have it, with six decimals.
    pub(crate) fn long(self) -> Value {
        value(&self.with_places(6))
    }

    /// With as many decimals as the organisation shows.
    pub(crate) fn formatted(self, places: u32) -> Value {
        value(&self.with_places(places))
    }

    /// `42.0`, `0.3`.
    pub(crate) fn text(self) -> String {
        let text = self.with_places(6);
        let trimmed = text.trim_end_matches('0');
        if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
    }

    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// This many at that price, in cents.
    pub(crate) fn priced(self, price: Self) -> Value {
        let cents = self.0.saturating_mul(price.0) / 100_000_000;
        let rounded = (cents.abs() + 50) / 100 * 10_000 * cents.signum();
        Self(rounded).number()
    }

    fn with_places(self, places: u32) -> String {
        let unit = 10_i128.pow(6_u32.saturating_sub(places));
        let scaled = (self.0.abs() + unit / 2) / unit;
        let whole = 10_i128.pow(places);
        let sign = if self.is_negative() && scaled != 0 { "-" } else { "" };
        let width = usize::try_from(places).unwrap_or_default();
        if places == 0 {
            return format!("{sign}{scaled}");
        }
        format!("{sign}{}.{:0width$}", scaled / whole, scaled % whole)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// A number with exactly these digits.
fn value(digits: &str) -> Value {
    digits.parse::<Number>().map_or(Value::Null, Value::Number)
}

/// The millionths, and whether digits were cut off.
fn parse(text: &str) -> Option<(i128, bool)> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (mut millionths, mut cut) = (0_i128, false);
    for (place, digit) in (0_i64..).zip(digits.bytes().map(|byte| i128::from(byte - b'0'))) {
        let weight = point + PLACES - 1 - place;
        match (digit, u32::try_from(weight)) {
            (0, _) => {}
            (_, Err(_)) => cut = true,
            (_, Ok(_)) if weight >= WHOLE + PLACES => return None,
            (_, Ok(weight)) => millionths += digit * 10_i128.pow(weight),
        }
    }
    Some((if negative { -millionths } else { millionths }, cut))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tenths_add_up() {
        let sum: Amount = ["0.1", "0.2", "-0.000001", "1e1", "2.5E-1"]
            .into_iter()
            .map(|text| Amount::read(text).unwrap())
            .sum();
        assert_eq!(sum.text(), "10.549999");
        for (text, shown) in [("42", "42.0"), ("-3.50", "-3.5"), ("0", "0.0"), ("-0.0", "0.0"), (".5", "0.5")]
        {
            assert_eq!(Amount::read(text).unwrap().text(), shown);
        }
        for wrong in ["", "-", "1,5", "ten", "1e", "NaN", "1e30", "0x1", "--1"] {
            assert_eq!(Amount::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn digits_are_kept_or_rounded() {
        let two = Amount::read("-2").unwrap();
        assert_eq!(two.long().to_string(), "-2.000000");
        assert_eq!(two.formatted(2).to_string(), "-2.00");
        assert_eq!(two.formatted(0).to_string(), "-2");
        assert_eq!(Amount::read("-0.004").unwrap().formatted(2).to_string(), "0.00");
        for (given, places, rounded, changed) in [
            (json!(0.3333333), 2, "0.33", true),
            (json!("1.5"), 0, "2.0", true),
            (json!("-1.5"), 0, "-2.0", true),
            (json!(1.25), 2, "1.25", false),
            (json!("0.0000001"), 6, "0.0", true),
            (json!("0.004999999"), 2, "0.0", true),
        ] {
            let (amount, was_changed) = Amount::rounded(&given, places).unwrap();
            assert_eq!((amount.text().as_str(), was_changed), (rounded, changed), "{given}");
        }
        assert_eq!(Amount::read("-2").unwrap().priced(Amount::read("24.95").unwrap()).to_string(), "-49.9");
    }
}
