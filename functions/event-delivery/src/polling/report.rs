//! What is found becomes an event, as if it had been told, unless it was.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::secret::sha256_hex;
use shared::core::events::Delivery;
use shared::core::events::ledger::{EARLIER, FOUND};
use shared::store::StoreError;
use shared::zoho::change_lists::Changed;
use shared::zoho::inventory::record_kinds::NAMING_FIELDS;
use shared::zoho::value::{Object, text};

use crate::EventDelivery;
use crate::polling::checkpoint::Part;
use crate::polling::{List, Look, What};

/// Longer ones name nothing.
const LONGEST_NAME: usize = 256;

impl EventDelivery {
    /// Stores what a row tells, unless it is known; says whether that was news.
    pub(super) async fn report(
        &self,
        look: &Look<'_>,
        part: Part,
        since: Timestamp,
        found: &Changed,
    ) -> Result<bool, StoreError> {
        let list = look.list;
        let subject = format!("{}/{}", list.record, found.id);
        let name = &list.connection;
        let newest = self.ledger.newest(&list.connection, &subject).await?;
        let deletion = part == Part::Deletions;
        let is_known = newest
            .as_ref()
            .is_some_and(|newest| if deletion { newest.is_deleted() } else { newest.has_change(found.at) });
        if is_known {
            return Ok(false);
        }
        let mut earlier = None;
        if !deletion && self.own.is_own(name, &subject, found.at).await? {
            let is_known =
                |at| at < look.settled || newest.as_ref().is_some_and(|newest| newest.has_change(at));
            earlier = self.own.hidden(name, &subject, found.at, is_known).await?;
            if earlier.is_none() && self.ledger.own_told(name, &subject).await? == Some(found.at) {
                return Ok(false);
            }
        }
        // Its creation may have been told, and only this change not; or it was ours.
        let created = found.created.filter(|at| newest.is_none() && at.as_second() >= since.as_second());
        let is_new = match created {
            Some(at) => at == found.at || !self.own.is_own(name, &subject, at).await?,
            None => false,
        };
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
            data: data(list, found, deletion, earlier),
            body: Value::Object(found.row.clone()).to_string(),
        };
        Ok(!self.events.store(delivery).await?.duplicate)
    }
}

fn data(list: &List, found: &Changed, deletion: bool, earlier: Option<Timestamp>) -> Value {
    let mut data = Object::new();
    match &list.what {
        What::Crm(module) => {
            data.insert("module".to_owned(), json!(module));
            data.insert("ids".to_owned(), json!([found.id]));
        }
        What::Inventory(kind) => {
            data.insert(kind.id_field.to_owned(), json!(found.id));
            for name in NAMING_FIELDS {
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
    if let Some(at) = earlier {
        data.insert(EARLIER.to_owned(), json!(at.to_string()));
    }
    Value::Object(data)
}
