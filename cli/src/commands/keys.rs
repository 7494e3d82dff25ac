//! `zoho-connector keys create|list|confirm|revoke`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::base::clock::{Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::pasted::clean;
use shared::core::access::key::{DayLimits, Keys as Store, NewKey, ServiceKey};
use shared::core::access::permission::Permission;
use shared::core::access::usage::{KeyUsage, Used};
use shared::core::connection;
use shared::core::services::Services;
use shared::core::writes::audit::Audit;

use crate::commands::confirm::confirm;
use crate::commands::installation::{Installation, Opened};
use crate::commands::{connect_again, key_for_consent, named_connection};
use crate::failure::Failure;
use crate::table::{Column, Table};
use crate::terminal::{note, say, say_json};

/// What a key may do stands last: it is never cut.
const COLUMNS: &[Column] = &[
    ("Id", false),
    ("Label", false),
    ("Connections", false),
    ("Created", false),
    ("Last used", false),
    ("Ends", false),
    ("Writes", false),
    ("Hidden", false),
    ("Today", false),
    ("May", false),
];

/// So many entries of the audit are read to know when a key wrote last.
const MAX_ENTRIES: usize = 500;

/// A label fits into a line of a table.
const MAX_LABEL: usize = 60;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Makes a key and shows it once
    Create(Create),
    /// Lists the keys, without their secrets
    List(List),
    /// Switches keys on again that are off since a restore
    Confirm(Confirm),
    /// Ends a key: it is dead everywhere within a minute
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct Confirm {
    /// Their ids: what stands between `zck_` and the next `_`
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All that are off
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

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

#[derive(Args)]
pub(crate) struct List {
    /// One JSON document in place of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The id: what stands between `zck_` and the next `_`
    id: String,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Keys {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Confirm(confirm) => confirm.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

fn store(services: &Services) -> Store {
    Store::new(services.stores.state.clone(), services.clock.clone())
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
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
                self.installation.command(&connect_again::command(found, &missing))
            ));
        }
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

impl List {
    async fn run(self) -> Result<(), Failure> {
        let services = self.installation.open().await?.services;
        let keys = store(&services).list().await?;
        let usage = KeyUsage::new(services.stores.state.clone(), services.clock.clone()).all().await?;
        let keys: Vec<_> =
            keys.iter().map(|key| (key, usage.get(&key.id).copied().unwrap_or_default())).collect();
        if self.json {
            let shown = keys.iter().map(|(key, used)| {
                let mut document = described(key);
                if let Some(document) = document.as_object_mut() {
                    document.insert("last_used".to_owned(), json!(used.last));
                    document
                        .insert("today".to_owned(), json!({ "calls": used.calls, "writes": used.writes }));
                }
                document
            });
            return Ok(say_json(&shown.collect::<Vec<_>>())?);
        }
        if keys.is_empty() {
            let connections = connection::list(&*services.stores.state).await?;
            if connections.is_empty() {
                let connect = self.installation.command("connect");
                say(format!(
                    "No keys. A key is for a connection, and nothing is connected: begin with `{connect}`."
                ));
                return Ok(());
            }
            let (name, names) = named_connection::unsaid(&connections);
            let create = self.installation.command(&format!("keys create --connections {name}"));
            say(format!("No keys. `{create}` makes one{names}."));
            return Ok(());
        }
        let mut table = Table::new(COLUMNS);
        keys.iter().for_each(|(key, used)| table.push(row(key, *used)));
        table.say();
        Ok(())
    }
}

/// A key for machines; its secret part is stored nowhere.
fn described(key: &ServiceKey) -> Value {
    json!({
        "id": key.id,
        "label": key.label,
        "permissions": key.permissions,
        "connections": key.connections,
        "created": key.created,
        "expires": key.expires,
        "confirm": key.confirm,
        "redact_contacts": key.redact_contacts,
        "calls_per_day": key.limits.calls,
        "writes_per_day": key.limits.writes,
        "off_since": key.off_since,
    })
}

fn row(key: &ServiceKey, used: Used) -> [String; COLUMNS.len()] {
    let connections: Vec<_> = key.connections.iter().map(ConnectionName::as_str).collect();
    let may: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
    [
        key.id.clone(),
        key.label.clone(),
        connections.join(","),
        minute(key.created),
        used.last.map_or_else(|| "never".to_owned(), minute),
        match key.off_since {
            Some(_) => "off until confirmed".to_owned(),
            None => key.expires.map_or_else(|| "never".to_owned(), minute),
        },
        (if key.confirm { "previewed" } else { "" }).to_owned(),
        (if key.redact_contacts { "contacts" } else { "" }).to_owned(),
        today(key.limits, used),
        may.join(","),
    ]
}

/// A moment as a table shows it.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// How much of its day is used, where that is limited.
fn today(limits: DayLimits, used: Used) -> String {
    let of = [(limits.calls, used.calls, "calls"), (limits.writes, used.writes, "writes")];
    let of = of.into_iter().filter_map(|(limit, used, what)| Some(format!("{used} of {} {what}", limit?)));
    of.collect::<Vec<_>>().join(", ")
}

/// When a key wrote last, as far as the newest entries of the audit tell.
async fn last_write(services: &Services, key: &ServiceKey) -> Result<Option<Timestamp>, Failure> {
    let audit = Audit::new(services.stores.state.clone(), services.clock.clone());
    let mut last: Option<Timestamp> = None;
    for connection in &key.connections {
        let (entries, _) = audit.list(connection, None, MAX_ENTRIES).await?;
        last = last.max(entries.iter().find(|entry| entry.key == key.id).map(|entry| entry.at));
    }
    Ok(last)
}

/// The id in what somebody took for it, which may be more of the key.
fn id_in(text: &str) -> &str {
    let id = text.strip_prefix("zck_").unwrap_or(text);
    id.split('_').next().unwrap_or(id)
}

impl Confirm {
    async fn run(self) -> Result<(), Failure> {
        let services = self.installation.open().await?.services;
        let store = store(&services);
        let off: Vec<_> = store.list().await?.into_iter().filter(|key| key.off_since.is_some()).collect();
        let mut chosen = Vec::new();
        let list = self.installation.command("keys list");
        for id in self.ids.iter().map(|text| id_in(text)) {
            let missing = || Failure::Other(format!("no key {id} is off; `{list}` shows them"));
            let key = off.iter().find(|key| key.id == id).ok_or_else(missing)?;
            if !chosen.iter().any(|known: &&ServiceKey| known.id == key.id) {
                chosen.push(key);
            }
        }
        if self.all {
            chosen = off.iter().collect();
        }
        if chosen.is_empty() {
            say("No key is off.");
            return Ok(());
        }
        let mut on = Vec::new();
        for key in &chosen {
            let last = last_write(&services, key).await?;
            let last = last.map_or_else(
                || "not known to have written".to_owned(),
                |at| format!("wrote last {}", minute(at)),
            );
            on.push(format!("{}, made {}, {last}", in_words(key), minute(key.created)));
        }
        confirm(self.yes, "By confirming, whoever holds one of these gets in again", &on).await?;
        let mut left = Vec::new();
        for key in chosen {
            if store.confirm(&key.id).await? {
                say(format!("✓ Key {} works again, within a minute.", key.id));
            } else {
                left.push(key.id.as_str());
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::Other(format!(
            "not confirmed, because somebody revoked or confirmed it in the meantime: {}. `{list}` shows which",
            left.join(", ")
        )))
    }
}

impl Revoke {
    async fn run(self) -> Result<(), Failure> {
        let id = id_in(&self.id);
        let store = store(&self.installation.open().await?.services);
        let missing = || {
            let list = self.installation.command("keys list");
            Failure::Other(format!("there is no key {id}; `{list}` shows them"))
        };
        let all = store.list().await?;
        let key = all.iter().find(|key| key.id == id).ok_or_else(missing)?;
        let lost = [in_words(key), "whoever holds it is refused within a minute, for good".to_owned()];
        confirm(self.yes, "Lost by revoking", &lost).await?;
        if !store.revoke(id).await? {
            return Err(missing());
        }
        say(format!("✓ Key {id} is revoked; it is dead everywhere within a minute."));
        Ok(())
    }
}

/// A key as a person recognises it.
pub(super) fn in_words(key: &ServiceKey) -> String {
    let permissions: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
    let connections: Vec<_> = key.connections.iter().map(ConnectionName::as_str).collect();
    format!("key {} ({}), {} on {}", key.id, key.label, permissions.join(","), connections.join(","))
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
