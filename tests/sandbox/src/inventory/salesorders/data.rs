//! Earlier orders: one finished, one confirmed, one void, one draft. All of them are invented.

use serde_json::{Value, json};

use super::{build, status_fields};
use crate::inventory::items::Items;
use crate::inventory::shop::Shop;
use crate::object::object;

/// Adds the orders to the shop. Their committed stock is already in the items.
pub(crate) fn fill(shop: &mut Shop, items: &Items) {
    let (harbor, cafe) = ("3300000000060210", "3300000000060211");
    let line = |item: u32, quantity: u32| json!({ "item_id": format!("33000000000700{item:02}"), "quantity": quantity });
    let order = |customer: &str, date: &str, reference: &str, lines: Vec<Value>| {
        object(json!({ "customer_id": customer, "date": date, "reference_number": reference,
            "line_items": lines }))
    };
    for (wanted, status) in [
        (order(cafe, "2026-11-09", "", vec![line(6, 2)]), "closed"),
        (order(harbor, "2026-11-17", "web-558201", vec![line(1, 5), line(10, 1)]), "confirmed"),
        // References are not unique.
        (order(harbor, "2026-11-18", "web-558201", vec![line(4, 1)]), "void"),
        (order(cafe, "2026-11-20", "web-558340", vec![line(1, 2), line(3, 1)]), "draft"),
    ] {
        let time =
            format!("{}T10:22:31+0100", wanted.get("date").and_then(Value::as_str).unwrap_or_default());
        let Ok(mut order) = build::order(shop, items, &wanted, (true, "")) else { continue };
        status_fields::write(&mut order, status);
        order.insert("salesorder_number".to_owned(), shop.order_number().into());
        order.insert("created_time".to_owned(), time.as_str().into());
        order.insert("last_modified_time".to_owned(), time.into());
        if status == "closed" {
            let lines = order.get_mut("line_items").and_then(Value::as_array_mut).into_iter().flatten();
            for line in lines.filter_map(Value::as_object_mut) {
                let quantity = line.get("quantity").cloned().unwrap_or_default();
                for key in ["quantity_invoiced", "quantity_packed", "quantity_shipped"] {
                    line.insert(key.to_owned(), quantity.clone());
                }
                line.insert("is_invoiced".to_owned(), true.into());
            }
            order.insert("balance".to_owned(), 0.0.into());
        }
        shop.salesorders.push(order);
    }
}
