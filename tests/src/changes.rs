//! What Zoho tells of changes, as webhook-intake stores it. Each number is another delivery.

use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::core::events::Delivery;

/// A change of a deal, as CRM tells of it.
pub fn of_deal(id: &str, number: usize) -> Delivery {
    change(("crm", "deal"), id, number, json!({ "module": "Deals", "ids": [id] }))
}

/// A change of an item, as Inventory tells of it.
pub fn of_item(id: &str, number: usize) -> Delivery {
    change(("inventory", "item"), id, number, json!({ "item_id": id }))
}

fn change((source, record): (&'static str, &str), id: &str, number: usize, data: Value) -> Delivery {
    Delivery {
        connection: ConnectionName::default(),
        source,
        digest: format!("{number:064x}"),
        kind: format!("zoho.{source}.{record}.updated"),
        subject: Some(format!("{record}/{id}")),
        time: None,
        data,
        body: "{}".to_owned(),
    }
}
