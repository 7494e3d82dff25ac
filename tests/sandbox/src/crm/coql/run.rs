//! Runs a query on the records. A value that is null fits no operator but `is null`.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::aggregate;
use super::order::{compare, ordered};
use super::parse::{Condition, Literal, Query};
use super::resolve::Column;
use super::wrong::Wrong;
use crate::clock;
use crate::crm::fields::Kind;
use crate::crm::module::Module;
use crate::crm::record::text;
use crate::crm::store::Records;
use crate::object::Object;
use crate::state::State;

/// All matching rows, in order. The page is cut from these.
pub(crate) fn run(state: &State, module: Module, query: &Query) -> Result<Vec<Value>, Wrong> {
    let condition = Test::of(module, &query.condition)?;
    let records = &state.crm;
    let any_case = state.switches.crm_coql_any_case();
    let mut found: Vec<&Object> =
        records.of(module).iter().filter(|record| condition.fits(records, record, any_case)).collect();
    if !query.group.is_empty() || query.columns.iter().any(|column| column.function.is_some()) {
        return aggregate::rows((records, module), query, &found);
    }
    let columns: Vec<(String, Column)> = query
        .columns
        .iter()
        .map(|selected| Ok((selected.key(), Column::find(module, &selected.column)?)))
        .collect::<Result<_, _>>()?;
    let order: Vec<(Column, bool)> = query
        .order
        .iter()
        .map(|(name, down)| {
            let meant = query.columns.iter().find(|selected| selected.alias.as_ref() == Some(name));
            Ok((Column::find(module, meant.map_or(name, |selected| &selected.column))?, *down))
        })
        .collect::<Result<_, _>>()?;
    found.sort_by(|one, other| {
        ordered(order.iter().map(|(column, down)| {
            (compare(column, column.value(records, one), column.value(records, other)), *down)
        }))
    });
    let row = |record: &&Object| {
        let mut row = Object::new();
        for (key, column) in &columns {
            let mut value = column.value(records, record).cloned().unwrap_or_default();
            if matches!(column.field.kind, Kind::Lookup(_)) && state.switches.crm_coql_lookup_id_only() {
                value = value.get("id").map_or(Value::Null, |id| json!({ "id": id }));
            }
            if let (Kind::Several(_), Value::Array(list)) = (column.field.kind, &value) {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                value = texts.join(";").into();
            }
            row.insert(key.clone(), value);
        }
        if !state.switches.crm_coql_id_if_selected() {
            row.insert("id".to_owned(), text(record, "id").into());
        }
        row.into()
    };
    Ok(found.iter().map(row).collect())
}

/// A condition whose columns are found.
enum Test<'a> {
    One(Column, &'static str, &'a [Literal]),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
}

impl<'a> Test<'a> {
    fn of(module: Module, condition: &'a Condition) -> Result<Self, Wrong> {
        let inner = |condition| Ok(Box::new(Self::of(module, condition)?));
        Ok(match condition {
            Condition::Both(one, other) => Self::Both(inner(one)?, inner(other)?),
            Condition::Either(one, other) => Self::Either(inner(one)?, inner(other)?),
            Condition::Test { column, operator, values } => {
                let column = Column::find(module, column)?;
                column.accepts(operator, values)?;
                Self::One(column, operator, values)
            }
        })
    }

    fn fits(&self, records: &Records, record: &Object, any_case: bool) -> bool {
        match self {
            Self::Both(one, other) => {
                one.fits(records, record, any_case) && other.fits(records, record, any_case)
            }
            Self::Either(one, other) => {
                one.fits(records, record, any_case) || other.fits(records, record, any_case)
            }
            Self::One(column, operator, values) => {
                let own = column.value(records, record);
                let Some(own) = own else { return *operator == "is null" };
                holds(column, own, operator, values, any_case)
            }
        }
    }
}

/// Whether the operator holds between a record's value, which is not null, and the values of the query.
fn holds(column: &Column, own: &Value, operator: &str, values: &[Literal], any_case: bool) -> bool {
    let order = |literal: &Literal| against(column, own, literal, any_case);
    let first = values.first().and_then(order);
    let is = |wanted: &[Ordering]| first.is_some_and(|first| wanted.contains(&first));
    let among = || values.iter().any(|literal| order(literal) == Some(Ordering::Equal));
    let within = || {
        is(&[Ordering::Greater, Ordering::Equal])
            && values.get(1).and_then(order).is_some_and(|last| last != Ordering::Greater)
    };
    let like = || match (own.as_str(), values.first()) {
        (Some(own), Some(Literal::Text(pattern))) => like(&own.to_lowercase(), &pattern.to_lowercase()),
        _ => false,
    };
    match operator {
        "=" => is(&[Ordering::Equal]),
        "!=" => !is(&[Ordering::Equal]),
        ">" => is(&[Ordering::Greater]),
        "<" => is(&[Ordering::Less]),
        ">=" => is(&[Ordering::Greater, Ordering::Equal]),
        "<=" => is(&[Ordering::Less, Ordering::Equal]),
        "in" => among(),
        "not in" => !among(),
        "between" => within(),
        "not between" => !within(),
        "like" => like(),
        "not like" => !like(),
        "is not null" => true,
        _ => false,
    }
}

/// The order of a record's value and a value of the query.
fn against(column: &Column, own: &Value, literal: &Literal, any_case: bool) -> Option<Ordering> {
    let wanted = match literal {
        Literal::Text(text) | Literal::Number(text) => text.as_str(),
        Literal::Flag(_) => return None,
    };
    match column.field.kind {
        Kind::Currency | Kind::Integer => own.as_f64()?.partial_cmp(&wanted.parse::<f64>().ok()?),
        Kind::DateTime => Some(clock::parse(own.as_str()?)?.cmp(&clock::parse(wanted)?)),
        Kind::Date => Some(own.as_str()?.cmp(wanted)),
        Kind::Id => Some(own.as_str()?.parse::<u64>().ok()?.cmp(&wanted.parse::<u64>().ok()?)),
        Kind::Lookup(_) | Kind::User => Some(own.get("id")?.as_str()?.cmp(wanted)),
        _ if any_case => Some(own.as_str()?.to_lowercase().cmp(&wanted.to_lowercase())),
        _ => Some(own.as_str()?.cmp(wanted)),
    }
}

/// `%` stands for anything.
fn like(text: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('%') else { return text == pattern };
    let Some(text) = text.strip_prefix(head) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| {
        let end = text.get(at..).unwrap_or_default();
        like(end, rest)
    })
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn a_percent_sign_stands_for_anything() {
        for (text, pattern, fits) in [
            ("oak shelf", "oak%", true),
            ("oak shelf", "%shelf", true),
            ("oak shelf", "%k s%", true),
            ("oak shelf", "oak", false),
            ("oak shelf", "%oaks%", false),
            ("küche", "k%e", true),
            ("küche", "k%x", false),
            ("", "%", true),
            ("", "", true),
        ] {
            assert_eq!(like(text, pattern), fits, "{text} like {pattern}");
        }
    }
}
