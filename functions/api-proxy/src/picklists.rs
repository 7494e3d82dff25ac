//! The values that fields of CRM take, known for a minute: a wrong one is refused here, with those that are right.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use shared::base::problem::{Code, Problem};
use shared::zoho::answer;
use shared::zoho::crm;
use shared::zoho::value::{Object, records, text};

use crate::App;
use crate::zoho_call::Target;

/// Values by field.
pub(crate) type Picklists = HashMap<String, Vec<String>>;

impl App {
    /// Checks the values of a deal. Where the fields cannot be read, CRM judges.
    pub(crate) async fn check_picklists(&self, target: &Target<'_>, fields: &Object) -> Result<(), Problem> {
        let known = match self.picklists.get(target.connection) {
            Some(known) => known,
            None => match self.read_picklists(target).await {
                Ok(read) => {
                    let read = Arc::new(read);
                    self.picklists.learn(target.connection.clone(), read.clone());
                    read
                }
                Err(problem) if is_of_the_connection(problem.code()) => return Err(problem),
                Err(problem) => {
                    tracing::warn!(code = problem.code().as_str(), "the fields of deals could not be read");
                    return Ok(());
                }
            },
        };
        for (field, value) in fields {
            let (Some(allowed), Some(value)) = (known.get(field), value.as_str()) else { continue };
            if !allowed.iter().any(|one| one == value) {
                return Err(Problem::new(
                    Code::ValueNotAllowed,
                    format!("`{field}` takes one of: {}.", allowed.join(", ")),
                ));
            }
        }
        Ok(())
    }

    async fn read_picklists(&self, target: &Target<'_>) -> Result<Picklists, Problem> {
        let target = target.with(crm::scope::FIELDS);
        let answer = self.read(&target, |place| crm::fields_url(place.api, "Deals"), answer::crm).await?;
        let fields = answer.map(|mut answer| records(&mut answer, "fields")).unwrap_or_default();
        Ok(fields.iter().filter_map(values).collect())
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

fn values(field: &Object) -> Option<(String, Vec<String>)> {
    let name = text(field, "api_name")?.to_owned();
    let list = field.get("pick_list_values")?.as_array()?;
    let values: Vec<String> = list
        .iter()
        .filter_map(Value::as_object)
        .filter(|value| text(value, "type") != Some("unused"))
        .filter_map(|value| text(value, "actual_value").or(text(value, "display_value")))
        .map(str::to_owned)
        .collect();
    (!values.is_empty()).then_some((name, values))
}
