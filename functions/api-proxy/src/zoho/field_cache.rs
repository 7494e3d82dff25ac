//! The fields of CRM's modules, known for a minute: a value that a picklist does not take is refused here, with those that
//! it takes.

use std::sync::Arc;

use shared::base::clock::SharedClock;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::ttl_cache::TtlCache;
use shared::zoho::crm;
use shared::zoho::crm::field::Field;
use shared::zoho::response::{self, records};
use shared::zoho::value::Object;

use super::{Target, Zoho};

/// The fields of the modules of all connections.
pub(crate) struct FieldCache {
    zoho: Arc<Zoho>,
    known: TtlCache<(ConnectionName, String), Arc<[Field]>>,
}

impl FieldCache {
    pub(crate) fn new(zoho: Arc<Zoho>, clock: SharedClock) -> Self {
        Self { zoho, known: TtlCache::new(clock) }
    }

    /// The fields of a module.
    pub(crate) async fn of(&self, target: &Target<'_>, module: &str) -> Result<Arc<[Field]>, Problem> {
        let target = target.with(crm::scope::FIELDS);
        // What is known is for those who may read it.
        self.zoho.demand_scope(&target).await?;
        let key = (target.connection.clone(), module.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(known);
        }
        let answer =
            self.zoho.read(&target, |place| crm::fields_url(place.api, module), response::crm).await?;
        let fields = answer.map_or_else(|| Ok(Vec::new()), |mut answer| records(&mut answer, "fields"))?;
        let fields: Arc<[Field]> = fields.iter().filter_map(Field::read).collect();
        self.known.learn(key, fields.clone());
        Ok(fields)
    }

    /// Checks the values of a deal. Where the fields cannot be read, CRM judges.
    pub(crate) async fn check_picklists(&self, target: &Target<'_>, values: &Object) -> Result<(), Problem> {
        let known = match self.of(target, "Deals").await {
            Ok(known) => known,
            Err(problem) if is_of_the_connection(problem.code()) => return Err(problem),
            Err(problem) => {
                tracing::warn!(code = problem.code().as_str(), "the fields of deals could not be read");
                return Ok(());
            }
        };
        for field in known.iter().filter(|field| !field.values.is_empty()) {
            let Some(value) = values.get(&field.api_name).and_then(|value| value.as_str()) else { continue };
            if !field.values.iter().any(|one| one == value) {
                let (name, values) = (&field.api_name, field.values.join(", "));
                return Err(Problem::new(Code::ValueNotAllowed, format!("`{name}` takes one of: {values}.")));
            }
        }
        Ok(())
    }

    /// Demands that the values of a field of deals tell them apart: by a name that two have, the wrong one would be changed.
    pub(crate) async fn demand_unique(&self, target: &Target<'_>, by: &str) -> Result<(), Problem> {
        let known = self.of(target, "Deals").await?;
        let unique: Vec<&str> =
            known.iter().filter(|field| field.unique).map(|field| field.api_name.as_str()).collect();
        if unique.contains(&by) {
            return Ok(());
        }
        let detail = match unique.as_slice() {
            [] => "No field of deals is unique. An administrator of CRM can make one so (\"Do not allow duplicate values\").".to_owned(),
            unique => format!("`by` takes one of the fields that are unique: {}.", unique.join(", ")),
        };
        Err(Problem::new(Code::ValueNotAllowed, detail))
    }
}

/// Troubles that the write would meet, too.
fn is_of_the_connection(code: Code) -> bool {
    matches!(
        code,
        Code::ReconnectRequired
            | Code::ConnectionMisconfigured
            | Code::ProductNotConnected
            | Code::OrganizationMismatch
            | Code::TokenCoolingDown
            | Code::TokenPending
    )
}
