//! A Zoho for thousands of organisations, each of which has nothing but the records that are asked for by their ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use shared::zoho::http::{Answer, Call, Content, HttpError, Transport};
use tokio::time::sleep;
use url::Url;

/// What a token takes, and what a read.
const TOKEN: Duration = Duration::from_millis(300);
const READ: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(super) struct ManyOrganizations {
    pub(super) calls: AtomicU64,
}

/// The line to it.
pub(super) struct Line(pub(super) Arc<ManyOrganizations>);

#[async_trait]
impl Transport for Line {
    async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let number = self.0.calls.fetch_add(1, Ordering::Relaxed);
        let body = match call.content {
            Content::Form(_) => {
                sleep(TOKEN).await;
                json!({
                    "access_token": format!("1000.{number:032x}.{number:032x}"), "expires_in": 3600,
                    "api_domain": "https://www.zohoapis.eu", "token_type": "Bearer",
                })
            }
            Content::Read(_) => {
                sleep(READ).await;
                read(&Url::parse(call.url).unwrap())
            }
            Content::Write(_) | Content::Hook(_) => panic!("nobody writes here"),
        };
        let status = if body.is_null() { 204 } else { 200 };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(Answer { status, body: body.into(), ..Answer::default() })
    }
}

fn read(url: &Url) -> Value {
    let list = url.path().rsplit('/').next().unwrap_or_default();
    if url.path().starts_with("/inventory/") {
        let page = json!({ "page": 1, "per_page": 200, "has_more_page": false });
        return json!({ "code": 0, "message": "success", list: [], "page_context": page });
    }
    let ids = url.query_pairs().find(|(name, _)| name == "ids").map(|(_, ids)| ids.into_owned());
    let Some(ids) = ids else { return Value::Null };
    let row = |id: &str| json!({ "id": id, "Modified_Time": "2026-11-30T11:00:00+01:00" });
    let rows: Vec<Value> = ids.split(',').map(row).collect();
    json!({ "data": rows, "info": { "count": rows.len(), "more_records": false } })
}
