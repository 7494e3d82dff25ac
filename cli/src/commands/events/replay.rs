//! `zoho-connector events replay`.

use clap::Args;
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::core::events::Events as Store;
use shared::core::events::ledger::{Ledger, Replayed, is_entry_id, narrow, split_entry_id};
use shared::store::StoreError;

use crate::commands::installation::Installation;
use crate::failure::Failure;
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
        let opened = self.installation.open().await?;
        let services = &opened.services;
        let store = Store::new(services.stores.events.clone(), services.clock.clone());
        let ledger = Ledger::new(services.stores.events.clone(), services.clock.clone())
            .kept_for(services.settings.retention.events);
        let ids = if self.dead { ledger.dead(&self.connection, MAX_DEAD).await? } else { self.ids };
        let (mut again, mut left) = (0, Left::default());
        for id in ids {
            // An event about several records is replayed with all of them.
            let parts =
                if is_time_ordered(&id) { ledger.parts(&self.connection, &id).await? } else { Vec::new() };
            for id in if parts.is_empty() { vec![id] } else { parts } {
                let found = match is_entry_id(&id) {
                    true => ledger.replay(&self.connection, &id).await?,
                    false => Replayed::Unknown,
                };
                match found {
                    Replayed::Again => again += 1,
                    Replayed::Open => say(format!("{id} is open already.")),
                    Replayed::Test => left.tests.push(id),
                    Replayed::Unknown => {
                        let is_stored = is_stored(&store, &self.connection, &id).await?;
                        let list = if is_stored { &mut left.early } else { &mut left.unknown };
                        list.push(id);
                    }
                }
            }
        }
        match again {
            0 if self.dead => say(format!("No event of {} is dead.", self.connection)),
            0 => {}
            1 => say("✓ 1 event can be delivered again."),
            count => say(format!("✓ {count} events can be delivered again.")),
        }
        match left.lines(&self.connection) {
            lines if lines.is_empty() => Ok(()),
            lines => Err(Failure::Other(opened.led(&lines.join("\n")))),
        }
    }
}

/// Whether the event is kept: then it is not in the queue yet.
async fn is_stored(store: &Store, connection: &ConnectionName, id: &str) -> Result<bool, StoreError> {
    let Some((event, part)) = split_entry_id(id) else { return Ok(false) };
    let found = store.get(connection, event).await?;
    Ok(found.is_some_and(|(event, _)| narrow(event, part).is_some()))
}

/// What was not made deliverable, by the reason.
#[derive(Default)]
struct Left {
    tests: Vec<String>,
    early: Vec<String>,
    unknown: Vec<String>,
}

impl Left {
    /// What is said of them, and what to do.
    fn lines(&self, connection: &ConnectionName) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.tests.is_empty() {
            lines.push(format!(
                "a test of a webhook, which no agent is ever told of, and so not delivered again: {}. \
                 `zoho-connector agent test` tries the way to the agent, and a change of a record in Zoho all of it",
                self.tests.join(", ")
            ));
        }
        if !self.early.is_empty() {
            lines.push(format!(
                "not in the queue yet: {}. There is nothing to replay: while the connector runs, it gets there by itself within a minute",
                self.early.join(", ")
            ));
        }
        if !self.unknown.is_empty() {
            lines.push(format!(
                "the connection {connection} has no such event, or it is no longer kept: {}. \
                 `zoho-connector events list --connection {connection}` shows the last ones",
                self.unknown.join(", ")
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_with_its_reason_and_what_to_do() {
        let shop: ConnectionName = "shop".parse().unwrap();
        assert!(Left::default().lines(&shop).is_empty());
        let one = |id: &str| vec![id.to_owned()];
        let left = Left { tests: one("1"), early: one("2"), unknown: one("3") };
        let lines = left.lines(&shop);
        let [test, early, unknown] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(test.contains("again: 1.") && test.contains("`zoho-connector agent test`"), "{test}");
        assert!(early.contains("not in the queue yet: 2.") && early.contains("by itself"), "{early}");
        assert!(unknown.contains(": 3.") && unknown.contains("events list --connection shop`"), "{unknown}");
    }
}
