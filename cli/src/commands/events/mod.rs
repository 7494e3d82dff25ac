//! `zoho-connector events list|show|replay`.

mod replay;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::core::events::Events as Store;
use shared::core::events::ledger::{narrow, split_entry_id};

use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::terminal::say;

#[derive(Subcommand)]
pub(crate) enum Events {
    /// Lists the last events of a connection, the newest first
    List(List),
    /// Shows one event with the body it came with
    Show(Show),
    /// Makes events deliverable again that are done with or dead
    Replay(replay::Replay),
}

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

#[derive(Args)]
pub(crate) struct Show {
    /// The event's id
    id: String,
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    installation: Installation,
}

impl Events {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Replay(replay) => replay.run().await,
        }
    }
}

async fn store(installation: &Installation) -> Result<Store, Failure> {
    let services = installation.open().await?.services;
    Ok(Store::new(services.stores.events.clone(), services.clock.clone()))
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let events = store(&self.installation).await?.newest(&self.connection, self.limit.into()).await?;
        if self.json {
            say(pretty(&json!(events))?);
            return Ok(());
        }
        if events.is_empty() {
            say("No events. `zoho-connector webhooks send-test` makes one.");
        }
        for event in events {
            let subject = event.subject.unwrap_or_default();
            say(format!("{}  {}  {}  {subject}", event.id, event.receivedtime, event.kind).trim_end());
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let store = store(&self.installation).await?;
        let found = match split_entry_id(&self.id) {
            Some((event, part)) => store.get(&self.connection, event).await?.map(|found| (found, part)),
            None => None,
        };
        let narrowed = found.and_then(|((event, body), part)| Some((narrow(event, part)?, body)));
        let Some((event, body)) = narrowed else {
            return Err(Failure::Other(format!(
                "the connection {} has no event {}, or it is no longer kept; `zoho-connector events list` shows the last ones",
                self.connection, self.id
            )));
        };
        let mut event = json!(event);
        if let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) {
            data.insert("delivered".to_owned(), serde_json::from_str(body.get()).unwrap_or_default());
        }
        say(pretty(&event)?);
        Ok(())
    }
}

fn pretty(document: &Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map_err(|error| Failure::Other(error.to_string()))
}
