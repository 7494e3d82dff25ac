//! `zoho-connector events list`.

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::events::subscription::{self, Subscription};
use shared::core::events::{Event, Events as Store};

use crate::commands::installation::Installation;
use crate::commands::named_connection;
use crate::failure::Failure;
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
            named_connection::warn_of_unknown(services, [&self.connection]).await?;
        }
        if self.json {
            return Ok(say_json(&events)?);
        }
        if events.is_empty() {
            let stored = subscription::get(&*services.stores.state, &self.connection).await?;
            say(opened.led(&none(&self.connection, stored.map(|stored| stored.watch).as_ref())));
        }
        events.iter().for_each(|event| say(line(event)));
        Ok(())
    }
}

/// Where there are none: what makes one.
fn none(name: &ConnectionName, watch: Option<&Subscription>) -> String {
    let kinds = watch.into_iter().flat_map(|watch| watch.inventory.iter().map(|kind| kind.word));
    let modules = watch.into_iter().flat_map(|watch| watch.crm.iter().map(String::as_str));
    let watched: Vec<_> = modules.chain(kinds).collect();
    if watched.is_empty() {
        return format!(
            "No events of {name}, and nothing is watched. `zoho-connector webhooks setup --connection {name}` begins it."
        );
    }
    format!(
        "No events of {name} yet. Change one of these in Zoho: {}. Its event comes at once where Zoho tells of it, else within 5 minutes.",
        watched.join(", ")
    )
}

/// All times have milliseconds, so that they stand below each other.
fn line(event: &Event) -> String {
    let subject = event.subject.as_deref().unwrap_or_default();
    let mark = if event.is_test() { "  (a test)" } else { "" };
    let line = format!("{}  {}  {}  {subject}{mark}", event.id, time(event.receivedtime), event.kind);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::zoho::inventory::record_kinds::RecordKind;

    use super::*;

    #[test]
    fn where_there_are_none_it_is_said_what_makes_one() {
        let shop: ConnectionName = "shop".parse().unwrap();
        let watch = |crm: &[&str], inventory| Subscription {
            crm: crm.iter().map(|&module| module.to_owned()).collect(),
            inventory,
            ..Subscription::new(shop.clone(), "2026-11-30T10:00:00Z".parse().unwrap())
        };
        let stopped = watch(&[], Vec::new());
        for nothing in [None, Some(&stopped)] {
            assert!(none(&shop, nothing).contains("`zoho-connector webhooks setup --connection shop`"));
        }
        let polled = none(&shop, Some(&watch(&["Deals"], vec![RecordKind::ITEM])));
        assert!(polled.contains("in Zoho: Deals, item.") && polled.contains("within 5 minutes"), "{polled}");
    }

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
