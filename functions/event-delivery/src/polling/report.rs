//! Stores a change that polling found as an event, as a webhook would have, unless the change is known.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::secret::sha256_hex;
use shared::core::events::ledger::{EARLIER, FOUND, Ledger, Newest};
use shared::core::events::{Delivery, Events};
use shared::core::writes::own_writes::OwnWrites;
use shared::store::StoreError;
use shared::zoho::change_lists::Changed;
use shared::zoho::inventory::record_kinds::NAMING_FIELDS;
use shared::zoho::value::{Object, text};

use crate::polling::checkpoint::Part;
use crate::polling::list::{List, Source};

/// The longest value that is kept, in bytes: a longer one names nothing.
const MAX_FIELD_LENGTH: usize = 256;

/// What a report works with.
pub(crate) struct Reporter<'a> {
    pub(crate) events: &'a Events,
    pub(crate) ledger: &'a Ledger,
    pub(crate) own_writes: &'a OwnWrites,
}

/// Until when earlier polls have seen a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Changes, or deletions, before this moment are known.
    pub(super) until: Timestamp,
    /// Changes before this moment were seen even if a later write of ours hides them now.
    pub(super) settled: Timestamp,
}

impl Reporter<'_> {
    /// Stores what a row tells, unless it is known; says whether that was news.
    pub(super) async fn report(
        &self,
        list: &List,
        part: Part,
        seen: Seen,
        found: &Changed,
    ) -> Result<bool, StoreError> {
        let subject = format!("{}/{}", list.record, found.id);
        let name = &list.connection;
        let newest = self.ledger.newest(name, &subject).await?;
        let is_deletion = part == Part::Deletions;
        let is_known = newest.as_ref().is_some_and(|newest| {
            if is_deletion { newest.is_deleted() } else { newest.has_change(found.at) }
        });
        if is_known {
            return Ok(false);
        }
        let mut earlier = None;
        if !is_deletion && self.own_writes.is_own(name, &subject, found.at).await? {
            let is_known =
                |at| at < seen.settled || newest.as_ref().is_some_and(|newest| newest.has_change(at));
            earlier = self.own_writes.hidden(name, &subject, found.at, is_known).await?;
            if earlier.is_none() && self.ledger.own_told(name, &subject).await? == Some(found.at) {
                return Ok(false);
            }
        }
        let change = if is_deletion {
            "deleted"
        } else if self.is_creation(list, &subject, seen, newest.as_ref(), found).await? {
            "created"
        } else {
            "updated"
        };
        let product = list.product();
        let kind = format!("zoho.{product}.{}.{change}", list.record);
        let delivery = Delivery {
            connection: name.clone(),
            source: product.as_str(),
            digest: sha256_hex(format!("{kind} {} {}", found.id, found.at).as_bytes()),
            kind,
            subject: Some(subject),
            time: Some(found.at.to_string()),
            data: data(list, found, is_deletion, earlier),
            body: Value::Object(found.row.clone()).to_string(),
        };
        Ok(!self.events.store(delivery).await?.duplicate)
    }

    /// Whether the change is the record's creation, as far as anybody else is concerned: not if the creation was reported before,
    /// or was ours and somebody else changed the record since.
    async fn is_creation(
        &self,
        list: &List,
        subject: &str,
        seen: Seen,
        newest: Option<&Newest>,
        found: &Changed,
    ) -> Result<bool, StoreError> {
        let is_recent = |at: &Timestamp| newest.is_none() && at.as_second() >= seen.until.as_second();
        match found.created.filter(is_recent) {
            Some(at) => Ok(at == found.at || !self.own_writes.is_own(&list.connection, subject, at).await?),
            None => Ok(false),
        }
    }
}

fn data(list: &List, found: &Changed, is_deletion: bool, earlier: Option<Timestamp>) -> Value {
    let mut data = Object::new();
    match &list.source {
        Source::Crm(module) => {
            data.insert("module".to_owned(), json!(module));
            data.insert("ids".to_owned(), json!([found.id]));
        }
        Source::Inventory(kind) => {
            data.insert(kind.id_field.to_owned(), json!(found.id));
            for name in NAMING_FIELDS {
                if let Some(value) = text(&found.row, name).filter(|value| value.len() <= MAX_FIELD_LENGTH) {
                    data.insert(name.to_owned(), json!(value));
                }
            }
        }
    }
    data.insert(FOUND.0.to_owned(), json!(FOUND.1));
    if !is_deletion {
        data.insert("modified_time".to_owned(), json!(found.at.to_string()));
    }
    if let Some(at) = earlier {
        data.insert(EARLIER.to_owned(), json!(at.to_string()));
    }
    Value::Object(data)
}
