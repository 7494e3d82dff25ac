//! The fields by which deals are grouped, and which are added up.

use shared::base::problem::Problem;
use shared::zoho::crm::field::Field;

use crate::request::params::{invalid, is_api_name};
use crate::request::redact::{columns, is_personal};

pub(super) const STAGE: &str = "Stage";
pub(super) const AMOUNT: &str = "Amount";
/// Only organisations with several currencies have it.
pub(super) const CURRENCY: &str = "Currency";

/// What CRM cannot group by.
const UNGROUPED: &[&str] = &[
    "textarea",
    "richtextarea",
    "multiselectpicklist",
    "multiselectlookup",
    "multiuserlookup",
    "subform",
    "fileupload",
    "imageupload",
    "profileimage",
];

/// What can be added up.
const NUMBERS: &[&str] =
    &["currency", "double", "decimal", "integer", "bigint", "percent", "formula", "rollup_summary"];

/// The API name of a field.
pub(super) fn field_name<'a>(parameter: &str, name: &'a str) -> Result<&'a str, Problem> {
    is_api_name(name).then_some(name).ok_or_else(|| {
        invalid(format!("`{parameter}` must be the API name of a field of deals, as `GET /v1/crm/fields?module=Deals` lists them."))
    })
}

pub(super) fn field<'a>(known: Option<&'a [Field]>, name: &str) -> Option<&'a Field> {
    known?.iter().find(|field| field.api_name == name)
}

/// Refuses what CRM would refuse in words of its query language.
pub(super) fn demand_kinds(known: Option<&[Field]>, by: &str, sum: &str) -> Result<(), Problem> {
    if let Some(own) = field(known, by).filter(|own| UNGROUPED.contains(&own.kind.as_str())) {
        return Err(invalid(format!(
            "CRM cannot group by `{by}`, which is of the kind `{}`. Picklists, owners and lookups are fine.",
            own.kind
        )));
    }
    if let Some(own) = field(known, sum).filter(|own| !NUMBERS.contains(&own.kind.as_str())) {
        let numbers: Vec<&str> = known
            .unwrap_or_default()
            .iter()
            .filter(|field| ["currency", "double", "decimal", "integer"].contains(&field.kind.as_str()))
            .map(|field| field.api_name.as_str())
            .collect();
        return Err(invalid(format!(
            "`sum` must be a field that holds numbers, and `{sum}` is of the kind `{}`. Such fields are {}.",
            own.kind,
            numbers.join(", ")
        )));
    }
    Ok(())
}

/// Refuses what a key that does not see all may not group by, or add up.
pub(super) fn demand_shown(known: Option<&[Field]>, by: &str, sum: &str) -> Result<(), Problem> {
    if by != STAGE {
        let is_plain = field(known, by).is_some_and(|field| columns::is_plain_kind(&field.kind));
        if !is_plain || is_personal(by) {
            return Err(columns::refused(by));
        }
    }
    if is_personal(sum) { Err(columns::refused(sum)) } else { Ok(()) }
}
