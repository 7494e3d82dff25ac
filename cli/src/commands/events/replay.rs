//! `zoho-connector events replay`.

use clap::Args;
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::core::events::ledger::{Ledger, is_entry_id};

use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::say;

/// How many dead events one call makes deliverable.
const MAX_DEAD: usize = 10_000;

#[derive(Args)]
pub(crate) struct Replay {
    /// Ids of events
    #[arg(required_unless_present = "dead", conflicts_with = "dead")]
    ids: Vec<String>,
    /// All that could not be delivered
    #[arg(long)]
    dead: bool,
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    installation: Installation,
}

impl Replay {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Opened { services, .. } = self.installation.open().await?;
        let ledger = Ledger::new(services.stores.events.clone(), services.clock.clone())
            .kept_for(services.settings.retention.events);
        let ids = if self.dead { ledger.dead(&self.connection, MAX_DEAD).await? } else { self.ids };
        let (mut again, mut unknown) = (0, Vec::new());
        for id in ids {
            // An event about several records is replayed with all of them.
            let parts =
                if is_time_ordered(&id) { ledger.parts(&self.connection, &id).await? } else { Vec::new() };
            for id in if parts.is_empty() { vec![id] } else { parts } {
                let found = if is_entry_id(&id) { ledger.replay(&self.connection, &id).await? } else { None };
                match found {
                    Some(true) => again += 1,
                    Some(false) => say(format!("{id} is open already.")),
                    None => unknown.push(id),
                }
            }
        }
        match again {
            0 if self.dead => say(format!("No event of {} is dead.", self.connection)),
            0 => {}
            1 => say("✓ 1 event can be delivered again."),
            count => say(format!("✓ {count} events can be delivered again.")),
        }
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "not in the queue of connection {}, not yet or not any more: {}",
            self.connection,
            unknown.join(", ")
        )))
    }
}
