//! The status fields of an order.

use crate::object::Object;

/// Writes the status to all fields that hold it.
pub(crate) fn write(order: &mut Object, status: &str) {
    let (invoiced, paid, shipped) = match status {
        "confirmed" => ("not_invoiced", "unpaid", "pending"),
        "closed" => ("invoiced", "paid", "fulfilled"),
        _ => ("", "", ""),
    };
    for (key, value) in [
        ("status", if status == "closed" { "fulfilled" } else { status }),
        ("order_status", status),
        ("current_sub_status", status),
        ("invoiced_status", invoiced),
        ("paid_status", paid),
        ("shipped_status", shipped),
    ] {
        order.insert(key.to_owned(), value.into());
    }
}
