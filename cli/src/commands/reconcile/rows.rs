//! The rows of a reconciliation, page by page.

use serde_json::Value;

use super::fields::word;
use super::path::PATH;
use crate::commands::api::Api;
use crate::failure::Failure;

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
