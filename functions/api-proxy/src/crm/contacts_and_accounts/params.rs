//! What a caller asks of a list.

use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::zoho::value::{Object, text};

use super::modules::{Module, searches};
use crate::request::params::{Pairs, crm_fields, invalid, modified_since, per_page};

/// What a caller asks of a list.
pub(super) struct ListParams {
    pub(super) rows: u32,
    pub(super) cursor: Option<String>,
    /// As CRM takes them.
    pub(super) fields: Option<String>,
    /// As it was written.
    pub(super) modified_since: Option<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) by: Option<SearchBy>,
}

/// What is searched by.
pub(super) struct SearchBy {
    /// The parameter.
    pub(super) how: &'static str,
    /// The fields of which one must have the value.
    pub(super) fields: &'static [&'static str],
    pub(super) value: String,
}

impl ListParams {
    pub(super) fn read(module: &'static Module, pairs: &mut Pairs) -> Result<Self, Problem> {
        let rows = per_page(pairs.number("per_page")?)?;
        let cursor = pairs.text("cursor");
        let fields = pairs.text("fields").as_deref().map(crm_fields).transpose()?;
        let modified = pairs.text("modified_since");
        let since = modified_since(modified.as_deref())?;
        let by = module.by.iter();
        let by = by.filter_map(|&(how, fields)| Some(SearchBy { how, fields, value: pairs.text(how)? }));
        let mut wanted: Vec<SearchBy> = by.collect();
        pairs.nothing_else()?;
        let by = wanted.pop();
        if !wanted.is_empty() || by.as_ref().is_some_and(|by| by.value.trim().len() < 2) {
            let names = searches(module);
            return Err(invalid(format!("One of {names} may be there, with at least two characters.")));
        }
        Ok(Self { rows, cursor, fields, modified_since: modified, since, by })
    }
}

impl SearchBy {
    /// CRM's search finds more than was asked for: an equal value is what the caller means.
    pub(super) fn fits(&self, row: &Object) -> bool {
        let same = |has: &str| match self.how {
            // With or without the country's code.
            "phone" => {
                let (has, wanted) = (digits(has), digits(&self.value));
                has.len().min(wanted.len()) >= 4 && (has.ends_with(&wanted) || wanted.ends_with(&has))
            }
            _ => has.eq_ignore_ascii_case(self.value.trim()),
        };
        let mut has = self.fields.iter().filter_map(|field| text(row, field)).peekable();
        // What was not asked for with `fields=` cannot be judged.
        self.fields.is_empty() || has.peek().is_none() || has.any(same)
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
