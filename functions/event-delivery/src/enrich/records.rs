//! Reads the records that events are about.

use std::collections::{BTreeMap, BTreeSet};

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::events::ledger::RecordState;
use shared::core::zoho_client::Endpoint;
use shared::zoho::crm;
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::Answer;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::{id as id_of, text, timestamp};

use crate::zoho_reads::{Purpose, ReadBudget, Reading, Target, ZohoReads};

/// The fields of a CRM record that are read.
const FIELDS: &str = "id,Modified_Time,Created_Time";

/// What a read of a record gave.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    /// An answer, or the certainty that there will be none.
    Known(RecordState),
    /// Zoho cannot be asked now.
    NotNow,
    /// The sweep has no time left. A later sweep looks the record up, however old the event is.
    NoTime,
}

/// The records of a CRM module that exist, with the time of their last change; or why they could not be read.
pub(super) type CrmRecords = Result<BTreeMap<String, Option<Timestamp>>, Outcome>;

/// Reads these records of a CRM module in one call.
pub(super) async fn crm_records(
    zoho: &ZohoReads,
    name: &ConnectionName,
    module: &str,
    ids: &BTreeSet<&str>,
    budget: &mut ReadBudget,
) -> CrmRecords {
    if !budget.has_time() {
        return Err(Outcome::NoTime);
    }
    let product = Product::Crm;
    let (purpose, if_modified_since) = (Purpose::Record, None);
    let target = Target { connection: name, product, scope: None, what: module, purpose, if_modified_since };
    let ids = ids.iter().copied().collect::<Vec<_>>().join(",");
    let url = |endpoint: &Endpoint<'_>| crm::by_ids_url(endpoint.api, module, FIELDS, &ids);
    match zoho.read(budget, &target, url, |answer| crm::rows(response::crm_record(answer)?)).await {
        Reading::Read(rows) => {
            let row = |row| Some((id_of(row, "id")?, text(row, "Modified_Time").and_then(timestamp)));
            Ok(rows.iter().filter_map(row).collect())
        }
        Reading::NotNow => Err(Outcome::NotNow),
        Reading::Never(why) => {
            tracing::info!(connection = %name, module, why, "records of CRM cannot be looked up");
            Err(Outcome::Known(RecordState::Unknown))
        }
    }
}

/// Reads whether a record of Inventory is gone.
pub(super) async fn inventory_record(
    zoho: &ZohoReads,
    name: &ConnectionName,
    kind: &str,
    id: &str,
    budget: &mut ReadBudget,
) -> Outcome {
    let Some(kind) = RecordKind::of_word(kind).filter(|kind| kind.has_list() && kind.has_single_records())
    else {
        return Outcome::Known(RecordState::Unknown);
    };
    if !budget.has_time() {
        return Outcome::NoTime;
    }
    let target = Target {
        connection: name,
        product: Product::Inventory,
        scope: Some(kind.read_scope),
        what: kind.path,
        purpose: Purpose::Record,
        if_modified_since: None,
    };
    let url = |endpoint: &Endpoint<'_>| kind.record_url(endpoint.api, endpoint.organization, id);
    match zoho.read(budget, &target, url, exists).await {
        Reading::Read(true) => Outcome::Known(RecordState::There(None)),
        Reading::Read(false) => Outcome::Known(RecordState::Gone),
        Reading::NotNow => Outcome::NotNow,
        Reading::Never(why) => {
            tracing::info!(connection = %name, list = kind.path, why, "a record of Inventory cannot be looked up");
            Outcome::Known(RecordState::Unknown)
        }
    }
}

/// Judges Inventory's answer to a read of one record. That there is none is an answer, too.
fn exists(answer: &Answer) -> Result<bool, Failure> {
    match response::inventory(answer) {
        Ok(_) => Ok(true),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}
