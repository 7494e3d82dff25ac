//! `zoho-connector events list`.

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::events::{Event, Events as Store, TEST};

use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::commands::known;
use crate::terminal::{say, say_json, time};

#[derive(Args)]
pub(crate) struct List {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// How many at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let services = &opened.services;
        let store = Store::new(services.stores.events.clone(), services.clock.clone());
        let events = store.newest(&self.connection, self.limit.into()).await?;
        if events.is_empty() {
            known::warn_of_unknown(services, [&self.connection]).await?;
        }
        if self.json {
            return Ok(say_json(&events)?);
        }
        if events.is_empty() {
            say(opened.led("No events. `zoho-connector webhooks send-test` makes one."));
        }
        events.iter().for_each(|event| say(line(event)));
        Ok(())
    }
}

/// All times have milliseconds, so that they stand below each other.
fn line(event: &Event) -> String {
    let subject = event.subject.as_deref().unwrap_or_default();
    let mark = if event.data.get(TEST).is_some_and(|test| test == true) { "  (a test)" } else { "" };
    let line = format!("{}  {}  {}  {subject}{mark}", event.id, time(event.receivedtime), event.kind);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_stand_below_each_other() {
        let shown = |at: &str| {
            line(&Event {
                specversion: "1.0".to_owned(),
                id: "1".to_owned(),
                source: "/connections/default/inventory".to_owned(),
                kind: "zoho.inventory.item.updated".to_owned(),
                subject: None,
                time: String::new(),
                receivedtime: at.parse().unwrap(),
                data: json!({}),
            })
        };
        assert_eq!(
            shown("2026-11-21T10:00:00.12Z"),
            "1  2026-11-21T10:00:00.120Z  zoho.inventory.item.updated"
        );
        assert_eq!(shown("2026-11-21T10:00:00Z"), "1  2026-11-21T10:00:00.000Z  zoho.inventory.item.updated");
    }
}
