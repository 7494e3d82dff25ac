//! The number of a new order.

use crate::http::{Answer, Call};
use crate::inventory::body;
use crate::inventory::error::error;
use crate::object::Object;
use crate::state::State;

/// The requested number; `None` = the next one. Numbers are unique, and Zoho assigns them unless the caller overrides that.
pub(crate) fn asked(state: &State, call: &Call, wanted: &Object) -> Result<Option<String>, Answer> {
    let number = body::id(wanted, "salesorder_number");
    let own = call.param("ignore_auto_number_generation").as_deref() == Some("true");
    if number.is_empty() && (own || state.switches.order_number_needed) {
        return Err(error(400, 4, "Invalid value passed for salesorder_number"));
    }
    if number.is_empty() || (!own && state.switches.order_number_replaced()) {
        return Ok(None);
    }
    if !own && !state.switches.order_number_needed {
        let message = "Sales Order number is generated automatically. To give one, send \
                       ignore_auto_number_generation=true.";
        return Err(error(400, 4097, message));
    }
    if state.shop.number_taken(&number) {
        return Err(error(400, 36004, "This sales order number already exists."));
    }
    Ok(Some(number))
}
