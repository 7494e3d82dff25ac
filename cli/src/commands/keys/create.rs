//! `zoho-connector keys create`.

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use shared::base::clock::later;
use shared::base::id::ConnectionName;
use shared::base::pasted::clean;
use shared::core::access::key::{DayLimits, NewKey, ServiceKey};
use shared::core::access::permission::Permission;
use shared::core::connection::{self, Connection};

use super::words::{described, store};
use crate::commands::installation::{Installation, Opened};
use crate::commands::{connect_again, key_for_consent, named_connection};
use crate::failure::Failure;
use crate::terminal::{note, say, say_json};

/// The most characters of a label, which fits into a line of a table.
const MAX_LABEL: usize = 60;

#[derive(Args)]
pub(crate) struct Create {
    /// What to call it
    #[arg(long, default_value = "agent", value_parser = label)]
    label: String,
    /// What it may do: inventory:read, inventory:stock, inventory:write, crm:read, crm:write, events, and patterns as below
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',')]
    can: Option<Vec<Permission>>,
    /// What it may do besides; for the pass-through a method (or *) and a path: zoho:GET:inventory/itemgroups/*
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',')]
    allow: Vec<Permission>,
    /// Connections it may use
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "default")]
    connections: Vec<ConnectionName>,
    /// Make it also for connections that are still to be made: it works once they are
    #[arg(long)]
    not_yet_connected: bool,
    /// Each of its writes must be previewed (`?dry_run=true`) before it is performed
    #[arg(long)]
    confirm: bool,
    /// What its answers hide: `contacts` hides mail addresses, numbers, postal addresses and birthdays of people
    #[arg(long, value_name = "WHAT")]
    redact: Option<Redact>,
    /// Days until it ends; without, it does not end by itself
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    /// Calls to Zoho that it may make in a day (UTC), so that it leaves the others some
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    calls_per_day: Option<u32>,
    /// Writes that it may make in a day (UTC)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    writes_per_day: Option<u32>,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

/// A name that people recognise, in one line.
fn label(text: &str) -> Result<String, String> {
    let label = clean(text);
    match label.chars().count() {
        0 => Err("it is empty".to_owned()),
        1..=MAX_LABEL if !label.contains(char::is_control) => Ok(label),
        _ => Err(format!("it must be one line of at most {MAX_LABEL} characters")),
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Redact {
    Contacts,
}

impl Create {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { services, public_url, .. } = self.installation.open().await?;
        if self.not_yet_connected {
            named_connection::warn_of_unknown(&services, &self.connections).await?;
        } else {
            named_connection::refuse_unknown(&services, &self.installation, "connections", &self.connections)
                .await?;
        }
        let mut permissions = self.can.unwrap_or_else(|| Permission::DEFAULT.to_vec());
        permissions.extend(self.allow);
        let wanted = NewKey {
            label: self.label,
            permissions,
            connections: self.connections,
            expires: self
                .days
                .map(|days| later(services.clock.now(), SignedDuration::from_hours(24 * i64::from(days)))),
            confirm: self.confirm,
            redact_contacts: self.redact.is_some(),
            limits: DayLimits { calls: self.calls_per_day, writes: self.writes_per_day },
        };
        // Before it is made: nobody would see a key whose making ends with a failure.
        let all = connection::list(&*services.stores.state).await?;
        let (key, text) = store(&services).create(wanted).await?;
        warn_of_lacking_consents(&all, &self.installation, &key);
        if self.json {
            let mut document = described(&key);
            if let Some(document) = document.as_object_mut() {
                document.insert("key".to_owned(), text.expose().into());
                document.insert("url".to_owned(), public_url.as_str().into());
            }
            return Ok(say_json(&document)?);
        }
        say(format!("Service key {} (shown once, stored nowhere in the clear):", key.id));
        say(format!("  {}", text.expose()));
        if key.expires.is_none() {
            say(
                "It does not end by itself: `--days 90` makes one that does. `keys list` shows when each was last used.",
            );
        }
        say("Try it:");
        let url = public_url.as_str();
        say(format!("  curl -s {url}/v1 --oauth2-bearer '{}'", text.expose()));
        Ok(())
    }
}

/// Warns of what the key may do and the consent of its connections does not hold.
fn warn_of_lacking_consents(all: &[Connection], installation: &Installation, key: &ServiceKey) {
    for found in all.iter().filter(|found| key.connections.contains(&found.name)) {
        let beyond = key_for_consent::beyond(&found.scopes, &key.permissions);
        if beyond.is_empty() {
            continue;
        }
        let missing = key_for_consent::missing(&found.scopes, &key.permissions);
        let it = if beyond.len() == 1 { "it" } else { "them" };
        note(format!(
            "Warning: the key may {}, but the consent of {} does not hold {it}: `{}` asks for {it}.",
            key_for_consent::listed(&beyond),
            found.name,
            installation.command(&connect_again::command(found, &missing))
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_line_that_says_something() {
        assert_eq!(label("  Order desk ").unwrap(), "Order desk");
        let long = "x".repeat(MAX_LABEL + 1);
        assert!(["", "  ", "\u{feff}", "a\nb", &long].iter().all(|text| label(text).is_err()));
    }
}
