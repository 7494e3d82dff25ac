//! Columns: a field of the module, or of the record that a lookup refers to.

use serde_json::Value;

use super::parse::Literal;
use super::wrong::Wrong;
use crate::clock;
use crate::crm::fields::{self, Field, Kind};
use crate::crm::module::Module;
use crate::crm::store::Records;
use crate::object::Object;

/// The place of a column's value.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The lookup it goes through, if any.
    through: Option<(&'static Field, Module)>,
    pub(crate) field: &'static Field,
}

impl Column {
    /// Finds a column by its name.
    pub(crate) fn find(module: Module, name: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::Column(name.to_owned());
        let usable = |module: Module, name: &str| {
            fields::find(module, name)
                .filter(|field| !matches!(field.kind, Kind::Other | Kind::Rows))
                .ok_or_else(wrong)
        };
        let Some((first, second)) = name.split_once('.') else {
            return Ok(Self { name: name.to_owned(), through: None, field: usable(module, name)? });
        };
        let lookup = usable(module, first)?;
        let Kind::Lookup(other) = lookup.kind else { return Err(wrong()) };
        let field = usable(other, second)?;
        Ok(Self { name: name.to_owned(), through: Some((lookup, other)), field })
    }

    /// The value; `None` for null.
    pub(crate) fn value<'a>(&self, records: &'a Records, record: &'a Object) -> Option<&'a Value> {
        let holder = match self.through {
            None => record,
            Some((lookup, module)) => {
                let id = record.get(lookup.name)?.get("id")?.as_str()?;
                records.get(module, id)?
            }
        };
        holder.get(self.field.name).filter(|value| !value.is_null())
    }

    /// Whether the column takes this operator and these values.
    pub(crate) fn accepts(&self, operator: &str, values: &[Literal]) -> Result<(), Wrong> {
        let ranked = [">", "<", ">=", "<=", "between", "not between"].contains(&operator);
        let like = operator.ends_with("like");
        let fits = match self.field.kind {
            Kind::Currency | Kind::Integer | Kind::Date | Kind::DateTime => !like,
            Kind::Id => !like,
            Kind::Lookup(_) | Kind::User => !like && !ranked,
            _ => !ranked,
        };
        if !fits {
            return Err(Wrong::Operator(self.name.clone(), operator.to_owned()));
        }
        let suits = |literal: &Literal| match (self.field.kind, literal) {
            (Kind::Currency | Kind::Integer, Literal::Number(number)) => number.parse::<f64>().is_ok(),
            (Kind::Lookup(_) | Kind::User | Kind::Id, Literal::Text(id) | Literal::Number(id)) => {
                id.bytes().all(|byte| byte.is_ascii_digit())
            }
            (Kind::Date, Literal::Text(text)) => text.parse::<jiff::civil::Date>().is_ok(),
            // Parts of a second are refused.
            (Kind::DateTime, Literal::Text(text)) => clock::parse(text).is_some() && !text.contains('.'),
            (
                Kind::Text(_)
                | Kind::Area(_)
                | Kind::Email
                | Kind::Phone
                | Kind::Website
                | Kind::Picklist(_)
                | Kind::Renamed(_)
                | Kind::Several(_),
                Literal::Text(_),
            )
            | (Kind::Flag, Literal::Flag(_)) => true,
            _ => false,
        };
        if values.iter().all(suits) { Ok(()) } else { Err(Wrong::Value(self.name.clone())) }
    }
}
