//! What comes first.

use std::cmp::Ordering;

use serde_json::Value;

use super::resolve::Column;
use crate::clock;
use crate::crm::fields::Kind;

/// What is first by several columns, each upwards or downwards.
pub(crate) fn ordered(by: impl Iterator<Item = (Ordering, bool)>) -> Ordering {
    by.map(|(order, down)| if down { order.reverse() } else { order }).fold(Ordering::Equal, Ordering::then)
}

/// How two values of a column stand to each other; null comes first.
pub(crate) fn compare(column: &Column, one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let (Some(one), Some(other)) = (one, other) else { return one.is_some().cmp(&other.is_some()) };
    let text = |value: &Value| match column.field.kind {
        Kind::Lookup(_) | Kind::User => value.get("name").and_then(Value::as_str).map(str::to_lowercase),
        _ => value.as_str().map(str::to_lowercase),
    };
    match column.field.kind {
        Kind::Currency | Kind::Integer => {
            one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
        }
        Kind::DateTime => one.as_str().and_then(clock::parse).cmp(&other.as_str().and_then(clock::parse)),
        Kind::Id => {
            let number = |value: &Value| value.as_str().and_then(|id| id.parse::<u64>().ok());
            number(one).cmp(&number(other))
        }
        _ => text(one).cmp(&text(other)),
    }
}
