//! The date of a document that moves stock.

use jiff::civil::Date;

use super::body;
use super::data::ACCOUNT_CREATED;
use super::error::error;
use crate::clock::inventory_time;
use crate::http::Answer;
use crate::state::State;

/// Today, in the organisation's zone.
pub(crate) fn today(state: &State) -> String {
    inventory_time(state.now()).chars().take(10).collect()
}

/// A date that may be written: well-formed, and not locked.
pub(crate) fn writable(state: &State, date: String, name: &str) -> Result<String, Answer> {
    if date.is_empty() {
        return Err(error(400, 4, &format!("Invalid value passed for {name}")));
    }
    if date.len() != 10 || date.parse::<Date>().is_err() {
        return Err(body::invalid(name));
    }
    unlocked(state, &date)?;
    let odd = date.as_str() < ACCOUNT_CREATED || date > today(state);
    if odd && state.switches.odd_dates_refused() {
        return Err(error(400, 4, "The date is not within the period of your books."));
    }
    Ok(date)
}

/// Whether documents of this date may still be changed.
pub(crate) fn unlocked(state: &State, date: &str) -> Result<(), Answer> {
    let Some(lock) = state.switches.lock_date.as_deref() else { return Ok(()) };
    let open = date > lock || (date == lock && state.switches.lock_date_itself_open());
    if open {
        return Ok(());
    }
    Err(error(400, 4, &format!("Transactions on or before {lock} are locked.")))
}
