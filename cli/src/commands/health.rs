//! What answers at an address, by its `/health`.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;

/// The answer of whatever is there.
pub(super) async fn ask(client: &Client, url: &str, within: Duration) -> reqwest::Result<Response> {
    client.get(format!("{url}/health")).timeout(within).send().await
}

/// The version of the connector that gave this answer; nothing where something else did.
pub(super) async fn version(answer: Response) -> Option<String> {
    let is_ok = answer.status().is_success();
    let document: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
    let word = |name: &str| document.get(name).and_then(Value::as_str);
    (is_ok && word("status") == Some("ok")).then(|| word("version").map(str::to_owned)).flatten()
}
