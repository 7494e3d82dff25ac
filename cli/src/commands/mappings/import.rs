//! `zoho-connector mappings import`.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use shared::zoho::scope::Access as Level;

use super::path::PATH;
use crate::commands::api::{Access, Api, Body, with_api};
use crate::failure::Failure;
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Import {
    /// CSV table with the columns product_id, sku, item_id, or a JSON document as `export --format json` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    access: Access,
}

impl Import {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let name = self.file.display();
        let bytes = std::fs::read(&self.file).map_err(|error| format!("{name} cannot be read: {error}"))?;
        with_api(&self.access, Level::Stock, async |api| import(api, &self.access, &bytes).await).await
    }
}

async fn import(api: &Api, access: &Access, bytes: &[u8]) -> Result<(), Failure> {
    let content_type = if is_json(bytes) { "application/json" } else { "text/csv" };
    let (mut imported, mut notice) = (0, None);
    loop {
        let answer = api.post(PATH, Some(Body { content_type, bytes, idempotency_key: None })).await?;
        notice = notice.or_else(|| answer.get("notice").and_then(Value::as_str).map(str::to_owned));
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        imported += count("imported");
        let left = count("left");
        if left == 0 {
            // What an earlier call imported is unchanged for the last one.
            let unchanged = (count("imported") + count("unchanged")).saturating_sub(imported);
            api.progress.clear();
            let were = if unchanged == 1 { "was" } else { "were" };
            say(format!("✓ {imported} imported, {unchanged} {were} there already."));
            if let Some(notice) = notice {
                say(format!("  {notice}"));
            }
            say(access.led("  `zoho-connector mappings resolve` holds them against Zoho's items."));
            return Ok(());
        }
        if count("imported") == 0 {
            return Err(Failure::Other("the import does not go on; run the same command again".to_owned()));
        }
        api.progress.show("Importing", imported, imported + left);
    }
}

/// Whether a file is JSON, whatever it is called.
fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"{")
}
