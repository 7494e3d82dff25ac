//! `zoho-connector forget`.

use clap::Args;
use serde_json::json;
use shared::base::clock::Timestamp;
use shared::base::settings::Home;
use shared::core::forget::{Person, Trace, forget};
use shared::store::sqlite::Sqlite;

use crate::commands::confirm::confirm;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::patience::patiently;
use crate::table::{Column, Table};
use crate::terminal::{counted, say, say_json};

const COLUMNS: &[Column] =
    &[("Kind", false), ("Day", false), ("Connection", false), ("Values", true), ("Ends by itself", false)];

/// How many rows are listed before the question.
const MAX_LISTED: usize = 20;

#[derive(Args)]
#[command(
    after_help = "Rows stay, so that counts and ids stay true: what they say of the person is replaced by [forgotten]. Previews that hold \
                        it are removed. Zoho's own records, logs, and backups of the store are left as they are: forget the person there, too."
)]
pub(crate) struct Forget {
    #[command(flatten)]
    whom: Whom,
    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    /// One JSON document in place of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

/// What the person is known by.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Whom {
    /// An e-mail address, a telephone number or a name, however it is written; several may be given
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// The person's record at Zoho, like crm:contact/6100000000451001; several may be given
    #[arg(long, value_name = "PRODUCT:KIND/ID")]
    record: Vec<String>,
}

impl Forget {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut person = Person::default();
        for text in &self.whom.text {
            person = person.with_text(text)?;
        }
        for record in &self.whom.record {
            person = person.with_record(record)?;
        }
        let opened = self.installation.open().await?;
        let stores = &opened.services.stores;
        let found = patiently("looking through all rows", forget(stores, &person, false)).await?;
        if self.dry_run || found.is_empty() {
            return self.show(&found, false);
        }
        let mut lost: Vec<String> = found.iter().take(MAX_LISTED).map(line).collect();
        if found.len() > MAX_LISTED {
            lost.push(format!("and {} more; --dry-run lists them all", found.len() - MAX_LISTED));
        }
        confirm(self.yes, "Lost for good by forgetting", &lost).await?;
        let done = patiently("forgetting", forget(stores, &person, true)).await?;
        // What was replaced still stands in the log of the store's file, until that is emptied.
        if let Home::Folder(folder) = &opened.services.settings.home {
            let folder = folder.clone();
            let settled = tokio::task::spawn_blocking(move || Sqlite::settle(&folder)).await;
            settled.map_err(|error| error.to_string())??;
        }
        self.show(&done, true)
    }

    fn show(&self, traces: &[Trace], forgotten: bool) -> Result<(), Failure> {
        if self.json {
            return Ok(say_json(&json!({ "rows": traces, "forgotten": forgotten }))?);
        }
        if traces.is_empty() {
            say("Nothing is kept here about this person.");
            return Ok(());
        }
        let mut table = Table::new(COLUMNS);
        for trace in traces {
            let ends = trace.ends.map_or_else(|| "never".to_owned(), day);
            let values = if trace.values == 0 { "all".to_owned() } else { trace.values.to_string() };
            let (at, connection) = (trace.at.map(day), trace.connection.clone());
            table.push([
                kind(trace).to_owned(),
                at.unwrap_or_default(),
                connection.unwrap_or_default(),
                values,
                ends,
            ]);
        }
        table.say();
        let (rows, verb) = (counted(traces.len(), "row"), if traces.len() == 1 { "says" } else { "say" });
        say(if forgotten {
            format!("✓ {rows} {verb} nothing of this person any more.")
        } else {
            format!("{rows} {verb} something of this person; nothing was changed.")
        });
        Ok(())
    }
}

fn line(trace: &Trace) -> String {
    let what = match trace.values {
        0 => "all of it".to_owned(),
        1 => "a value".to_owned(),
        values => format!("{values} values"),
    };
    let mut line = format!("{what}: {}", kind(trace));
    if let Some(at) = trace.at {
        line.push_str(&format!(" of {}", day(at)));
    }
    if let Some(connection) = &trace.connection {
        line.push_str(&format!(", connection {connection}"));
    }
    line
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// What a row is, in words.
fn kind(trace: &Trace) -> &str {
    match trace.kind.as_str() {
        "audit" => "entry of the audit",
        "idempotency" => "answer to a write",
        "part" => "part of an adjustment",
        "preview" => "preview of a write",
        "queue" => "event in the queue",
        "life" => "event that is closed",
        "batch" | "told" => "delivery to the agent",
        "agent" => "state of the agent's hook",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_told_without_its_key() {
        let trace = |kind: &str, connection: Option<&str>, values| Trace {
            kind: kind.to_owned(),
            partition: "part".to_owned(),
            sort: "0d2540".to_owned(),
            connection: connection.map(str::to_owned),
            at: connection.and(Some("2026-11-30T10:00:00Z".parse().unwrap())),
            values,
            ends: None,
        };
        for (trace, expected) in [
            (trace("audit", Some("shop"), 1), "a value: entry of the audit of 2026-11-30, connection shop"),
            (trace("preview", None, 0), "all of it: preview of a write"),
            (trace("event", Some("shop"), 2), "2 values: event of 2026-11-30, connection shop"),
        ] {
            assert_eq!(line(&trace), expected);
        }
    }
}
