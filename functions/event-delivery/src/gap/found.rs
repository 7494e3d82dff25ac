//! What is found becomes an event, as if it had been told, unless it was.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::secret::sha256_hex;
use shared::core::event::Delivery;
use shared::core::ledger::FOUND;
use shared::store::StoreError;
use shared::zoho::changes::Changed;
use shared::zoho::value::{Object, text};

use super::progress::Part;
use super::{List, What};
use crate::EventDelivery;

/// What events of Inventory carry beside the id, where the list has it.
const NAMES: [&str; 3] = ["sku", "salesorder_number", "status"];

/// Longer ones name nothing.
const LONGEST_NAME: usize = 256;

impl EventDelivery {
    /// Stores what a row tells, unless it is known; says whether that was news.
    pub(super) async fn report(
        &self,
        list: &List,
        part: Part,
        since: Timestamp,
        found: &Changed,
    ) -> Result<bool, StoreError> {
        let subject = format!("{}/{}", list.record, found.id);
        let newest = self.ledger.newest(&list.connection, &subject).await?;
        let deletion = part == Part::Deletions;
        let is_known = newest
            .as_ref()
            .is_some_and(|newest| if deletion { newest.is_deleted() } else { newest.has_change(found.at) });
        if is_known {
            return Ok(false);
        }
        // Its creation may have been told, and only this change not.
        let is_new = newest.is_none() && found.created.is_some_and(|at| at.as_second() >= since.as_second());
        let change = match (deletion, is_new) {
            (true, _) => "deleted",
            (false, true) => "created",
            (false, false) => "updated",
        };
        let product = list.product();
        let kind = format!("zoho.{product}.{}.{change}", list.record);
        let delivery = Delivery {
            connection: list.connection.clone(),
            source: product.as_str(),
            digest: sha256_hex(format!("{kind} {} {}", found.id, found.at).as_bytes()),
            kind,
            subject: Some(subject),
            time: Some(found.at.to_string()),
            data: data(list, found, deletion),
            body: Value::Object(found.row.clone()).to_string(),
        };
        Ok(!self.events.store(delivery).await?.duplicate)
    }
}

fn data(list: &List, found: &Changed, deletion: bool) -> Value {
    let mut data = Object::new();
    match &list.what {
        What::Crm(module) => {
            data.insert("module".to_owned(), json!(module));
            data.insert("ids".to_owned(), json!([found.id]));
        }
        What::Inventory(_) => {
            data.insert(format!("{}_id", list.record), json!(found.id));
            for name in NAMES {
                if let Some(value) = text(&found.row, name).filter(|value| value.len() <= LONGEST_NAME) {
                    data.insert(name.to_owned(), json!(value));
                }
            }
        }
    }
    data.insert(FOUND.0.to_owned(), json!(FOUND.1));
    if !deletion {
        data.insert("modified_time".to_owned(), json!(found.at.to_string()));
    }
    Value::Object(data)
}
