//! `zoho-connector events list`.

use clap::Args;
use serde_json::json;
use shared::base::id::ConnectionName;
use shared::core::events::{Events as Store, TEST};

use super::json::pretty;
use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::say;

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
        let Opened { services, .. } = self.installation.open().await?;
        let store = Store::new(services.stores.events.clone(), services.clock.clone());
        let events = store.newest(&self.connection, self.limit.into()).await?;
        if self.json {
            say(pretty(&json!(events))?);
            return Ok(());
        }
        if events.is_empty() {
            say("No events. `zoho-connector webhooks send-test` makes one.");
        }
        for event in events {
            let subject = event.subject.unwrap_or_default();
            let mark = if event.data.get(TEST).is_some_and(|test| test == true) { "  (a test)" } else { "" };
            say(format!("{}  {}  {}  {subject}{mark}", event.id, event.receivedtime, event.kind).trim_end());
        }
        Ok(())
    }
}
