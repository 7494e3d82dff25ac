//! The fields of CRM's modules, known for an hour: what is written, and what is asked for, is judged by them before it leaves.
//! Nothing is refused by what is older than a minute, and nothing because CRM did not tell.

use std::sync::Arc;

use shared::base::clock::{SharedClock, SignedDuration, Timestamp, is_younger};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::ttl_cache::TtlCache;
use shared::zoho::crm;
use shared::zoho::crm::field::Field;
use shared::zoho::crm::judge::{self, Fault, Judged, Module};
use shared::zoho::response::{self, records};
use shared::zoho::value::Object;

use super::{Target, Zoho};

/// How long fields are good for what fits them.
const RETENTION: SignedDuration = SignedDuration::from_hours(1);

const HINT: &str = "Use the API names that `GET /v1/crm/fields?module=` lists, with the types, lengths and values that stand there. CRM ignores names that it does not know, and answers with success.";

const UNTOLD: &str = "Try again later. If it stays so, an administrator of CRM must let the user who connected see the fields of deals; or change the deal by its id, with `PATCH /v1/crm/deals/{id}`.";

/// A module of a connection.
type OfModule = (ConnectionName, String);

/// The fields of the modules of all connections.
pub(crate) struct FieldCache {
    zoho: Arc<Zoho>,
    clock: SharedClock,
    known: TtlCache<OfModule, (Timestamp, Arc<[Field]>)>,
    /// What CRM was found to hide from queries.
    hidden: TtlCache<OfModule, Arc<[String]>>,
}

/// What a caller wants to write, as CRM takes it, and the fields by which that was judged, where CRM told them.
pub(crate) struct Fit {
    pub(crate) judged: Judged,
    pub(crate) known: Option<Arc<[Field]>>,
}

impl Fit {
    /// A field, where it is known.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.known.as_ref()?.iter().find(|field| field.api_name == name)
    }
}

/// Fields, and whether they were read within the last minute.
struct Known {
    fields: Arc<[Field]>,
    fresh: bool,
}

impl FieldCache {
    pub(crate) fn new(zoho: Arc<Zoho>, clock: SharedClock) -> Self {
        let (known, hidden) = (TtlCache::new(clock.clone()), TtlCache::new(clock.clone()));
        Self { zoho, clock, known, hidden }
    }

    /// The fields of a module, as they were within the last minute. None are none that CRM told.
    pub(crate) async fn of(&self, target: &Target<'_>, module: &str) -> Result<Arc<[Field]>, Problem> {
        let target = target.with_scope(crm::scope::FIELDS);
        // What is known is for those who may read it.
        self.zoho.demand_scope(&target).await?;
        let of_module = (target.connection.clone(), module.to_owned());
        if let Some((_, known)) = self.known.get(&of_module) {
            return Ok(known);
        }
        let answer =
            self.zoho.read(&target, |endpoint| crm::fields_url(endpoint.api, module), response::crm).await?;
        let fields = answer.map_or_else(|| Ok(Vec::new()), |mut answer| records(&mut answer, "fields"))?;
        let fields: Arc<[Field]> = fields.iter().filter_map(Field::read).collect();
        self.known.learn(of_module, (self.clock.now(), fields.clone()));
        Ok(fields)
    }

    /// The fields of a module as they were within the last hour; nothing where CRM does not tell.
    async fn known(&self, target: &Target<'_>, module: &str) -> Result<Option<Known>, Problem> {
        let of_module = (target.connection.clone(), module.to_owned());
        if let Some((read, fields)) = self.known.last_known(&of_module)
            && is_younger(read, self.clock.now(), RETENTION)
            && !fields.is_empty()
            && self.zoho.demand_scope(&target.with_scope(crm::scope::FIELDS)).await.is_ok()
        {
            return Ok(Some(Known { fresh: self.known.get(&of_module).is_some(), fields }));
        }
        let fields = told(self.of(target, module).await, module)?;
        Ok(fields.map(|fields| Known { fields, fresh: true }))
    }

    /// The same, for those who can do without.
    pub(crate) async fn where_told(
        &self,
        target: &Target<'_>,
        module: &str,
    ) -> Result<Option<Arc<[Field]>>, Problem> {
        Ok(self.known(target, module).await?.map(|known| known.fields))
    }

    /// Judges something by the fields; once more by fresh ones before it is refused. Nothing where CRM does not tell.
    async fn judged<T>(
        &self,
        target: &Target<'_>,
        module: &str,
        judge: impl Fn(Module<'_>) -> Result<T, Vec<Fault>> + Send,
    ) -> Result<Option<(Result<T, Vec<Fault>>, Arc<[Field]>)>, Problem> {
        let Some(Known { fields, fresh }) = self.known(target, module).await? else { return Ok(None) };
        let first = judge(Module { name: module, fields: &fields });
        if first.is_ok() || fresh {
            return Ok(Some((first, fields)));
        }
        let Some(fields) = told(self.of(target, module).await, module)? else { return Ok(None) };
        Ok(Some((judge(Module { name: module, fields: &fields }), fields)))
    }

    /// What a caller wants to write, as CRM takes it. Where CRM does not tell its fields, it judges itself.
    pub(crate) async fn judge(
        &self,
        target: &Target<'_>,
        module: &str,
        body: &Object,
        is_new: bool,
    ) -> Result<Fit, Problem> {
        match self.judged(target, module, |module| module.judge(body, is_new)).await? {
            Some((Ok(judged), fields)) => Ok(Fit { judged, known: Some(fields) }),
            Some((Err(faults), _)) => Err(refused(&faults, Code::BodyInvalid)),
            None => {
                let judged = Judged { fields: judge::unjudged(body), kept: Object::new() };
                Ok(Fit { judged, known: None })
            }
        }
    }

    /// Of names that CRM gave nothing for: those that it hides. One that the module does not have is refused. `ours` are known to
    /// be there, separated by commas.
    pub(crate) async fn hidden(
        &self,
        target: &Target<'_>,
        module: &str,
        absent: Vec<String>,
        ours: &str,
    ) -> Result<Vec<String>, Problem> {
        let names = absent.iter().map(String::as_str);
        let strange: Vec<&str> = names.filter(|name| !ours.split(',').any(|own| own == *name)).collect();
        if !strange.is_empty()
            && let Some((Err(faults), _)) =
                self.judged(target, module, |module| has_fields(module, &strange)).await?
        {
            return Err(refused(&faults, Code::InvalidParameter));
        }
        Ok(absent)
    }

    /// What is to be said of names that a module does not have; nothing where CRM does not tell.
    pub(crate) async fn unknown(&self, target: &Target<'_>, module: &str, names: &[&str]) -> Vec<String> {
        match self.judged(target, module, |module| has_fields(module, names)).await {
            Ok(Some((Err(faults), _))) => faults.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// The columns that CRM was found to hide within the last minute.
    pub(crate) fn hidden_columns(&self, target: &Target<'_>, module: &str) -> Vec<String> {
        let of_module = (target.connection.clone(), module.to_owned());
        self.hidden.get(&of_module).map(|names| names.to_vec()).unwrap_or_default()
    }

    /// Remembers what CRM hides from queries.
    pub(crate) fn hide_columns(&self, target: &Target<'_>, module: &str, names: &[String]) {
        self.hidden.learn((target.connection.clone(), module.to_owned()), names.into());
    }

    /// Gives the multi-selects of a query the form that they have elsewhere. Says whether that is done: without the fields, nobody
    /// knows which they are. `ours` are none.
    pub(crate) async fn as_lists(
        &self,
        target: &Target<'_>,
        module: &str,
        rows: &mut [Object],
        ours: &str,
    ) -> Result<bool, Problem> {
        let strange = |(name, value): (&String, &serde_json::Value)| {
            value.is_string() && name != "id" && !ours.split(',').any(|own| own == name)
        };
        if !rows.iter().flatten().any(strange) {
            return Ok(true);
        }
        let Some(Known { fields, .. }) = self.known(target, module).await? else { return Ok(false) };
        judge::lists(Module { name: module, fields: &fields }, rows);
        Ok(true)
    }

    /// Demands that a picklist of deals has a value, and gives the other word for it, where CRM keeps it under another one.
    pub(crate) async fn other_word(
        &self,
        target: &Target<'_>,
        name: &str,
        value: &str,
    ) -> Result<Option<String>, Problem> {
        let judge = |module: Module<'_>| module.other_word(name, value).map_err(|fault| vec![fault]);
        match self.judged(target, "Deals", judge).await? {
            Some((Err(faults), _)) => Err(refused(&faults, Code::ValueNotAllowed)),
            Some((Ok(other), _)) => Ok(other),
            None => Ok(None),
        }
    }

    /// Demands that the values of a field of deals tell them apart: by a name that two have, the wrong one would be changed.
    pub(crate) async fn demand_unique(&self, target: &Target<'_>, by: &str) -> Result<(), Problem> {
        let known = self.of(target, "Deals").await?;
        let own = known.iter().find(|field| field.api_name == by).map(|field| field.unique);
        if own == Some(Some(true)) {
            return Ok(());
        }
        if own == Some(None) || known.iter().all(|field| field.unique.is_none()) {
            let detail = format!(
                "CRM did not tell which fields of deals are unique, so nobody knows whether `{by}` is."
            );
            return Err(Problem::new(Code::ZohoUnreadable, detail).hint(UNTOLD));
        }
        let unique: Vec<&str> = known
            .iter()
            .filter(|field| field.unique == Some(true))
            .map(|field| field.api_name.as_str())
            .collect();
        let detail = match unique.as_slice() {
            [] => "No field of deals is unique. An administrator of CRM can make one so (\"Do not allow duplicate values\").".to_owned(),
            unique => format!("`by` takes one of the fields that are unique: {}.", unique.join(", ")),
        };
        Err(Problem::new(Code::ValueNotAllowed, detail))
    }
}

fn has_fields(module: Module<'_>, names: &[&str]) -> Result<(), Vec<Fault>> {
    let unknown = names.iter().filter(|name| !module.has_field(name)).map(|name| module.unknown(name));
    let unknown: Vec<Fault> = unknown.collect();
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

/// The fields, where CRM told them: a scope that is missing, or fields that nobody may see, hold no call up.
fn told(read: Result<Arc<[Field]>, Problem>, module: &str) -> Result<Option<Arc<[Field]>>, Problem> {
    match read {
        Ok(fields) => Ok(Some(fields).filter(|fields| !fields.is_empty())),
        Err(problem) if is_of_the_connection(problem.code()) => Err(problem),
        Err(problem) => {
            tracing::warn!(
                code = problem.code().as_str(),
                module,
                "the fields of a module could not be read"
            );
            Ok(None)
        }
    }
}

/// All that is wrong, in one problem.
fn refused(faults: &[Fault], code: Code) -> Problem {
    let ended = |fault: &Fault| {
        let text = fault.to_string();
        if text.ends_with('?') { text } else { text + "." }
    };
    let detail = faults.iter().map(ended).collect::<Vec<_>>().join(" ");
    if faults.iter().all(|fault| matches!(fault, Fault::NotAllowed(..))) {
        return Problem::new(Code::ValueNotAllowed, detail);
    }
    Problem::new(code, detail).hint(HINT)
}

/// Troubles that the call itself would meet, too.
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
