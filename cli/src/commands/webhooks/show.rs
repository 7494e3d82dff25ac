//! `zoho-connector webhooks show`.

use clap::Args;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Subscription};
use shared::core::events::{Event, Events};

use crate::commands::installation::{Installation, Opened};
use crate::commands::named_connection;
use crate::commands::webhooks::found_by_polling::is_found;
use crate::failure::Failure;
use crate::terminal::{say, say_json, time};

/// Among so many events of a connection the last of each source is looked for.
const MAX_EVENTS_READ: usize = 200;

#[derive(Args)]
pub(crate) struct Show {
    /// Name of the connection; without, all
    #[arg(long)]
    connection: Option<ConnectionName>,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Show {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { services, .. } = self.installation.open().await?;
        let all = subscription::list(&*services.stores.state).await?.into_iter().map(|stored| stored.watch);
        let is_asked =
            |watch: &Subscription| self.connection.as_ref().is_none_or(|name| *name == watch.connection);
        let found: Vec<_> = all.filter(is_asked).collect();
        if found.is_empty() {
            named_connection::warn_of_unknown(&services, &self.connection).await?;
        }
        let events = Events::new(services.stores.events.clone(), services.clock.clone());
        if self.json {
            let mut all = Vec::new();
            for watch in found {
                let last = events.newest(&watch.connection, MAX_EVENTS_READ).await?;
                all.push(described(&watch, &last));
            }
            return Ok(say_json(&all)?);
        }
        if found.is_empty() {
            let connections = connection::list(&*services.stores.state).await?;
            let (of, (name, names)) = match &self.connection {
                Some(name) => (format!(" for {name}"), (name.as_str(), String::new())),
                None => (String::new(), named_connection::unsaid(&connections)),
            };
            let setup = self.installation.command(&format!("webhooks setup --connection {name}"));
            say(format!("Nothing is watched{of}. `{setup}` begins it{names}."));
        }
        for watch in found {
            let last = events.newest(&watch.connection, MAX_EVENTS_READ).await?;
            describe(&watch, &last, services.clock.now());
        }
        Ok(())
    }
}

/// What is watched, for machines, with the last event of each source.
fn described(watch: &Subscription, last: &[Event]) -> Value {
    let last = |source: &str| {
        let event = last_of(last, source)?;
        let found = is_found(event);
        let (kind, subject, at) = (&event.kind, &event.subject, event.receivedtime);
        Some(json!({ "id": event.id, "type": kind, "subject": subject, "receivedtime": at, "found": found }))
    };
    let mut document = json!(watch);
    if let Some(document) = document.as_object_mut() {
        document.insert("last".to_owned(), json!({ "crm": last("crm"), "inventory": last("inventory") }));
    }
    document
}

/// The newest event of a source.
fn last_of<'a>(events: &'a [Event], source: &str) -> Option<&'a Event> {
    let end = format!("/{source}");
    events.iter().find(|event| event.source.ends_with(&end))
}

fn describe(watch: &Subscription, last: &[Event], now: Timestamp) {
    say(format!("{}  watched since {}", watch.connection, time(watch.since)));
    let line = |name: &str, value: String| say(format!("  {name:<19}{value}"));
    if !watch.crm.is_empty() {
        line("Zoho CRM", watch.crm.join(", "));
        match &watch.channel {
            Some(channel) => describe_channel(channel, now),
            None => line("", "looked for every 5 minutes".to_owned()),
        }
    }
    if !watch.inventory.is_empty() {
        let kinds: Vec<_> = watch.inventory.iter().map(|kind| kind.word).collect();
        line("Zoho Inventory", kinds.join(", "));
        let how = if watch.inventory_tells { "told by webhooks" } else { "looked for every 5 minutes" };
        line("", how.to_owned());
    }
    for source in ["crm", "inventory"] {
        let told = last_of(last, source).map(|event| {
            let how = if is_found(event) { "  (found, not told)" } else { "" };
            let subject = event.subject.as_deref().unwrap_or_default();
            format!("{}  {}  {subject}{how}", time(event.receivedtime), event.kind)
        });
        line(&format!("Last of {source}"), told.unwrap_or_else(|| "-".to_owned()));
    }
}

fn describe_channel(channel: &Channel, now: Timestamp) {
    let line = |name: &str, value: String| say(format!("  {name:<19}{value}"));
    let how = match (channel.lost, channel.expires) {
        (Some(lost), _) => format!("lost, last seen {}: looked for until it is back", time(lost)),
        (None, Some(expires)) if now < expires => format!("until {}", time(expires)),
        (None, Some(expires)) => format!("ended {}", time(expires)),
        (None, None) => "not there yet".to_owned(),
    };
    line("Channel", format!("{}  {how}", channel.id));
    if let Some(confirmed) = channel.confirmed {
        line("Last confirmed", time(confirmed));
    }
    if let Some(restored) = channel.restored {
        line("Last restored", time(restored));
    }
    if let Some(refused) = &channel.refused {
        line("Refused", format!("{}  {}", time(refused.at), refused.reason));
    }
}
