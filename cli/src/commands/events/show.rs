//! `zoho-connector events show`.

use clap::Args;
use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::core::events::ledger::{Ledger, narrow, split_entry_id};
use shared::core::events::{Event, Events as Store};

use super::life;
use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::{say, say_json, time, told_time};

#[derive(Args)]
pub(crate) struct Show {
    /// The event's id
    id: String,
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Show {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let services = &opened.services;
        let store = Store::new(services.stores.events.clone(), services.clock.clone());
        let found = match split_entry_id(&self.id) {
            Some((event, part)) => store.get(&self.connection, event).await?.map(|found| (found, part)),
            None => None,
        };
        let narrowed = found.and_then(|((event, body), part)| Some((narrow(event, part)?, body)));
        let Some((event, body)) = narrowed else {
            return Err(Failure::Other(opened.led(&format!(
                "the connection {0} has no event {1}, or it is no longer kept; `zoho-connector events list --connection {0}` shows the last ones",
                self.connection, self.id
            ))));
        };
        let delivered: Value = serde_json::from_str(body.get()).unwrap_or_default();
        let ledger = Ledger::new(services.stores.events.clone(), services.clock.clone());
        let lives = ledger.lives(&self.connection, &self.id).await?;
        if self.json {
            return Ok(say_json(&document(&event, delivered, lives))?);
        }
        lines(&event).into_iter().chain(life::lines(&lives)).for_each(say);
        say("Data");
        say_json(&event.data)?;
        say("Delivered");
        Ok(say_json(&delivered)?)
    }
}

/// What `GET /v1/events/{id}` has: the event with its body and its life.
fn document(event: &Event, delivered: Value, lives: Value) -> Value {
    let mut document = json!(event);
    if let Some(data) = document.get_mut("data").and_then(Value::as_object_mut) {
        data.insert("delivered".to_owned(), delivered);
    }
    if let (Some(document), Value::Object(lives)) = (document.as_object_mut(), lives) {
        document.extend(lives);
    }
    document
}

fn lines(event: &Event) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<11}{value}");
    let mut lines = vec![line("Event", &event.id), line("Type", &event.kind)];
    lines.extend(event.subject.as_ref().map(|subject| line("Record", subject)));
    lines.push(line("Happened", &told_time(&event.time)));
    lines.push(line("Arrived", &time(event.receivedtime)));
    lines
}
