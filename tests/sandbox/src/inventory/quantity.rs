//! A quantity in a request: its decimals are the unit's, or the organisation's.

use serde_json::Value;

use super::amount::Amount;
use super::body;
use super::error::error;
use super::list::text;
use crate::http::Answer;
use crate::object::Object;
use crate::state::State;

/// The decimals that a quantity of an item may have.
pub(crate) fn places(state: &State, item: &Object) -> u32 {
    let unit = text(item, "unit");
    let own = state.switches.unit_decimals.iter().find(|(name, _)| name == unit);
    own.map_or(state.switches.quantity_decimals, |(_, places)| *places)
}

/// Reads a quantity. It is not known whether Zoho rounds one with too many decimals, or refuses it.
pub(crate) fn read(
    state: &State,
    item: &Object,
    given: Option<&Value>,
    name: &str,
) -> Result<Amount, Answer> {
    let given = given.ok_or_else(|| error(400, 4, &format!("Invalid value passed for {name}")))?;
    let (amount, changed) = Amount::rounded(given, places(state, item)).ok_or_else(|| body::invalid(name))?;
    if changed && state.switches.decimals_refused() {
        return Err(body::invalid(name));
    }
    Ok(amount)
}
