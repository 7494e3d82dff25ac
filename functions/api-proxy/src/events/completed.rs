//! Completes events of items with what another system calls the item. Our own rows say it, so Zoho is not asked.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::core::mappings::Mappings;

/// The field for another system's id in the data of an event.
pub(super) const PRODUCT_ID: &str = "product_id";

/// How many reads are made at a time.
const READS_AT_ONCE: usize = 20;

/// Adds the product id to the data of those events that are about one item and lack it, where exactly one leads to the item. `events`
/// are subjects and data. An event without it is right, too: where the store fails, it stays as it is.
pub(super) async fn complete(
    mappings: &Mappings,
    connection: &ConnectionName,
    events: Vec<(Option<&str>, &mut Value)>,
) {
    let mut lacking: BTreeMap<String, Vec<&mut Value>> = BTreeMap::new();
    for (subject, data) in events {
        let item = subject.and_then(|subject| subject.strip_prefix("item/"));
        if let Some(item) = item.filter(|_| data.get(PRODUCT_ID).is_none_or(Value::is_null)) {
            lacking.entry(item.to_owned()).or_default().push(data);
        }
    }
    let items: Vec<String> = lacking.keys().cloned().collect();
    for some in items.chunks(READS_AT_ONCE) {
        let found = join_all(some.iter().map(|item| mappings.products_of(connection, item, 2))).await;
        for (item, found) in some.iter().zip(found) {
            let product_id = match found.as_deref() {
                Ok([only]) => only,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "an event could not be completed");
                    continue;
                }
            };
            for data in lacking.remove(item).into_iter().flatten().filter_map(Value::as_object_mut) {
                data.insert(PRODUCT_ID.to_owned(), product_id.as_str().into());
            }
        }
    }
}
