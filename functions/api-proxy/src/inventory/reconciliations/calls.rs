//! How many calls of Zoho's day a reconciliation may make without asking: a tenth.

use shared::base::problem::{Code, Problem};
use shared::zoho::inventory::MAX_ROWS;

/// What Zoho's free plan allows in a day.
const FREE_PLAN: u32 = 1000;

/// The share of a day that needs no word of the caller's.
const SHARE: u32 = 10;

/// How many rows a page of the list of items has, and how many items are read at once with all details.
const PAGE: usize = MAX_ROWS as usize;
const AT_ONCE: usize = 100;

/// How many calls one part of what is applied takes: a look before, the adjustment, a look after.
const OF_PART: usize = 3;

/// What may be made without asking.
pub(super) fn free(a_day: Option<u32>) -> u32 {
    a_day.unwrap_or(FREE_PLAN) / SHARE
}

/// The fewest that a comparison takes: SKUs are found one by one, or in all items of the organisation, of which there are at least
/// as many.
pub(super) fn to_compare(skus: usize, items: usize, has_locations: bool) -> usize {
    let lookups = if skus <= super::resolve::MAX_LOOKUPS { skus } else { skus.div_ceil(PAGE) };
    lookups + items.div_ceil(AT_ONCE) + usize::from(has_locations)
}

/// What applying takes.
pub(super) fn to_apply(parts: usize) -> usize {
    parts * OF_PART + usize::from(parts > 0)
}

/// Asks, where it is more than may be made so.
pub(super) fn demand(
    made: u32,
    more: usize,
    a_day: Option<u32>,
    agreed: bool,
    what: &str,
) -> Result<(), Problem> {
    let all = usize::try_from(made).unwrap_or(usize::MAX).saturating_add(more);
    let free = free(a_day);
    if agreed || all <= usize::try_from(free).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let of = match a_day {
        Some(calls) => format!("the {calls} calls that the operator set for a day"),
        None => format!("the {FREE_PLAN} calls a day of Zoho's free plan"),
    };
    let made = if made == 0 { String::new() } else { format!(" {made} were made so far.") };
    Err(Problem::new(
        Code::CallsUnconfirmed,
        format!(
            "{what} takes at least {more} calls to Zoho, which is more than a tenth of {of} ({free}).{made}"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_rows_take_a_hundred_and_fifty_calls_and_those_are_asked_for() {
        assert_eq!(to_compare(10_000, 10_000, false), 150);
        assert_eq!(to_apply(5), 16);
        assert!(demand(0, 150, None, true, "It").is_ok());
        assert!(demand(0, 100, None, false, "It").is_ok());
        assert!(demand(0, 150, Some(2000), false, "It").is_ok());
        let asked = demand(50, 51, None, false, "It").unwrap_err();
        assert_eq!(asked.code(), Code::CallsUnconfirmed);
        assert!(asked.detail().contains("50 were made so far"), "{}", asked.detail());
        assert_eq!(to_compare(3, 2, true), 5);
    }
}
