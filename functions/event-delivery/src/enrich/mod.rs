//! Looks up the records that events are about before the events become entries, where that is worth a read: CRM's notifications
//! carry only ids, and the part of an Inventory webhook that says that a record is gone is not signed.

mod lookup;
mod records;

use std::collections::{BTreeMap, BTreeSet};

use shared::base::clock::{Clock, SignedDuration, later};
use shared::base::id::ConnectionName;
use shared::core::events::ledger::{Entry, RecordState, RecordStates};
use shared::zoho::scope::Product;

use crate::zoho_reads::{ReadBudget, ZohoReads};
use lookup::Lookup;
use records::{CrmRecords, Outcome, crm_records, inventory_record};

/// How long an event waits for its lookup. After that it is queued without one, and the agent that works on it must read the record.
const MAX_LOOKUP_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// What was looked up for some entries.
pub(crate) struct Enriched {
    pub(crate) known: RecordStates,
    /// The first entry that waits for its lookup, where one does, and for which product.
    pub(crate) waits: Option<(usize, Product)>,
}

/// What was read for some entries.
#[derive(Default)]
struct Records<'a> {
    crm: BTreeMap<&'a str, CrmRecords>,
    inventory: BTreeMap<&'a Lookup, Outcome>,
}

/// What lookups work with.
pub(crate) struct Enrichment<'a> {
    pub(crate) zoho: &'a ZohoReads,
    pub(crate) clock: &'a dyn Clock,
}

impl Enrichment<'_> {
    pub(crate) async fn look_up(
        &self,
        name: &ConnectionName,
        entries: &[Entry],
        budget: &mut ReadBudget,
    ) -> Enriched {
        let lookups: Vec<_> = entries.iter().map(Lookup::of).collect();
        let records = self.read(name, &lookups, budget).await;
        let mut enriched = Enriched { known: RecordStates::new(), waits: None };
        for (index, (entry, lookup)) in entries.iter().zip(&lookups).enumerate() {
            let Some(lookup) = lookup else { continue };
            let product = lookup.product();
            let looked = match records.of(lookup) {
                Outcome::Known(looked) => looked,
                // Once one event has waited that long, the events behind it do not wait that long again.
                Outcome::NotNow if budget.is_given_up(product) || self.has_waited(entry) => {
                    budget.give_up(product);
                    RecordState::Unknown
                }
                Outcome::NotNow | Outcome::NoTime => {
                    enriched.waits = Some((index, product));
                    break;
                }
            };
            enriched.known.insert(entry.id.clone(), looked);
        }
        enriched
    }

    /// Reads each record once, those of a CRM module in one call.
    async fn read<'l>(
        &self,
        name: &ConnectionName,
        lookups: &'l [Option<Lookup>],
        budget: &mut ReadBudget,
    ) -> Records<'l> {
        let mut records = Records::default();
        let mut modules = BTreeMap::<&str, BTreeSet<&str>>::new();
        for lookup in lookups.iter().flatten() {
            match lookup {
                Lookup::Crm { module, id } => drop(modules.entry(module).or_default().insert(id)),
                Lookup::Inventory { kind, id } if !records.inventory.contains_key(lookup) => {
                    let outcome = inventory_record(self.zoho, name, kind, id, budget).await;
                    records.inventory.insert(lookup, outcome);
                }
                Lookup::Inventory { .. } | Lookup::Impossible => {}
            }
        }
        for (module, ids) in &modules {
            records.crm.insert(*module, crm_records(self.zoho, name, module, ids, budget).await);
        }
        records
    }

    fn has_waited(&self, entry: &Entry) -> bool {
        later(entry.receivedtime, MAX_LOOKUP_WAIT) <= self.clock.now()
    }
}

impl Records<'_> {
    fn of(&self, lookup: &Lookup) -> Outcome {
        let unknown = Outcome::Known(RecordState::Unknown);
        match lookup {
            Lookup::Crm { module, id } => match self.crm.get(module.as_str()) {
                Some(Ok(there)) => {
                    Outcome::Known(there.get(id).map_or(RecordState::Gone, |at| RecordState::There(*at)))
                }
                Some(Err(outcome)) => *outcome,
                None => unknown,
            },
            Lookup::Inventory { .. } => self.inventory.get(lookup).copied().unwrap_or(unknown),
            Lookup::Impossible => unknown,
        }
    }
}
