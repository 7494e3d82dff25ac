//! `zoho-connector keys list`.

use clap::Args;
use serde_json::json;
use shared::base::id::ConnectionName;
use shared::core::access::key::{DayLimits, ServiceKey};
use shared::core::access::usage::{KeyUsage, Used};
use shared::core::connection;

use super::words::{described, minute, store};
use crate::commands::installation::Installation;
use crate::commands::named_connection;
use crate::failure::Failure;
use crate::table::{Column, Table};
use crate::terminal::{say, say_json};

/// What a key may do stands last: it is never cut.
const COLUMNS: &[Column] = &[
    ("Id", false),
    ("Label", false),
    ("Connections", false),
    ("Created", false),
    ("Last used", false),
    ("Ends", false),
    ("Writes", false),
    ("Hidden", false),
    ("Today", false),
    ("May", false),
];

#[derive(Args)]
pub(crate) struct List {
    /// One JSON document in place of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let services = self.installation.open().await?.services;
        let keys = store(&services).list().await?;
        let usage = KeyUsage::new(services.stores.state.clone(), services.clock.clone()).all().await?;
        let keys: Vec<_> =
            keys.iter().map(|key| (key, usage.get(&key.id).copied().unwrap_or_default())).collect();
        if self.json {
            let shown = keys.iter().map(|(key, used)| {
                let mut document = described(key);
                if let Some(document) = document.as_object_mut() {
                    document.insert("last_used".to_owned(), json!(used.last));
                    document
                        .insert("today".to_owned(), json!({ "calls": used.calls, "writes": used.writes }));
                }
                document
            });
            return Ok(say_json(&shown.collect::<Vec<_>>())?);
        }
        if keys.is_empty() {
            let connections = connection::list(&*services.stores.state).await?;
            if connections.is_empty() {
                let connect = self.installation.command("connect");
                say(format!(
                    "No keys. A key is for a connection, and nothing is connected: begin with `{connect}`."
                ));
                return Ok(());
            }
            let (name, names) = named_connection::unsaid(&connections);
            let create = self.installation.command(&format!("keys create --connections {name}"));
            say(format!("No keys. `{create}` makes one{names}."));
            return Ok(());
        }
        let mut table = Table::new(COLUMNS);
        keys.iter().for_each(|(key, used)| table.push(row(key, *used)));
        table.say();
        Ok(())
    }
}

fn row(key: &ServiceKey, used: Used) -> [String; COLUMNS.len()] {
    let connections: Vec<_> = key.connections.iter().map(ConnectionName::as_str).collect();
    let may: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
    [
        key.id.clone(),
        key.label.clone(),
        connections.join(","),
        minute(key.created),
        used.last.map_or_else(|| "never".to_owned(), minute),
        match key.off_since {
            Some(_) => "off until confirmed".to_owned(),
            None => key.expires.map_or_else(|| "never".to_owned(), minute),
        },
        (if key.confirm { "previewed" } else { "" }).to_owned(),
        (if key.redact_contacts { "contacts" } else { "" }).to_owned(),
        today(key.limits, used),
        may.join(","),
    ]
}

/// How much of its day is used, where that is limited.
fn today(limits: DayLimits, used: Used) -> String {
    let of = [(limits.calls, used.calls, "calls"), (limits.writes, used.writes, "writes")];
    let of = of.into_iter().filter_map(|(limit, used, what)| Some(format!("{used} of {} {what}", limit?)));
    of.collect::<Vec<_>>().join(", ")
}
