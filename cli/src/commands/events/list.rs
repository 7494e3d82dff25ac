//! `zoho-connector events list`.

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::events::{Events as Store, TEST};

use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::terminal::{say, say_json};

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
        if self.json {
            return Ok(say_json(&events)?);
        }
        if events.is_empty() {
            say(opened.led("No events. `zoho-connector webhooks send-test` makes one."));
        }
        for event in events {
            let subject = event.subject.unwrap_or_default();
            let mark = if event.data.get(TEST).is_some_and(|test| test == true) { "  (a test)" } else { "" };
            say(format!("{}  {}  {}  {subject}{mark}", event.id, event.receivedtime, event.kind).trim_end());
        }
        Ok(())
    }
}
