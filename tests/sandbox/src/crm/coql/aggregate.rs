//! Records grouped, and what is made of each group: one row a group, in the order in which the groups are met.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::order::{compare, ordered};
use super::parse::Query;
use super::resolve::Column;
use super::select::{Function, Selected};
use super::wrong::Wrong;
use crate::crm::fields::Kind;
use crate::crm::module::Module;
use crate::crm::store::Records;
use crate::object::Object;

/// The rows. Without `group by` all records are one group, if there are none, too.
pub(crate) fn rows(
    (records, module): (&Records, Module),
    query: &Query,
    found: &[&Object],
) -> Result<Vec<Value>, Wrong> {
    let by: Vec<Column> =
        query.group.iter().map(|name| Column::find(module, name)).collect::<Result<_, _>>()?;
    let selected: Vec<(&Selected, Column)> = query
        .columns
        .iter()
        .map(|selected| {
            let column = Column::find(module, &selected.column)?;
            let usable = match selected.function {
                None => query.group.contains(&selected.column),
                Some(Function::Sum | Function::Avg) => {
                    matches!(column.field.kind, Kind::Currency | Kind::Integer)
                }
                Some(_) => true,
            };
            if usable { Ok((selected, column)) } else { Err(Wrong::Unsupported(selected.column.clone())) }
        })
        .collect::<Result<_, _>>()?;
    let mut groups: Vec<(Vec<Option<&Value>>, Vec<&Object>)> = Vec::new();
    if by.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    for record in found {
        let key: Vec<Option<&Value>> = by.iter().map(|column| column.value(records, record)).collect();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(record),
            None => groups.push((key, vec![record])),
        }
    }
    let mut rows: Vec<Object> = groups
        .iter()
        .map(|(_, group)| {
            let pairs = selected.iter().map(|(selected, column)| {
                let values: Vec<&Value> =
                    group.iter().filter_map(|record| column.value(records, record)).collect();
                let value = match selected.function {
                    None => values.first().map(|value| (*value).clone()).unwrap_or_default(),
                    Some(function) => of(function, column, &values),
                };
                (selected.key(), value)
            });
            pairs.collect()
        })
        .collect();
    for (name, _) in &query.order {
        if !selected.iter().any(|(selected, _)| selected.key() == *name) {
            return Err(Wrong::Column(name.clone()));
        }
    }
    rows.sort_by(|one, other| {
        ordered(query.order.iter().map(|(name, down)| {
            let column = selected.iter().find(|(selected, _)| selected.key() == *name);
            let order = match column {
                Some((Selected { function: None, .. }, column)) => {
                    compare(column, filled(one, name), filled(other, name))
                }
                _ => by_size(one.get(name), other.get(name)),
            };
            (order, *down)
        }))
    });
    Ok(rows.into_iter().map(Value::Object).collect())
}

fn filled<'a>(row: &'a Object, name: &str) -> Option<&'a Value> {
    row.get(name).filter(|value| !value.is_null())
}

fn by_size(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    number(one).partial_cmp(&number(other)).unwrap_or(Ordering::Equal)
}

/// Nulls are no values: what is made of none is null, and their count 0.
fn of(function: Function, column: &Column, values: &[&Value]) -> Value {
    let total = || values.iter().filter_map(|value| value.as_f64()).sum::<f64>();
    let number = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    let order = |one: &&&Value, other: &&&Value| compare(column, Some(one), Some(other));
    let picked = |value: Option<&&Value>| value.map(|value| (*value).clone()).unwrap_or_default();
    match function {
        Function::Count => values.len().into(),
        _ if values.is_empty() => Value::Null,
        Function::Sum => number(total()),
        #[allow(clippy::cast_precision_loss)] // no list is as long as that
        Function::Avg => number(total() / values.len() as f64),
        Function::Min => picked(values.iter().min_by(order)),
        Function::Max => picked(values.iter().max_by(order)),
    }
}
