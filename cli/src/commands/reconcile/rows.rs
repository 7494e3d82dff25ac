//! The rows of a reconciliation, page by page.

use serde_json::Value;

use super::fields::{count, word};
use super::path::PATH;
use crate::commands::api::Api;
use crate::failure::Failure;

/// How many rows are read for a table that shows those that are worth most.
pub(super) const MAX_ROWS_FOR_TABLES: usize = 5000;

/// A reconciliation and its rows of a kind.
pub(super) async fn all(api: &Api, id: &str, show: &str) -> Result<(Value, Vec<Value>), Failure> {
    some(api, id, show, usize::MAX).await
}

/// The same, and no more pages than are needed for this many.
pub(super) async fn some(
    api: &Api,
    id: &str,
    show: &str,
    enough: usize,
) -> Result<(Value, Vec<Value>), Failure> {
    let mut rows = Vec::new();
    let mut path = format!("{PATH}/{id}?show={show}&per_page=200");
    loop {
        let mut page = api.get(&path).await?;
        if let Some(Value::Array(more)) = page.get_mut("data").map(Value::take) {
            rows.extend(more);
        }
        match word(&page, "next") {
            next if !next.is_empty() && rows.len() < enough => path = next.to_owned(),
            _ => return Ok((page, rows)),
        }
    }
}

/// Rows that could not be compared.
pub(super) async fn left(api: &Api, id: &str, found: &Value, enough: usize) -> Result<Vec<Value>, Failure> {
    let mut left = Vec::new();
    for outcome in ["unknown", "ambiguous", "unfit"] {
        if found.get("summary").is_some_and(|sums| count(sums, outcome) > 0) {
            left.extend(some(api, id, outcome, enough).await?.1);
        }
    }
    left.sort_by_key(|row| count(row, "line"));
    Ok(left)
}
