//! The number of a new transfer order. It is unique, and Zoho's own counter does not pass over numbers given by hand.

use crate::http::{Answer, Call};
use crate::inventory::body;
use crate::inventory::error::error;
use crate::inventory::list::text;
use crate::object::Object;
use crate::state::State;

/// The number, and whether the counter gave it.
pub(crate) fn asked(state: &State, call: &Call, wanted: &Object) -> Result<(String, bool), Answer> {
    let number = body::id(wanted, "transfer_order_number");
    let own = call.param("ignore_auto_number_generation").as_deref() == Some("true");
    let by_hand = own || state.switches.transfer_number_needed;
    if by_hand && number.is_empty() {
        return Err(error(400, 6, "Transfer Order Number is required."));
    }
    if !by_hand && !number.is_empty() && !state.switches.transfer_number_replaced() {
        let message = "Transfer Order number is generated automatically. To give one, send \
                       ignore_auto_number_generation=true.";
        return Err(error(400, 4097, message));
    }
    let number = if by_hand { number } else { format!("TO-{:05}", state.shop.next_transfer) };
    let mut others = state.shop.transfers.iter();
    if others.any(|other| text(&other.shown, "transfer_order_number") == number) {
        return Err(error(400, 36004, "Transfer Order Number already exist"));
    }
    Ok((number, !by_hand))
}
