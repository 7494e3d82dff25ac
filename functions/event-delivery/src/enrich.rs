//! Before events become entries, the records that they are about are looked up where that is worth a read: CRM's messages carry
//! only ids, and that a record of Inventory is gone is said by a part of the webhook that nobody signed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::id::{ConnectionName, is_zoho_id};
use shared::core::events::ledger::{Entry, Known, Lookup};
use shared::zoho::crm;
use shared::zoho::http::Answer;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response;
use shared::zoho::response::{Failure, FailureKind};
use shared::zoho::scope::Product;
use shared::zoho::value::{id as id_of, text, timestamp};

use crate::EventDelivery;
use crate::zoho_reads::{Place, Purpose, Reading, Run, Target};

/// What CRM is asked of a record.
const FIELDS: &str = "id,Modified_Time,Created_Time";

/// So long events wait for a look at Zoho. Then whoever works on them must look.
const WORTH_WAITING: SignedDuration = SignedDuration::from_mins(10);

/// What must be looked up of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// A record of this module of CRM.
    Crm { module: String, id: String },
    /// Whether a record of Inventory is gone.
    Inventory { kind: String, id: String },
    /// It should be, but nobody can say where.
    Lost,
}

impl Need {
    fn product(&self) -> Product {
        match self {
            Self::Crm { .. } => Product::Crm,
            Self::Inventory { .. } | Self::Lost => Product::Inventory,
        }
    }
}

/// What was looked up for a step.
pub(crate) struct Seen {
    pub(crate) known: Known,
    /// The first entry that waits, where one does, and for which product.
    pub(crate) waits: Option<(usize, Product)>,
}

/// What was read of a record, or why it was not.
#[derive(Clone, Copy)]
enum Found {
    Seen(Lookup),
    NotNow,
    /// There was no time: whoever has more goes on here, however old the event is.
    NoTime,
}

impl EventDelivery {
    pub(crate) async fn look_up(&self, name: &ConnectionName, entries: &[Entry], run: &mut Run) -> Seen {
        let needs: Vec<_> = entries.iter().map(need).collect();
        let mut modules = BTreeMap::<&str, BTreeSet<&str>>::new();
        let mut found = BTreeMap::<&Need, Found>::new();
        for need in needs.iter().flatten() {
            match need {
                Need::Crm { module, id } => drop(modules.entry(module).or_default().insert(id)),
                Need::Inventory { kind, id } if !found.contains_key(need) => {
                    let seen = self.is_gone(name, kind, id, run).await;
                    found.insert(need, seen);
                }
                Need::Inventory { .. } | Need::Lost => {}
            }
        }
        let mut records = BTreeMap::new();
        for (module, ids) in &modules {
            records.insert(*module, self.crm_records(name, module, ids, run).await);
        }
        let mut seen = Seen { known: Known::new(), waits: None };
        for (index, (entry, need)) in entries.iter().zip(&needs).enumerate() {
            let Some(need) = need else { continue };
            let found = match need {
                Need::Crm { module, id } => match records.get(module.as_str()) {
                    Some(Ok(there)) => {
                        Found::Seen(there.get(id).map_or(Lookup::Gone, |at| Lookup::There(*at)))
                    }
                    Some(Err(found)) => *found,
                    None => Found::Seen(Lookup::Unknown),
                },
                need => found.get(need).copied().unwrap_or(Found::Seen(Lookup::Unknown)),
            };
            let looked = match found {
                Found::Seen(looked) => looked,
                // What comes behind one that has waited long enough is not to wait for as long again.
                Found::NotNow
                    if run.is_given_up(name, need.product())
                        || later(entry.receivedtime, WORTH_WAITING) <= self.clock.now() =>
                {
                    run.give_up(name, need.product());
                    Lookup::Unknown
                }
                Found::NotNow | Found::NoTime => {
                    seen.waits = Some((index, need.product()));
                    break;
                }
            };
            seen.known.insert(entry.id.clone(), looked);
        }
        seen
    }

    /// The records of a module that are there, of these, with the time of their last change.
    async fn crm_records(
        &self,
        name: &ConnectionName,
        module: &str,
        ids: &BTreeSet<&str>,
        run: &mut Run,
    ) -> Result<BTreeMap<String, Option<Timestamp>>, Found> {
        if !run.has_time() {
            return Err(Found::NoTime);
        }
        let product = Product::Crm;
        let (purpose, if_modified_since) = (Purpose::Record, None);
        let target =
            Target { connection: name, product, scope: None, what: module, purpose, if_modified_since };
        let ids = ids.iter().copied().collect::<Vec<_>>().join(",");
        let url = |place: &Place<'_>| crm::by_ids_url(place.api, module, FIELDS, &ids);
        match self.zoho.read(run, &target, url, response::crm_record).await {
            Reading::Read(answer) => {
                let rows = crm::rows(answer);
                let row = |row| Some((id_of(row, "id")?, text(row, "Modified_Time").and_then(timestamp)));
                Ok(rows.iter().filter_map(row).collect())
            }
            Reading::NotNow => Err(Found::NotNow),
            Reading::Never(why) => {
                tracing::info!(connection = %name, module, why, "what changed in CRM cannot be looked up");
                Err(Found::Seen(Lookup::Unknown))
            }
        }
    }

    /// Whether a record of Inventory is gone.
    async fn is_gone(&self, name: &ConnectionName, kind: &str, id: &str, run: &mut Run) -> Found {
        let Some(kind) = RecordKind::of_word(kind).filter(|kind| kind.has_single_records()) else {
            return Found::Seen(Lookup::Unknown);
        };
        if !run.has_time() {
            return Found::NoTime;
        }
        let target = Target {
            connection: name,
            product: Product::Inventory,
            scope: Some(kind.read_scope),
            what: kind.path,
            purpose: Purpose::Record,
            if_modified_since: None,
        };
        let url = |place: &Place<'_>| kind.record_url(place.api, place.organization, id);
        match self.zoho.read(run, &target, url, there).await {
            Reading::Read(true) => Found::Seen(Lookup::There(None)),
            Reading::Read(false) => Found::Seen(Lookup::Gone),
            Reading::NotNow => Found::NotNow,
            Reading::Never(why) => {
                tracing::info!(connection = %name, list = kind.path, why, "whether a record is gone cannot be looked up");
                Found::Seen(Lookup::Unknown)
            }
        }
    }
}

/// Judges Inventory's answer to a read of one record: that there is none is an answer, too.
fn there(answer: &Answer) -> Result<bool, Failure> {
    match response::inventory(answer) {
        Ok(_) => Ok(true),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn need(entry: &Entry) -> Option<Need> {
    let mut words = entry.kind.split('.');
    let (Some("zoho"), Some(product)) = (words.next(), words.next()) else { return None };
    // What was found in Zoho's lists is as Zoho has it.
    if entry.is_found() {
        return None;
    }
    let (kind, id) = entry.subject.as_deref().and_then(|subject| subject.split_once('/')).unzip();
    let id = id.filter(|id| is_zoho_id(id)).map(str::to_owned);
    let need = match product {
        "crm" => entry
            .data
            .get("module")
            .and_then(Value::as_str)
            .zip(id)
            .map(|(module, id)| Need::Crm { module: module.to_owned(), id }),
        "inventory" if entry.is_deletion() => {
            kind.zip(id).map(|(kind, id)| Need::Inventory { kind: kind.to_owned(), id })
        }
        _ => None,
    };
    need.or_else(|| entry.is_deletion().then_some(Need::Lost))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(kind: &str, subject: Option<&str>, data: Value) -> Entry {
        Entry {
            id: "0".repeat(31),
            kind: kind.to_owned(),
            subject: subject.map(str::to_owned),
            time: String::new(),
            receivedtime: "2026-11-21T10:00:00Z".parse().unwrap(),
            data,
            claim: None,
            claims: 0,
            batch: None,
            replayed: None,
        }
    }

    #[test]
    fn only_what_is_worth_it_is_looked_up() {
        let deal = || json!({ "module": "Deals", "ids": ["61"] });
        let crm = Need::Crm { module: "Deals".to_owned(), id: "61".to_owned() };
        let gone = Need::Inventory { kind: "item".to_owned(), id: "33".to_owned() };
        for (kind, subject, data, expected) in [
            ("zoho.crm.deal.updated", Some("deal/61"), deal(), Some(crm.clone())),
            ("zoho.crm.deal.deleted", Some("deal/61"), deal(), Some(crm)),
            ("zoho.crm.deal.updated", Some("deal/../1"), deal(), None),
            ("zoho.crm.unknown.updated", Some("unknown/61"), json!({ "module": null }), None),
            ("zoho.crm.unknown.deleted", Some("unknown/61"), json!({ "module": null }), Some(Need::Lost)),
            (
                "zoho.crm.deal.deleted",
                Some("deal/61"),
                json!({ "module": "Deals", "found_by": "sweep" }),
                None,
            ),
            ("zoho.inventory.item.updated", Some("item/33"), json!({}), None),
            ("zoho.inventory.item.deleted", Some("item/33"), json!({}), Some(gone)),
            ("zoho.inventory.item.deleted", None, Value::Null, Some(Need::Lost)),
            ("custom.order.deleted", Some("order/1"), json!({}), None),
            ("connector.reconnect_required", None, json!({}), None),
        ] {
            assert_eq!(need(&entry(kind, subject, data.clone())), expected, "{kind} {subject:?} {data}");
        }
    }
}
